/**
 * Splits text into the words that an aligner is asked for, each with its place in the text. Pure.
 *
 * The rules are those the aligner was trained with: letters, digits and the ASCII apostrophe count, everything else is
 * dropped. White space separates words, and every Chinese character is a word. Japanese and Korean, of which the
 * aligner knows shorter units than spaces make, have splitters of their own.
 */

/** `word` is cleaned; start and end are UTF-16 positions in the text: of its first character and after its last. */
export type SpokenWord = { readonly word: string; readonly start: number; readonly end: number };

/** Splits the text of a language. Joined, the pieces are the text. */
export type Splitters = {
  /** Splits Japanese text, which is in NFKC. */
  readonly japanese?: (text: string) => readonly string[];
  /** Words that may start a word of Korean, followed by its endings. */
  readonly korean?: ReadonlySet<string>;
};

/** White space as Unicode defines it; the byte order mark is not white space. */
const whiteSpace = new RegExp(
  String.raw`^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$`,
  "u",
);
const kept = /^['\p{L}\p{N}]$/u;
/** Han characters as the aligner's own code lists them: without the extensions G and later, and without kana. */
const ideograph = new RegExp(
  String.raw`^[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}` +
    String.raw`\u{2b820}-\u{2ceaf}\uf900-\ufaff]$`,
  "u",
);

/** The words of `text`; `language` is a model's name for it ("Japanese"), "" where unknown. */
export function spokenWords(text: string, language: string, splitters: Splitters = {}): SpokenWord[] {
  switch (language.toLowerCase()) {
    case "japanese":
      return splitters.japanese ? japaneseWords(text, splitters.japanese) : spacedWords(text);
    case "korean":
      return koreanWords(text, splitters.korean ?? new Set());
    default:
      return spacedWords(text);
  }
}

/** The language that the script of a text implies if none is named: only these two are split differently. */
export function guessLanguage(text: string): "Japanese" | "Korean" | "" {
  const count = (pattern: RegExp) => (text.match(pattern) ?? []).length;
  const kana = count(/[\p{Script=Hiragana}\p{Script=Katakana}]/gu);
  const hangul = count(/\p{Script=Hangul}/gu);
  const letters = count(/\p{L}/gu);
  if (hangul > letters / 4) return "Korean";
  return kana > letters / 10 ? "Japanese" : "";
}

type Character = { readonly text: string; readonly start: number; readonly end: number };

function charactersOf(text: string, from = 0): Character[] {
  let position = from;
  return [...text].map((character) => ({ text: character, start: position, end: position += character.length }));
}

function spacedWords(text: string): SpokenWord[] {
  const words: SpokenWord[] = [];
  let run: Character[] = [];
  const flush = () => {
    words.push(...joined(run));
    run = [];
  };
  for (const character of charactersOf(text)) {
    if (whiteSpace.test(character.text)) flush();
    else if (ideograph.test(character.text)) {
      flush();
      words.push(...joined([character]));
    } else run.push(character); // Dropped characters do not separate words: "big-or" is one word.
  }
  flush();
  return words;
}

/** The kept characters as one word; no word if there are none. */
function joined(characters: readonly Character[]): SpokenWord[] {
  const own = characters.filter(({ text }) => kept.test(text));
  if (own.length === 0) return [];
  return [{ word: own.map(({ text }) => text).join(""), start: own[0]!.start, end: own.at(-1)!.end }];
}

/** Every word of more than two characters is split after the longest word of the list that it starts with. */
function koreanWords(text: string, list: ReadonlySet<string>): SpokenWord[] {
  const words: SpokenWord[] = [];
  let run: Character[] = [];
  const flush = () => {
    const cut = koreanCut(run.map((character) => character.text), list);
    words.push(...joined(run.slice(0, cut)), ...joined(run.slice(cut)));
    run = [];
  };
  for (const character of charactersOf(text)) {
    if (whiteSpace.test(character.text)) flush();
    else run.push(character);
  }
  flush();
  return words;
}

const koreanStemMin = 2;

function koreanCut(characters: readonly string[], list: ReadonlySet<string>): number {
  for (let length = characters.length; length >= koreanStemMin && characters.length > koreanStemMin; length--) {
    if (list.has(characters.slice(0, length).join(""))) return length;
  }
  return characters.length;
}

/** The splitter's pieces are in NFKC, so their places in the text are found by the clusters that they come from. */
function japaneseWords(text: string, split: (text: string) => readonly string[]): SpokenWord[] {
  const clusters = clustersOf(text);
  const folded = clusters.map((cluster) => cluster.text).join("");
  /** For every UTF-16 unit of the folded text: the cluster it comes from. */
  const origins = clusters.flatMap((cluster) => Array<Character>(cluster.text.length).fill(cluster));
  let position = 0;
  return split(folded).flatMap((piece) => {
    const own = charactersOf(piece, position).filter((character) => kept.test(character.text));
    position += piece.length;
    if (own.length === 0) return [];
    const word = own.map((character) => character.text).join("");
    return [{ word, start: origins[own[0]!.start]!.start, end: origins[own.at(-1)!.end - 1]!.end }];
  });
}

/** Characters with the marks that NFKC joins to them, in NFKC, each with its place in the original text. */
function clustersOf(text: string): Character[] {
  const clusters = text.matchAll(/[^\p{M}\uff9e\uff9f][\p{M}\uff9e\uff9f]*|[\p{M}\uff9e\uff9f]+/gsu);
  return [...clusters].map((match) => ({
    text: match[0].normalize("NFKC"),
    start: match.index,
    end: match.index + match[0].length,
  }));
}
