/**
 * A stream's pipeline: sample blocks in, text as it settles out, through a Listener. No I/O of its own.
 *
 *     blocks -> queue -> cutter -> hear -> commit -> text
 *
 * Steps lie at places in the audio, not in time, so the same samples give the same text however they arrive. There are
 * two exceptions for live streams: one that has fallen behind takes several chunks in one step, and one whose source
 * stalls ends its utterance, because words that were said should not wait. Otherwise an utterance is closed at a pause.
 * Speech without one is cut at its quietest place: the audio before it is forgotten, and of the committed text what was
 * said after it stays as the start of the answer, so nothing is decided twice. What is loud but has no voice is not
 * decoded: the model would invent words for it.
 */

import type { Audit } from "../document/audit.ts";
import type { HearResult, Listener } from "../engine/engine.ts";
import { tokensMaxFor } from "../text/budget.ts";
import {
  commit,
  type CommitRules,
  type CommitState,
  firstState,
  type Hypothesis,
  isSettled,
  skipped,
  type StreamToken,
  textStart,
} from "./commit.ts";
import { type Cut, Cutter, type DetectedVoice, frameSamples, leadSamples, quietestPlace } from "./endpoint.ts";
import { HeldAudio } from "../audio/held.ts";
import { SampleQueue, type SampleSource } from "../audio/queue.ts";
import { isSpoken, type VoiceJudge } from "../segment/has_voice.ts";
import type { VoiceChoice, VoiceOpener } from "../segment/voice.ts";
import type { SpeakerTurn } from "../speakers/turns.ts";
import { type GapEvent, StreamText, type TextEvent } from "./text.ts";
import type { Stop } from "../stop.ts";
import { msOfSamples, sampleRate } from "../units.ts";

export type StreamOptions = {
  readonly rules: CommitRules;
  readonly chunkSec: number;
  /** 0: never close an utterance at a pause. */
  readonly endpointMs: number;
  /** Generated per step at most, besides what is heard again; undefined: what so much speech may take. */
  readonly tokensMax: number | undefined;
  /** The language that was asked for, "" to detect. */
  readonly language: string;
  /** Of the stream's first sample in the recording: added to the events' times. */
  readonly startSec: number;
  /** The source may fall behind or stall, and text must not wait for it. */
  readonly isLive: boolean;
  /** A new one for every utterance. */
  readonly voiceJudge: () => VoiceJudge;
  /** How a voice is found; by its energy where absent. "off": it is not looked for, and all is heard. */
  readonly voice?: DetectedVoice | "off" | undefined;
  /** Tells who speaks in each utterance; absent where that is not asked for. */
  readonly speakers?: UtteranceSpeakers | undefined;
};

/** Turns in milliseconds from the start of an utterance. Utterances come in order. */
export type UtteranceSpeakers = (samples: Float32Array, stop: AbortSignal) => Promise<readonly SpeakerTurn[]>;

export type StreamEvent =
  | TextEvent
  | GapEvent
  | { readonly kind: "step"; readonly step: Step }
  /** Something happened by which text may be missing. */
  | { readonly kind: "loss"; readonly text: string }
  /** Something that a person at the terminal should know. */
  | { readonly kind: "notice"; readonly text: string }
  /** Audio that waits to be heard, each time it has grown by half. */
  | { readonly kind: "delay"; readonly ms: number };

/** One call of the listener. */
export type Step = {
  readonly result: HearResult;
  readonly prefixTokens: number;
  /** Tokens that became text, since the stream began. */
  readonly textTokens: number;
  /** Seconds of audio that the listener held. */
  readonly heldSec: number;
  readonly atSec: number;
  /** Audio was forgotten without a pause. */
  readonly isMoved: boolean;
  readonly isLooped: boolean;
};

export type StreamTotals = {
  readonly audioSec: number;
  readonly textTokens: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  /** Whether anything in it had a voice. */
  readonly hasVoice: boolean;
  readonly audit: Audit;
  /** Why the source ended early; all that came before is heard. */
  readonly failure: unknown;
};

/** Audio a listener is given at most: three windows of 8 s. More costs every step, and says little about its end. */
const heldSamplesMax = 24 * sampleRate;
/** When it would be more, what stays begins at the quietest place between so many samples before its end. */
const keptSamplesMax = 16 * sampleRate;
const keptSamplesMin = 6 * sampleRate;
/** Tokens of the text that must be left to go on from. */
const keptTokensMin = 3;
const readAheadSamples = 8 * sampleRate;
const liveReadAheadSamples = 600 * sampleRate;
/** A live source that sends nothing for so long has stalled. */
const stallMs = 2000;
/** Steps in a row that went round in circles before their audio is heard in two parts, or let go. */
const loopsMax = 2;
/** A part is no shorter, or words would be cut, and of an utterance so many are heard again. */
const partSamplesMin = 1.5 * sampleRate;
const mendsMax = 3;

/** How a voice is found in one stream. A detector that is opened for it is closed after it, by the caller. */
export async function streamVoice(
  choice: VoiceChoice,
  open: VoiceOpener,
): Promise<StreamOptions["voice"]> {
  if (choice.kind === "off") return "off";
  if (choice.kind === "energy") return undefined;
  return { detector: await open(choice.model), threshold: choice.rule.threshold };
}

/** Runs a stream to its end, or until `stop`: drained, it hears out what was read; dropped, it hears no more. */
export async function runStream(
  source: SampleSource,
  listener: Listener,
  options: StreamOptions,
  stop: Stop,
  onEvent: (event: StreamEvent) => void,
): Promise<StreamTotals> {
  const queue = new SampleQueue(source, options.isLive ? liveReadAheadSamples : readAheadSamples);
  const onStop = () => queue.stop();
  stop.drain.addEventListener("abort", onStop);
  if (stop.drain.aborted) onStop();
  try {
    const run = new StreamRun(listener, options, queue, stop, onEvent);
    const next = () => queue.take(options.isLive ? stallMs : undefined);
    for (let block = await next(); block; block = await next()) {
      if (block === "stalled") await run.closeOpen();
      else await run.push(block);
    }
    return { ...await run.end(), failure: queue.failure };
  } finally {
    stop.drain.removeEventListener("abort", onStop);
    queue.stop();
  }
}

class StreamRun {
  readonly #held = new HeldAudio();
  readonly #cutter: Cutter;
  readonly #text: StreamText;
  readonly #chunkSamples: number;
  /** Audio without a voice is decoded, too. */
  readonly #hearsAll: boolean;
  #state: CommitState = firstState(0);
  /** First sample of what the listener holds or will hold, and the end of what it was given. */
  #anchor = 0;
  #givenTo = 0;
  #mustForget = false;
  /** Something louder than the noise since the anchor. */
  #hasSound = false;
  #judge: VoiceJudge;
  /** End of what the judge was given. */
  #judgedTo = 0;
  /** The judge has found a voice in this utterance; it has in this one or an earlier one. */
  #hasVoice = false;
  #hadVoice = false;
  #wasMoved = false;
  #wasCapped = false;
  #loops = 0;
  /** Times that audio of the utterance was heard again because its text went round in circles. */
  #mends = 0;
  #behind = 0;
  #encodeMs = 0;
  #decodeMs = 0;

  constructor(
    readonly listener: Listener,
    readonly options: StreamOptions,
    readonly queue: SampleQueue,
    readonly stop: Stop,
    readonly onEvent: (event: StreamEvent) => void,
  ) {
    this.#chunkSamples = inFrames(options.chunkSec * sampleRate);
    this.#hearsAll = options.voice === "off";
    const voice = options.voice === "off" ? undefined : options.voice;
    const endpointSamples = this.#hearsAll ? 0 : inFrames((options.endpointMs / 1000) * sampleRate);
    this.#cutter = new Cutter({ chunkSamples: this.#chunkSamples, endpointSamples, voice });
    this.#text = new StreamText(options, this.#cutter, onEvent);
    this.#judge = options.voiceJudge();
  }

  async push(block: Float32Array): Promise<void> {
    for (let rest = block; rest.length > 0;) {
      const { count, cuts } = this.#cutter.read(rest);
      this.#held.append(rest.subarray(0, count));
      rest = rest.subarray(count);
      for (const cut of cuts) await this.#cut(cut, rest.length);
      this.#held.dropBefore(this.#cutter.isOpen ? this.#anchor : this.#cutter.neededFrom);
    }
  }

  /** Closes what is open, however short: its text is final, and what comes later starts an utterance of its own. */
  async closeOpen(): Promise<void> {
    if (!this.#cutter.isOpen) return;
    this.#cutter.close();
    await this.#close(this.#held.to);
  }

  async end(): Promise<Omit<StreamTotals, "failure">> {
    await this.closeOpen();
    const { textTokens } = this.#text;
    const audioSec = this.#cutter.position / sampleRate;
    const costs = { encodeMs: this.#encodeMs, decodeMs: this.#decodeMs };
    return { audioSec, textTokens, ...costs, hasVoice: this.#hadVoice, audit: this.#text.end() };
  }

  /** `waiting`: samples that were read together with those before the cut. */
  async #cut(cut: Cut, waiting: number): Promise<void> {
    switch (cut.kind) {
      case "start":
        this.#text.begin(this.#cutter.voice.start);
        this.#mends = 0;
        // The last one may have been moved to a place after its last voice: what lies before that is settled, and gone.
        return this.#startAnew(Math.max(cut.at, this.#held.from));
      case "hear":
        return this.#isDeferred(waiting) ? undefined : await this.#chunk(cut.at);
      case "close":
        return await this.#close(cut.at);
    }
  }

  #startAt(anchor: number, state: CommitState): void {
    this.#anchor = anchor;
    this.#givenTo = anchor;
    this.#mustForget = true;
    this.#state = state;
    this.#loops = 0;
  }

  /** Nothing is carried over. */
  #startAnew(anchor: number): void {
    this.#startAt(anchor, firstState(anchor));
    this.#hasSound = false;
    this.#judge = this.options.voiceJudge();
    this.#judgedTo = anchor;
    this.#hasVoice = false;
  }

  /** Whether there was a voice in the utterance before `to`. */
  #isSpoken(to: number): boolean {
    if (this.#hearsAll) this.#hadVoice = true;
    if (this.#hearsAll) return true;
    if (!this.#hasSound) return false;
    if (this.#hasVoice) return true;
    this.#judge.push(this.#held.slice(this.#judgedTo, to));
    this.#judgedTo = to;
    this.#hasVoice = isSpoken(this.#cutter.evidence(this.#anchor, to), this.#judge);
    this.#hadVoice ||= this.#hasVoice;
    return this.#hasVoice;
  }

  /** Whether the step is left to the next one: the run is about to end, or a live stream is behind. */
  #isDeferred(waiting: number): boolean {
    if (this.stop.drop.aborted) return true;
    if (this.#held.to - this.#anchor >= heldSamplesMax) return false;
    if (this.stop.drain.aborted) return true;
    if (!this.options.isLive) return false;
    const behind = waiting + this.queue.count;
    if (behind < this.#chunkSamples) this.#behind = 0;
    else if (behind > 1.5 * this.#behind) {
      this.#behind = behind;
      this.onEvent({ kind: "delay", ms: msOfSamples(behind) });
    }
    return this.#behind > 0;
  }

  async #chunk(to: number): Promise<void> {
    const isLoud = this.#cutter.takeVoice() || this.#hearsAll;
    this.#hasSound ||= isLoud;
    // Silence before any text, or after text that is settled, says nothing new.
    const isIdle = !this.#isSpoken(to) || (!isLoud && isSettled(this.#state, this.options.rules));
    if (isIdle) this.#state = skipped(this.#state);
    else await this.#hear(to, false);
    if (to + this.#chunkSamples - this.#anchor >= heldSamplesMax) await this.#move(to);
    else if (!this.#isSpoken(to) && this.options.voice) await this.#restart(Math.max(this.#anchor, to - leadSamples));
  }

  async #close(to: number): Promise<void> {
    this.#hasSound = this.#cutter.takeVoice() || this.#hasSound;
    if (this.stop.drop.aborted) return;
    if (this.#isSpoken(to)) await this.#finish(to);
    const end = Math.min(to, this.#cutter.voice.end);
    this.#text.close(end, this.#hasVoice, await this.#turnsTo(end));
    this.#startAnew(to);
  }

  /** Everything up to `to` is heard and committed. */
  async #finish(to: number): Promise<void> {
    const isHeard = to === this.#givenTo && !this.#mustForget && !this.#wasCapped && this.#loops === 0;
    if (!isHeard) return await this.#hear(to, true);
    this.#take({ tokens: this.#state.tail, heardTo: to, isCapped: false, isLast: true });
  }

  async #hear(to: number, isLast: boolean): Promise<void> {
    const prefixTokens = this.options.rules.feedsPast ? this.#state.committed.length : 0;
    const result = await this.#decode(to, isLast);
    const isCapped = isCut(result);
    const hypothesis = { tokens: result.tokens, heardTo: to, isCapped, isLast };
    if (this.#loops + 1 >= loopsMax || isLast) {
      if (this.#loopsIn(hypothesis) && await this.#mend(to, isLast)) return;
    }
    const isLooped = this.#take(hypothesis);
    this.#report(result, prefixTokens, to, isLooped);
    this.#loops = isLooped ? this.#loops + 1 : 0;
    if (isLast && !isLooped && isCapped) {
      this.#text.mark({ isTruncated: true });
      this.#tell("loss", to, `stopped after ${result.tokens.length} tokens, more than speech takes`);
    }
    if (!isLooped || (!isLast && this.#loops < loopsMax)) return;
    this.#text.mark({ isLooped: true });
    this.#tell("loss", to, "repetition loop, cut short");
    if (!isLast) await this.#restart(to);
  }

  /** The model's answer to all audio from the anchor on, after what is committed. */
  async #decode(to: number, isLast: boolean): Promise<HearResult> {
    const { committed, tail } = this.#state;
    const request = {
      samples: this.#held.slice(this.#givenTo, to),
      forget: this.#mustForget ? Infinity : 0,
      prefix: this.options.rules.feedsPast ? committed.map(({ id }) => id) : [],
      draft: tail.map(({ id }) => id),
      tokensMax: this.#tokensMax(to, isLast),
    };
    const result = await this.listener.hear(request, this.stop.drop);
    this.#givenTo = to;
    this.#mustForget = false;
    this.#wasCapped = result.stop !== "end";
    this.#encodeMs += result.encodeMs;
    this.#decodeMs += result.prefillMs + result.verifyMs + result.decodeMs;
    return result;
  }

  #loopsIn(hypothesis: Hypothesis): boolean {
    return commit(this.#state, hypothesis, this.options.rules).isLooped;
  }

  /**
   * Text that goes round in circles is seldom in the audio: cut elsewhere, the same audio gives another one. So what is
   * not committed is heard in two parts, the second as the start of an utterance. Returns false, and nothing has
   * changed, where the first part loops as well, or is too short.
   */
  async #mend(to: number, isLast: boolean): Promise<boolean> {
    const from = Math.max(this.#anchor, this.#state.committed.at(-1)?.seenAfter ?? 0);
    const [first, last] = [from + partSamplesMin, to - partSamplesMin];
    if (first > last || this.#mends === mendsMax || this.stop.drop.aborted) return false;
    this.#mends++;
    const anchor = this.#anchor;
    const { start, end } = middleHalf(first, last);
    const at = start + quietestPlace(this.#held.slice(start, end), 0, end - start);
    const forgetsAll = () => [this.#givenTo, this.#mustForget] = [anchor, true];
    forgetsAll();
    const result = await this.#decode(at, true);
    const hypothesis = { tokens: result.tokens, heardTo: at, isCapped: isCut(result), isLast: true };
    if (this.stop.drop.aborted || this.#loopsIn(hypothesis)) {
      forgetsAll();
      return false;
    }
    this.#text.mark({ repaired: "cuts" });
    this.#take(hypothesis);
    this.#tell("notice", to, "the model repeated itself; heard again in shorter parts");
    await this.#restart(at);
    this.#hasSound = true;
    if (this.#isSpoken(to)) await this.#hear(to, isLast);
    return true;
  }

  /** Reports an event that concerns what was heard since the anchor. */
  #tell(kind: "loss" | "notice", to: number, what: string): void {
    const [fromSec, toSec] = [this.#anchor, to].map((place) => (this.options.startSec + place / sampleRate).toFixed(1));
    this.onEvent({ kind, text: `${fromSec} to ${toSec} s: ${what}` });
  }

  #report(result: HearResult, prefixTokens: number, to: number, isLooped: boolean): void {
    const step: Step = {
      result,
      prefixTokens,
      textTokens: this.#text.textTokens,
      heldSec: (to - this.#anchor) / sampleRate,
      atSec: to / sampleRate,
      isMoved: this.#wasMoved,
      isLooped,
    };
    this.#wasMoved = false;
    this.onEvent({ kind: "step", step });
  }

  /** Limit of a step: tokens for the last hypothesis again, and as many as the new speech can hold. */
  #tokensMax(to: number, isLast: boolean): number {
    const { rules, tokensMax } = this.options;
    const whole = tokensMaxFor((to - this.#anchor) / sampleRate);
    if (isLast || !rules.feedsPast) return whole;
    const fresh = tokensMax ?? Math.max(32, Math.ceil(((to - this.#givenTo) / sampleRate) * 16));
    return rules.policy.kind === "rollback" ? fresh : this.#state.tail.length + fresh;
  }

  #take(hypothesis: Hypothesis): boolean {
    const { state, fresh, isLooped } = commit(this.#state, hypothesis, this.options.rules);
    this.#state = state;
    this.#text.add(fresh, state, this.#cutter.voice.end);
    return isLooped;
  }

  /** Who speaks in the utterance that ends there; undefined where that is not asked for, or it has no text. */
  async #turnsTo(end: number): Promise<readonly SpeakerTurn[] | undefined> {
    const { speakers } = this.options;
    if (!speakers || !this.#text.hasText || this.stop.drop.aborted) return undefined;
    const from = Math.max(this.#held.from, this.#text.start);
    const to = Math.min(end, this.#held.to);
    if (from >= to) return undefined;
    try {
      return this.#text.turnsFrom(from, await speakers(this.#held.slice(from, to), this.stop.drop));
    } catch (error) {
      if (this.stop.drop.aborted) return undefined;
      throw error;
    }
  }

  /** Closes the utterance and sets a new anchor, to which nothing is carried over. */
  async #restart(at: number): Promise<void> {
    this.#text.close(at, this.#hasVoice, await this.#turnsTo(at));
    this.#text.begin(at);
    this.#startAnew(at);
    this.#wasMoved = true;
  }

  /** Speech without a pause has filled what may be held. */
  async #move(to: number): Promise<void> {
    if (!this.#isSpoken(to)) return await this.#restart(to - leadSamples);
    const { committed } = this.#state;
    const at = this.#quietest(to - keptSamplesMax, to - keptSamplesMin);
    const kept = keptAfter(committed, at, this.options.rules);
    if (kept.length === 0) return await this.#finishApart(to);
    const end = committed.at(-1)!.seenAt;
    this.#text.split(end, await this.#turnsTo(end));
    this.#hasSound = this.#cutter.voice.end > at || !isSettled(this.#state, this.options.rules);
    this.#startAt(at, { ...this.#state, committed: kept });
    this.#wasMoved = true;
  }

  /** The committed text ends before the cut would: all up to a cut after it is heard out, and the rest starts anew. */
  async #finishApart(to: number): Promise<void> {
    const settledTo = this.#state.committed.at(-1)?.seenAt ?? 0;
    const at = this.#quietest(Math.max(settledTo, to - keptSamplesMax), to);
    this.#givenTo = this.#anchor;
    this.#mustForget = true;
    await this.#hear(at, true);
    await this.#restart(at);
    this.#hasSound = this.#cutter.voice.end > at;
    if (this.#isSpoken(to)) await this.#hear(to, false);
  }

  #quietest(from: number, to: number): number {
    const start = Math.max(from, this.#anchor + sampleRate);
    if (to - start < sampleRate) return to;
    const audio = this.#held.slice(start, to);
    return start + quietestPlace(audio, 0, audio.length);
  }
}

/** A limit ended it, or the engine saw it go round in circles. */
function isCut({ stop }: HearResult): boolean {
  return stop === "cap" || stop === "loop";
}

function middleHalf(start: number, end: number): { readonly start: number; readonly end: number } {
  const quarter = Math.floor((end - start) / 4);
  return { start: start + quarter, end: Math.max(start + quarter + frameSamples, end - quarter) };
}

/** Frames are the unit of every place. */
function inFrames(samples: number): number {
  return Math.round(samples / frameSamples) * frameSamples;
}

/**
 * The header, and of the committed text what was said after `at`, judged by when it was first heard. A word too many or
 * too few does no harm: the model goes on after the last one. Empty where too little is left for that.
 */
function keptAfter(committed: readonly StreamToken[], at: number, rules: CommitRules): readonly StreamToken[] {
  const start = textStart(committed, rules) ?? committed.length;
  const text = committed.slice(start);
  const kept = text.filter((token, index) => {
    const together = text.filter(({ seenAt }) => seenAt === token.seenAt);
    const share = (index - text.indexOf(together[0]!) + 0.5) / together.length;
    return token.seenAfter + share * (token.seenAt - token.seenAfter) > at;
  });
  return kept.length < keptTokensMin ? [] : [...committed.slice(0, start), ...kept];
}
