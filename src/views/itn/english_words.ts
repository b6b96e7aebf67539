/**
 * The words of an English text and how each hangs on the one before it. In: text. Out: words with positions in UTF-16
 * units. What is neither Latin letter nor digit lies between the words; so does the possessive 's.
 */

/** A hyphen or white space of one line; a comma with a space; anything else, or a new line; nothing before it. */
export type Joint = "hyphen" | "space" | "comma" | "break" | "start";

export type Word = {
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly lower: string;
  readonly joint: Joint;
  /** Opens a sentence, or a quotation. */
  readonly opens: boolean;
  /** A sign as in an address or a path joins it to what stands before it. */
  readonly glued: boolean;
};

export type Words = readonly Word[];

const wordPattern = /[\p{sc=Latn}\p{M}\p{Nd}]+(?:['’][\p{sc=Latn}\p{M}]+)*/gu;

const glue = /[@./_#&=+~\\:%$€£¥^]/;
const glueInFront = /[@#$€£¥/\\_]$/;

export function wordsOf(source: string): Words {
  const words: Word[] = [];
  let before = 0;
  for (const { 0: match, index } of source.matchAll(wordPattern)) {
    const text = isPossessive(match) ? match.slice(0, -2) : match;
    const gap = source.slice(before, index);
    words.push({
      from: index,
      to: index + text.length,
      text,
      lower: text.toLowerCase(),
      joint: words.length === 0 ? "start" : jointOf(gap),
      opens: words.length === 0 || (gap !== " " && opensAfter(gap, words)),
      glued: gap !== " " && !isUnspacedStop(gap, words.at(-1), text) && isGlue(gap, words.length === 0),
    });
    before = index + text.length;
  }
  return words;
}

function isPossessive(word: string): boolean {
  const end = word.charAt(word.length - 1);
  const mark = word.charAt(word.length - 2);
  return word.length > 2 && (end === "s" || end === "S") && (mark === "'" || mark === "’");
}

/** "in twenty.He left": a sentence ends, and no file name goes on. */
function isUnspacedStop(gap: string, before: Word | undefined, text: string): boolean {
  return gap === "." && /^\p{Lu}\p{Ll}/u.test(text) && before !== undefined && /^\p{Ll}+$/u.test(before.text);
}

function isGlue(gap: string, first: boolean): boolean {
  return glueInFront.test(gap) || (!first && !/\s/.test(gap) && glue.test(gap) && !gap.endsWith(".."));
}

function jointOf(gap: string): Joint {
  if (gap === " ") return "space";
  if (gap === "-" || gap === "\u2010" || gap === "\u2011") return "hyphen";
  if (gap.includes("\n") || gap.includes("\r")) return "break";
  if (gap.trim() === "") return "space";
  return gap.startsWith(",") && gap.length > 1 && gap.slice(1).trim() === "" ? "comma" : "break";
}

/** The point of "3 p.m." ends no sentence. */
function opensAfter(gap: string, words: Words): boolean {
  if (/[\n!?;:…“"(\[—]/.test(gap)) return true;
  if (!gap.includes(".")) return false;
  const [first, second] = words.slice(-2);
  return !(second?.lower === "m" && second.glued && (first?.lower === "a" || first?.lower === "p"));
}

/** The word at this place if white space joins it to the one before it. */
export function spaced(words: Words, at: number): Word | undefined {
  const word = words[at];
  return word?.joint === "space" ? word : undefined;
}

/** The word at this place if a hyphen joins it to the one before it. */
export function hyphened(words: Words, at: number): Word | undefined {
  const word = words[at];
  return word?.joint === "hyphen" ? word : undefined;
}

/** The word at this place if white space or a hyphen joins it to the one before it. */
export function linked(words: Words, at: number): Word | undefined {
  return spaced(words, at) ?? hyphened(words, at);
}

/** The word at this place if white space or a comma joins it to the one before it. */
export function listed(words: Words, at: number): Word | undefined {
  const word = words[at];
  return word?.joint === "space" || word?.joint === "comma" ? word : undefined;
}

/** Whether the words from here on are these, with single spaces or hyphens between. */
export function follow(words: Words, at: number, ...expected: readonly string[]): boolean {
  return expected.every((lower, index) => linked(words, at + index)?.lower === lower);
}

/** Title case, as names have it; "I" and words all in capitals say nothing. */
export function capitalised({ text }: Word): boolean {
  return /^\p{Lu}\p{M}*\p{Ll}/u.test(text);
}
