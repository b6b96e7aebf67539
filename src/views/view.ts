/**
 * The text of a transcript as people write it. In: timed segments as they were spoken, and what is wanted. Out: timed
 * segments as they are written, whose words keep the times of the spoken ones and say which these were.
 *
 *     spoken -> numbers -> script -> digits -> spaces
 *
 * Which views a segment gets depends on its language, or on its script where that is unknown. Punctuation of cues comes
 * after their layout (punctuation.ts), which needs the marks.
 */

import type { TimedSegment, TimedWord } from "../document/document.ts";
import { roundedLogprob } from "../document/logprobs.ts";
import { eastAsianScript, spacelessLetters } from "../text/scripts.ts";
import { closedLength } from "./closed.ts";
import { compose, isKept, type Piece, replacementsOf, type Rewrite, tile, written } from "./piece.ts";
import { type Script, scriptRewrite } from "./script.ts";
import { type CjkSpace, type DigitWidth, spaced, withDigits } from "./spacing.ts";
import { chineseReadings } from "./readings.ts";
import { type Term, TermTable } from "./terms.ts";
import { writtenWords } from "./words.ts";

export type ViewOptions = {
  /** Numbers as digits; "all": single digits and whole hours, too. */
  readonly itn: "off" | "on" | "all";
  readonly script: Script;
  readonly cjkSpace: CjkSpace;
  /** undefined: digits stay as they are. */
  readonly digitWidth: DigitWidth | undefined;
  /** The file of terms, as it was given; undefined: none. */
  readonly terms: string | undefined;
};

/** Finds numbers in a text of its language; see src/views/itn. */
export type Itn = (source: string, options: { readonly all: boolean }) => readonly Piece[];

export type ItnRules = { readonly chinese: Itn; readonly english: Itn };

/** Their tables of words are made when they are first loaded, and most runs need none. */
async function itnRules(): Promise<ItnRules> {
  const [{ chineseItn }, { englishItn }] = await Promise.all([import("./itn/chinese.ts"), import("./itn/english.ts")]);
  return { chinese: chineseItn, english: englishItn };
}

export const asSpoken: ViewOptions = {
  ...{ itn: "off", script: "asis", cjkSpace: "keep", digitWidth: undefined, terms: undefined },
};

/** The views of a document, by option name; those that leave the text as it is are not named. */
export function viewsHead(options: ViewOptions): Readonly<Record<string, string | true>> {
  const { itn, script, cjkSpace, digitWidth, terms } = options;
  return {
    ...(itn === "off" ? {} : itn === "on" ? { itn: true } : { "itn-all": true }),
    ...(script === "asis" ? {} : { script }),
    ...(cjkSpace === "keep" ? {} : { "cjk-space": cjkSpace }),
    ...(digitWidth === undefined ? {} : { "digit-width": digitWidth }),
    ...(terms === undefined ? {} : { terms }),
  };
}

const viewNames: readonly string[] = ["itn", "itn-all", "script", "cjk-space", "digit-width", "terms"];

/** A document's options without those of its views. */
export function withoutViews<T>(options: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !viewNames.includes(name)));
}

/** What a text is written in, as far as views care. */
type Family = "chinese" | "english" | "japanese" | "korean" | "other";

/** Views over text, one for any number of recordings. */
export class TextView {
  readonly #options: ViewOptions;
  readonly #itn: ItnRules | undefined;
  readonly #toScript: Rewrite | undefined;
  readonly #terms: TermTable | undefined;

  private constructor(
    options: ViewOptions,
    itn: ItnRules | undefined,
    toScript: Rewrite | undefined,
    terms: TermTable | undefined,
  ) {
    this.#options = options;
    this.#itn = itn;
    this.#toScript = toScript;
    this.#terms = terms;
  }

  /** Loads what the views need; undefined where text stays as it is. `terms` are those of the file. */
  static async open(
    options: ViewOptions,
    terms: readonly Term[] = [],
    itn?: ItnRules,
  ): Promise<TextView | undefined> {
    const { script, itn: numbers, cjkSpace, digitWidth } = options;
    const isKept = numbers === "off" && script === "asis" && cjkSpace === "keep" && digitWidth === undefined;
    if (isKept && terms.length === 0) return undefined;
    const readings = terms.some(({ bySound }) => bySound) ? await chineseReadings() : undefined;
    const toScript = script === "asis" ? undefined : await scriptRewrite(script);
    const rules = numbers === "off" ? undefined : itn ?? await itnRules();
    return new TextView(options, rules, toScript, terms.length > 0 ? new TermTable(terms, readings) : undefined);
  }

  /**
   * The text as it is written. `language` is the model's name for it, "" where unknown; `before` is what is written
   * before it. Nothing becomes blank that was not.
   */
  pieces(spoken: string, language: string, before = ""): readonly Piece[] {
    const family = familyOf(language, spoken);
    const terms = this.#terms?.matches(spoken) ?? [];
    // Terms are written as the user gives them: no other view changes them.
    let pieces = terms.length === 0 ? this.#written(spoken, family) : between(spoken, terms, (text) => {
      return this.#written(text, family);
    });
    if (family !== "japanese" && family !== "korean") {
      pieces = compose(spoken, pieces, spaced(this.#options.cjkSpace, written(pieces), before));
    }
    return written(pieces).trim() === "" ? tile(spoken, []) : pieces;
  }

  /** Numbers, script, digits. */
  #written(spoken: string, family: Family): readonly Piece[] {
    const { itn, digitWidth } = this.#options;
    const rules = this.#itn;
    let pieces: readonly Piece[] = tile(spoken, []);
    const apply = (rewrite: Rewrite) => pieces = compose(spoken, pieces, rewrite(written(pieces)));
    if (rules && (family === "chinese" || family === "english")) {
      const options = { all: itn === "all" };
      apply((text) => rules.chinese(text, options));
      apply((text) => inEnglish(text, (run) => rules.english(run, options)));
    }
    if (this.#toScript && family === "chinese") apply(this.#toScript);
    if (digitWidth === "half" || digitWidth === "full" && isEastAsian(family)) {
      apply((text) => withDigits(digitWidth, text));
    }
    return pieces;
  }

  /** How much of a text that goes on can be written for good. */
  closedLength(spoken: string, language: string): number {
    const family = familyOf(language, spoken);
    const length = closedLength(spoken, {
      numbers: this.#itn !== undefined && (family === "chinese" || family === "english"),
      clauses: this.#toScript !== undefined && family === "chinese",
    });
    return this.#terms ? this.#terms.closedLength(spoken, length) : length;
  }

  /** The segments of one recording, one after the other. */
  recording(): (segment: TimedSegment) => TimedSegment {
    let before = "";
    return (segment) => {
      const result = this.#segment(segment, before);
      before = result.text.slice(-2);
      return result;
    };
  }

  #segment(segment: TimedSegment, before: string): TimedSegment {
    return writtenSegment(segment, this.pieces(segment.text, segment.language, before));
  }
}

/** English numbers stand in what is not Chinese: the rules know words by the spaces around them. */
function inEnglish(text: string, rewrite: Rewrite): readonly Piece[] {
  const runs = [...text.matchAll(notSpaceless)].filter(([run]) => latin.test(run));
  const replacements = runs.flatMap(({ index, 0: run }) =>
    replacementsOf(run, rewrite(run)).map((piece) => ({ ...piece, from: piece.from + index, to: piece.to + index }))
  );
  return tile(text, replacements);
}

/** Rewrites what lies between the pieces that are given. */
function between(source: string, given: readonly Piece[], rewrite: Rewrite): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const piece of [...given, undefined]) {
    const offset = at;
    const part = rewrite(source.slice(at, piece?.from));
    pieces.push(...part.map((each) => ({ ...each, from: each.from + offset, to: each.to + offset })));
    if (piece) pieces.push(piece);
    at = piece?.to ?? at;
  }
  return pieces;
}

const notSpaceless = new RegExp(`[^${spacelessLetters}]+`, "gu");
const latin = /\p{sc=Latin}/u;

/** By the name that the model gives a language, or by the letters. */
function familyOf(language: string, text: string): Family {
  switch (language) {
    case "Chinese":
    case "Cantonese":
      return "chinese";
    case "English":
      return "english";
    case "Japanese":
      return "japanese";
    case "Korean":
      return "korean";
    case "":
      return eastAsianScript(text) ?? (latin.test(text) ? "english" : "other");
    default:
      return "other";
  }
}

function isEastAsian(family: Family): boolean {
  return family === "chinese" || family === "japanese" || family === "korean";
}

/** The segment with its text written as the pieces say, which tile it. */
export function writtenSegment(segment: TimedSegment, pieces: readonly Piece[]): TimedSegment {
  const { text: spoken, words } = segment;
  if (pieces.every((piece) => isKept(spoken, piece))) return segment;
  if (!words || words.length === 0) return { ...segment, text: written(pieces), spoken };
  const result = writtenWords(words.map(({ text }) => text), pieces).map(({ from, to, text }) =>
    writtenWord(words.slice(from, to), text)
  );
  return { ...segment, text: result.map(({ text }) => text).join(""), spoken, words: result };
}

/** One word for the words that were said. */
function writtenWord(words: readonly TimedWord[], text: string): TimedWord {
  const [first, last] = [words[0]!, words.at(-1)!];
  const spoken = words.map((word) => word.text).join("");
  if (spoken === text && words.length === 1) return first;
  // Rounded first: a document that was read has no more digits, and its views are to be the same.
  const logprobs = words.flatMap(({ logprob }) => logprob === undefined ? [] : roundedLogprob(logprob));
  const flag = words.some((word) => word.flag === "unaligned") ? "unaligned" : words.find((word) => word.flag)?.flag;
  return {
    text,
    ...(spoken === text ? {} : { spoken }),
    startMs: first.startMs,
    endMs: Math.max(first.startMs, last.endMs),
    ...(logprobs.length > 0 ? { logprob: logprobs.reduce((sum, each) => sum + each, 0) } : {}),
    ...(flag ? { flag } : {}),
  };
}

/** The segment as it was spoken, where a document shows both. A text that a person corrected counts as spoken. */
export function spokenSegment({ spoken, ...segment }: TimedSegment): TimedSegment {
  const words = segment.words?.map(({ spoken, ...word }) => spoken === undefined ? word : { ...word, text: spoken });
  if (!words || words.length === 0) return { ...segment, text: spoken ?? segment.text };
  return { ...segment, text: words.map(({ text }) => text).join(""), words };
}
