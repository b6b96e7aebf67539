/**
 * Agglomerative clustering by average linkage, which knows what cannot be one. In: nodes with sums of unit vectors, and
 * which windows they are of. Out: the order in which they merge. Pure; O(n^2) memory, about O(n^2) time.
 *
 * The similarity of two clusters is the mean cosine over all pairs of their members, weighted by seconds. It is lowered
 * by the share of windows in which both are heard: two speakers of one window are seldom one.
 */

import { assert } from "../errors.ts";
import { release } from "../memory.ts";
import type { Steps } from "../steps.ts";
import { localsMax } from "./activity.ts";
import { addTo, dot } from "./vectors.ts";

/** One or several embeddings that are taken for one voice. */
export type VoiceNode = {
  /** Of unit vectors times their weights. */
  readonly sum: Float32Array;
  readonly weight: number;
  /** Which voices of windows it is, by number, and how much of each: shares of all that is heard of that voice. */
  readonly locals: ReadonlyMap<number, number>;
};

/** The clusters that began with nodes `a` and `b` become one, which goes on as `a`. */
export type Merge = { readonly a: number; readonly b: number; readonly similarity: number };

/** How much a similarity is lowered where all windows are shared. */
const sharedPenalty = 0.6;

/** All merges, the most similar first as far as average linkage goes. */
export function* mergesOf(nodes: readonly VoiceNode[]): Steps<Merge[]> {
  using state = new Similarities(nodes);
  for (let a = 0; a < nodes.length; a++) {
    state.compare(a);
    yield;
  }
  const merges: Merge[] = [];
  for (let left = nodes.length; left > 1; left--) {
    const { a, b, similarity } = state.best();
    merges.push({ a, b, similarity });
    state.merge(a, b);
    yield;
  }
  return merges;
}

/** Which cluster each node is in after the first `count` merges, by the node that it began with. */
export function clustersAfter(nodesCount: number, merges: readonly Merge[], count: number): Int32Array {
  const into = Int32Array.from({ length: nodesCount }, (_, index) => index);
  for (const { a, b } of merges.slice(0, count)) {
    assert(a !== b, "a cluster merges with another");
    into[b] = a;
  }
  const rootOf = (node: number): number => into[node] === node ? node : rootOf(into[node]!);
  return Int32Array.from({ length: nodesCount }, (_, node) => rootOf(node));
}

/** The joined node. */
export function joinedNode(nodes: readonly VoiceNode[]): VoiceNode {
  const sum = new Float32Array(nodes[0]!.sum.length);
  for (const one of nodes) addTo(sum, one.sum, 1);
  const weight = nodes.reduce((before, one) => before + one.weight, 0);
  const locals = new Map<number, number>();
  for (const one of nodes) for (const [local, share] of one.locals) locals.set(local, (locals.get(local) ?? 0) + share);
  return { sum, weight, locals };
}

class Similarities {
  readonly #nodes: readonly VoiceNode[];
  readonly #count: number;
  /** Means of cosines, without the penalty. */
  readonly #means: Float32Array;
  readonly #shared: Float32Array;
  readonly #windows: Float64Array;
  readonly #weights: Float64Array;
  readonly #isAlive: Uint8Array;
  /** For each cluster the most similar of those with a higher number, and its similarity. */
  readonly #nearest: Int32Array;
  readonly #nearestAt: Float64Array;

  constructor(nodes: readonly VoiceNode[]) {
    this.#nodes = nodes;
    const count = this.#count = nodes.length;
    this.#means = new Float32Array(count * count);
    this.#shared = new Float32Array(count * count);
    this.#windows = Float64Array.from(nodes, ({ locals }) => locals.values().reduce((sum, share) => sum + share, 0));
    this.#weights = Float64Array.from(nodes, ({ weight }) => weight);
    this.#isAlive = new Uint8Array(count).fill(1);
    this.#nearest = new Int32Array(count).fill(-1);
    this.#nearestAt = new Float64Array(count).fill(-Infinity);
    this.#share(nodes);
  }

  /** With all that have a higher number. Each is compared before any merges. */
  compare(a: number): void {
    const [nodes, count] = [this.#nodes, this.#count];
    for (let b = a + 1; b < count; b++) {
      const mean = dot(nodes[a]!.sum, nodes[b]!.sum) / (nodes[a]!.weight * nodes[b]!.weight);
      this.#means[a * count + b] = this.#means[b * count + a] = mean;
    }
    this.#findNearest(a);
  }

  /** The pairs are megabytes, several times over in a recording of hours. */
  [Symbol.dispose](): void {
    release(this.#means);
    release(this.#shared);
  }

  /** Counts, for each two nodes, the windows of which they are two voices. */
  #share(nodes: readonly VoiceNode[]): void {
    const count = this.#count;
    const parts = nodes.flatMap(({ locals }, node) => [...locals].map(([local, share]) => ({ node, local, share })));
    for (const all of Map.groupBy(parts, ({ local }) => Math.floor(local / localsMax)).values()) {
      for (const a of all) {
        for (const b of all) {
          if (a.local !== b.local) this.#shared[a.node * count + b.node]! += a.share * b.share;
        }
      }
    }
  }

  best(): Merge {
    let a = -1;
    for (let one = 0; one < this.#count; one++) {
      if (this.#isAlive[one] && this.#nearest[one]! >= 0 && (a < 0 || this.#nearestAt[one]! > this.#nearestAt[a]!)) {
        a = one;
      }
    }
    return { a, b: this.#nearest[a]!, similarity: this.#nearestAt[a]! };
  }

  merge(a: number, b: number): void {
    const count = this.#count;
    const [weightA, weightB] = [this.#weights[a]!, this.#weights[b]!];
    const all = weightA + weightB;
    this.#isAlive[b] = 0;
    this.#weights[a] = all;
    this.#windows[a]! += this.#windows[b]!;
    for (let one = 0; one < count; one++) {
      if (!this.#isAlive[one] || one === a) continue;
      const mean = (weightA * this.#means[a * count + one]! + weightB * this.#means[b * count + one]!) / all;
      this.#means[a * count + one] = this.#means[one * count + a] = mean;
      const shared = this.#shared[a * count + one]! + this.#shared[b * count + one]!;
      this.#shared[a * count + one] = this.#shared[one * count + a] = shared;
    }
    this.#findNearest(a);
    for (let one = 0; one < a; one++) {
      if (!this.#isAlive[one]) continue;
      if (this.#nearest[one] === a || this.#nearest[one] === b) this.#findNearest(one);
      else this.#offer(one, a);
    }
    for (let one = a + 1; one < b; one++) if (this.#isAlive[one] && this.#nearest[one] === b) this.#findNearest(one);
  }

  #findNearest(one: number): void {
    this.#nearest[one] = -1;
    this.#nearestAt[one] = -Infinity;
    for (let other = one + 1; other < this.#count; other++) if (this.#isAlive[other]) this.#offer(one, other);
  }

  #offer(one: number, other: number): void {
    const at = one * this.#count + other;
    const share = this.#shared[at]! / Math.min(this.#windows[one]!, this.#windows[other]!);
    const similarity = this.#means[at]! - sharedPenalty * Math.min(1, share);
    if (similarity <= this.#nearestAt[one]!) return;
    this.#nearest[one] = other;
    this.#nearestAt[one] = similarity;
  }
}
