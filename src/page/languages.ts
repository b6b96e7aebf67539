/** The languages of what browsers show. In: a reader's languages. Out: the one that suits them best. Pure. */

export type PageLanguage = "en" | "zh-Hans" | "zh-Hant";

/** `languages` as `navigator.languages` lists them: the first that is known. */
export function pageLanguageFor(languages: readonly string[]): PageLanguage {
  for (const language of languages) {
    const tag = language.toLowerCase();
    if (/^(?:zh|yue)\b/.test(tag)) return /hant|tw|hk|mo|yue(?!.*hans)/.test(tag) ? "zh-Hant" : "zh-Hans";
    if (/^en\b/.test(tag)) break;
  }
  return "en";
}
