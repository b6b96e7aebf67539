/**
 * Counts what separates two sequences: the substitutions, deletions and insertions of an alignment with the fewest
 * errors. Pure.
 *
 * In: a reference and a hypothesis as numbers, one for each distinct word or character. Time grows with the product of
 * length and errors, 32 cells at a time; memory with the lengths: the reference is halved again and again (Hirschberg),
 * and where the hypothesis is to be cut is found bit-parallel (Myers, in the form of Hyyrö) in a band (Ukkonen).
 */

import { assert } from "../errors.ts";

export type EditCounts = {
  readonly substitutions: number;
  /** In the reference alone. */
  readonly deletions: number;
  /** In the hypothesis alone. */
  readonly insertions: number;
};

/** Tables up to this many cells are filled cell by cell. */
const cellsMax = 2048;
/** The first guess at the errors of two long sequences, besides the difference of their lengths. */
const guess = 64;

/** All symbols are 0 or more. The same two sequences always give the same counts. */
export function editCounts(reference: Int32Array, hypothesis: Int32Array): EditCounts {
  const symbols = Math.max(largest(reference), largest(hypothesis)) + 1;
  const masks = new Int32Array(symbols);
  const counts = { substitutions: 0, deletions: 0, insertions: 0 };
  addCounts(reference, hypothesis, guess + Math.abs(reference.length - hypothesis.length), masks, counts);
  assert(counts.deletions - counts.insertions === reference.length - hypothesis.length, "counts fit the lengths");
  return counts;
}

/** The symbols of several sequences: equal ones get equal numbers. */
export function numbered(...sequences: readonly (readonly string[])[]): Int32Array[] {
  const numbers = new Map<string, number>();
  return sequences.map((symbols) =>
    Int32Array.from(symbols, (symbol) => {
      const known = numbers.get(symbol);
      if (known === undefined) numbers.set(symbol, numbers.size);
      return known ?? numbers.size - 1;
    })
  );
}

function largest(symbols: Int32Array): number {
  return symbols.reduce((most, symbol) => Math.max(most, symbol), 0);
}

type Counts = { -readonly [name in keyof EditCounts]: number };

/** `errors`: how many there are, or a guess. */
function addCounts(
  reference: Int32Array,
  hypothesis: Int32Array,
  errors: number,
  masks: Int32Array,
  counts: Counts,
): void {
  const [a, b] = withoutEnds(reference, hypothesis);
  if (a.length === 0) counts.insertions += b.length;
  else if (b.length === 0) counts.deletions += a.length;
  else if (a.length === 1 || (a.length + 1) * (b.length + 1) <= cellsMax) addSmall(a, b, counts);
  else {
    const half = a.length >> 1;
    const { cut, before, after } = bestCut(a, b, half, errors, masks);
    addCounts(a.subarray(0, half), b.subarray(0, cut), before, masks, counts);
    addCounts(a.subarray(half), b.subarray(cut), after, masks, counts);
  }
}

/** What is equal at the front and at the end is part of some best alignment. */
function withoutEnds(a: Int32Array, b: Int32Array): [Int32Array, Int32Array] {
  const shorter = Math.min(a.length, b.length);
  let front = 0;
  while (front < shorter && a[front] === b[front]) front++;
  let end = 0;
  while (end < shorter - front && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return [a.subarray(front, a.length - end), b.subarray(front, b.length - end)];
}

/**
 * Where b is cut when a is cut at `half`, and the errors before and after: the first place that has the fewest. A guess
 * that was too low is raised.
 */
function bestCut(a: Int32Array, b: Int32Array, half: number, errors: number, masks: Int32Array) {
  const [rest, mirrored] = [a.slice(half).reverse(), b.slice().reverse()];
  for (let reach = errors;;) {
    // No path with so few errors leaves these diagonals, from either end.
    const longer = b.length - a.length;
    const band = { low: -Math.max(0, reach - longer >> 1), high: Math.max(0, reach + longer >> 1) };
    const front = lastRow(a.subarray(0, half), b, band, masks);
    const back = lastRow(rest, mirrored, band, masks);
    let [cut, fewest] = [0, Infinity];
    for (let at = 0; at <= b.length; at++) {
      const sum = front[at]! + back[b.length - at]!;
      if (sum < fewest) [cut, fewest] = [at, sum];
    }
    if (fewest <= reach) return { cut, before: front[cut]!, after: back[b.length - cut]! };
    reach = Math.min(4 * reach, fewest);
  }
}

/** Diagonals, as the column minus the row. */
type Band = { readonly low: number; readonly high: number };

/**
 * The distances of `a` from all beginnings of `b`, from the empty one on. Those that lead through a cell outside of the
 * band may be too large. `masks` is all zero, before and after.
 */
function lastRow(a: Int32Array, b: Int32Array, { low, high }: Band, masks: Int32Array): Int32Array {
  const steps = new Int8Array(b.length).fill(1); // The row above the first: each is one more than the one before.
  for (let from = 0; from < a.length; from += 32) {
    const rows = a.subarray(from, from + 32);
    for (let bit = 0; bit < rows.length; bit++) masks[rows[bit]!]! |= 1 << bit;
    // Left of the band a row is taken to be one more than the row above, and right of it a column than that before.
    const [start, end] = [Math.max(0, from + low), Math.min(b.length, from + rows.length + high)];
    passRows(rows.length, b.subarray(start, end), masks, steps.subarray(start, end));
    for (const symbol of rows) masks[symbol] = 0;
  }
  const row = new Int32Array(b.length + 1);
  row[0] = a.length;
  for (let at = 0; at < b.length; at++) row[at + 1] = row[at]! + steps[at]!;
  return row;
}

/** `steps`: in, the differences along the row above up to 32 rows; out, those along the last of these rows. */
function passRows(rowsCount: number, b: Int32Array, masks: Int32Array, steps: Int8Array): void {
  const last = rowsCount - 1;
  let up = -1; // Bits of the rows that are one more than the row above them, and of those that are one less.
  let down = 0;
  // This loop takes the time. Plain integers, no branches.
  for (let at = 0; at < b.length; at++) {
    const step = steps[at]!;
    const below = step >>> 31;
    const above = -step >>> 31;
    const mask = masks[b[at]!]!;
    const equal = mask | below;
    const diagonal = ((((equal & up) + up) | 0) ^ up) | equal;
    const more = down | ~(diagonal | up);
    const less = up & diagonal;
    steps[at] = ((more >>> last) & 1) - ((less >>> last) & 1);
    const right = (more << 1) | above;
    const vertical = mask | down;
    up = (less << 1) | below | ~(vertical | right);
    down = right & vertical;
  }
}

/** Cell by cell, with the substitutions of a best path beside its errors: of equal paths, one with more of them. */
function addSmall(a: Int32Array, b: Int32Array, counts: Counts): void {
  const errors = Int32Array.from({ length: b.length + 1 }, (_, at) => at);
  const replaced = new Int32Array(b.length + 1);
  for (let row = 1; row <= a.length; row++) {
    let [diagonal, diagonalReplaced] = [errors[0]!, replaced[0]!];
    errors[0] = row;
    for (let at = 1; at <= b.length; at++) {
      const differs = a[row - 1] === b[at - 1] ? 0 : 1;
      let [best, bestReplaced] = [diagonal + differs, diagonalReplaced + differs];
      const [above, aboveReplaced, before] = [errors[at]!, replaced[at]!, errors[at - 1]!];
      if (above + 1 < best) [best, bestReplaced] = [above + 1, aboveReplaced];
      if (before + 1 < best) [best, bestReplaced] = [before + 1, replaced[at - 1]!];
      [diagonal, diagonalReplaced] = [above, aboveReplaced];
      [errors[at], replaced[at]] = [best, bestReplaced];
    }
  }
  const [all, substitutions] = [errors[b.length]!, replaced[b.length]!];
  // Deletions and insertions are the other errors; they differ by the difference of the lengths.
  const deletions = (all - substitutions + a.length - b.length) / 2;
  counts.substitutions += substitutions;
  counts.deletions += deletions;
  counts.insertions += all - substitutions - deletions;
}
