/** Tests of what a stream writes in each format. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { lintSubtitles } from "../subtitles/lint.ts";
import { parseSubtitles } from "../subtitles/parse.ts";
import { defaultRules, type LayoutRules, styles } from "../subtitles/rules.ts";
import { type CaptionOptions, type StreamFormat, streamFormats, streamWriter } from "./captions.ts";
import type { TextEvent } from "./text.ts";

const place = { id: 1, language: "English", startMs: 1000, endMs: 3000 };
const options: CaptionOptions = {
  ...{ file: "a.wav", rules: defaultRules, paragraphMs: 0, runsOn: false, cuePunctuation: "keep" },
};
const bare = (text: string) => text.replace(/\s+/gu, "");
const events: readonly TextEvent[] = [
  { kind: "language", name: "English" },
  { kind: "partial", ...place, text: "Hello wor" },
  { kind: "commit", ...place, text: "Hello world." },
  { kind: "final", ...place, text: "Hello world." },
  { kind: "commit", ...place, id: 2, text: " Good <bye>." },
  { kind: "final", ...place, id: 2, startMs: 4000, endMs: 5000, text: "Good <bye>." },
];

test("each format writes what it is made of, when it is known", () => {
  const written = streamFormats.map((format) => {
    const writer = streamWriter(format, options);
    return writer.header + events.map((event) => writer.write(event)).join("");
  });
  expect(written[0]).toBe("Hello world.\nGood <bye>.\n");
  expect(written[1]!.trimEnd().split("\n").map((line) => JSON.parse(line).type))
    .toEqual(["partial", "commit", "final", "commit", "final"]);
  expect(written[1]!.split("\n")[1]).toBe(
    '{"type":"commit","file":"a.wav","id":1,"start_ms":1000,"end_ms":3000,"language":"English","text":"Hello world."}',
  );
  expect(written[2]).toBe(
    "1\n00:00:01,000 --> 00:00:03,000\nHello world.\n\n2\n00:00:04,000 --> 00:00:05,000\nGood <bye>.\n\n",
  );
  expect(written[3]).toBe(
    "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nHello world.\n\n00:00:04.000 --> 00:00:05.000\nGood &lt;bye>.\n\n",
  );
});

test("where speakers are told apart, text and cues have their turns, when the utterance has ended", () => {
  const turns = [{ speaker: "Ann", startMs: 1000, endMs: 1900 }, { speaker: "Beth", startMs: 2000, endMs: 3000 }];
  const text = "Shall we go? Yes, we go on now.";
  const speech = turns.map(({ startMs, endMs }) => ({ startMs, endMs }));
  const spoken: TextEvent[] = [
    { kind: "commit", ...place, text: "Shall we" },
    { kind: "partial", ...place, text: " go?" },
    { kind: "commit", ...place, text: text.slice(8) },
    { kind: "final", ...place, text, turns, speech },
    { kind: "final", ...place, id: 2, startMs: 4000, endMs: 5000, text: "Who?", turns: [] },
  ];
  const write = (format: StreamFormat) => {
    const writer = streamWriter(format, { ...options, hasSpeakers: true });
    return writer.header + spoken.map((event) => writer.write(event)).join("");
  };
  expect(write("text")).toBe("Ann: Shall we go?\nBeth: Yes, we go on now.\nWho?\n");
  expect(write("srt")).toContain("Ann: Shall we go?\n\n2\n");
  expect(write("vtt")).toContain("<v Ann>Shall we go?\n");
  const finals = write("jsonl").trimEnd().split("\n").map((line) => JSON.parse(line)).slice(-2);
  expect(finals[0]).toMatchObject({ speaker: "Beth", turns: [{ speaker: "Ann", text: "Shall we go?" }, {}] });
  expect([finals[1].speaker, finals[1].turns]).toEqual([undefined, [expect.objectContaining({ text: "Who?" })]]);
  const writer = streamWriter("text", { ...options, hasSpeakers: true });
  const tails = spoken.map((event) => (writer.write(event), writer.tail!(event)));
  expect(tails).toEqual(["Shall we", "Shall we go?", text, undefined, undefined]);
});

describe("text", () => {
  const at = (id: number, text: string, startMs: number, endMs: number) => ({ id, language: "", text, startMs, endMs });
  const said = (id: number, text: string, startMs: number, endMs: number, goesOn = false): TextEvent[] => [
    { kind: "commit", ...at(id, text, startMs, endMs) },
    { kind: "partial", ...at(id, " perhaps", startMs, endMs) },
    { kind: "final", goesOn, ...at(id, text.trim(), startMs, endMs) },
  ];
  const write = (list: readonly TextEvent[], given: Partial<CaptionOptions>) => {
    const writer = streamWriter("text", { ...options, ...given });
    return list.map((event) => writer.write(event)).join("");
  };
  const talk = [
    ...said(1, "One two.", 0, 1000),
    ...said(2, " Three", 3000, 4000), // Two seconds are a pause.
    ...said(3, " four.", 6000, 7000), // Not within a sentence.
    ...said(4, " Five", 15_000, 40_000, true),
    ...said(4, " six.", 40_000, 41_000),
    { kind: "final" as const, ...at(5, "", 42_000, 43_000) }, // What seemed to be said was taken back.
    ...said(6, "\u4f60\u597d\u3002", 50_000, 51_000),
  ];

  test("a line per utterance; one that was too long goes on in its line", () => {
    expect(write(talk, {})).toBe("One two.\nThree\nfour.\nFive six.\n\u4f60\u597d\u3002\n");
  });

  test("what may follow stands where it will stand", () => {
    const tails = (given: Partial<CaptionOptions>) => {
      const writer = streamWriter("text", { ...options, ...given });
      return talk.flatMap((event) => {
        writer.write(event);
        return event.kind === "partial"
          ? [writer.tail!({ ...event, text: "so" }), writer.tail!({ ...event, id: 99, startMs: 1e6, text: "so" })]
          : [];
      }).slice(0, 4);
    };
    expect(tails({})).toEqual(["so", "so", "so", "so"]);
    expect(tails({ runsOn: true })).toEqual(["so", " so", "so", " so"]);
    expect(tails({ paragraphMs: 1500 })).toEqual(["so", "\n\nso", "so", "\n\nso"]);
  });

  test("one line where that is wanted", () => {
    expect(write(talk, { runsOn: true })).toBe("One two. Three four. Five six.\u4f60\u597d\u3002");
  });

  test("paragraphs as those of whole recordings", () => {
    for (const runsOn of [false, true]) {
      expect(write(talk, { paragraphMs: 1500, runsOn })).toBe(
        "One two.\n\nThree four.\n\nFive six.\n\n\u4f60\u597d\u3002",
      );
    }
    expect(write(talk, { paragraphMs: 7500 })).toBe("One two. Three four.\n\nFive six.\n\n\u4f60\u597d\u3002");
    expect(write(talk, { paragraphMs: 60_000 })).toBe("One two. Three four. Five six.\u4f60\u597d\u3002");
  });
});

test("a sentence after a pause within an utterance begins a cue of its own, when it is said", () => {
  const speech = [{ startMs: 1000, endMs: 2000 }, { startMs: 4000, endMs: 5000 }];
  const event = {
    kind: "final" as const,
    ...place,
    startMs: 1000,
    endMs: 5000,
    speech,
    text: "One two three. Four five.",
  };
  const cues = parseSubtitles(streamWriter("srt", options).write(event))!.cues;
  expect(cues.map(({ startMs, lines }) => [startMs, lines.join(" ")])).toEqual([[1000, "One two three."], [
    4000,
    "Four five.",
  ]]);
  const whole = parseSubtitles(streamWriter("srt", options).write({ ...event, speech: [] }))!.cues;
  expect(whole.map(({ startMs }) => startMs)).toEqual([1000]);
});

test("cues obey the rules of their style; no text is lost, none overlaps, all are over with their utterance", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "\u00e9"), minLength: 1, maxLength: 14 });
  const chinese = fc.string({
    unit: fc.constantFrom("\u597d", "\u4e16", "\u754c", "\u3002"),
    minLength: 1,
    maxLength: 90,
  });
  const text = fc.oneof(fc.array(word, { minLength: 1, maxLength: 60 }).map((words) => words.join(" ")), chinese);
  const utterance = fc.record({
    text,
    pauseMs: fc.constantFrom(0, 40, 700),
    lengthMs: fc.integer({ min: 300, max: 30_000 }),
  });
  const rules = fc.constantFrom(defaultRules, { ...styles.netflix, colsMax: 32 }, styles.broadcast, styles.youtube);
  fc.assert(
    fc.property(rules, fc.array(utterance, { minLength: 1, maxLength: 5 }), (rules, utterances) => {
      const writer = streamWriter("srt", { ...options, rules });
      let [endMs, written] = [0, ""];
      for (const [index, { text, pauseMs, lengthMs }] of utterances.entries()) {
        const startMs = endMs + pauseMs;
        endMs = startMs + lengthMs;
        written += writer.write({ kind: "final", id: index + 1, language: "", text, startMs, endMs });
        const { cues } = parseSubtitles(written)!;
        expect(cues.at(-1)!.endMs).toBeLessThanOrEqual(endMs);
      }
      const { cues, faults } = parseSubtitles(written)!;
      expect(faults).toEqual([]);
      expect(bare(cues.flatMap(({ lines }) => lines).join(""))).toBe(bare(utterances.map(({ text }) => text).join("")));
      const broken = lintSubtitles({ format: "srt", faults, cues }, rules).map(({ message }) => message);
      expect(broken.filter((message) => /columns, over|lines, over|s long, over|overlaps|starts after/.test(message)))
        .toEqual([]);
    }),
  );
});

test("--max-cols and --style change what is written", () => {
  const [text, startMs, endMs] = ["The train to Berlin leaves at eight twenty from the other side.", 0, 6000];
  const written = (rules: LayoutRules) =>
    streamWriter("vtt", { ...options, rules }).write({
      kind: "final",
      id: 1,
      language: "English",
      text,
      startMs,
      endMs,
    });
  expect(written({ ...styles.netflix, colsMax: 32 })).toMatchInlineSnapshot(`
    "00:00:00.000 --> 00:00:01.799
    The train to Berlin

    00:00:01.882 --> 00:00:06.000
    leaves at eight twenty
    from the other side.

    "
  `);
  expect(written(defaultRules)).not.toBe(written({ ...styles.netflix, colsMax: 32 }));
});

test("no text, no cue", () => {
  expect(streamWriter("srt", options).write({ kind: "final", ...place, text: "" })).toBe("");
});
