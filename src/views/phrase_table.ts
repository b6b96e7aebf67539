/**
 * A dictionary of phrases that finds the longest one at a place in a text. In: entries "phrase replacement", joined by
 * bars, as opencc-js has them. Out: matches. A trie whose edges lie in one hash table: a map of phrases would be asked
 * for every length at every place, and a trie of maps needs ten times the memory.
 */

import { assert } from "../errors.ts";

/** A match: the replacement, and where the phrase ends in the text. */
export type Match = { readonly text: string; readonly end: number };

const units = 1 << 16;

export class PhraseTable {
  /** The node after each first unit; 0: no phrase begins with it, which a caller may ask first: it is fast. */
  readonly roots = new Int32Array(units);
  readonly #replacements: (string | undefined)[] = [undefined];
  /** By node, the dictionary that its replacement is of. */
  readonly #sources: number[] = [0];
  /** Edges by open addressing: parent node, unit, and the node they lead to; 0: an empty place. */
  readonly #parents: Int32Array;
  readonly #units: Uint16Array;
  readonly #nodes: Int32Array;

  /** Of phrases that stand in several dictionaries, the first one's replacement counts. */
  constructor(dictionaries: readonly string[]) {
    // Half of a dictionary are phrases, so at least half of the places stay empty.
    const places = 1 << Math.ceil(Math.log2(dictionaries.reduce((sum, { length }) => sum + length, 2)));
    [this.#parents, this.#units, this.#nodes] = [
      new Int32Array(places),
      new Uint16Array(places),
      new Int32Array(places),
    ];
    for (let source = dictionaries.length - 1; source >= 0; source--) this.#load(dictionaries[source]!, source);
  }

  /** The longest phrase that begins at `at` and ends by `limit`, of the first `sources` dictionaries. */
  longestAt(text: string, at: number, limit: number, sources = Infinity): Match | undefined {
    let node = this.roots[text.charCodeAt(at)]!;
    if (node === 0) return undefined;
    let end = 0;
    let found: string | undefined;
    for (let next = at + 1; node !== 0; next++) {
      const replacement = this.#replacements[node];
      if (replacement !== undefined && this.#sources[node]! < sources) {
        end = next;
        found = replacement;
      }
      if (next >= limit) break;
      node = this.#nodes[this.#placeOf(node, text.charCodeAt(next))]!;
    }
    return found === undefined ? undefined : { text: found, end };
  }

  #load(dictionary: string, source: number): void {
    for (let at = 0; at < dictionary.length;) {
      const bar = dictionary.indexOf("|", at);
      const end = bar < 0 ? dictionary.length : bar;
      const space = dictionary.indexOf(" ", at);
      assert(space > at && space < end, "an entry has a phrase and a replacement");
      const first = dictionary.charCodeAt(at);
      let node = this.roots[first] ||= this.#newNode();
      for (let next = at + 1; next < space; next++) node = this.#child(node, dictionary.charCodeAt(next));
      this.#replacements[node] = dictionary.slice(space + 1, end);
      this.#sources[node] = source;
      at = end + 1;
    }
  }

  #newNode(): number {
    this.#sources.push(0);
    return this.#replacements.push(undefined) - 1;
  }

  #child(parent: number, unit: number): number {
    const place = this.#placeOf(parent, unit);
    const known = this.#nodes[place]!;
    if (known !== 0) return known;
    const node = this.#newNode();
    [this.#parents[place], this.#units[place], this.#nodes[place]] = [parent, unit, node];
    return node;
  }

  /** Where the edge is, or the empty place where it would be. */
  #placeOf(parent: number, unit: number): number {
    const mask = this.#nodes.length - 1;
    let place = (Math.imul(parent, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b)) >>> 7 & mask;
    while (this.#nodes[place] !== 0 && (this.#parents[place] !== parent || this.#units[place] !== unit)) {
      place = place + 1 & mask;
    }
    return place;
  }
}
