/** Text as people write it, through the executable: views in every format and in streams, terms, and plain text. */

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatNames } from "../src/output/formats.ts";
import { hasClip } from "./fixtures.ts";
import { run } from "./harness.ts";
import { expectRefusal, lines, qwen, wav } from "./support/cli.ts";
import { testWhere } from "./support/where.ts";

const folder = mkdtempSync(join(tmpdir(), "qwen-text-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const views = ["--itn", "--script", "twp", "--cjk-space", "add", "--cue-punctuation", "light"];
const all = formatNames.join();

type Word = { readonly text: string; readonly spoken?: string; readonly start: number; readonly end: number };

const wordsOf = (json: string): Word[] =>
  JSON.parse(json).segments.flatMap((segment: { words: Word[] }) => segment.words);

/** Every written word stands for the next spoken ones: their texts, from the first's start to the last's end. */
function expectTimes(written: readonly Word[], spoken: readonly Word[]): void {
  const rest = spoken.values();
  for (const word of written) {
    const { spoken: said = word.text, start, end } = word;
    const first = rest.next().value!;
    let [last, joined] = [first, first.text];
    for (; joined.length < said.length; joined += last.text) last = rest.next().value!;
    expect({ said, start, end }).toEqual({ said: joined, start: first.start, end: last.end });
  }
  expect(rest.next().done).toBe(true);
}

describe("views", () => {
  for (const name of ["zh-weather", "zh-numbers"]) {
    testWhere(hasClip(name), `the clip ${name}`)(
      `${name}: all formats, written at once or later; times are the spoken words'`,
      async () => {
        const at = (part: string) => join(folder, `${name}-${part}`);
        const transcribe = ["--silent", "--aligner", "demo", wav(name)];
        await qwen([...transcribe, "-f", "json", "-o", at("spoken.json")]);
        await qwen([...transcribe, ...views, "-f", all, "-o", at("run")]);
        await run(["render", at("spoken.json"), ...views, "-f", all, "-o", at("render")]);
        await run(["render", at("run.json"), "--script", "asis", "-f", "json", "-o", at("back.json")]);
        for (const format of formatNames) {
          const extension = { text: "txt", "vtt-words": "words.vtt" }[format as string] ?? format;
          const [ours, theirs] = ["run", "render"].map((part) =>
            readFileSync(at(`${part}.${extension}`), "utf8").replace(/ data-peaks="\w+"/, "") // It has heard the sound.
          );
          expect([format, theirs]).toEqual([format, ours]);
          if (format === "rttm") expect(ours).toBe(""); // Nobody is told apart.
          else expect(ours).not.toBe("");
        }
        const json = readFileSync(at("run.json"), "utf8");
        expectTimes(wordsOf(json), wordsOf(readFileSync(at("spoken.json"), "utf8")));
        expect(wordsOf(json).some(({ spoken }) => spoken !== undefined)).toBe(true);
        const texts = (path: string) => JSON.parse(readFileSync(path, "utf8")).segments.map(({ text }: Word) => text);
        expect(texts(at("back.json"))).toEqual(texts(at("spoken.json")));
      },
    );

    testWhere(hasClip(name), `the clip ${name}`)(
      `${name}: a stream commits what is written, and says what was spoken`,
      async () => {
        const stream = async (...args: string[]) =>
          lines((await qwen(["--stream", "-f", "jsonl", "--silent", wav(name), ...args])).stdout).map((line) =>
            JSON.parse(line)
          );
        const [plain, written] = [await stream(), await stream(...views)];
        const of = (events: Record<string, string>[], type: string) => events.filter((event) => event.type === type);
        const joined = (events: Record<string, string>[]) => events.map(({ text }) => text).join("");
        const spoken = (events: Record<string, string>[]) => events.map(({ text, spoken }) => spoken ?? text).join("");
        expect(spoken(of(written, "commit"))).toBe(joined(of(plain, "commit")));
        expect(of(written, "final").map(({ spoken }) => spoken)).toEqual(of(plain, "final").map(({ text }) => text));
        expect(joined(of(written, "final"))).toBe(joined(of(written, "commit")));
        expect(joined(of(written, "final"))).toMatch(/\d/);
      },
    );
  }

  test("words in doubt stand in brackets, and only in text", async () => {
    const args = ["--silent", wav("en-short")];
    const plain = (await qwen(args)).stdout;
    const marked = (await qwen([...args, "--mark-doubt", "0"])).stdout;
    expect(marked).toContain("[");
    expect(marked.replace(/[[\]]/g, "")).toBe(plain);
    expect((await qwen([...args, "--mark-doubt", "-100"])).stdout).toBe(plain);
  });
});

describe("terms", () => {
  const terms = join(folder, "terms.txt");
  writeFileSync(terms, "Catherine => Kathryn\nJohn => Jon\nZoltan\n");

  testWhere(hasClip("en-names"), "the clip en-names")(
    "are written where they are heard, whole and in streams",
    async () => {
      const wanted = "Kathryn opens the blue door. Jon and Sarah are in London.\n";
      for (const args of [[], ["--stream"]]) {
        expect((await qwen([...args, "--silent", "--terms", terms, "--prompt", "Names:", wav("en-names")])).stdout)
          .toBe(wanted);
      }
    },
  );

  test("make no text of silence and noise", async () => {
    for (const name of ["silence-3s", "noise-3s"].filter(hasClip)) {
      expect((await qwen(["--silent", "--terms", terms, wav(name)])).stdout.trim()).toBe("");
    }
  });

  test("a mistake in the file is told before any work", async () => {
    const bad = join(folder, "bad.txt");
    writeFileSync(bad, "one\n=> two\n");
    expectRefusal(
      await qwen(["--terms", bad, wav("en-short")]),
      2,
      /^qwen-asr: --terms .*bad\.txt: line 2: nothing before =>$/,
    );
    expectRefusal(await run(["text", "--terms", join(folder, "none.txt")]), 2, /none\.txt: no such file$/);
  });
});

describe("plain text", () => {
  const text = (stdin: string | Uint8Array, ...args: string[]) =>
    run(["text", ...args], { stdin: typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin });

  test("as many lines as there were, with their ends and the mark at the start", async () => {
    const result = await text(
      "\ufeff三十五个软件\r\n\n下午三点二十分，\nI have twenty five cats",
      "--itn",
      "--script",
      "tw",
    );
    expect(new TextDecoder("utf-8", { ignoreBOM: true }).decode(result.stdoutBytes))
      .toBe("\ufeff35個軟件\r\n\n下午3:20，\nI have 25 cats");
    expect((await text("", "--itn")).stdout).toBe("");
    expect((await text("\n", "--itn")).stdout).toBe("\n");
    expect((await text("三十五の会社\n三十五", "--itn", "--language", "ja")).stdout).toBe("三十五の会社\n三十五");
  });

  test("a file as well; a byte that is no text is told with its place, behind the lines before it", async () => {
    const path = join(folder, "plain.txt");
    writeFileSync(path, "头发");
    expect((await run(["text", "--language", "zh-TW", path])).stdout).toBe("頭髮");
    const late = await text(Buffer.concat([Buffer.from("三十五\nab"), Buffer.from([0xff, 10])]), "--itn");
    expect([late.code, late.stdout, late.stderr]).toEqual([
      1,
      "35\n",
      "qwen-asr: standard input: line 2, byte 3: not UTF-8\n",
    ]);
    expect((await run(["text", join(folder, "none.txt")])).code).toBe(1);
  });

  test("a line is written as soon as it is read", async () => {
    const stdin = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode("三十五个\n三十")),
    });
    const result = await run(["text", "--itn"], { stdin, signalWhen: { text: "35个\n", signal: "SIGTERM" } });
    expect([result.stdout, result.signal]).toEqual(["35个\n", "SIGTERM"]);
  });
});
