/** Tests of pages: all text, at all times, and nothing but text. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Gap, TimedSegment } from "../document/document.ts";
import { unalignedSegment } from "../document/unaligned.ts";
import { defaultRules } from "../subtitles/rules.ts";
import { readHtml, textsOf } from "./html_fixture.ts";
import { htmlWriter } from "./html.ts";
import { html } from "./markup.ts";
import { clock, doubtOf, paragraphMarkup, paragraphsOf } from "./paragraphs.ts";
import type { WriterOptions } from "./writer.ts";

const hostile =
  "</script><script>alert(1)</script> <img src=x onerror='alert(2)'> \"&amp;\" \u2028 \u202eevil\u202c ]]> -->";
const options: WriterOptions = {
  head: {
    version: 2,
    program: "qwen-asr 1.2.3",
    source: { name: `a/${hostile.replaceAll("/", "|")}.wav`, durationMs: 75_000 },
    model: { name: "<model>", hash: "0123456789abcdef", weights: "int8", isa: "avx2" },
    options: {},
  },
  rules: defaultRules,
  paragraphMs: 0,
  page: () => ({
    script: { text: "go()", hash: "sha256-script" },
    style: { text: "p{color:red}", hash: "sha256-style" },
  }),
};

function segmentOf(text: string, startMs: number, language = "English"): TimedSegment {
  return unalignedSegment({ text, language, tokens: [] }, [{ startMs, endMs: startMs + 9000 }]);
}

const segments = [
  segmentOf(hostile, 500),
  segmentOf(" Then she went on. And on!", 20_000),
  segmentOf(" \u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002", 40_000, "Chinese"),
];

const bare = (text: string) => text.replace(/\s+/gu, "");

test("the page is whole at every moment, and has the text once in paragraphs and once in cues", () => {
  const writer = htmlWriter(options);
  let text = "";
  for (const count of [0, 1, 2, 3]) {
    if (count > 0) text += writer.add(segments[count - 1]!);
    const elements = readHtml(text + writer.rest(false));
    const said = bare(segments.slice(0, count).map((segment) => segment.text).join(""));
    const inside = (tag: string) => bare(textsOf(elements.filter(({ path }) => path.includes(tag)), "say").join(""));
    expect(inside("main")).toBe(said);
    expect(inside("details")).toBe(said.replaceAll("-->", "->").replace("->", "-->"));
    expect(textsOf(elements, "note")).toEqual(["Incomplete: the recording was not heard to its end."]);
  }
  expect(textsOf(readHtml(text + writer.rest(true, { gaps: [{ startMs: 0, endMs: 1500 }] })), "note"))
    .toEqual(["Speech without text: 0:00 \u2013 0:01"]);
});

test("whatever is said or a file is called, the page has its own script and no element besides its own", () => {
  const writer = htmlWriter({ ...options, sound: { kind: "link", href: "x%22y.wav", name: hostile } });
  const elements = readHtml(segments.map((segment) => writer.add(segment)).join("") + writer.rest(true));
  expect(elements.filter(({ tag }) => tag === "script").map(({ text }) => text)).toEqual(["go()"]);
  const known =
    "html head meta title style body header h1 bdi p audio main button span aside details summary ol li br footer";
  expect(new Set(elements.map(({ tag }) => tag))).toEqual(new Set([...known.split(" "), "script"]));
  const attributes = new Set(elements.flatMap((element) => Object.keys(element.attributes)));
  expect([...attributes].filter((name) => name.startsWith("on") || name === "style")).toEqual([]);
  expect(elements.find(({ tag }) => tag === "h1")!.text).toBe(`${hostile.replaceAll("/", "|")}.wav`);
  expect(elements.find(({ tag }) => tag === "audio")!.attributes["src"]).toBe("x%22y.wav");
});

test("the policy allows the page's script, style and sound", () => {
  const policy = (changes: Partial<WriterOptions>) => {
    const writer = htmlWriter({ ...options, ...changes });
    return readHtml(writer.rest(true)).find(({ attributes }) => attributes["http-equiv"])!.attributes["content"];
  };
  const rest = "base-uri 'none'; form-action 'none'";
  expect(policy({ sound: { kind: "link", href: "a.wav", name: "a.wav" } })).toBe(
    `default-src 'none'; script-src 'sha256-script'; style-src 'sha256-style'; media-src 'self' file: blob:; ${rest}`,
  );
  expect(policy({ sound: { kind: "embed", base64: "AAAA", type: "audio/wav" } })).toContain("media-src blob:;");
  expect(policy({ page: undefined })).toBe(
    `default-src 'none'; script-src 'none'; style-src 'none'; media-src blob:; ${rest}`,
  );
});

test("a sound inside the page is written once, before the text", () => {
  const writer = htmlWriter({ ...options, sound: { kind: "embed", base64: "QUJD", type: "audio/mpeg" } });
  const [opening, rest] = [writer.add(segments[0]!), writer.rest(true)];
  expect(opening.match(/QUJD/g)?.length).toBe(1);
  expect(rest).not.toContain("QUJD");
  const holder = readHtml(opening + rest).find(({ attributes }) => attributes["id"] === "sound-data")!;
  expect(holder).toMatchObject({ text: "QUJD", attributes: { type: "application/base64", "data-type": "audio/mpeg" } });
});

test("characters that HTML does not know, and lone surrogates, become replacement characters", () => {
  const [paragraph] = paragraphsOf([segmentOf("a\u0000b\ud800c\u0085d\tno", 0)]).map(paragraphMarkup);
  expect(html(paragraph!).isWellFormed()).toBe(true);
  expect(readHtml(html(paragraph!))[0]!.text).toContain("a\ufffdb\ufffdc\ufffdd\tno");
});

test("doubtful words are marked in three shades, and say how likely they are", () => {
  expect([undefined, 0, -0.5, -0.51, -1, -1.01, -2, -2.01].map(doubtOf)).toEqual([0, 0, 0, 1, 1, 2, 2, 3]);
  const words = [[" sure", -0.1], [" perhaps", -0.7], [" hardly", -3]] as const;
  const segment: TimedSegment = {
    ...segmentOf(" sure perhaps hardly", 0),
    words: words.map(([text, logprob], index) => ({ text, logprob, startMs: index * 100, endMs: index * 100 + 90 })),
  };
  const marks = readHtml(html(paragraphMarkup(paragraphsOf([segment])[0]!))).filter(({ tag }) => tag === "mark");
  expect(marks.map(({ text, attributes }) => `${text} ${attributes["class"]} ${attributes["title"]}`))
    .toEqual(["perhaps w d1 50 %", "hardly w d3 5 %"]);
});

test("paragraphs end after sentences, and speech without sentences is broken too", () => {
  const sentences = segmentOf("This is a sentence of some length, I think. ".repeat(20).trim(), 0);
  for (const { words } of paragraphsOf([sentences]).slice(0, -1)) expect(words.at(-1)!.text).toEndWith("think.");
  expect(paragraphsOf([sentences]).length).toBe(4);
  const endless = segmentOf("and so on ".repeat(400).trim(), 0);
  const texts = paragraphsOf([endless]).map(({ words }) => words.map(({ text }) => text).join(""));
  expect(texts.join("")).toBe(endless.text);
  expect(Math.max(...texts.map(({ length }) => length))).toBeLessThan(920);
  expect([0, 59_999, 60_000, 3_599_999, 3_600_000, 36_061_000].map((ms) => clock(ms)))
    .toEqual(["0:00", "0:59", "1:00", "59:59", "1:00:00", "10:01:01"]);
});

test("what is missing is told, with the times to hear it", () => {
  const notes = (segments: readonly TimedSegment[], isComplete: boolean, gaps: readonly Gap[]) => {
    const writer = htmlWriter(options);
    const added = segments.map((segment) => writer.add(segment)).join("");
    const elements = readHtml(added + writer.rest(isComplete, { gaps }));
    return textsOf(elements, "note");
  };
  expect(notes([], true, [])).toEqual(["No speech was heard."]);
  expect(notes([segmentOf("Yes.", 0)], true, [])).toEqual([]);
  const cuts = [{ ...segmentOf("Yes.", 0), isTruncated: true }, { ...segmentOf("No.", 9000), isLooped: true }];
  expect(notes(cuts, true, [{ startMs: 20_000, endMs: 23_500, speaker: "left" }])).toEqual([
    "Text that ends too early: 0:00 \u2013 0:09 0:09 \u2013 0:18",
    "Speech without text: 0:20 \u2013 0:23 left",
  ]);
});

test("a turn begins with the speaker, in text and in cues", () => {
  const writer = htmlWriter(options);
  const sides = ["left", "left", "right"].map((speaker, index) => ({
    ...segmentOf("Hello.", index * 9000),
    speaker,
  }));
  const elements = readHtml(sides.map((segment) => writer.add(segment)).join("") + writer.rest(true));
  expect(textsOf(elements, "who")).toEqual(["left", "right"]);
  expect(textsOf(elements.filter(({ path }) => path.includes("ol")), "say"))
    .toEqual(["left: Hello.", "Hello.", "right: Hello."]);
});

test("cues are read as the paragraphs that they are part of", () => {
  const cue = (text: string, startMs: number, changes: Partial<TimedSegment> = {}): TimedSegment => ({
    ...unalignedSegment({ text, language: "English", tokens: [] }, [{ startMs, endMs: startMs + 900 }]),
    ...changes,
    isCue: true,
  });
  const cues = [cue("It was", 0), cue(" late.", 1000), cue(" We", 4000), cue(" left.", 5000, { speaker: "left" })];
  const shown = paragraphsOf(cues).map(({ words, named }) => `${named}:${words.map(({ text }) => text).join("")}`);
  expect(shown).toEqual(["undefined:It was late.", "undefined: We", "left: left."]);
});

test("any text, name and speaker: whole, and nothing but text", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 30 }),
    fc.array(
      fc.constantFrom("<", ">", "&", '"', "'", "</main>", "<!--", "]]>", "&lt;", "\u2028", "\0", " ", "\ud83d", "a"),
      {
        minLength: 1,
        maxLength: 12,
      },
    ).map((parts) => parts.join("")),
  );
  const known = new Set(
    "html head meta title style body header h1 bdi p main button span aside details summary ol li br footer script mark"
      .split(" "),
  );
  const shown = (text: string) =>
    // deno-lint-ignore no-control-regex
    bare(text.toWellFormed().replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/g, "\ufffd"));
  fc.assert(
    fc.property(text, text, text, fc.boolean(), (said, speaker, name, isComplete) => {
      const head = { ...options.head, source: { name, durationMs: 9000 }, program: said };
      const writer = htmlWriter({ ...options, head });
      const page = writer.add({ ...segmentOf(said, 0, speaker), speaker }) +
        writer.rest(isComplete, { gaps: [{ startMs: 0, endMs: 900, speaker }] });
      const elements = readHtml(page);
      expect(elements.map(({ tag }) => tag).filter((tag) => !known.has(tag))).toEqual([]);
      const [first] = textsOf(elements.filter(({ path }) => path.includes("main")), "say");
      if (said.trim() !== "") expect(bare(first!)).toBe(shown(speaker) + shown(said));
      expect(elements.filter(({ tag }) => tag === "script").map(({ text }) => text)).toEqual(["go()"]);
    }),
    { numRuns: 300, seed: 20_261_129 },
  );
});
