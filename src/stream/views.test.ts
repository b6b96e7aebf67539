/** Tests of a stream's text as it is written: what is final never changes, and is what the views make of it. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { defaultRules } from "../subtitles/rules.ts";
import { asSpoken, TextView, type ViewOptions } from "../views/view.ts";
import { streamWriter } from "./captions.ts";
import type { TextEvent } from "./text.ts";
import { StreamViews } from "./views.ts";

const open = async (options: Partial<ViewOptions>) => (await TextView.open({ ...asSpoken, ...options }))!;
const views = {
  itn: await open({ itn: "on" }),
  script: await open({ script: "tw" }),
  both: await open({ itn: "on", script: "twp", cjkSpace: "add" }),
};

/** An utterance: its commits, each a second later, with what is partial behind it; and its end. */
function utterance(id: number, language: string, ...commits: string[]): TextEvent[] {
  const startMs = id * 100_000;
  const place = (index: number) => ({
    id,
    language,
    startMs: startMs + index * 1000,
    endMs: startMs + (index + 1) * 1000,
  });
  return [
    ...commits.map((text, index): TextEvent => ({ kind: "commit", ...place(index), text })),
    { kind: "final", id, language, startMs, endMs: startMs + commits.length * 1000, text: commits.join("").trim() },
  ];
}

function shown(view: TextView, events: readonly TextEvent[]): string[] {
  const writer = new StreamViews(view);
  return events.flatMap((event) => writer.push(event)).map((event) =>
    event.kind === "language" ? event.name : `${event.kind}:${event.text}`
  );
}

test("an open number waits until it is closed, and is partial until then", () => {
  expect(shown(views.itn, utterance(1, "Chinese", "我们今天有三十", "五个学生来上课", "了。"))).toEqual([
    "commit:我们",
    "partial:今天有30",
    "commit:今天有35个学生",
    "partial:来上课",
    "commit:来上课了。",
    "final:我们今天有35个学生来上课了。",
  ]);
  expect(shown(views.itn, utterance(1, "English", "We", " have twenty", " five"))).toEqual([
    "partial:We",
    "partial:We have 20",
    "partial:We have 25",
    "commit:We have 25",
    "final:We have 25",
  ]);
});

test("a clause of Chinese waits until its end where the script is changed; other languages do not", () => {
  expect(shown(views.script, utterance(1, "Chinese", "我的头", "发很长，真的"))).toEqual([
    "partial:我的頭",
    "commit:我的頭髮很長，",
    "partial:真的",
    "commit:真的",
    "final:我的頭髮很長，真的",
  ]);
  expect(shown(views.script, utterance(1, "English", "My", " hair"))).toEqual([
    "commit:My",
    "commit: hair",
    "final:My hair",
  ]);
});

test("jsonl says what was spoken; cues have the times of the spoken words", () => {
  const events = utterance(1, "Chinese", "有三十五个", "软件。");
  const options = { file: "a", rules: defaultRules, paragraphMs: 0, runsOn: false, cuePunctuation: "light" as const };
  const written = (format: "jsonl" | "srt") => {
    const [writer, stream] = [streamWriter(format, options), new StreamViews(views.both)];
    return events.flatMap((event) => stream.push(event)).map((event) => writer.write(event)).join("");
  };
  const lines = written("jsonl").trim().split("\n").map((line) => JSON.parse(line));
  expect(lines.at(-1)).toEqual({
    ...{ type: "final", file: "a", id: 1, start_ms: 100_000, end_ms: 102_000, language: "Chinese" },
    ...{ text: "有 35 個軟體。", spoken: "有三十五个软件。" },
  });
  expect(written("srt")).toBe("1\n00:01:40,000 --> 00:01:42,000\n有 35 個軟體\n\n");
});

test("all commits are what was said, written; finals are their commits; times stay in order", () => {
  const part = fc.string({
    unit: fc.constantFrom(..."我有三十五个软件头发，。", " twenty", " five", " cats", " a", "."),
    maxLength: 6,
  });
  const talk = fc.array(
    fc.tuple(fc.constantFrom("Chinese", "English", ""), fc.array(part, { minLength: 1, maxLength: 5 })),
    { minLength: 1, maxLength: 3 },
  );
  fc.assert(
    fc.property(talk, fc.constantFrom(...Object.values(views)), (utterances, view) => {
      const stream = new StreamViews(view);
      for (const [index, [language, commits]] of utterances.entries()) {
        const texts = commits.filter((text) => text !== "");
        if (texts.length === 0) continue;
        const events = utterance(index + 1, language, ...texts).flatMap((event) => stream.push(event));
        const done = events.filter((event) => event.kind === "commit");
        const final = events.at(-1)!;
        expect(done.map((event) => event.spoken ?? event.text).join("")).toBe(texts.join(""));
        if (final.kind !== "final") throw new Error("an utterance ends");
        expect(final.text).toBe(done.map(({ text }) => text).join("").trim());
        expect(final.spoken ?? final.text).toBe(texts.join("").trim());
        const times = done.flatMap(({ startMs, endMs }) => [startMs, endMs]);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        if (texts.join("").trim() !== "") expect(final.text).not.toBe("");
      }
    }),
    { numRuns: 500 },
  );
});
