/** Random choices that are the same on every machine, for tests. In: a seed. Out: numbers and members. */

export type Random = {
  /** A whole number from 0 on, less than `below`. */
  random(below: number): number;
  /** One of at least one item. */
  pick<Item>(items: readonly Item[]): Item;
};

/** By xorshift32. */
export function seededRandom(seed: number): Random {
  let state = (seed >>> 0) || 1;
  const random = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  return { random, pick: (items) => items[random(items.length)]! };
}
