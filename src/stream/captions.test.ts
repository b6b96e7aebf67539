/** Tests of what a stream writes in each format. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { cuesOf, streamFormats, streamWriter } from "./captions.ts";
import type { TextEvent } from "./text.ts";

const place = { id: 1, language: "English", startMs: 1000, endMs: 3000 };
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
    const writer = streamWriter(format);
    return writer.header + events.map((event) => writer.write(event)).join("");
  });
  expect(written[0]).toBe("Hello world. Good <bye>.");
  expect(written[1]!.trimEnd().split("\n").map((line) => JSON.parse(line).type))
    .toEqual(["partial", "commit", "final", "commit", "final"]);
  expect(written[1]!.split("\n")[1]).toBe(
    '{"type":"commit","id":1,"start_ms":1000,"end_ms":3000,"language":"English","text":"Hello world."}',
  );
  expect(written[2]).toBe(
    "1\n00:00:01,000 --> 00:00:03,000\nHello world.\n\n2\n00:00:04,000 --> 00:00:05,000\nGood <bye>.\n\n",
  );
  expect(written[3]).toBe(
    "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nHello world.\n\n00:00:04.000 --> 00:00:05.000\nGood &lt;bye>.\n\n",
  );
});

test("long texts become cues of two lines of 42 columns, with nothing lost", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "é"), minLength: 1, maxLength: 14 });
  const chinese = fc.string({ unit: fc.constantFrom("好", "世", "界", "。"), minLength: 1, maxLength: 90 });
  const texts = fc.oneof(fc.array(word, { minLength: 1, maxLength: 60 }).map((words) => words.join(" ")), chinese);
  fc.assert(
    fc.property(texts, (text) => {
      const cues = cuesOf({ ...place, text });
      const separator = /[a-zé]/.test(text) ? " " : "";
      expect(cues.flatMap(({ lines }) => lines).join(separator)).toBe(text);
      let end = place.startMs;
      for (const { startMs, endMs, lines } of cues) {
        expect(lines.length).toBeWithin(1, 3);
        const wide = separator === "" ? 2 : 1;
        for (const line of lines) expect(line.length * wide).toBeLessThanOrEqual(44); // A mark may hang over.
        expect(startMs).toBe(end);
        expect(endMs).toBeGreaterThan(startMs);
        end = endMs;
      }
      expect(end).toBe(place.endMs);
    }),
  );
});

test("no text, no cue", () => {
  expect(cuesOf({ ...place, text: "" })).toEqual([]);
});
