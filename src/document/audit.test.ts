/** Tests of the audit: which speech without text is a gap, and where. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Span } from "../units.ts";
import { auditLine, auditOf, auditOfSides, type Coverage, covered, nothingCovered } from "./audit.ts";

const rate = 16_000;
const span = (from: number, to: number): Span => ({ start: from * rate, end: to * rate });

/** Parts as [from, to, has text], in seconds; decoded as a whole, or `ranges` of it. */
function audit(speech: readonly Span[], parts: readonly [number, number, boolean, Span[]?][], startSec = 0) {
  const coverage = parts.reduce(
    (before: Coverage, [from, to, hasText, ranges]) =>
      covered(structuredClone(before), speech, { span: span(from, to), ranges: ranges ?? [span(from, to)], hasText }),
    nothingCovered,
  );
  const { gaps, speechSec, saidSec } = auditOf(coverage, startSec);
  return { gaps: gaps.map(({ startMs, endMs }) => [startMs / 1000, endMs / 1000]), speechSec, saidSec };
}

test("a part without text is a gap where somebody speaks in it", () => {
  const speech = [span(1, 4), span(12, 18), span(21, 29)];
  const parts = [[0, 10, true], [10, 20, false], [20, 30, true]] as const;
  expect(audit(speech, [...parts] as [number, number, boolean][])).toEqual({
    ...{ gaps: [[12, 18]], speechSec: 17, saidSec: 11 },
  });
  expect(audit(speech, [...parts] as [number, number, boolean][], 60).gaps).toEqual([[72, 78]]);
});

test("pauses do not part a gap, text and silence do", () => {
  const words = [span(0, 0.6), span(1, 1.6), span(3, 3.6), span(8, 9.5), span(10.5, 11), span(11.5, 12)];
  expect(audit(words, [[0, 14, false]]).gaps).toEqual([[0, 3.6], [8, 12]]);
  expect(audit(words, [[0, 9, false], [9, 10, true], [10, 14, false]]).gaps).toEqual([[0, 3.6], [8, 9], [10.5, 12]]);
});

test("less than a second of speech is none", () => {
  expect(audit([span(1, 1.9), span(9, 9.9)], [[0, 10, false]]).gaps).toEqual([]);
  expect(audit([span(1, 1.9), span(2.2, 2.4)], [[0, 10, false]]).gaps).toEqual([[1, 2.4]]);
  expect(audit([span(9.2, 10.8)], [[0, 10, false], [10, 20, false]]).gaps).toEqual([[9.2, 10.8]]);
  expect(audit([span(9.2, 10.8)], [[0, 10, false], [10, 20, true]]).gaps).toEqual([]);
});

test("speech that was not decoded is one, beside text too", () => {
  const parts: [number, number, boolean, Span[]][] = [[0, 10, true, [span(0, 3), span(6, 10)]]];
  expect(audit([span(1, 9)], parts)).toEqual({ gaps: [[3, 6]], speechSec: 8, saidSec: 5 });
});

test("however a recording is cut, the sums and what has no text stay", () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 59 }), { maxLength: 8 });
  const stretches = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(cuts, stretches, fc.boolean(), (at, ends, hasText) => {
      const sorted = ends.toSorted((a, b) => a - b);
      const speech = sorted.flatMap((from, i) =>
        i % 2 === 0 && i + 1 < sorted.length ? [span(from, sorted[i + 1]!)] : []
      );
      const places = [0, ...at.toSorted((a, b) => a - b), 60];
      const parts = places.slice(1).map((to, i): [number, number, boolean] => [places[i]!, to, hasText]);
      expect(audit(speech, parts)).toEqual(audit(speech, [[0, 60, hasText]]));
      if (hasText) expect(audit(speech, parts).gaps).toEqual([]);
    }),
    { numRuns: 50 },
  );
});

test("the line names the first places; sides are named", () => {
  const gap = (startMs: number) => ({ startMs, endMs: startMs + 1500 });
  expect(auditLine({ gaps: [], speechSec: 8, saidSec: 8 })).toBe(
    "no speech without text (8.0 s of speech, 8.0 s with text)",
  );
  const left = { gaps: [gap(4000)], speechSec: 8, saidSec: 6.5 };
  expect(auditLine(left)).toBe("speech without text: 4.0 to 5.5 s (8.0 s of speech, 6.5 s with text)");
  const right = { gaps: Array.from({ length: 6 }, (_, i) => gap(i * 10_000)), speechSec: 20, saidSec: 11 };
  const both = auditOfSides([left, right], ["left", "right"]);
  expect(both.gaps.slice(0, 2)).toEqual([{ ...gap(0), speaker: "right" }, { ...gap(4000), speaker: "left" }]);
  expect(auditLine(both)).toBe(
    "speech without text: right 0.0 to 1.5 s, left 4.0 to 5.5 s, right 10.0 to 11.5 s, right 20.0 to 21.5 s, " +
      "right 30.0 to 31.5 s and 2 more (28.0 s of speech, 17.5 s with text)",
  );
});
