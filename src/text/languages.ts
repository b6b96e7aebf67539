/** The 30 languages a Qwen3-ASR model can be told to expect. In: what a user writes. Out: the model's name. Pure. */

type Language = { readonly name: string; readonly iso: string; readonly aliases?: readonly string[] };

/** In the order of the official list, which is also the order of the C program's messages. */
const table: readonly Language[] = [
  { name: "Chinese", iso: "zh", aliases: ["mandarin", "cmn", "zho"] },
  { name: "English", iso: "en", aliases: ["eng"] },
  { name: "Cantonese", iso: "yue" },
  { name: "Arabic", iso: "ar" },
  { name: "German", iso: "de" },
  { name: "French", iso: "fr" },
  { name: "Spanish", iso: "es" },
  { name: "Portuguese", iso: "pt" },
  { name: "Indonesian", iso: "id" },
  { name: "Italian", iso: "it" },
  { name: "Korean", iso: "ko" },
  { name: "Russian", iso: "ru" },
  { name: "Thai", iso: "th" },
  { name: "Vietnamese", iso: "vi" },
  { name: "Japanese", iso: "ja" },
  { name: "Turkish", iso: "tr" },
  { name: "Hindi", iso: "hi" },
  { name: "Malay", iso: "ms" },
  { name: "Dutch", iso: "nl" },
  { name: "Swedish", iso: "sv" },
  { name: "Danish", iso: "da" },
  { name: "Finnish", iso: "fi" },
  { name: "Polish", iso: "pl" },
  { name: "Czech", iso: "cs" },
  { name: "Filipino", iso: "fil", aliases: ["tl", "tagalog"] },
  { name: "Persian", iso: "fa", aliases: ["farsi"] },
  { name: "Greek", iso: "el" },
  { name: "Romanian", iso: "ro" },
  { name: "Hungarian", iso: "hu" },
  { name: "Macedonian", iso: "mk" },
];

/** Every language name, in table order. */
export const languageNames: readonly string[] = table.map((language) => language.name);

/** "Chinese (zh), English (en), ...": the list for messages and help. */
export function languagesText(): string {
  return table.map((language) => `${language.name} (${language.iso})`).join(", ");
}

/**
 * A name or ISO code in any case ("english", "EN", "en-GB", "pt_BR.UTF-8") -> the model's name for it; undefined if it
 * is none of the 30. A region after a two- or three-letter code is dropped: the model has no regional variants.
 */
export function findLanguage(text: string): string | undefined {
  const wanted = text.trim().toLowerCase();
  const code = /^([a-z]{2,3})(?:[-_].+)?$/.exec(wanted)?.[1];
  const found = table.find((language) =>
    language.name.toLowerCase() === wanted || language.iso === code ||
    (language.aliases ?? []).some((alias) => alias === wanted || alias === code)
  );
  return found?.name;
}

/** Normalises the model's answer as the official code does: stripped, first letter upper case, the rest lower case. */
export function languageTitle(text: string): string {
  const [first = "", ...rest] = [...text.trim()];
  return first.toUpperCase() + rest.join("").toLowerCase();
}
