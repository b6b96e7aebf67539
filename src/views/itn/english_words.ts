/**
 * The words of an English text and how each hangs on the one before it. In: text. Out: words with positions in UTF-16
 * units. What is neither letter nor digit lies between the words; so do Chinese, Japanese and the possessive 's.
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

const letters = String.raw`[[\p{L}\p{M}]--[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]]`;
const signs = String.raw`[[\p{L}\p{M}\p{N}]--[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]]`;
const wordPattern = new RegExp(`${signs}+(?:['’]${letters}+)*`, "gv");

const glue = /[@./_#&=+~\\:%$€£¥^]/;
const glueInFront = /[@#$€£¥/\\_]$/;

export function wordsOf(source: string): Words {
  const words: Word[] = [];
  let before = 0;
  for (const { 0: match, index } of source.matchAll(wordPattern)) {
    const text = match.length > 2 && /['’][sS]$/.test(match) ? match.slice(0, -2) : match;
    const gap = source.slice(before, index);
    words.push({
      from: index,
      to: index + text.length,
      text,
      lower: text.toLowerCase(),
      joint: words.length === 0 ? "start" : jointOf(gap),
      opens: words.length === 0 || opensAfter(gap, words),
      glued: glueInFront.test(gap) || (words.length > 0 && !/\s/.test(gap) && glue.test(gap) && !gap.endsWith("..")),
    });
    before = index + text.length;
  }
  return words;
}

function jointOf(gap: string): Joint {
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

/** The word at this place if it hangs on the one before it in one of these ways. */
export function joined(words: Words, at: number, ...joints: readonly Joint[]): Word | undefined {
  const word = words[at];
  return word !== undefined && joints.includes(word.joint) ? word : undefined;
}

/** Whether the words from here on are these, with single spaces or hyphens between. */
export function follow(words: Words, at: number, ...expected: readonly string[]): boolean {
  return expected.every((lower, index) => joined(words, at + index, "space", "hyphen")?.lower === lower);
}

/** Title case, as names have it; "I" and words all in capitals say nothing. */
export function capitalised({ text }: Word): boolean {
  return /^\p{Lu}\p{M}*\p{Ll}/u.test(text);
}
