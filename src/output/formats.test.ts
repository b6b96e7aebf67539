/** Tests of the formats, with independent parsers: valid at all times; and of the names of files. */

import { expect, test } from "bun:test";
import { parse } from "@plussub/srt-vtt-parser";
import type { TimedSegment } from "../document/document.ts";
import { schemaErrors } from "../document/schema_fixture.ts";
import { unalignedSegment } from "../document/unaligned.ts";
import { lintSubtitles } from "../subtitles/lint.ts";
import { parseSubtitles } from "../subtitles/parse.ts";
import { defaultRules } from "../subtitles/rules.ts";
import { cuesOf } from "./cues.ts";
import { createWriter, type Format, formatNames } from "./formats.ts";
import type { WriterOptions } from "./writer.ts";
import { outputPaths, type OutputPlace, partName } from "../files/names.ts";
import { samplesInMemory } from "../audio/sample_store.ts";
import { EnergyMap } from "../segment/energy.ts";
import { atOnce } from "../steps.ts";
import { svgPicture, terminalPicture } from "./picture.ts";

const options: WriterOptions = {
  head: {
    version: 2,
    program: "qwen-asr 1.2.3",
    source: { name: "talk.wav", durationMs: 75_000 },
    model: { name: "Qwen3-ASR-0.6B", hash: "0123456789abcdef", weights: "int8", isa: "avx2" },
    options: {},
  },
  rules: defaultRules,
  paragraphMs: 0,
};

const texts = [
  'He said "no", <i>twice</i> & left --> gone.',
  " Then, after a while,\tshe came back; nobody who was there could say when it had been or why",
  " it mattered. \u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u5427\u3002",
];
const segments: TimedSegment[] = texts.map((text, index) => {
  const startMs = index * 20_000 + 123;
  return unalignedSegment({ text, language: index === 2 ? "Chinese" : "English", tokens: [] }, [
    { startMs, endMs: startMs + 12_000 },
  ]);
});

/** What a file of the format holds after each segment, and at the end. */
function snapshots(format: Format, changes: Partial<WriterOptions> = {}): string[] {
  const writer = createWriter(format, { ...options, ...changes });
  let text = "";
  const moments = [writer.rest(false)];
  for (const segment of segments) {
    text += writer.add(segment);
    moments.push(text + writer.rest(false));
    expect(text + writer.rest(false)).toBe(moments.at(-1)!); // Looking changes nothing.
  }
  return [...moments, text + writer.rest(true)];
}

const bare = (text: string) => text.replace(/\s+/gu, "");
const said = (count: number) => bare(texts.slice(0, count).join(""));

test("srt and vtt: another parser reads them at every moment, with all text once", () => {
  for (const format of ["srt", "vtt"] as const) {
    for (const [index, text] of snapshots(format).entries()) {
      if (index === 0) continue; // Without a cue that parser reads nothing.
      const { entries } = parse(text);
      const shown = entries.map((entry) => entry.text).join("").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
      expect(bare(shown)).toBe(said(Math.min(index, 3)).replace("-->", "->"));
      for (const [at, { from, to }] of entries.entries()) {
        expect(to).toBeGreaterThan(from);
        expect(from).toBeGreaterThanOrEqual(entries[at - 1]?.to ?? 0);
      }
      expect(lintSubtitles(parseSubtitles(text)!, defaultRules)).toEqual([]);
    }
  }
  expect(snapshots("vtt")[0]).toBe("WEBVTT\n\n");
  expect(snapshots("srt")[0]).toBe("");
});

test("json and jsonl: whole at every moment, complete at the end", () => {
  for (const [index, text] of snapshots("json").entries()) {
    const value = JSON.parse(text);
    expect(schemaErrors(value)).toEqual([]);
    expect([value.segments.length, value.complete]).toEqual([Math.min(index, 3), index === 4]);
  }
  for (const [index, text] of snapshots("jsonl").entries()) {
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    for (const line of lines) expect(schemaErrors(line, `${line.type}Line`)).toEqual([]);
    expect(lines.length).toBe(1 + Math.min(index, 3) + (index === 4 ? 1 : 0));
  }
});

test("tables, lyrics and text", () => {
  expect(snapshots("tsv").at(-1)).toMatchInlineSnapshot(`
    "start	end	text
    123	12123	He said "no", <i>twice</i> & left --> gone.
    20123	32123	Then, after a while, she came back; nobody who was there could say when it had been or why
    40123	42431	it mattered.
    42431	52123	今天天气很好，我们去公园散步吧。
    "
  `);
  expect(snapshots("csv").at(-1)).toMatchInlineSnapshot(`
    "start,end,language,text
    0.123,12.123,English,"He said ""no"", <i>twice</i> & left --> gone."
    20.123,32.123,English,"Then, after a while, she came back; nobody who was there could say when it had been or why"
    40.123,42.431,Chinese,"it mattered."
    42.431,52.123,Chinese,"今天天气很好，我们去公园散步吧。"
    "
  `);
  expect(snapshots("lrc").at(-1)).toMatchInlineSnapshot(`
    "[by:qwen-asr 1.2.3]
    [length:01:15]
    [00:00.12]He said "no", <i>twice</i> & left --> gone.
    [00:12.12]
    [00:20.12]Then, after a while, she came back; nobody who was there could say when it had been
    [00:31.25]or why
    [00:32.12]
    [00:40.12]it mattered.
    [00:42.43]今天天气很好，我们去公园散步吧。
    [00:52.12]
    "
  `);
  expect(snapshots("text").at(-1)).toBe(`${texts.join("")}\n`);
  const [first, second, third] = texts.map((text) => text.trim());
  // The second pause is within a sentence: it has to be longer.
  expect(snapshots("text", { paragraphMs: 5000 }).at(-1)).toBe(`${first}\n\n${second} ${third}\n`);
  expect(snapshots("text", { paragraphMs: 2000 }).at(-1)).toBe(`${first}\n\n${second}\n\n${third}\n`);
  expect(snapshots("text", { paragraphMs: 9000 }).at(-1)).toBe(`${texts.join("")}\n`);
});

test("text with times: a line per sentence", () => {
  const timed = snapshots("text", { timestamps: true });
  expect(timed[0]).toBe("");
  const [first, second, third] = texts.map((text) => text.trim().replaceAll("\t", " "));
  expect(timed.at(-1)!.split("\n")).toEqual([
    `[00:00:00.123 --> 00:00:12.123] ${first}`,
    `[00:00:20.123 --> 00:00:32.123] ${second}`,
    "[00:00:40.123 --> 00:00:42.431] it mattered.",
    `[00:00:42.431 --> 00:00:52.123] ${third!.slice("it mattered. ".length)}`,
    "",
  ]);
});

test("vtt-words and ass: whole at every moment, with the time of every word", () => {
  for (const [index, text] of snapshots("vtt-words").entries()) {
    const { cues, faults } = parseSubtitles(text)!;
    expect(faults).toEqual([]);
    expect(bare(cues.flatMap(({ lines }) => lines).join("").replaceAll("&lt;", "<").replaceAll("&amp;", "&"))).toBe(
      said(Math.min(index, 3)).replace("-->", "->"),
    );
    for (const block of text.split("\n\n").slice(1)) {
      const times = block.match(/\d\d:\d\d:\d\d\.\d{3}/g) ?? [];
      const [start, end, ...own] = times;
      const rising = [start, ...own, end];
      expect(rising).toEqual([...new Set(rising)].toSorted());
    }
  }
  const ass = snapshots("ass");
  for (const [index, text] of ass.entries()) {
    const shown = text.split("\n").filter((line) => line.startsWith("Dialogue")).map((line) => {
      const [, start, end, ...rest] = line.split(",");
      const hundredths = (time: string) =>
        time.split(/[:.]/).reduce((sum, part, at) => sum * [1, 60, 60, 100][at]! + Number(part), 0);
      const durations = [...line.matchAll(/\{\\k(\d+)\}/g)].map(([, duration]) => Number(duration));
      const sum = durations.reduce((total, each) => total + each, 0);
      expect(sum).toBe(hundredths(end!) - hundredths(start!));
      return rest.slice(6).join(",").replace(/\{\\k\d+\}|\\N/g, "");
    });
    expect(bare(shown.join(""))).toBe(said(Math.min(index, 3)));
  }
  const writer = createWriter("ass", options);
  const escaped = writer.add({ startMs: 0, endMs: 900, text: "{a} b\\c", language: "" }) + writer.rest(true);
  expect(escaped).toMatch(/\{\\k\d+\}\\\{a\\\}\{\\k\d+\} b\\\u2060c\n$/u);
});

test("a row of a table is a sentence, wherever segments end; lines of a given text stay apart", () => {
  const word = (text: string, startMs: number, more = {}) => ({ text, startMs, endMs: startMs + 400, ...more });
  const rows = (...given: TimedSegment["words"][]) => {
    const writer = createWriter("tsv", options);
    const text = given.map((words = []) =>
      writer.add({
        ...{ startMs: words[0]!.startMs, endMs: words.at(-1)!.endMs, language: "", words },
        text: words.map((each) => each.text).join(""),
      })
    ).join("") + writer.rest(true);
    return text.trimEnd().split("\n").slice(1).map((line) => line.replaceAll("\t", " "));
  };
  const heard = { logprob: -1 };
  const sentence = ["One", " two", " three.", " Four"].map((text, index) => word(text, index * 500, heard));
  expect(rows(sentence)).toEqual(["0 1400 One two three.", "1500 1900 Four"]);
  expect(rows(sentence.slice(0, 2), sentence.slice(2))).toEqual(["0 1400 One two three.", "1500 1900 Four"]);
  expect(rows(sentence.slice(0, 2), [word(" late", 9000, heard)])).toEqual(["0 900 One two", "9000 9400 late"]);
  expect(rows([word("A", 0)], [word(" b", 500)], [word(" ...", 900, { flag: "spread" })])).toEqual([
    "0 400 A",
    "500 900 b",
    "900 1300 ...",
  ]);
  expect(rows([word("\u4f60\u597d\u3002", 0, heard), word("\u518d\u89c1\u3002", 500, heard)]).length).toBe(2);
});

test("segments without words share out their time", () => {
  for (const format of formatNames.filter((format) => format !== "rttm")) { // It has no text.
    const writer = createWriter(format, options);
    const text = writer.add({ startMs: 0, endMs: 2000, text: "Hello there.", language: "" }) + writer.rest(true);
    expect(text.replace(/<[\d:.]+>|\{\\k\d+\}/g, "")).toContain("Hello there.");
  }
});

test("names of files", () => {
  const place = (path: string, formats: Format[], isFolder = false, isSpecial = false): OutputPlace => ({
    ...{ path, formats, isFolder, isSpecial },
  });
  const paths = (...args: Parameters<typeof outputPaths>) =>
    outputPaths(...args).map((recording) => recording.map(({ path }) => path).join(" ")).join(", ");
  expect(paths(place("name", ["srt", "json"]), ["a/talk.wav"])).toBe("name.srt name.json");
  expect(paths(place("name", ["srt"]), ["talk.wav"])).toBe("name.srt");
  expect(paths(place("v1.2", ["srt"]), ["talk.wav"])).toBe("v1.2.srt");
  expect(paths(place("name.SRT", ["srt", "vtt"]), ["talk.wav"])).toBe("name.srt name.vtt");
  expect(paths(place("name.vtt", ["vtt-words"]), ["talk.wav"])).toBe("name.vtt");
  expect(paths(place("name", ["vtt", "vtt-words", "ass"]), ["talk.wav"])).toBe("name.vtt name.words.vtt name.ass");
  expect(paths(place("name.txt", ["srt"]), ["talk.wav"])).toBe("name.txt.srt");
  for (const [name, formats] of [["x.vtt", ["srt"]], ["x.json", ["jsonl"]], ["x.csv", ["srt", "json"]]] as const) {
    expect(() => paths(place(name, [...formats]), ["talk.wav"])).toThrow(`and -f says ${formats.join()}`);
  }
  expect(paths(place("x.vtt", ["vtt-words"]), ["talk.wav"])).toBe("x.vtt");
  expect(paths(place("name", ["text"]), ["talk.wav"])).toBe("name");
  expect(paths(place("name", ["text", "jsonl"]), ["a.wav", "b.wav"])).toBe("name.txt name.jsonl, name.txt name.jsonl");
  expect(paths(place("/dev/fd/3", ["srt"], false, true), ["a.wav"])).toBe("/dev/fd/3");
  expect(paths(place("out/", ["text", "srt"], true), ["a/x.y.wav", "-", ".hidden"])).toBe(
    "out/x.y.txt out/x.y.srt, out/stdin.txt out/stdin.srt, out/.hidden.txt out/.hidden.srt",
  );
  expect(paths(place("out/", ["srt"], true), ["1.1 Lesson", "Lesson 1.1", "Mr. Smith", "v2.0.wav"])).toBe(
    "out/1.1 Lesson.srt, out/Lesson 1.1.srt, out/Mr. Smith.srt, out/v2.0.srt",
  );
  expect(paths(place("1.1 Lesson", ["srt"]), ["a.wav"])).toBe("1.1 Lesson.srt");
  expect(["talk.srt", "1.1 Lesson", "a.b/talk", "Lesson 1.1", ".hidden"].map(partName)).toEqual(
    ["talk.part.srt", "1.1 Lesson.part", "a.b/talk.part", "Lesson 1.1.part", ".hidden.part"],
  );
  for (const device of ["/dev/null", "/dev/fd/3", "a.fifo", "/dev/tty"]) {
    expect(() => paths(place(device, ["srt", "json"], false, true), ["a.wav"])).toThrow(
      `-o ${device} is no file: it takes one format, got srt,json`,
    );
  }
  expect(() => paths(place("out", ["srt"], true), ["talk.wav", "talk.part.wav"])).toThrow(
    "talk.wav and talk.part.wav would both be written to out/talk.part.srt",
  );
  expect(() => paths(place("name", ["srt"]), ["a.wav", "b.wav"])).toThrow("-f srt takes one input per file, got 2");
  expect(() => paths(place("out", ["srt"], true), ["a/x.wav", "b/x.mp3"])).toThrow(
    "a/x.wav and b/x.mp3 would both be written to out/x.srt",
  );
});

test("pictures: speech, silence, words where they begin", () => {
  const samples = new Float32Array(8 * 16_000);
  for (let i = 2 * 16_000; i < 5 * 16_000; i++) samples[i] = Math.sin(i / 5) * 0.5;
  const { speech } = atOnce(EnergyMap.of(samplesInMemory(samples).levels, samples.length));
  const words = [{ text: "One", startMs: 2000, endMs: 2500 }, { text: " <&>", startMs: 4000, endMs: 4500 }];
  expect(terminalPicture({ samples, speech, startMs: 0, words, cues: [] })).toMatchInlineSnapshot(`
    "    0:00.0                                 ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
                                               ────────────────────────────────
                                               One
        0:04.0 ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
               ────────────────────
               <&>
    8.0 s, 3.3 s of speech in 1 part
    "
  `);
  const many = Array.from({ length: 40 }, (_, index) => {
    return { text: ` word${index}`, startMs: index * 190, endMs: index * 190 + 150 };
  });
  for (const columns of [30, 40, 75, 80]) {
    const lines = terminalPicture({ samples, speech, startMs: 0, words: many, cues: [] }, columns).trimEnd().split(
      "\n",
    );
    expect(Math.max(...lines.slice(0, -1).map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect([...(lines.join(" ").match(/word\d+/g) ?? [])]).toEqual(many.map(({ text }) => text.trim()));
  }
  const svg = svgPicture({ samples, speech, startMs: 0, words, cues: [{ startMs: 1000, endMs: 3000 }] }, "a & b.wav");
  expect(svg).toContain(">One<title>0:02.0 - 0:02.5</title></text>");
  expect(svg).toContain(">&lt;&amp;&gt;<");
  expect(svg).toMatch(/<rect x="1[78]\d\.\d" y="117" width="1[789]\d\.\d" height="56"/); // From 2 s, 3 s long.
  expect(svg).toContain('<rect x="120.0" y="193" width="119.0" height="8" fill="#cfe8cf"/>'); // The cue.
  const crowded = svgPicture(
    { samples, speech, startMs: 0, words: many.map((word) => ({ ...word, logprob: -1 })), cues: [] },
    "x",
  );
  const ends = new Map<string, number>();
  for (const [, x, y, text] of crowded.matchAll(/<text x="([\d.]+)" y="(\d+)" fill="#c00">(word\d+)</g)) {
    expect(Number(x)).toBeGreaterThanOrEqual(ends.get(y!) ?? 0); // No label lies on another.
    ends.set(y!, Number(x) + text!.length * 7);
  }
  expect(ends.size).toBeGreaterThan(1);
  expect(terminalPicture({ samples: new Float32Array(0), speech: [], startMs: 0, words: [], cues: [] })).toContain(
    "0.0 s, 0.0 s of speech in 0 parts",
  );
});

test("a cue ends before another's turn begins, and where both speak at once, with its own last word", () => {
  const said = (speaker: string, text: string, startMs: number, endMs: number): TimedSegment => ({
    ...{ speaker, text, startMs, endMs, language: "English" },
    words: [{ text, startMs, endMs, speaker, logprob: -1 }],
  });
  const times = (...segments: TimedSegment[]) => {
    return cuesOf(segments, defaultRules).map(({ startMs, endMs }) => [startMs, endMs]);
  };
  const [short, next] = [said("a", "Why should I do this for him?", 0, 400), said("b", "Well.", 1000, 2000)];
  const gapMs = defaultRules.gapMsMin;
  expect(times(short)[0]![1]).toBeGreaterThan(1000); // It is shown for longer than it is said, if nothing follows.
  expect(times(short, next)[0]).toEqual([0, 1000 - gapMs]);
  expect(times(short, { ...next, isCue: true })[0]).toEqual([0, 1000 - gapMs]);
  expect(times(said("a", "Why should I do this for him?", 0, 1500), next)[0]).toEqual([0, 1500]);
  expect(times(said("a", "Why should I do this for him?", 0, 1000), next)[0]).toEqual([0, 1000 - gapMs]);
});

test("turns: text has a line each, other formats the name where one begins, and none has two speakers at once", () => {
  const turn = (speaker: string, text: string, startMs: number): TimedSegment => ({
    ...{ speaker, text, startMs, endMs: startMs + 900, language: "English" },
    words: [{ text, startMs, endMs: startMs + 900, speaker, logprob: -1 }],
  });
  const segments = [turn("left", "Hello,", 0), turn("right", " yes", 1000), turn("right", " well.", 2000)];
  const write = (format: Format, timestamps = false) => {
    const writer = createWriter(format, { ...options, timestamps });
    return segments.map((segment) => writer.add(segment)).join("") + writer.rest(true);
  };
  expect(write("text")).toBe("left: Hello,\nright: yes well.\n");
  expect(write("srt")).toContain("\nleft: Hello,\n");
  expect(write("srt")).toContain("\nright: yes well.\n");
  expect(write("vtt")).toContain("\n<v right>yes well.\n");
  expect(write("vtt-words")).toContain("\n<v left>Hello,\n");
  expect(write("rttm").split("\n")).toEqual([
    "SPEAKER talk 1 0.000 0.900 <NA> <NA> left <NA> <NA>",
    "SPEAKER talk 1 1.000 1.900 <NA> <NA> right <NA> <NA>",
    "",
  ]);
  const heard = [{ speaker: "left", startMs: 0, endMs: 1500 }, { speaker: "right", startMs: 1200, endMs: 2900 }];
  expect(createWriter("rttm", options).rest(true, { turns: heard }).split("\n").slice(0, -1)).toEqual([
    "SPEAKER talk 1 0.000 1.500 <NA> <NA> left <NA> <NA>",
    "SPEAKER talk 1 1.200 1.700 <NA> <NA> right <NA> <NA>",
  ]);
  const twin = { ...options, table: { hasHeader: true, isTwin: true } };
  expect(
    createWriter("rttm", { ...twin, head: { ...options.head, source: { name: "b/my talk.wav", durationMs: 1 } } })
      .rest(true, { turns: heard }),
  ).toStartWith("SPEAKER b/my_talk 1 0.000 ");
  const hostile = createWriter("vtt", options);
  expect(hostile.add(turn("a>\n<b --> &", "Hi.", 0)) + hostile.rest(true)).toContain(
    "\n<v a&gt; &lt;b -&gt; &amp;>Hi.\n",
  );
  expect(write("tsv").split("\n").slice(1)).toEqual(["0\t900\tleft: Hello,", "1000\t2900\tright: yes well.", ""]);
  expect(write("text", true).split("\n").map((line) => line.slice(32))).toEqual([
    "left: Hello,",
    "right: yes well.",
    "",
  ]);
  expect(write("lrc")).toContain("]left: Hello,\n");
});

test("who speaks: a column at the end of tables; without labels, turns and no names", () => {
  const turn = (speaker: string | undefined, text: string, startMs: number): TimedSegment => ({
    ...{ text, startMs, endMs: startMs + 900, language: "English", ...(speaker !== undefined && { speaker }) },
    words: [{ text, startMs, endMs: startMs + 900, logprob: -1 }],
  });
  const segments = [turn("Ann, A.", "Hello,", 0), turn("ben", " yes.", 1000), turn(undefined, " Hm.", 5000)];
  const write = (format: Format, more: Partial<WriterOptions>) => {
    const writer = createWriter(format, { ...options, ...more });
    return segments.map((segment) => writer.add(segment)).join("") + writer.rest(true);
  };
  const asked = { ...options.head, options: { speakers: "auto" } };
  const csv = [
    ...[
      "start,end,language,text,speaker",
      '0.000,0.900,English,"Hello,","Ann, A."',
      '1.000,1.900,English,"yes.","ben"',
    ],
    ...['5.000,5.900,English,"Hm.",""', ""],
  ];
  expect(write("csv", { head: asked }).split("\r\n")).toEqual(csv);
  expect(write("csv", { hasSpeakers: true }).split("\r\n")).toEqual(csv);
  expect(write("csv", { head: asked, table: { hasHeader: false } })).toContain(",text,file,logprob,speaker\r\n");
  expect(write("tsv", { hasSpeakers: true }).split("\n").slice(0, 2)).toEqual([
    ...["start\tend\ttext\tspeaker", "0\t900\tHello,\tAnn, A."],
  ]);
  const nobody = createWriter("tsv", { ...options, speakerLabels: "on" });
  expect(nobody.add(turn(undefined, "Hm.", 0)) + nobody.rest(true)).toBe("start\tend\ttext\tspeaker\n0\t900\tHm.\t\n");
  for (const format of formatNames) {
    const text = write(format, { head: asked, speakerLabels: "off" });
    const isData = ["json", "jsonl", "rttm"].includes(format);
    expect({ format, isNamed: /Ann|ben/.test(text) }).toEqual({ format, isNamed: isData });
  }
  expect(write("ass", { head: asked })).toContain(",Default,Ann A.,0,0,0,,{\\k92}Ann, A.: Hello,\n");
  expect(write("text", { speakerLabels: "off" })).toBe("Hello,\nyes. Hm.\n");
  expect(write("srt", { speakerLabels: "off" })).toContain("\nHello,\n\n2\n");
});

test("for a spreadsheet, what looks like a formula has an apostrophe before it, in texts and names", () => {
  const starts = ["=1+1.", "+49.", "-5.", "@x.", "\uff1d1.", "'a.", "1=1.", "Plain."];
  const segments = starts.map((text, index) =>
    unalignedSegment({ text, language: "English", tokens: [] }, [{ startMs: index * 9000, endMs: index * 9000 + 900 }])
  );
  const table = { hasHeader: true };
  const head = { ...options.head, source: { name: "=cmd.wav", durationMs: 1 } };
  const cells = (format: Format, forSpreadsheet: boolean, column: number) => {
    const writer = createWriter(format, { ...options, head, table, forSpreadsheet });
    const text = segments.map((segment) => writer.add(segment)).join("") + writer.rest(true);
    return text.trimEnd().split(/\r?\n/).map((line) => line.split(format === "csv" ? "," : "\t")[column]);
  };
  const safe = ["'=1+1.", "'+49.", "'-5.", "'@x.", "'\uff1d1.", "'a.", "1=1.", "Plain."];
  expect(cells("tsv", true, 2)).toEqual(safe);
  expect(cells("csv", true, 3)).toEqual(safe.map((text) => `"${text}"`));
  expect(cells("csv", true, 4)[0]).toBe(`"'=cmd.wav"`);
  expect(cells("tsv", true, 3)[0]).toBe("'=cmd.wav");
  expect(cells("tsv", false, 2)).toEqual(starts);
  expect(cells("csv", false, 4)[0]).toBe('"=cmd.wav"');
});
