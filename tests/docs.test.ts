/**
 * README and docs/ against the program: examples marked `console` are run and print what is shown, the option table is
 * the program's, every path and link leads somewhere.
 */

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { longHelp, optionsMarkdown } from "../src/cli/help.ts";
import { requestSpecs } from "../src/options/choices.ts";
import { commandNames } from "../src/options/table.ts";
import { sourceLayers, zigLayers } from "../scripts/layers.ts";
import { projectRoot } from "./fixtures.ts";
import { instructionSets, run } from "./harness.ts";
import { messagesOf } from "./support/messages.ts";

const documents = new Map(
  [
    ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "samples/README.md"],
    ...readdirSync(join(projectRoot, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
  ].map((path) => [path, readFileSync(join(projectRoot, path), "utf8")]),
);
const reference = documents.get("docs/reference.md")!;

type Example = { readonly document: string; readonly command: string; readonly shown: readonly string[] };

/** Every `$ qwen-asr ...` in a console block, with the lines below it. */
function examples(): Example[] {
  return [...documents].flatMap(([document, text]) =>
    [...text.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block]) =>
      block!.split(/^\$ /m).slice(1).map((part) => {
        const [command, ...shown] = part.trimEnd().split("\n");
        return { document, command: command!, shown };
      })
    )
  );
}

test.each(examples())("$document: $command prints what is shown", async ({ command, shown }) => {
  const [program, ...args] = command.split(" ");
  expect(program).toBe("qwen-asr");
  const { stdout, stderr, code } = await run(args, { cwd: projectRoot });
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
  // A terminal shows both streams. Of what stands on standard error, times differ from machine to machine.
  const timeless = (line: string) => line.replace(/\d+(\.\d+)?/g, "0");
  const text = [...shown];
  for (const line of stderr.split("\n").filter((line) => line !== "")) {
    const at = text.findIndex((candidate) => timeless(candidate) === timeless(line));
    expect(at < 0 ? `not shown: ${line}` : "").toBe("");
    text.splice(at, 1);
  }
  expect(text).toEqual(stdout.trimEnd().split(/\r?\n/)); // CSV ends lines as its standard says.
});

test("there are examples to run", () => {
  expect(examples().length).toBeGreaterThanOrEqual(8);
});

test("the option table is made from src/options/table.ts", () => {
  const [, table] = /<!-- options:[^\n]*-->\n\n(.*?)\n<!-- \/options -->/s.exec(reference) ?? [];
  expect(table).toBe(optionsMarkdown());
});

test("options of rows are named in the document of batches", () => {
  const names = requestSpecs("batch").map(({ name }) => name);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !documents.get("docs/batch.md")!.includes(`\`${name}\``))).toEqual([]);
});

test("README and reference name every command", () => {
  for (const name of commandNames) {
    expect(documents.get("README.md")!).toContain(`\`${name}\``);
    expect(reference).toMatch(new RegExp(`^qwen-asr ${name} `, "m"));
  }
});

test("variables and exit codes of --help are in the reference", () => {
  const [, codes, variables] = /\nExit codes:\n(.*?)\nEnvironment:\n(.*)$/s.exec(longHelp()) ?? [];
  const names = variables!.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g)!;
  expect(names.length).toBeGreaterThan(7);
  expect(names.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
  const numbers = codes!.match(/^ {2}[\d, ]+\b/gm)!.map((text) => text.trim());
  expect(numbers).toEqual(["0", "1", "2", "3", "4", "75", "130, 143, 129"]);
  expect(numbers.filter((code) => !reference.includes(`| ${code} |`))).toEqual([]);
});

test("commands are named in the README and in the reference", () => {
  for (const name of commandNames) {
    expect(documents.get("README.md")).toContain(`\`${name}\``);
    expect(reference).toContain(`\nqwen-asr ${name} `);
  }
});

test("instruction sets are named in the order of cpu.zig", () => {
  const source = readFileSync(join(projectRoot, "zig/compute/cpu.zig"), "utf8");
  const names = /pub const Isa = enum \{ ([^}]*) \}/.exec(source)![1]!.trim().split(/,\s*/);
  expect(names.length).toBeGreaterThan(8);
  const shown = (text: string) => text.match(/\b(?:generic|neon|dotprod|i8mm|a[mv]x\w*)\b/g)!.map(String);
  expect(shown(/ {2}QWEN_ASR_ISA.*?(?=\n {2}[A-Z])/s.exec(longHelp())![0])).toEqual(names);
  expect(shown(/\| `QWEN_ASR_ISA` .*/.exec(reference)![0])).toEqual(names);
  const own = names.filter((name) => name === "generic" || /^a[mv]x/.test(name) === (process.arch === "x64"));
  expect(instructionSets).toEqual(own);
});

/** The program's own sources, by path. */
const sources = new Map(
  ["src", "zig"].flatMap((root) =>
    readdirSync(join(projectRoot, root), { recursive: true }).map((name) => `${root}/${String(name)}`)
  ).filter((path) =>
    /(?<!\.test|_test|_fixture|fuzz)\.(ts|zig)$/.test(path) && !/^src\/page\/|\/fake_|zig\/errors/.test(path)
  )
    .map((path) => [path, readFileSync(join(projectRoot, path), "utf8")]),
);

/** What the page of troubles says of errors: words that stay the same, "…" between them. */
function entries(): { readonly words: string; readonly pattern: RegExp }[] {
  const page = documents.get("docs/troubleshooting.md")!.replace(/^## It runs, but$.*?(?=^## )/ms, "");
  const cells = [...page.matchAll(/^\| (`.*?`) \| /gm)].map(([, cell]) => cell!);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)]).map(([, words]) => ({
    words: words!,
    pattern: new RegExp(words!.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*")),
  }));
}

const messages = [...sources].flatMap(([path, source]) =>
  messagesOf(path, source).map((message) => `${path}: ${message}`)
);
const messageIn = (line: string) => line.slice(line.indexOf(": ") + 2);

test("every message of an error is in the troubleshooting", () => {
  expect(messages.length).toBeGreaterThan(400);
  const all = entries();
  expect(messages.filter((line) => !all.some(({ pattern }) => pattern.test(messageIn(line))))).toEqual([]);
});

test("the troubleshooting has no message that the program does not have", () => {
  const program = [...sources.values()].join("\n").replace(/^\s*(?:\/\/|\/?\*).*$/gm, ""); // Without comments.
  const isSaid = ({ words, pattern }: ReturnType<typeof entries>[number]) =>
    messages.some((line) => pattern.test(messageIn(line))) || !words.includes("…") && program.includes(words);
  expect(entries().length).toBeGreaterThan(300);
  expect(entries().filter((entry) => !isSaid(entry)).map(({ words }) => words)).toEqual([]);
  const short = entries().filter(({ words }) => words.replace(/\W/g, "").length < 4); // No entry is for everything.
  expect(short).toEqual([]);
});

test("messages are found in sources", () => {
  const source = `throw new InputError(\`\${name}: is \${a ? "b" : \`c\${d}\`}, not \${e}\`, "a hint");
    new ApiError(400, isOld ? "too old, " + "too" : "too new");
    const own = { ENOENT: "no such file" }; // new InputError("a remark")`;
  expect(messagesOf("src/x.ts", source)).toEqual([
    ...["…: is …, not …", "too old, too", "too new", "no such file"],
  ]);
  const zig = 'return fail(error.Model, "{s}: has {d} rows " ++\n "in {s}", .{}); fail(error.Invalid, "no", .{});';
  expect(messagesOf("zig/x.zig", zig)).toEqual(["…: has … rows in …"]);
});

test("the index names every document", () => {
  const index = documents.get("docs/README.md")!;
  const names = [...documents.keys()].filter((name) => name.startsWith("docs/")).map((name) => name.slice(5));
  expect(names.filter((name) => name !== "README.md" && !index.includes(`(${name})`))).toEqual([]);
});

test("slow tests are named where one looks for them, or by another that they belong to", () => {
  const folder = join(projectRoot, "tests/slow");
  const scripts = readdirSync(folder);
  const texts = scripts.map((name) => [name, readFileSync(join(folder, name), "utf8")] as const);
  const isNamed = (name: string) =>
    documents.get("docs/HACKING.md")!.includes(`tests/slow/${name}`) ||
    texts.some(([other, text]) => other !== name && text.includes(name));
  expect(scripts.length).toBeGreaterThan(20);
  expect(scripts.filter((name) => !isNamed(name))).toEqual([]);
});

test("the README is short", () => {
  expect(documents.get("README.md")!.split("\n").length).toBeLessThan(150);
});

test("files and scripts that are named are there", () => {
  const named = [...documents].flatMap(([document, text]) =>
    [...text.matchAll(/(?<![\w./-])(?:scripts|src|zig|samples|tests|bench|docs)\/[\w./-]*\w/g)]
      .map(([path]) => ({ document, path }))
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ path }) => !existsSync(join(projectRoot, path)))).toEqual([]);
});

test("the architecture has every folder, in the order in which they may be imported", () => {
  const tree = documents.get("docs/ARCHITECTURE.md")!;
  for (const [root, layers] of [["src", sourceLayers], ["zig", zigLayers]] as const) {
    const rows = [...tree.matchAll(new RegExp(`^\\| \`${root}/(\\w+)\` \\|`, "gm"))].map(([, name]) => name!);
    expect(rows).toEqual(Object.keys(layers).filter((name) => existsSync(join(projectRoot, root, name))));
  }
});

test("links lead to files and headings", () => {
  const broken = [...documents].flatMap(([document, text]) =>
    [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].filter(([, path, heading]) => {
      const target = path === "" ? document : join(dirname(document), path!);
      if (!existsSync(join(projectRoot, target))) return true;
      return heading !== undefined && !headings(documents.get(target) ?? "").includes(heading);
    }).map(([link]) => `${document}: ${link}`)
  );
  expect(broken).toEqual([]);
});

/** As GitHub makes them: lower case, without punctuation, spaces to hyphens. */
function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}
