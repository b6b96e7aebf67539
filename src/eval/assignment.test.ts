import { expect, test } from "bun:test";
import { bestPairs } from "./assignment.ts";
import { seededRandom } from "../../tests/support/random.ts";

test("as good as the best of all pairings, for random values of all small shapes", () => {
  const { random } = seededRandom(7);
  for (let round = 0; round < 300; round++) {
    const [rows, columns] = [1 + random(5), 1 + random(5)];
    const values = Array.from({ length: rows }, () => Array.from({ length: columns }, () => random(50) - 20));
    const pairs = bestPairs(values);
    const used = pairs.filter((column) => column >= 0);
    expect(new Set(used).size).toBe(used.length);
    expect(used.length).toBe(Math.min(rows, columns));
    expect(sumOf(values, pairs)).toBe(best(values));
  }
});

test("no rows, no columns", () => {
  expect(bestPairs([])).toEqual([]);
  expect(bestPairs([[], []])).toEqual([-1, -1]);
});

function sumOf(values: readonly (readonly number[])[], pairs: readonly number[]): number {
  return pairs.reduce((sum, column, row) => sum + (column < 0 ? 0 : values[row]![column]!), 0);
}

/** By trying everything. */
function best(values: readonly (readonly number[])[]): number {
  const pairs = Math.min(values.length, values[0]!.length);
  const tryRow = (row: number, used: readonly number[]): number => {
    if (row === values.length) return used.length === pairs ? 0 : -Infinity;
    const skipped = tryRow(row + 1, used);
    const taken = values[row]!.map((value, column) => {
      return used.includes(column) ? -Infinity : value + tryRow(row + 1, [...used, column]);
    });
    return Math.max(skipped, ...taken);
  };
  return tryRow(0, []);
}
