/**
 * Values that are made when they are first asked for. Every run loads all modules, and most of what they hold is for
 * other runs: tables and dictionaries made while loading were a third of the time of a start.
 */

/** A function that makes its value at the first call and gives the same one from then on. */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
