import { expect, test } from "bun:test";
import { editCounts, numbered } from "./distance.ts";
import { seededRandom } from "../../tests/support/random.ts";

const counts = (reference: string, hypothesis: string) => {
  const [a, b] = numbered([...reference], [...hypothesis]);
  return editCounts(a!, b!);
};
const errors = (a: Int32Array, b: Int32Array) => {
  const { substitutions, deletions, insertions } = editCounts(a, b);
  return substitutions + deletions + insertions;
};

/** The textbook's table. */
function plainDistance(a: Int32Array, b: Int32Array): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1), row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

function sequence(next: (below: number) => number, length: number, symbols: number): Int32Array {
  return Int32Array.from({ length }, () => next(symbols));
}

/** With about `share` percent of the symbols replaced, dropped or doubled. */
function changed(next: (below: number) => number, of: Int32Array, share: number, symbols: number): Int32Array {
  return Int32Array.from([...of].flatMap((symbol) => {
    if (next(100) >= share) return [symbol];
    return [[next(symbols)], [], [symbol, next(symbols)]][next(3)]!;
  }));
}

test("known cases", () => {
  expect(counts("", "")).toEqual({ substitutions: 0, deletions: 0, insertions: 0 });
  expect(counts("kitten", "sitting")).toEqual({ substitutions: 2, deletions: 0, insertions: 1 });
  expect(counts("abc", "")).toEqual({ substitutions: 0, deletions: 3, insertions: 0 });
  expect(counts("", "abc")).toEqual({ substitutions: 0, deletions: 0, insertions: 3 });
  expect(counts("abcd", "acd")).toEqual({ substitutions: 0, deletions: 1, insertions: 0 });
  expect(counts("ab", "ba")).toEqual({ substitutions: 2, deletions: 0, insertions: 0 });
});

test("as the textbook counts, at every length around 32 and above", () => {
  const { random: next } = seededRandom(7);
  for (const length of [1, 2, 31, 32, 33, 63, 64, 65, 90, 127, 128, 129, 300]) {
    for (const symbols of [2, 4, 50]) {
      const a = sequence(next, length, symbols);
      for (const b of [sequence(next, next(2 * length + 2), symbols), changed(next, a, 20, symbols)]) {
        expect(errors(a, b)).toBe(plainDistance(a, b));
      }
    }
  }
});

test("symmetric, zero for equals alone, and no longer by a detour", () => {
  const { random: next } = seededRandom(3);
  for (let round = 0; round < 30; round++) {
    const [a, b, c] = [1, 2, 3].map(() => sequence(next, next(140), 3)) as [Int32Array, Int32Array, Int32Array];
    expect(errors(a, b)).toBe(errors(b, a));
    expect(errors(a, a)).toBe(0);
    expect(errors(a, b) === 0).toBe(a.join() === b.join());
    expect(errors(a, c)).toBeLessThanOrEqual(errors(a, b) + errors(b, c));
    expect(errors(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
    expect(errors(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
  }
});

test("half of it missing, long insertions, and changes at one end", () => {
  const { random: next } = seededRandom(19);
  const a = sequence(next, 900, 40);
  const extra = sequence(next, 400, 40);
  for (const b of [a.slice(450), a.slice(0, 300), Int32Array.of(...a.slice(0, 500), ...extra, ...a.slice(500))]) {
    expect(errors(a, b)).toBe(Math.abs(a.length - b.length));
    const other = changed(next, a, 30, 40);
    expect(errors(other, b)).toBe(plainDistance(other, b));
  }
});

test("thirty thousand words take a moment", () => {
  const { random: next } = seededRandom(11);
  const a = sequence(next, 30_000, 4000);
  const started = process.cpuUsage();
  const few = errors(a, changed(next, a, 15, 4000));
  expect(few).toBeGreaterThan(3000);
  expect(few).toBeLessThan(5000);
  expect(errors(a, a.slice(0, 15_000))).toBe(15_000);
  expect(process.cpuUsage(started).user / 1e6).toBeLessThan(5);
});
