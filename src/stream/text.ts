/**
 * A stream's committed tokens -> pieces of text and events, utterance by utterance. Pure.
 *
 * The texts of all commits, joined, are the transcript: trimmed, with what the scripts want between utterances.
 */

import { separatorBetween } from "../text/join.ts";
import { TranscriptParser } from "../text/transcript.ts";
import type { CommitRules, CommitState, StreamToken } from "./commit.ts";

export type TextEvent =
  /** Never taken back. */
  | { readonly kind: "commit" } & UtteranceText
  /** What may follow the committed text; replaces the one before. */
  | { readonly kind: "partial" } & UtteranceText
  /** An utterance is over: all its text. */
  | { readonly kind: "final" } & UtteranceText
  | { readonly kind: "language"; readonly name: string };

export type UtteranceText = {
  /** Counts utterances from 1. */
  readonly id: number;
  readonly text: string;
  /** The model's name for it, "" while unknown. */
  readonly language: string;
  /** Milliseconds of the stream, from the utterance's start to what was heard of it. */
  readonly startMs: number;
  readonly endMs: number;
};

export type TextOptions = {
  readonly rules: CommitRules;
  /** What was asked for, "" to detect. */
  readonly language: string;
  /** Of the stream's first sample in the recording. */
  readonly startSec: number;
};

export class StreamText {
  /** Tokens that became text. */
  textTokens = 0;
  #id = 1;
  #parser: TranscriptParser;
  /** Of the utterance, as it was given out. */
  #text = "";
  #partial = "";
  #hadPartial = false;
  /** The end of all text, to join the next utterance to. */
  #end = "";
  #isJoined = false;
  #language: string;
  #start = 0;

  /** Places are samples from the start of the stream. */
  constructor(readonly options: TextOptions, readonly onEvent: (event: TextEvent) => void) {
    this.#language = options.language;
    this.#parser = this.#newParser();
  }

  /** An utterance begins. */
  start(place: number): void {
    this.#start = place;
  }

  add(fresh: readonly StreamToken[], state: CommitState): void {
    const before = this.#parser.textTokens;
    this.#put(fresh.map((token) => this.#parser.push(token)).join(""), state.heardTo);
    this.textTokens += this.#parser.textTokens - before;
    this.#showPartial(state);
  }

  /** The utterance is over; the next one has words of its own. */
  close(end: number): void {
    this.#put(this.#parser.end(), end);
    this.#parser = this.#newParser();
    this.#isJoined = false;
    this.#finish(end);
  }

  /** The utterance has become too long: another goes on with the same sentence. */
  split(end: number): void {
    this.#finish(end);
    this.#start = end;
  }

  #newParser(): TranscriptParser {
    return new TranscriptParser(this.options.rules.asrTextId, this.options.rules.isHeaderless);
  }

  #finish(end: number): void {
    const text = this.#text.trim();
    if (text !== "" || this.#hadPartial) {
      this.onEvent({ kind: "final", ...this.#placed(text, end) });
      this.#id++;
    }
    this.#text = "";
    this.#partial = "";
    this.#hadPartial = false;
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
    this.onEvent({ kind: "commit", ...this.#placed(text, end) });
  }

  #showPartial({ committed, tail, heardTo }: CommitState): void {
    const said = this.#textOf(committed);
    const all = this.options.rules.feedsPast ? this.#textOf([...committed, ...tail]) : said;
    const partial = all.slice(said.length);
    if (partial === this.#partial) return;
    this.#partial = partial;
    this.#hadPartial = true;
    this.onEvent({ kind: "partial", ...this.#placed(partial, heardTo) });
  }

  #textOf(tokens: readonly StreamToken[]): string {
    const parser = this.#newParser();
    return tokens.map((token) => parser.push(token)).join("");
  }

  #placed(text: string, end: number): UtteranceText {
    const [startMs, endMs] = [this.#start, Math.max(this.#start, end)].map((place) =>
      Math.round(this.options.startSec * 1000 + place / 16)
    ) as [number, number];
    return { id: this.#id, text, language: this.#language, startMs, endMs };
  }
}
