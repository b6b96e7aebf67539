/**
 * Runs of voices to speakers of the recording. In: embeddings with the voices of windows that they are of. Out: a
 * speaker for each, and what the speakers are like. Pure.
 *
 * Embeddings merge by average linkage (linkage.ts) until no two clusters are similar enough, or as many are left as
 * asked for. Clusters of hardly any speech are no speakers. Then each run goes to the speaker that it is most like.
 * What else the same voice of a window is counts for that speaker, and what other voices of the window are counts
 * against it. Speakers are the means of their runs, a few times over. Memory: so many embeddings at a time are merged
 * into fewer first that the pairs fit.
 */

import { localsMax } from "./activity.ts";
import type { Steps } from "../steps.ts";
import { clustersAfter, joinedNode, type Merge, mergesOf, type VoiceNode } from "./linkage.ts";
import { addTo, dot, unit } from "./vectors.ts";

/** A run of a voice, embedded. */
export type HeardVoice = {
  /** Which voices of windows it is, by number. */
  readonly locals: readonly number[];
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
  /** Speakers have at least so many seconds, or a twentieth of all; and at least this share. */
  readonly secondsMin: number;
  readonly shareMin: number;
  /** Voices of less than this found no speaker, as long as those that do have half of all seconds. */
  readonly foundingSeconds: number;
  /** How similar two voices of one window have to be to the same speaker, more than to others, to be both it. */
  readonly twiceMargin: number;
  /** How much more similar a run has to be to somebody else than to the speaker of all else of its window's voice. */
  readonly sameBonus: number;
  /** Speakers whose means are so similar are one, however often they are heard in one window. */
  readonly sameMin: number;
};

export const clusterRules: ClusterRules = {
  similarityMin: 0.42,
  secondsMin: 5,
  shareMin: 0.002,
  foundingSeconds: 2,
  twiceMargin: 0.3,
  sameBonus: 0.2,
  sameMin: 0.6,
};

export type Speakers = {
  /** Unit vectors. */
  readonly centres: readonly Float32Array[];
  /** For each voice the number of its speaker. */
  readonly of: Int32Array;
};

const rounds = 6;
const sweeps = 5;
/** So many nodes have 8 MB of pairs. */
const nodesMax = 1200;
const blockNodes = 600;
/** Within a block, what is as similar as this is one voice. */
const surelyOne = 0.75;

export function* clustered(
  voices: readonly HeardVoice[],
  count = anyCount,
  rules = clusterRules,
): Steps<Speakers> {
  const units: Float32Array[] = [];
  for (const { embedding } of voices) {
    units.push(unit(embedding));
    yield;
  }
  const shares = sharesOf(voices);
  const nodes: VoiceNode[] = [];
  for (const index of foundersOf(voices, rules)) {
    nodes.push(nodeOf(voices[index]!, units[index]!, shares[index]!));
    yield;
  }
  if (nodes.length === 0) return { centres: [], of: new Int32Array(0) };
  let centres = yield* foundedOn(yield* reduced(nodes), count, rules);
  let of = yield* assigned(voices, units, shares, centres, rules);
  for (let round = 0; round < rounds; round++) {
    const next = unlike(meansOf(voices, units, of, centres), count, rules);
    const changed = yield* assigned(voices, units, shares, next, rules);
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
function foundersOf(voices: readonly HeardVoice[], { foundingSeconds }: ClusterRules): number[] {
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

/** Of each voice and each voice of a window that it is: which part of that it is. */
function sharesOf(voices: readonly HeardVoice[]): Map<number, number>[] {
  const sums = new Map<number, number>();
  for (const { locals, seconds } of voices) for (const one of locals) sums.set(one, (sums.get(one) ?? 0) + seconds);
  return voices.map(({ locals, seconds }) => new Map(locals.map((one) => [one, seconds / sums.get(one)!])));
}

function nodeOf({ seconds }: HeardVoice, vector: Float32Array, locals: ReadonlyMap<number, number>): VoiceNode {
  return { sum: vector.map((one) => one * seconds), weight: seconds, locals };
}

/** Fewer nodes, where there are too many: neighbours that are surely one voice are joined. */
function* reduced(nodes: readonly VoiceNode[]): Steps<readonly VoiceNode[]> {
  let [all, limit] = [nodes, surelyOne];
  while (all.length > nodesMax) {
    const fewer: VoiceNode[] = [];
    for (let from = 0; from < all.length; from += blockNodes) {
      const block = all.slice(from, from + blockNodes);
      const merges = yield* mergesOf(block);
      fewer.push(...joinedBy(block, clustersAfter(block.length, merges, cutOf(merges, limit))));
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
function* foundedOn(
  nodes: readonly VoiceNode[],
  count: SpeakerCount,
  rules: ClusterRules,
): Steps<Float32Array[]> {
  const merges = yield* mergesOf(nodes);
  const weight = nodes.reduce((sum, one) => sum + one.weight, 0);
  const weightMin = Math.max(Math.min(rules.secondsMin, weight / 20), rules.shareMin * weight);
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
  voices: readonly HeardVoice[],
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

/** A speaker for each voice: by its similarity, and by what others of the same windows are. */
function* assigned(
  voices: readonly HeardVoice[],
  units: readonly Float32Array[],
  shares: readonly ReadonlyMap<number, number>[],
  centres: readonly Float32Array[],
  { twiceMargin, sameBonus }: ClusterRules,
): Steps<Int32Array> {
  const count = centres.length;
  const similar: Float32Array[] = [];
  for (const one of units) {
    similar.push(Float32Array.from(centres, (centre) => dot(one, centre)));
    yield;
  }
  const of = Int32Array.from(similar, mostOf);
  const sums = new Map<number, Float32Array>();
  const put = (index: number, sign: number) => {
    for (const [local, share] of shares[index]!) {
      const sum = sums.get(local) ?? new Float32Array(count);
      sums.set(local, sum);
      sum[of[index]!]! += sign * share;
    }
  };
  for (const index of voices.keys()) put(index, 1);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let changed = 0;
    for (const index of voices.keys()) {
      put(index, -1);
      const score = similar[index]!.slice();
      const all = shares[index]!.size;
      for (const local of shares[index]!.keys()) {
        const first = local - local % localsMax;
        for (let other = first; other < first + localsMax; other++) {
          const sum = sums.get(other);
          if (sum) addTo(score, sum, (other === local ? sameBonus : -twiceMargin) / all);
        }
      }
      const speaker = mostOf(score);
      if (speaker !== of[index]) changed++;
      of[index] = speaker;
      put(index, 1);
      yield;
    }
    if (changed === 0) break;
  }
  return of;
}

function mostOf(values: Float32Array): number {
  return values.reduce((most, value, index) => value > values[most]! ? index : most, 0);
}
