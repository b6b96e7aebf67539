/**
 * Splits Japanese and Korean into the words that an aligner knows. The data of a language is loaded when it is needed.
 *
 * Korean uses a list of words that may start a word (see src/align/korean_words.txt), Japanese the dictionary of ICU,
 * which is part of the runtime.
 */

import type { Splitters } from "./words.ts";

export type SplitterData = {
  /** The list, one word per line. */
  readonly koreanWords: () => Promise<string>;
};

export function splitterSource(data: SplitterData): (language: string) => Promise<Splitters> {
  let korean: Promise<ReadonlySet<string>> | undefined;
  return async (language) => {
    switch (language.toLowerCase()) {
      case "korean":
        korean ??= data.koreanWords().then((text) => new Set(text.split("\n").filter(Boolean)));
        return { korean: await korean };
      case "japanese":
        return { japanese: splitJapanese };
      default:
        return {};
    }
  };
}

let segmenter: Intl.Segmenter | undefined;

/** Splits text that is in NFKC. Digits come out one by one, apart from letters. */
function splitJapanese(text: string): string[] {
  segmenter ??= new Intl.Segmenter("ja", { granularity: "word" });
  return [...segmenter.segment(text)].flatMap(({ segment }) => segment.match(/\p{N}|[^\p{N}]+/gu) ?? []);
}
