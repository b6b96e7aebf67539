/**
 * Voices of windows to speakers of the recording. In: embeddings with the windows that they are of. Out: a speaker for
 * each, and what the speakers are like. Pure.
 *
 * Embeddings merge by average linkage (linkage.ts) until no two clusters are similar enough, or as many are left as
 * asked for. Clusters of hardly any speech are no speakers. Then each window's voices go to the speakers that they are
 * most like, no two to the same one unless they are plainly one voice, and speakers are the means of their voices,
 * a few times over. Memory: so many embeddings at a time are merged into fewer first that the pairs fit.
 */

import { clustersAfter, joinedNode, type Merge, mergesOf, type VoiceNode } from "./linkage.ts";
import { addTo, dot, unit } from "./vectors.ts";

/** A voice of one window, embedded. */
export type WindowVoice = {
  readonly window: number;
  /** f32[192] */
  readonly embedding: Float32Array;
  readonly seconds: number;
  /** Others speak at the same time: too unlike itself to found a speaker. */
  readonly isMixed: boolean;
};

/** How many speakers there are; both ends included. */
export type SpeakerCount = { readonly min: number; readonly max: number };

export const anyCount: SpeakerCount = { min: 1, max: Infinity };

export type ClusterRules = {
  /** Clusters merge that are at least so similar. */
  readonly similarityMin: number;
  /** Speakers have at least so many seconds, or this share of all speech. */
  readonly secondsMin: number;
  readonly shareMin: number;
  /** Voices of less than this found no speaker, as long as those that do have half of all seconds. */
  readonly foundingSeconds: number;
  /** How similar two voices of one window have to be to the same speaker, more than to others, to be both it. */
  readonly twiceMargin: number;
  /** Speakers whose means are so similar are one, however often they are heard in one window. */
  readonly sameMin: number;
};

export const clusterRules: ClusterRules = {
  similarityMin: 0.4,
  secondsMin: 6,
  shareMin: 0.002,
  foundingSeconds: 2,
  twiceMargin: 0.3,
  sameMin: 0.6,
};

export type Speakers = {
  /** Unit vectors. */
  readonly centres: readonly Float32Array[];
  /** For each voice the number of its speaker. */
  readonly of: Int32Array;
};

const rounds = 6;
/** So many nodes have 8 MB of pairs. */
const nodesMax = 1200;
const blockNodes = 600;
/** Within a block, what is as similar as this is one voice. */
const surelyOne = 0.75;

export function clustered(voices: readonly WindowVoice[], count = anyCount, rules = clusterRules): Speakers {
  const units = voices.map(({ embedding }) => unit(embedding));
  const nodes = foundersOf(voices, rules).map((index) => nodeOf(voices[index]!, units[index]!));
  if (nodes.length === 0) return { centres: [], of: new Int32Array(0) };
  let centres = foundedOn(reduced(nodes), count, rules);
  let of = assigned(voices, units, centres, rules);
  for (let round = 0; round < rounds; round++) {
    const next = unlike(meansOf(voices, units, of, centres), count, rules);
    const changed = assigned(voices, units, next, rules);
    const isStable = changed.every((speaker, index) => speaker === of[index]);
    [centres, of] = [next, changed];
    if (isStable) break;
  }
  return { centres, of };
}

/**
 * The voices that speakers are made of, in order. Embeddings of single words are more like each other than like longer
 * ones of the same voice; where half of the speech is no longer than that, there is nothing better.
 */
function foundersOf(voices: readonly WindowVoice[], { foundingSeconds }: ClusterRules): number[] {
  const alone = [...voices.keys()].filter((index) => !voices[index]!.isMixed);
  if (alone.length === 0) return [...voices.keys()];
  let rest = alone.reduce((sum, index) => sum + voices[index]!.seconds, 0) / 2;
  const founders: number[] = [];
  for (const index of alone.toSorted((a, b) => voices[b]!.seconds - voices[a]!.seconds)) {
    const { seconds } = voices[index]!;
    if (seconds < foundingSeconds && rest <= 0) break;
    founders.push(index);
    rest -= seconds;
  }
  return founders.toSorted((a, b) => a - b);
}

function nodeOf({ window, seconds }: WindowVoice, vector: Float32Array): VoiceNode {
  return { sum: vector.map((one) => one * seconds), weight: seconds, windows: [window] };
}

/** Fewer nodes, where there are too many: neighbours that are surely one voice are joined. */
function reduced(nodes: readonly VoiceNode[]): readonly VoiceNode[] {
  let [all, limit] = [nodes, surelyOne];
  while (all.length > nodesMax) {
    const fewer: VoiceNode[] = [];
    for (let from = 0; from < all.length; from += blockNodes) {
      const block = all.slice(from, from + blockNodes);
      const merges = mergesOf(block);
      const over = merges.findIndex(({ similarity }) => similarity < limit);
      fewer.push(...joinedBy(block, clustersAfter(block.length, merges, over < 0 ? merges.length : over)));
    }
    // What does not get fewer is too unlike: it is joined less strictly in the next round.
    if (fewer.length > all.length * 0.7) limit -= 0.1;
    all = fewer;
  }
  return all;
}

function joinedBy(nodes: readonly VoiceNode[], clusters: Int32Array): VoiceNode[] {
  return [...Map.groupBy(nodes.keys(), (index) => clusters[index]!).values()]
    .map((members) => joinedNode([...members].map((index) => nodes[index]!)));
}

/** The centres of the speakers that the nodes are of, by similarity and within `count`. */
function foundedOn(nodes: readonly VoiceNode[], count: SpeakerCount, rules: ClusterRules): Float32Array[] {
  const merges = mergesOf(nodes);
  const weight = nodes.reduce((sum, one) => sum + one.weight, 0);
  const weightMin = Math.max(Math.min(rules.secondsMin, weight / 10), rules.shareMin * weight);
  const speakersAt = (cut: number) =>
    joinedBy(nodes, clustersAfter(nodes.length, merges, cut)).filter((one) => one.weight >= weightMin);
  const cut = cutOf(merges, rules.similarityMin);
  let speakers = speakersAt(cut);
  for (let at = cut + 1; speakers.length > count.max && at <= merges.length; at++) speakers = speakersAt(at);
  for (let at = cut - 1; speakers.length < count.min && at >= 0; at--) {
    const more = speakersAt(at);
    if (more.length > speakers.length && more.length <= count.max) speakers = more;
  }
  return speakers.map(({ sum }) => unit(sum));
}

/** How many merges are of at least that similarity. */
function cutOf(merges: readonly Merge[], similarityMin: number): number {
  const over = merges.findIndex(({ similarity }) => similarity < similarityMin);
  return over < 0 ? merges.length : over;
}

function meansOf(
  voices: readonly WindowVoice[],
  units: readonly Float32Array[],
  of: Int32Array,
  before: readonly Float32Array[],
): Float32Array[] {
  return before.map((centre, speaker) => {
    const sum = new Float32Array(centre.length);
    for (const [index, { seconds, isMixed }] of voices.entries()) {
      if (of[index] === speaker && !isMixed) addTo(sum, units[index]!, seconds);
    }
    return sum.some((one) => one !== 0) ? unit(sum) : centre;
  });
}

/**
 * The centres without those that another one is too similar to: of a voice that the segmentation took for two at times,
 * which are then heard in the same windows. The next means are of all that is nearest.
 */
function unlike(centres: readonly Float32Array[], { min }: SpeakerCount, { sameMin }: ClusterRules): Float32Array[] {
  const kept = [...centres];
  while (kept.length > Math.max(1, min)) {
    let [most, at] = [sameMin, -1];
    for (const [a, centre] of kept.entries()) {
      for (let b = 0; b < a; b++) {
        const similarity = dot(centre, kept[b]!);
        if (similarity >= most) [most, at] = [similarity, a];
      }
    }
    if (at < 0) break;
    kept.splice(at, 1);
  }
  return kept;
}

/** A speaker for each voice: the voices of a window together are as similar to theirs as can be. */
function assigned(
  voices: readonly WindowVoice[],
  units: readonly Float32Array[],
  centres: readonly Float32Array[],
  { twiceMargin }: ClusterRules,
): Int32Array {
  const of = new Int32Array(voices.length);
  for (const members of Map.groupBy(voices.keys(), (index) => voices[index]!.window).values()) {
    const similar = members.map((index) => centres.map((centre) => dot(units[index]!, centre)));
    const { choice } = bestChoice(similar, twiceMargin);
    for (const [at, index] of members.entries()) of[index] = choice[at]!;
  }
  return of;
}

type Choice = { readonly choice: readonly number[]; readonly total: number };

/** One column for each row, with the largest sum; a column that is taken twice costs `twiceMargin`. */
function bestChoice(similar: readonly (readonly number[])[], twiceMargin: number): Choice {
  let best: Choice = { choice: [], total: -Infinity };
  const tried = similar.map((row) => [...row.keys()].toSorted((a, b) => row[b]! - row[a]!).slice(0, similar.length));
  const choose = (row: number, choice: readonly number[], total: number): void => {
    if (row === similar.length) {
      if (total > best.total) best = { choice, total };
      return;
    }
    for (const column of tried[row]!) {
      const cost = choice.includes(column) ? twiceMargin : 0;
      choose(row + 1, [...choice, column], total + similar[row]![column]! - cost);
    }
  };
  choose(0, [], 0);
  return best;
}
