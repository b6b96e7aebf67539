/**
 * Simplified and Traditional Chinese, by the dictionaries of OpenCC. In: a text and the name of a script. Out: the text
 * in that script, as pieces. Dictionaries of one direction are loaded when it is first used.
 *
 * A conversion is a chain of tables, each of which replaces the longest phrase at every place. Some chains first cut
 * the text into phrases, across which the later tables do not look. It is as good as the text is whole: give it
 * sentences, not words.
 */

import type { Piece, Rewrite } from "./piece.ts";
import { PhraseTable } from "./phrase_table.ts";

/** asis: unchanged; tw, hk: characters of Taiwan, Hong Kong; twp, hkp: and their vocabulary; cn: Simplified. */
export const scriptNames = ["asis", "cn", "tw", "twp", "hk", "hkp"] as const;
export type Script = (typeof scriptNames)[number];
export type WantedScript = Exclude<Script, "asis">;

/** A conversion as opencc-js lists it: groups of dictionaries, the first of a group before the others. */
export type Conversion = {
  readonly normalizationChain?: readonly (readonly unknown[])[];
  readonly segmentation?: unknown;
  readonly conversionChain: readonly (readonly unknown[])[];
};

type Conversions = Readonly<Record<string, Conversion>>;

const conversions: Readonly<Record<Exclude<WantedScript, "cn">, string>> = {
  tw: "s2tw",
  twp: "s2twp",
  hk: "s2hk",
  hkp: "s2hkp",
};

const loaded = new Map<WantedScript, Promise<Rewrite>>();

/** The conversion to a script; the dictionaries are loaded once. */
export function scriptRewrite(script: WantedScript): Promise<Rewrite> {
  const known = loaded.get(script) ?? load(script);
  loaded.set(script, known);
  return known;
}

async function load(script: WantedScript): Promise<Rewrite> {
  if (script === "cn") return converter(simplifying((await import("opencc-js/preset/t2cn")).configs));
  const { configs }: { configs: Conversions } = await import("opencc-js/preset/cn2t");
  return converter(configs[conversions[script]]!);
}

/** The conversion from Taiwan's characters, and with it the variants that only Hong Kong writes. */
function simplifying({ tw2s, hk2s }: Conversions): Conversion {
  const [fromTaiwan, fromHongKong] = [converter(tw2s!), converter(hk2s!)];
  const convert = (rewrite: Rewrite, text: string) => rewrite(text).map((piece) => piece.text).join("");
  const variants = hk2s!.conversionChain[0]!.at(-1) as string;
  const rest = variants.split("|").map((entry) => entry.split(" ")[0]!).flatMap((character) => {
    const simple = convert(fromHongKong, character);
    return convert(fromTaiwan, character) === character && simple !== character ? [`${character} ${simple}`] : [];
  });
  return { ...tw2s!, conversionChain: [...tw2s!.conversionChain, [rest.join("|")]] };
}

/** A conversion as a function. Expensive to make, cheap to use. */
export function converter({ normalizationChain = [], segmentation, conversionChain }: Conversion): Rewrite {
  const normalization = normalizationChain.map((group) => new PhraseTable(group as readonly string[]));
  const chain = conversionChain.map((group) => new PhraseTable(group as readonly string[]));
  const cutter = segmentation === undefined ? undefined : cutterOf(segmentation, conversionChain, chain);
  return (source) => {
    let state: Converted = { text: source, origins: undefined };
    for (const table of normalization) state = apply(table, state, [state.text.length]).state;
    let cuts: readonly number[] = cutter ? cutter(state.text) : [state.text.length];
    for (const table of chain) ({ state, cuts } = apply(table, state, cuts));
    return piecesOf(source, state);
  };
}

/** Cuts a text into phrases of the dictionaries and what lies between; a table that begins with them serves for it. */
function cutterOf(segmentation: unknown, groups: Conversion["conversionChain"], chain: readonly PhraseTable[]) {
  const dictionaries = (typeof segmentation === "string" ? [segmentation] : segmentation) as readonly string[];
  const index = groups.findIndex((group) => dictionaries.every((dictionary, at) => group[at] === dictionary));
  const table = chain[index] ?? new PhraseTable(dictionaries);
  return (text: string) => phraseEnds(table, dictionaries.length, text);
}

/** A text on its way. */
type Converted = {
  readonly text: string;
  /** For every place of the text that of the source which it stands for, -1 inside what is one piece; both ends too. */
  readonly origins: Int32Array | undefined;
};

/** Lets the table replace what it knows between one cut and the next. */
function apply(table: PhraseTable, state: Converted, cuts: readonly number[]) {
  const { text } = state;
  const { roots } = table;
  const parts: string[] = [];
  const newCuts: number[] = [];
  const origins = new Origins(state);
  let [at, keptFrom] = [0, 0];
  for (const cut of cuts) {
    while (at < cut) {
      const unit = text.charCodeAt(at);
      const match = roots[unit] === 0 ? undefined : table.longestAt(text, at, cut);
      if (match && !(match.text.length === match.end - at && text.startsWith(match.text, at))) {
        parts.push(text.slice(keptFrom, at), match.text);
        origins.keep(keptFrom, at);
        origins.replace(text.slice(at, match.end), at, match.text);
        keptFrom = match.end;
      }
      at = match?.end ?? Math.min(cut, at + unmatchedLength(text, at, unit));
    }
    newCuts.push(origins.length + cut - keptFrom);
  }
  if (parts.length === 0) return { state, cuts };
  parts.push(text.slice(keptFrom));
  origins.keep(keptFrom, text.length + 1);
  return { state: { text: parts.join(""), origins: origins.taken() }, cuts: newCuts };
}

/** The places of the source, gathered while a text is written. */
class Origins {
  /** Of what is written so far. */
  length = 0;
  readonly #before: Int32Array | undefined;
  #places: Int32Array;

  constructor({ text, origins }: Converted) {
    this.#before = origins;
    this.#places = new Int32Array(text.length + 1);
  }

  /** The characters from `from` to `to` are written as they are. */
  keep(from: number, to: number): void {
    this.#reserve(to - from);
    for (let at = from; at < to; at++) this.#places[this.length++] = this.#before ? this.#before[at]! : at;
  }

  /**
   * `old`, which begins at `from`, is written as `text`. Where it has as many characters, each stands for one, so that
   * a phrase of several words keeps the time of each.
   */
  replace(old: string, from: number, text: string): void {
    this.#reserve(text.length);
    const isEven = old.length === text.length || [...old].length === [...text].length;
    let source = from;
    for (let at = 0; at < text.length; at++) {
      const starts = at === 0 || isEven && !isLow(text.charCodeAt(at));
      this.#places[this.length++] = starts ? this.#before ? this.#before[source]! : source : -1;
      if (starts) source += isHigh(old.charCodeAt(source - from)) ? 2 : 1;
    }
  }

  taken(): Int32Array {
    return this.#places.subarray(0, this.length);
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#places.length) return;
    const larger = new Int32Array(Math.max(this.length + count, this.#places.length * 2));
    larger.set(this.#places);
    this.#places = larger;
  }
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function piecesOf(source: string, { text, origins }: Converted): Piece[] {
  if (!origins) return source === "" ? [] : [{ from: 0, to: source.length, text: source }];
  const pieces: Piece[] = [];
  let keptFrom = 0;
  let [start, from] = [0, 0];
  for (let at = 1; at <= text.length; at++) {
    const to = origins[at]!;
    if (to < 0) continue;
    if (at - start !== to - from || !sameText(source, from, text, start, at - start)) {
      if (keptFrom < from) pieces.push({ from: keptFrom, to: from, text: source.slice(keptFrom, from) });
      pieces.push({ from, to, text: text.slice(start, at) });
      keptFrom = to;
    }
    [start, from] = [at, to];
  }
  if (keptFrom < source.length) pieces.push({ from: keptFrom, to: source.length, text: source.slice(keptFrom) });
  return pieces;
}

function sameText(source: string, from: number, text: string, start: number, length: number): boolean {
  for (let at = 0; at < length; at++) {
    if (source.charCodeAt(from + at) !== text.charCodeAt(start + at)) return false;
  }
  return true;
}

/** The ends of phrases and of what lies between them. */
function phraseEnds(table: PhraseTable, sources: number, text: string): number[] {
  const ends: number[] = [];
  for (let at = 0; at < text.length;) {
    const match = table.longestAt(text, at, text.length, sources);
    if (match && ends.at(-1) !== at && at > 0) ends.push(at);
    if (match) ends.push(match.end);
    at = match?.end ?? at + unmatchedLength(text, at, text.charCodeAt(at));
  }
  if (ends.at(-1) !== text.length) ends.push(text.length);
  return ends;
}

/** What a character is described by, at most: a longer description is none. */
const descriptionMax = 32;

/** A character, or a whole description of one by its parts, which no dictionary has. */
function unmatchedLength(text: string, at: number, unit: number): number {
  if (unit < 0x2ff0 || unit > 0x2fff) return isHigh(unit) ? 2 : 1;
  let [end, open] = [at, 1];
  while (open > 0 && end < Math.min(text.length, at + descriptionMax)) {
    const next = text.charCodeAt(end);
    // ⿲ and ⿳ have three parts, the others two.
    open += next >= 0x2ff0 && next <= 0x2fff ? (next === 0x2ff2 || next === 0x2ff3 ? 2 : 1) : -1;
    end += isHigh(next) ? 2 : 1;
  }
  return open === 0 ? end - at : 1;
}
