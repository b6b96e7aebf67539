/**
 * Turns the committed tokens of a stream into events with text, utterance by utterance. Pure.
 *
 * The texts of all commits, joined, are the transcript. It is trimmed, and utterances are separated as their scripts
 * require.
 */

import { type Audit, auditOf, covered, nothingCovered } from "../document/audit.ts";
import type { SpeakerTurn } from "../speakers/turns.ts";
import { separatorBetween } from "../text/join.ts";
import { spokenWeight } from "../text/spoken.ts";
import { TranscriptParser } from "../text/transcript.ts";
import { sampleRate, type TimeSpan } from "../units.ts";
import type { Piece } from "../views/piece.ts";
import type { CommitRules, CommitState, StreamToken } from "./commit.ts";
import type { Stretch } from "./endpoint.ts";

export type TextEvent =
  /** Final text. It is never taken back. */
  | { readonly kind: "commit" } & UtteranceText
  /** Text that may follow the committed text. It replaces the partial text before it. */
  | { readonly kind: "partial" } & UtteranceText
  /** An utterance has ended; this is all of its text. `goesOn`: it became too long, and the next one continues it. */
  | { readonly kind: "final"; readonly goesOn?: boolean } & UtteranceText
  | { readonly kind: "language"; readonly name: string };

/** Speech that got no text, told when it is known where it ends. */
export type GapEvent = { readonly kind: "gap" } & TimeSpan;

export type UtteranceText = {
  /** Counts utterances from 1. */
  readonly id: number;
  readonly text: string;
  /** What was said, where the text is written another way (views.ts); `pieces` of it make the text, of a final. */
  readonly spoken?: string;
  readonly pieces?: readonly Piece[];
  /** Of a final: where in it there is voice. */
  readonly speech?: readonly TimeSpan[];
  /** Of a final: who speaks when in it, where that is asked for. */
  readonly turns?: readonly SpeakerTurn[];
  /** Of a final: a limit ended its text; or the model repeated itself without end, and the repeats were cut. */
  readonly isTruncated?: boolean;
  readonly isLooped?: boolean;
  /** Of a final: the model repeated itself, and the audio was heard again in parts, of which this is the first. */
  readonly repaired?: "cuts";
  /** Of a final: how doubtful it is that somebody speaks, 0 to 1, if that is known. */
  readonly noSpeech?: number;
  /** As the model names it; "" while it is unknown. */
  readonly language: string;
  /**
   * Milliseconds from the start of the recording: where the utterance starts, and how far it was heard; of a commit,
   * where its own words are, as estimated.
   */
  readonly startMs: number;
  readonly endMs: number;
};

type Marks = Pick<UtteranceText, "isTruncated" | "isLooped" | "repaired">;

export type TextOptions = {
  readonly rules: CommitRules;
  /** The language that was asked for; "" to detect it. */
  readonly language: string;
  /** Where the first sample of the stream lies in the recording. */
  readonly startSec: number;
};

/** What is known of the voice between two places. */
export type VoiceBetween = {
  speech(from: number, to: number): readonly Stretch[];
  noSpeech(from: number, to: number): number | undefined;
};

export class StreamText {
  /** The number of tokens that became text. */
  textTokens = 0;
  #id = 1;
  #parser: TranscriptParser;
  /** The text of the utterance that was given out so far. */
  #text = "";
  #partial = "";
  #hadPartial = false;
  /** The end of all text so far, which the next utterance is joined to. */
  #end = "";
  #isJoined = false;
  #language: string;
  #start = 0;
  /** Where the words of the last commit end, as estimated. */
  #saidTo = 0;
  /** What became of the utterance's text: truncated, looped or repaired. */
  #marks: Marks = {};
  #coverage = nothingCovered;
  /** Up to here it is known which speech has text, and so many gaps were told. */
  #auditedTo = 0;
  #gapsTold = 0;

  /** All places are given in samples from the start of the stream. */
  constructor(
    readonly options: TextOptions,
    readonly voice: VoiceBetween,
    readonly onEvent: (event: TextEvent | GapEvent) => void,
  ) {
    this.#language = options.language;
    this.#parser = this.#newParser();
  }

  /** Whether the utterance has had any, also as a hypothesis. */
  get hasText(): boolean {
    return this.#text.trim() !== "" || this.#hadPartial;
  }

  /** Where the utterance begins. */
  get start(): number {
    return this.#start;
  }

  /** Turns whose times are counted from a place of the stream, by the recording's time. */
  turnsFrom(place: number, turns: readonly SpeakerTurn[]): SpeakerTurn[] {
    const { startMs: from } = this.#timed({ start: place, end: place });
    return turns.map(({ speaker, startMs, endMs }) => ({ speaker, startMs: from + startMs, endMs: from + endMs }));
  }

  /** An utterance begins. */
  begin(place: number): void {
    this.#start = place;
    this.#saidTo = Math.max(this.#saidTo, place);
  }

  /** `voiceEnd`: no word is after it. */
  add(fresh: readonly StreamToken[], state: CommitState, voiceEnd: number): void {
    const before = this.#parser.textTokens;
    const text = fresh.map((token) => this.#parser.push(token)).join("");
    this.#put(text, this.#endOf(text, { ...state, heardTo: Math.min(state.heardTo, voiceEnd) }));
    this.textTokens += this.#parser.textTokens - before;
    this.#showPartial(state);
  }

  /** Text of the utterance is missing, or was mended. */
  mark(marks: Marks): void {
    this.#marks = { ...this.#marks, ...marks };
  }

  /** The utterance has ended, and the next one starts with new words. `isSpoken`: there was a voice in it. */
  close(end: number, isSpoken: boolean, turns?: readonly SpeakerTurn[]): void {
    this.#put(this.#parser.end(), end);
    this.#parser = this.#newParser();
    this.#isJoined = false;
    this.#audit(end, isSpoken);
    this.#finish(end, false, turns);
  }

  /** The stream has ended. */
  end(): Audit {
    this.#tellGaps(auditOf(this.#coverage, this.options.startSec));
    return auditOf(this.#coverage, this.options.startSec);
  }

  #audit(end: number, isSpoken: boolean): void {
    const span = { start: Math.max(this.#start, this.#auditedTo), end };
    this.#auditedTo = Math.max(this.#auditedTo, end);
    if (!isSpoken || span.start >= end) return;
    const hasText = this.#text.trim() !== "";
    this.#coverage = covered(this.#coverage, this.voice.speech(span.start, end), { span, ranges: [span], hasText });
    this.#tellGaps(auditOf({ ...this.#coverage, open: undefined }, this.options.startSec));
  }

  #tellGaps({ gaps }: Audit): void {
    for (const { startMs, endMs } of gaps.slice(this.#gapsTold)) this.onEvent({ kind: "gap", startMs, endMs });
    this.#gapsTold = gaps.length;
  }

  /** The utterance has become too long. The next one continues the same sentence. */
  split(end: number, turns?: readonly SpeakerTurn[]): void {
    this.#audit(end, true);
    this.#finish(end, true, turns);
    this.#start = end;
  }

  #newParser(): TranscriptParser {
    return new TranscriptParser(this.options.rules.asrTextId, this.options.rules.isHeaderless);
  }

  #finish(end: number, goesOn: boolean, turns: readonly SpeakerTurn[] | undefined): void {
    const text = this.#text.trim();
    if (this.hasText) {
      const speech = this.voice.speech(this.#start, end).map((stretch) => this.#timed(stretch));
      const noSpeech = this.voice.noSpeech(this.#start, end);
      const doubt = noSpeech === undefined ? {} : { noSpeech };
      this.onEvent({
        kind: "final",
        ...(goesOn && { goesOn }),
        ...this.#placed(text, end),
        ...this.#marks,
        speech,
        ...(turns && { turns }),
        ...doubt,
      });
      this.#id++;
    }
    this.#text = "";
    this.#partial = "";
    this.#hadPartial = false;
    this.#marks = {};
  }

  #put(piece: string, end: number): void {
    const { language } = this.#parser;
    if (language !== undefined && language !== this.#language) {
      this.#language = language;
      this.onEvent({ kind: "language", name: language });
    }
    if (piece === "") return;
    const text = (this.#isJoined ? "" : separatorBetween(this.#end, piece)) + piece;
    this.#isJoined = true;
    this.#text += text;
    this.#end = (this.#end + text).slice(-32);
    const from = this.#saidTo;
    this.#saidTo = Math.max(from, end);
    this.onEvent({ kind: "commit", ...this.#placed(text, this.#saidTo, from) });
  }

  /** Where a text ends that was just committed: what was heard since the last one is shared with what may follow. */
  #endOf(text: string, { committed, tail, heardTo }: CommitState): number {
    const said = this.#textOf(committed);
    // Without past text, the tail is the whole answer.
    const rest = this.#textOf(this.options.rules.feedsPast ? [...committed, ...tail] : tail).slice(said.length);
    const [own, left] = [spokenWeight(text), rest.trim() === "" ? 0 : spokenWeight(rest)];
    return Math.round(this.#saidTo + (Math.max(0, heardTo - this.#saidTo) * own) / (own + left));
  }

  #showPartial({ committed, tail, heardTo }: CommitState): void {
    const said = this.#textOf(committed);
    const all = this.options.rules.feedsPast ? this.#textOf([...committed, ...tail]) : said;
    const partial = all.slice(said.length);
    if (partial === this.#partial) return;
    this.#partial = partial;
    this.#hadPartial = true;
    // None at all reaches as far as what is final, or it would outlast the utterance.
    this.onEvent({ kind: "partial", ...this.#placed(partial, partial === "" ? this.#saidTo : heardTo) });
  }

  #textOf(tokens: readonly StreamToken[]): string {
    const parser = this.#newParser();
    return tokens.map((token) => parser.push(token)).join("");
  }

  #placed(text: string, end: number, start = this.#start): UtteranceText {
    return { id: this.#id, text, language: this.#language, ...this.#timed({ start, end: Math.max(start, end) }) };
  }

  #timed({ start, end }: Stretch): TimeSpan {
    const ms = (place: number) => Math.round(this.options.startSec * 1000 + (place * 1000) / sampleRate);
    return { startMs: ms(start), endMs: ms(end) };
  }
}
