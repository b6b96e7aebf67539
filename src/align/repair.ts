/**
 * Repairs the times that an aligner gives words, so that they never decrease. Pure, O(n^2).
 *
 * The longest subsequence that does not decrease is believed. Times outside it take those of their neighbours or, in
 * runs of three and more, are spread evenly between them. If several subsequences are longest, the first in the order
 * below is taken, as in the official code, so that the same answers give the same times.
 */

/** Start, end, start, end ... in milliseconds. */
export function repairTimes(times: readonly number[]): number[] {
  const believed = longestRising(times);
  const repaired = [...times];
  let start = 0;
  while (start < times.length) {
    if (believed[start]) {
      start++;
      continue;
    }
    let end = start;
    while (end < times.length && !believed[end]) end++;
    for (let index = start; index < end; index++) repaired[index] = between(times, start, end, index);
    start = end;
  }
  return repaired;
}

/** The repaired value of a place in the run start..end, whose neighbours are believed. */
function between(times: readonly number[], start: number, end: number, index: number): number {
  const left = times[start - 1];
  const right = times[end];
  if (left === undefined || right === undefined) return left ?? right!;
  const count = end - start;
  if (count <= 2) return index - (start - 1) <= end - index ? left : right;
  return Math.trunc(left + (right - left) / (count + 1) * (index - start + 1));
}

/** Which places belong to the longest subsequence that does not decrease. */
function longestRising(times: readonly number[]): boolean[] {
  const lengths = new Int32Array(times.length).fill(1);
  const parents = new Int32Array(times.length).fill(-1);
  let last = 0;
  for (let i = 0; i < times.length; i++) {
    for (let j = 0; j < i; j++) {
      if (times[j]! > times[i]! || lengths[j]! + 1 <= lengths[i]!) continue;
      lengths[i] = lengths[j]! + 1;
      parents[i] = j;
    }
    if (lengths[i]! > lengths[last]!) last = i;
  }
  const believed = Array<boolean>(times.length).fill(false);
  for (let i = times.length === 0 ? -1 : last; i >= 0; i = parents[i]!) believed[i] = true;
  return believed;
}
