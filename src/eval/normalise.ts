/**
 * What counts as the same text, per language: a text -> the words and characters that error rates are counted in. Pure.
 *
 * docs/eval.md states the rules. Numbers, spellings and scripts are not rewritten: "5" and "five" differ.
 */

import { findLanguage } from "../text/languages.ts";
import { eastAsianScript } from "../text/scripts.ts";

/** "words": words and characters are counted; "characters": characters alone, since spaces do not tell words apart. */
export type Normaliser = "words" | "characters";

export type NormalText = {
  /** undefined: the language puts no spaces between words. */
  readonly words: readonly string[] | undefined;
  /** Without spaces. */
  readonly characters: readonly string[];
};

const withoutSpaces = new Set(["Chinese", "Cantonese", "Japanese", "Thai", "Lao", "Khmer", "Burmese"]);

/** Languages that a text may be in although no model can be told to expect them: their names and codes. */
const others: Readonly<Record<string, string>> = {
  ...{ lao: "Lao", lo: "Lao" },
  ...{ khmer: "Khmer", km: "Khmer", khm: "Khmer" },
  ...{ burmese: "Burmese", my: "Burmese", mya: "Burmese" },
};

/** The name of a language that a row states; undefined if none is known by that name. */
export function languageOfRow(text: string): string | undefined {
  return findLanguage(text) ?? others[text.trim().toLowerCase()];
}

/** `language`: a name, "" if it is not stated: the script of the reference decides. */
export function normaliserOf(language: string, reference: string): Normaliser {
  if (language !== "") return withoutSpaces.has(language) ? "characters" : "words";
  const script = eastAsianScript(reference);
  if (script !== undefined) return script === "korean" ? "words" : "characters";
  const letters = reference.match(/\p{L}/gu)?.length ?? 0;
  const spaceless = reference.match(/[\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/gu)?.length ?? 0;
  return spaceless > letters / 4 ? "characters" : "words";
}

export function normalised(text: string, language: string, normaliser: Normaliser): NormalText {
  const words = spelled(text, language).split(" ").filter((word) => word !== "");
  return { words: normaliser === "words" ? words : undefined, characters: words.flatMap((word) => [...word]) };
}

/** Lower case in one form, spaces for all that is not part of a word. */
function spelled(text: string, language: string): string {
  return folded(text.normalize("NFKC"), language)
    .replace(/[\p{Cf}\p{DI}]/gu, "")
    .replace(/[\u2019\u2018\u02bc\u0060\u00b4\uff07]/gu, "'")
    .replace(/(?<![\p{L}\p{M}\p{N}])'|'(?![\p{L}\p{M}\p{N}])/gu, " ")
    .replace(/(?<!\p{Nd})[.,:]|[.,:](?!\p{Nd})/gu, " ")
    .replace(/[^\p{L}\p{M}\p{N}'.,:]/gu, " ")
    .normalize("NFC");
}

/** Case folded: ß is ss, a sigma at the end of a word is a sigma; the dot of the Turkish i counts in Turkish alone. */
function folded(text: string, language: string): string {
  if (language === "Turkish") return text.toLocaleLowerCase("tr");
  return text.toUpperCase().toLowerCase().replaceAll("ς", "σ").replaceAll("i\u0307", "i");
}
