/**
 * Which tokens of a stream are settled: hypotheses in, newly committed tokens out. Pure.
 *
 * A hypothesis is what the model makes of all audio held so far. By `agreement` a token is committed once two
 * successive hypotheses, a second apart at least, agree on it and on all before it, and the model is sure of it or has
 * said it four times. By `rollback` all but the last few tokens are, as in the C program and the official one. What is
 * committed begins every later hypothesis and is never taken back. The language header is committed together with the
 * first token of text, so "language None" over a silent start binds nothing. What may turn out to be a repetition loop
 * waits.
 */

import type { DecodeToken } from "../engine/engine.ts";
import { LoopGuard } from "../text/loop.ts";
import { sampleRate } from "../units.ts";

export type CommitPolicy =
  | { readonly kind: "agreement" }
  /** Once `unfixedChunks` hypotheses were heard, all tokens but the last `tokens` are committed. */
  | { readonly kind: "rollback"; readonly tokens: number; readonly unfixedChunks: number };

export type CommitRules = {
  readonly policy: CommitPolicy;
  /** False: hypotheses start anew at the anchor, and what is new in them is found by overlap. */
  readonly feedsPast: boolean;
  readonly asrTextId: number;
  /** The prompt ends in the header: the first token is text. */
  readonly isHeaderless: boolean;
};

export type StreamToken = DecodeToken & {
  /** Where the stream stood, in samples, when it was first heard, and at the hypothesis before that. */
  readonly seenAt: number;
  readonly seenAfter: number;
  /** Hypotheses in a row that had it here, and where the last of them ended. */
  readonly times: number;
  readonly heardTo: number;
};

export type CommitState = {
  /** The tokens committed since the anchor, the header's among them. */
  readonly committed: readonly StreamToken[];
  /** The last hypothesis' tokens after the committed ones; all of its tokens where past text is not fed. */
  readonly tail: readonly StreamToken[];
  readonly chunks: number;
  readonly heardTo: number;
};

export type Hypothesis = {
  /** Its tokens after the committed ones; all of them where past text is not fed. */
  readonly tokens: readonly DecodeToken[];
  /** The end of the audio that it is of, in samples of the stream. */
  readonly heardTo: number;
  /** Ended by a limit, not by the model. */
  readonly isCapped: boolean;
  /** Nothing more will be heard of this anchor. */
  readonly isLast: boolean;
};

export type Commit = {
  readonly state: CommitState;
  readonly fresh: readonly StreamToken[];
  /** The hypothesis went round in circles and was cut there. */
  readonly isLooped: boolean;
};

/** exp(-0.35) is 70 %: guesses at the end of a half-heard sentence are below, words that were spoken seldom. */
const sureLogprob = -0.35;
const timesEnough = 4;
/** Hypotheses half a second apart agree on too much. */
const spanSamples = sampleRate;

export function firstState(heardTo: number, committed: readonly StreamToken[] = []): CommitState {
  return { committed, tail: [], chunks: 0, heardTo };
}

/** Takes a hypothesis in. */
export function commit(state: CommitState, hypothesis: Hypothesis, rules: CommitRules): Commit {
  const { tokens, free, isLooped } = withoutLoop(state, hypothesis, rules);
  const heard = followed(state, tokens, hypothesis.heardTo);
  const chunks = state.chunks + 1;
  const count = hypothesis.isLast ? heard.length : settledCount(heard.slice(0, free), heard.length, chunks, rules);
  const settled = heard.slice(0, count);
  const hasText = textStart(rules.feedsPast ? [...state.committed, ...settled] : settled, rules) !== undefined;
  const safe = hasText || hypothesis.isLast ? settled : [];
  const fresh = rules.feedsPast ? safe : safe.slice(newFrom(state.committed, safe, rules));
  const committed = [...state.committed, ...fresh];
  const tail = rules.feedsPast ? heard.slice(safe.length) : heard;
  return { state: { committed, tail, chunks, heardTo: hypothesis.heardTo }, fresh, isLooped };
}

/** A chunk that was not decoded: nothing but silence came. */
export function skipped(state: CommitState): CommitState {
  return { ...state, chunks: state.chunks + 1 };
}

/** Whether the last hypothesis has no text that is not committed. */
export function isSettled({ committed, tail }: CommitState, rules: CommitRules): boolean {
  if (!rules.feedsPast) return tail.length <= committed.length || textStart(tail, rules) === undefined;
  return committed.length > 0 ? tail.length === 0 : textStart(tail, rules) === undefined;
}

/** Where the text begins; undefined where there is none, or no header. */
export function textStart(tokens: readonly { readonly id: number }[], rules: CommitRules): number | undefined {
  if (rules.isHeaderless) return tokens.length > 0 ? 0 : undefined;
  const tag = tokens.findIndex(({ id }) => id === rules.asrTextId);
  return tag >= 0 && tag + 1 < tokens.length ? tag + 1 : undefined;
}

type Cut = { readonly tokens: readonly DecodeToken[]; readonly free: number; readonly isLooped: boolean };

/** The tokens up to a loop. Speech never fills the limit with repeats, so there a suspicion is enough. */
function withoutLoop(state: CommitState, hypothesis: Hypothesis, { feedsPast }: CommitRules): Cut {
  const past = feedsPast ? state.committed : [];
  const guard = new LoopGuard<DecodeToken>();
  let free = 0;
  for (const token of [...past, ...hypothesis.tokens]) free += guard.push(token).length;
  const isSuspect = !guard.looped && free < guard.count;
  const isLooped = guard.looped || (isSuspect && hypothesis.isCapped);
  if (isSuspect && !isLooped && hypothesis.isLast) free += guard.end().length;
  const count = Math.max(0, free - past.length);
  return { tokens: isLooped ? hypothesis.tokens.slice(0, count) : hypothesis.tokens, free: count, isLooped };
}

/** The tokens with what is known of them from the hypotheses before. */
function followed({ tail, heardTo }: CommitState, tokens: readonly DecodeToken[], now: number): StreamToken[] {
  let agrees = true;
  return tokens.map((token, index) => {
    const before = tail[index];
    agrees &&= before?.id === token.id;
    if (!agrees || !before) return { ...token, seenAt: now, seenAfter: heardTo, times: 1, heardTo: now };
    return { ...token, seenAt: before.seenAt, seenAfter: before.seenAfter, times: before.times + 1, heardTo: now };
  });
}

/** How many of `free`, the first of `length` tokens, are settled. */
function settledCount(free: readonly StreamToken[], length: number, chunks: number, { policy }: CommitRules): number {
  if (policy.kind === "rollback") {
    return chunks < policy.unfixedChunks ? 0 : Math.max(0, Math.min(free.length, length - policy.tokens));
  }
  const unsettled = free.findIndex((token) => !isAgreed(token));
  return unsettled < 0 ? free.length : unsettled;
}

function isAgreed({ times, logprob, seenAt, heardTo }: StreamToken): boolean {
  if (times < 2 || heardTo - seenAt < spanSamples) return false;
  return logprob >= sureLogprob || times >= timesEnough;
}

const overlapMax = 48;

/**
 * Where in `settled` the tokens begin that were not committed before: after the longest end of the committed text that
 * `settled` contains, the one nearest to where it should be; where there is none, after as many tokens.
 */
function newFrom(committed: readonly StreamToken[], settled: readonly StreamToken[], rules: CommitRules): number {
  if (committed.length === 0) return 0;
  const [past, now] = [committed, settled].map((tokens) => tokens.slice(textStart(tokens, rules) ?? tokens.length));
  const header = settled.length - now!.length;
  const expected = past!.length;
  let best = { length: 0, end: Math.min(expected, now!.length) };
  for (let end = 1; end <= now!.length; end++) {
    const length = commonEnd(past!, now!.slice(0, end));
    const isNearer = Math.abs(end - expected) < Math.abs(best.end - expected);
    if (length > best.length || (length === best.length && length > 0 && isNearer)) best = { length, end };
  }
  return header + best.end;
}

function commonEnd(left: readonly { readonly id: number }[], right: readonly { readonly id: number }[]): number {
  let length = 0;
  while (
    length < Math.min(overlapMax, left.length, right.length) && left.at(-1 - length)!.id === right.at(-1 - length)!.id
  ) length++;
  return length;
}
