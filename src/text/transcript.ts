/**
 * Parses the tokens of one utterance. In: tokens as they are generated. Out: the language and pieces of text. Pure.
 *
 * The model says "language English<asr_text>Hello." or "language None<asr_text>". If the language is forced, or earlier
 * text is given, it begins with the text. However the tokens are cut, the pieces add up to the same text, without white
 * space at either end and without half characters.
 */

import { languageTitle } from "./languages.ts";
import { Utf8Decoder } from "./utf8.ts";

export type TranscriptToken = { readonly id: number; readonly bytes: Uint8Array };

/** Call `push` with every token, then `end` once; both return the text that became known. */
export class TranscriptParser {
  /** The language that the model named; undefined while unknown, and for "None". */
  language: string | undefined = undefined;
  /** Number of tokens that belong to the text, including those not returned yet. */
  textTokens = 0;

  readonly #asrTextId: number;
  readonly #decoder = new Utf8Decoder();
  readonly #edges = new EdgeTrimmer();
  #inText: boolean;
  #header = "";

  /** `inText`: the prompt already ends in `<asr_text>`, so the first token is text. */
  constructor(asrTextId: number, inText: boolean) {
    this.#asrTextId = asrTextId;
    this.#inText = inText;
  }

  push(token: TranscriptToken): string {
    if (token.id === this.#asrTextId) {
      if (!this.#inText) this.language = headerLanguage(this.#header);
      this.#inText = true;
      return "";
    }
    const piece = this.#decoder.push(token.bytes);
    if (this.#inText) {
      this.textTokens++;
      return this.#edges.push(piece);
    }
    this.#header += piece;
    return "";
  }

  /** There are no more tokens. Without `<asr_text>`, everything was text, unless it is only a header. */
  end(): string {
    if (this.#inText) return "";
    const bareHeader = /^\s*language(?:\s+(\S+))?\s*$/i.exec(this.#header);
    if (bareHeader) {
      this.language = headerLanguage(this.#header);
      return "";
    }
    return this.#edges.push(this.#header);
  }
}

/** "language English" -> "English". The first line of that form counts; "language None" means no speech. */
export function headerLanguage(header: string): string | undefined {
  if (header.toLowerCase().includes("language none")) return undefined;
  const line = header.split(/\r?\n/).map((part) => part.trim()).find((part) => /^language\s/i.test(part));
  return line === undefined ? undefined : languageTitle(line.slice("language".length));
}

/** Drops white space before the first visible character, and holds back white space after the latest. */
class EdgeTrimmer {
  #started = false;
  #heldSpace = "";

  push(piece: string): string {
    const text = this.#started ? this.#heldSpace + piece : piece.trimStart();
    const visible = text.trimEnd();
    if (visible === "") {
      if (this.#started) this.#heldSpace = text;
      return "";
    }
    this.#started = true;
    this.#heldSpace = text.slice(visible.length);
    return visible;
  }
}
