/** The 30 languages a Qwen3-ASR model can be told to expect. In: what a user writes. Out: the model's name. Pure. */

type Language = {
  readonly name: string;
  /** The shortest code: ISO 639-1 where there is one. */
  readonly iso: string;
  /** ISO 639-2 in both forms, 639-3, codes of old, other names. */
  readonly others: string;
};

/** In the order of the official list, which is also the order of the C program's messages. */
const table: readonly Language[] = [
  { name: "Chinese", iso: "zh", others: "zho chi cmn mandarin" },
  { name: "English", iso: "en", others: "eng" },
  { name: "Cantonese", iso: "yue", others: "" },
  { name: "Arabic", iso: "ar", others: "ara arb" },
  { name: "German", iso: "de", others: "deu ger" },
  { name: "French", iso: "fr", others: "fra fre" },
  { name: "Spanish", iso: "es", others: "spa castilian" },
  { name: "Portuguese", iso: "pt", others: "por" },
  { name: "Indonesian", iso: "id", others: "ind in" },
  { name: "Italian", iso: "it", others: "ita" },
  { name: "Korean", iso: "ko", others: "kor" },
  { name: "Russian", iso: "ru", others: "rus" },
  { name: "Thai", iso: "th", others: "tha" },
  { name: "Vietnamese", iso: "vi", others: "vie" },
  { name: "Japanese", iso: "ja", others: "jpn" },
  { name: "Turkish", iso: "tr", others: "tur" },
  { name: "Hindi", iso: "hi", others: "hin" },
  { name: "Malay", iso: "ms", others: "msa may zsm" },
  { name: "Dutch", iso: "nl", others: "nld dut flemish" },
  { name: "Swedish", iso: "sv", others: "swe" },
  { name: "Danish", iso: "da", others: "dan" },
  { name: "Finnish", iso: "fi", others: "fin" },
  { name: "Polish", iso: "pl", others: "pol" },
  { name: "Czech", iso: "cs", others: "ces cze" },
  { name: "Filipino", iso: "fil", others: "tl tgl tagalog" },
  { name: "Persian", iso: "fa", others: "fas per pes farsi" },
  { name: "Greek", iso: "el", others: "ell gre" },
  { name: "Romanian", iso: "ro", others: "ron rum mo mol moldavian" },
  { name: "Hungarian", iso: "hu", others: "hun" },
  { name: "Macedonian", iso: "mk", others: "mkd mac" },
];

/** Every language name, in table order. */
export const languageNames: readonly string[] = table.map((language) => language.name);

/** The shortest code of a language by its name; "" for others. */
export function languageCode(name: string): string {
  return table.find((language) => language.name === name)?.iso ?? "";
}

/** "Chinese (zh), English (en), ...": the list for messages and help. */
export function languagesText(): string {
  return table.map((language) => `${language.name} (${language.iso})`).join(", ");
}

/** A locale or BCP 47 tag: its language and subtags; encoding and modifier are dropped ("pt_BR.UTF-8", "de@euro"). */
const tag = /^([a-z]{2,3})((?:[-_][a-z0-9]{1,8})*)(?:\.[\w-]+)?(?:@[\w=;-]+)?$/;

/**
 * A name, an ISO 639 code or a locale in any case ("english", "EN", "zh_Hant", "pt_BR.UTF-8") -> the model's name
 * for it; undefined if it is none of the 30. Script and region are dropped, since the model has no variants, but
 * Chinese of Hong Kong or Macao is Cantonese: that is what is spoken there.
 */
export function findLanguage(text: string): string | undefined {
  const wanted = text.trim().toLowerCase();
  const named = languageCalled(wanted);
  if (named !== undefined) return named;
  const [, code = "", rest = ""] = tag.exec(wanted) ?? [];
  const subtags = rest.split(/[-_]/).slice(1);
  const name = languageCalled(code);
  if (name !== "Chinese") return name;
  // In zh-yue, zh-cmn or zh-wuu the second code is the language.
  if (/^[a-z]{3}$/.test(subtags[0] ?? "")) return languageCalled(subtags[0]!);
  return code !== "cmn" && subtags.some((subtag) => ["hk", "mo"].includes(subtag)) ? "Cantonese" : name;
}

/**
 * The Chinese script that a tag asks for: "zh-TW", "zh_Hant.UTF-8", "yue-HK". A script in the tag counts before a
 * region; undefined where the tag has neither or is of another language.
 */
export function chineseScriptOf(text: string): "cn" | "twp" | "hk" | undefined {
  const [, code = "", rest = ""] = tag.exec(text.trim().toLowerCase()) ?? [];
  if (!["Chinese", "Cantonese"].includes(languageCalled(code) ?? "")) return undefined;
  const subtags = rest.split(/[-_]/);
  const has = (...wanted: string[]) => subtags.some((subtag) => wanted.includes(subtag));
  if (has("hans")) return "cn";
  if (has("hk", "mo")) return "hk";
  if (has("tw", "hant")) return "twp";
  return has("cn", "sg", "my") ? "cn" : undefined;
}

function languageCalled(word: string): string | undefined {
  if (word === "") return undefined;
  return table.find(({ name, iso, others }) =>
    name.toLowerCase() === word || iso === word || others.split(" ").includes(word)
  )?.name;
}

/** Normalises the model's answer as the official code does: stripped, first letter upper case, the rest lower case. */
export function languageTitle(text: string): string {
  const [first = "", ...rest] = [...text.trim()];
  return first.toUpperCase() + rest.join("").toLowerCase();
}
