/** Finds by halves in what is in order. Pure. */

/** The first of `count` indices that `isReached`, as all after it; `count` where none is. */
export function firstIndex(count: number, isReached: (index: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isReached(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
