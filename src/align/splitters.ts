/**
 * How Japanese and Korean are cut into the words an aligner knows: what a language needs is loaded when it is needed.
 *
 * Korean: a list of words that may start one (see src/align/korean_words.txt). Japanese: the dictionary of ICU, which
 * is inside the runtime.
 */

import type { Splitters } from "./words.ts";

export type SplitterData = {
  /** One word a line. */
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

/** Pieces of text in NFKC; a run of digits comes out one by one, apart from letters. */
function splitJapanese(text: string): string[] {
  segmenter ??= new Intl.Segmenter("ja", { granularity: "word" });
  return [...segmenter.segment(text)].flatMap(({ segment }) => segment.match(/\p{N}|[^\p{N}]+/gu) ?? []);
}
