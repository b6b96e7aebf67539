/** The executable on a pseudo-terminal: whole words, headings, live text that is drawn again in place. */

import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { FakeScreen } from "../src/cli/fake_screen.ts";
import { Wrapper } from "../src/cli/wrap.ts";
import { columnsOf } from "../src/subtitles/width.ts";
import { hasClip, modelDir } from "./fixtures.ts";
import { executable, fixedEnvironment, run, temporaryFolder } from "./harness.ts";
import { lines, qwen, wav } from "./support/cli.ts";

const home = temporaryFolder();
afterAll(() => home[Symbol.dispose]());

type Seen = { readonly code: number; readonly bytes: string; readonly shown: string; readonly scrolled: number };

/** What a person sees who runs the program with the nano model on a terminal of this size. */
async function watch(
  columns: number,
  args: readonly string[],
  env: Record<string, string> = {},
  model: readonly string[] = ["-d", modelDir()],
): Promise<Seen> {
  let bytes = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([executable(), ...args, ...model], {
    env: { ...fixedEnvironment(home.path), TERM: "xterm", NO_COLOR: "", ...env },
    terminal: {
      ...{ cols: columns, rows: 20 },
      data: (_terminal, data) => void (bytes += decoder.decode(data, { stream: true })),
    },
  });
  const code = await child.exited;
  await Bun.sleep(50); // The last bytes may come after the end.
  const screen = new FakeScreen(columns, 20);
  screen.write(bytes);
  return { code, bytes, shown: screen.shown(), scrolled: screen.scrolled };
}

/** The rows between the messages before the text and the summary. */
function textRows(shown: string): string[] {
  const rows = shown.split("\n");
  const from = rows.findLastIndex((row) => row.startsWith("Language: "));
  return rows.slice(from + 1, rows.findIndex((row) => row.startsWith("Inference: ")));
}

function wrap(text: string, columns: number): string[] {
  const wrapper = new Wrapper(() => columns);
  return (wrapper.push(text) + wrapper.end()).split("\n");
}

test("messages and helps in whole words", async () => {
  for (const args of [["gone.wav", "-f", "srt", "-f", "vtt"], ["--help"], ["inspect", "--help"]]) {
    const { stdout, stderr } = await run([...args, "-d", modelDir()]);
    const { shown } = await watch(40, args);
    const rows = shown.split("\n");
    expect(Math.max(...rows.map(columnsOf))).toBeLessThanOrEqual(40);
    const words = (text: string) => text.split(/\s+|(?<=\|)/).filter(Boolean);
    expect(words(shown)).toEqual(words(stdout + stderr).flatMap((word) => word.match(/.{1,40}/g)!));
  }
});

const sizes = [["en-weather", 40], ["zh-weather", 21], ["en-45s", 33]] as const;

for (const [name, columns] of sizes.filter(([clipName]) => hasClip(clipName))) {
  describe(`${name} in ${columns} columns`, () => {
    test("text in whole words", async () => {
      const { code, shown } = await watch(columns, [wav(name)]);
      expect(code).toBe(0);
      const whole = lines((await qwen(["--silent", wav(name)])).stdout)[0]!;
      // What is drawn over leaves the last column free: terminals differ on where the cursor is behind it.
      expect(textRows(shown).filter((row) => row !== "")).toEqual(wrap(whole, columns - 1));
    });

    test("live: a line per utterance, as in a pipe; the tail is gone, no row is too long", async () => {
      const { code, bytes, shown } = await watch(columns, ["--stream", wav(name)]);
      expect(code).toBe(0);
      expect(bytes).toContain("\x1b[2m");
      const utterances = lines((await qwen(["--stream", wav(name)])).stdout);
      expect(textRows(shown)).toEqual(utterances.flatMap((line) => wrap(line, columns - 1)));
      for (const row of textRows(shown)) expect(columnsOf(row)).toBeLessThan(columns);
    });
  });
}

test("NO_COLOR: nothing dim; TERM=dumb: no control at all", async () => {
  const [noColour, dumb] = await Promise.all([
    watch(40, ["--stream", wav("en-weather")], { NO_COLOR: "1" }),
    watch(40, ["--stream", wav("en-weather")], { TERM: "dumb" }),
  ]);
  expect(noColour.bytes).not.toContain("\x1b[2m");
  expect(noColour.bytes).toContain("\x1b[J");
  expect(dumb.bytes).not.toContain("\x1b");
  expect(textRows(dumb.shown).join(" ")).toBe(textRows(noColour.shown).join(" "));
});

test("lines with times, and what render writes, are in whole words, too", async () => {
  using folder = temporaryFolder();
  const json = join(folder.path, "talk.json");
  await qwen(["--silent", "-o", json, wav("en-weather")]);
  const files = [wav("en-weather"), wav("en-short")];
  const times = await watch(44, ["--silent", "--timestamps", ...files]);
  const piped = await Promise.all(files.map((file) => qwen(["--silent", "--timestamps", file])));
  const rows = piped.map(({ stdout }) => lines(stdout).flatMap((line) => wrap(line, 44)).join("\n"));
  const headings = files.map((file) => wrap(`==> ${file} <==`, 44).join("\n"));
  const screen = new FakeScreen(44, 20);
  screen.write(headings.map((heading, index) => `${heading}\n${rows[index]}\n`).join("\n"));
  expect(times.shown).toBe(screen.shown());
  const rendered = await watch(30, ["render", json, "-f", "text"], {}, []);
  const whole = lines((await run(["render", json, "-f", "text"])).stdout)[0]!;
  expect(rendered.shown.split("\n")).toEqual(wrap(whole, 30));
  const twice = await watch(200, ["render", json, json, "-f", "text"], {}, []);
  expect(twice.shown).toBe(`==> ${json} <==\n${whole}\n\n==> ${json} <==\n${whole}`);
  expect((await watch(200, ["render", "--no-filename", json, json], {}, [])).shown).toBe(`${whole}\n${whole}`);
});

test("several files have headings, with --no-filename they have none", async () => {
  const files = [wav("en-short"), wav("en-weather"), wav("zh-weather")];
  const [named, bare] = await Promise.all([
    watch(120, ["--silent", ...files]),
    watch(120, ["--silent", "--no-filename", ...files]),
  ]);
  const texts = lines((await qwen(["--silent", ...files])).stdout);
  const wrapped = texts.map((text) => wrap(text, 120).join("\n"));
  expect(bare.shown).toBe(wrapped.join("\n"));
  expect(named.shown).toBe(files.map((file, index) => `==> ${file} <==\n${wrapped[index]}`).join("\n\n"));
});
