/** Figures from repeated measurements. Pure. */

/** The median: the middle value, or the mean of both middle ones. Throws if there are no values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("the median of nothing");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest value: of times, the one least disturbed by other programs. Throws if there are no values. */
export function best(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("the best of nothing");
  return Math.min(...values);
}

/** How much longer the second takes, from runs made in turns: the median of each pair's ratio. */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length) throw new RangeError("runs in turns come in pairs");
  return median(ours.map((time, index) => theirs[index]! / time));
}
