/**
 * Completions in shells that are really started, and the manual page through man. A shell that is not installed skips
 * its tests by name.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { shells } from "../src/cli/shells/surface.ts";
import { transcribers } from "../src/model/catalog.ts";
import { commandNames, optionTable, takes } from "../src/options/table.ts";
import { languageNames } from "../src/text/languages.ts";
import { fixedEnvironment, run, temporaryFolder } from "./harness.ts";
import { describeWhere } from "./support/where.ts";

const home = temporaryFolder();
afterAll(() => home[Symbol.dispose]());

beforeAll(async () => {
  for (const name of ["talk one.wav", "talk two.wav", "model.txt"]) writeFileSync(join(home.path, name), "");
  mkdirSync(join(home.path, "models"));
  writeFileSync(join(home.path, "qwen-asr"), "#!/bin/sh\n"); // zsh completes only commands that there are.
  chmodSync(join(home.path, "qwen-asr"), 0o755);
  for (const shell of shells) {
    const { stdout, stderr, code } = await run(["completions", shell]);
    expect({ shell, code, stderr }).toEqual({ shell, code: 0, stderr: "" });
    writeFileSync(join(home.path, `completions.${shell}`), stdout);
  }
});

function shellOptions() {
  const env = fixedEnvironment(home.path);
  return { cwd: home.path, env: { ...env, PATH: `${home.path}:${env.PATH}`, TERM: "xterm" } };
}

/** What a shell offers where the line ends. */
const completers: Readonly<Record<string, (line: string) => Promise<string[]>>> = {
  async bash(line) {
    // As readline does it: words cut also at "=".
    const words = line.split(/\s+/).flatMap((word) => word.split(/(?==)|(?<==)/));
    const script = 'source completions.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _qwen_asr; ' +
      'for word in "${COMPREPLY[@]}"; do echo "$word"; done';
    return await printed(["bash", "--norc", "-c", script, "bash", ...words]);
  },
  async fish(line) {
    const lines = await printed(["fish", "-N", "-c", "source completions.fish; complete -C $argv[1]", line]);
    return lines.map((text) => text.split("\t")[0]!);
  },
  zsh: async (line) => await (zsh ??= startZsh()).then((complete) => complete(line)),
};

let zsh: Promise<(line: string) => Promise<string[]>> | undefined;

/** One zsh for all lines: it takes half a second to start. */
async function startZsh(): Promise<(line: string) => Promise<string[]>> {
  let seen = "";
  const terminal = { cols: 200, rows: 60, data: (_: unknown, data: Uint8Array) => void (seen += decoder.decode(data)) };
  const decoder = new TextDecoder();
  const child = Bun.spawn(["zsh", "-f", "-i"], { ...shellOptions(), terminal });
  const until = async (text: string) => {
    for (let waited = 0; !seen.includes(text); waited += 10) {
      if (waited > 4000) throw new Error(`zsh says: ${JSON.stringify(seen)}`);
      await Bun.sleep(10);
    }
    seen = "";
  };
  // A compadd that writes what it offers.
  const compadd = "compadd() { local -a hits; if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then " +
    'builtin compadd -A hits "$@"; (($#hits)) && print -rl -- $hits >>hits; fi; builtin compadd "$@" }';
  const start = "autoload -U compinit; compinit -D -u; source ./completions.zsh; bindkey '^I' list-choices";
  for (const text of [start, compadd, "PS1=; echo rea''dy"]) child.terminal!.write(`${text}\n`);
  await until("ready\r\n");
  return async (line) => {
    writeFileSync(join(home.path, "hits"), "");
    child.terminal!.write(`${line}\t\x15echo do''ne\n`);
    await until("done\r\n");
    // What several ways of matching find is offered once.
    return [...new Set(readFileSync(join(home.path, "hits"), "utf8").trimEnd().split("\n"))];
  };
}

/** What a command prints, which must have nothing to complain about. */
async function shown(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { ...shellOptions(), stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(stderr).toBe("");
  return stdout;
}

async function printed(command: readonly string[]): Promise<string[]> {
  return (await shown(command)).trimEnd().split("\n");
}

/** Without what shells put behind a folder or before a value, and sorted. */
function plain(words: readonly string[]): string[] {
  return words.map((word) => word.replace(/^--[a-z-]+=/, "").replace(/\/$/, "").replaceAll("\\", "")).sort();
}

for (const [shell, complete] of Object.entries(completers)) {
  describeWhere(Bun.which(shell) !== null, shell)(`completions in ${shell}`, () => {
    test("commands and files, first; options of a command", async () => {
      const first = plain(await complete("qwen-asr "));
      expect(first).toEqual(expect.arrayContaining([...commandNames, "help", "talk one.wav", "models"]));
      const options = plain(await complete("qwen-asr align --"));
      const wanted = optionTable.filter((spec) => takes("align", spec)).map(({ name }) => `--${name}`);
      // zsh offers an option with a value as --text=.
      const isOption = (word: string) => word.startsWith("--");
      expect(options.map((word) => word.replace(/=$/, "")).filter(isOption)).toEqual(wanted.sort());
    });

    test("values: choices, behind =, too; names beside folders; a list; a command's own words", async () => {
      expect(plain(await complete("qwen-asr --weights "))).toEqual(["bf16", "int4", "int8"]);
      expect(plain(await complete("qwen-asr render --style=b"))).toEqual(["broadcast"]);
      const models = plain(await complete("qwen-asr info -d "));
      expect(models).toEqual(["demo", "large", "models", "small"]);
      const formats = await complete("qwen-asr talk.wav -f srt,js");
      expect(formats.map((word) => word.replace(/^srt,/, "")).sort()).toEqual(["json", "jsonl"]);
      expect(plain(await complete("qwen-asr download "))).toEqual(["aligner", "large", "small"]);
      expect(plain(await complete("qwen-asr --language Ma"))).toEqual(
        languageNames.filter((name) => /^Ma/.test(name)).sort(),
      );
    });

    test("files, with spaces in their names", async () => {
      expect(plain(await complete("qwen-asr talk"))).toEqual(["talk one.wav", "talk two.wav"]);
      expect(plain(await complete("qwen-asr render -i mod"))).toEqual(["model.txt", "models"]);
    });
  });
}

test("the models that -d offers are those there are", () => {
  const { value } = optionTable.find(({ name }) => name === "model")!;
  expect(value!.offers).toEqual([...transcribers.map(({ name }) => name), "demo"]);
});

test("scripts for a shell that is not one, or for none", async () => {
  for (const words of [[], ["tcsh"], ["bash", "zsh"]]) {
    const { code, stderr } = await run(["completions", ...words]);
    expect({ code, stderr }).toMatchObject({ code: 2 });
    expect(stderr).toStartWith("qwen-asr: completions takes bash|zsh|fish|powershell, got");
  }
});

describeWhere(Bun.which("groff") !== null, "groff")("the manual page", () => {
  test("groff and man have no warning, and show every option and command", async () => {
    const { stdout } = await run(["man"]);
    writeFileSync(join(home.path, "qwen-asr.1"), stdout);
    const file = join(home.path, "qwen-asr.1");
    if (Bun.which("man")) await shown(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", file]);
    const text = await shown(["groff", "-man", "-ww", "-Tutf8", "-P-cbu", "-rLL=80n", file]);
    for (const { name } of optionTable) expect(text).toContain(`--${name}`);
    for (const name of commandNames) expect(text).toMatch(new RegExp(`^   qwen.asr ${name} `, "m"));
    expect(text).toContain("\nEXIT CODES\n");
    expect(text).toMatch(/^ {7}75 +of +batch: /m);
  });
});
