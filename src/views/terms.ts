/**
 * The user's own terms: names and words to expect, and what is to be written where they are heard. In: the text of a
 * file, a term a line. Out: terms, and where they stand in a text. Pure.
 *
 * A line is `term`, or `heard => wanted`. Terms are found as whole words, whatever their case, spaces and hyphens;
 * Chinese ones anywhere, and with `~` in front by their sound. Of several at one place the longest counts.
 */

import { UsageError } from "../errors.ts";
import { spacelessLetters } from "../text/scripts.ts";
import type { Piece } from "./piece.ts";

export type Term = { readonly heard: string; readonly wanted: string; readonly bySound: boolean };

/** For every character of a text, how it may be read, without tones: the character itself where it is not Chinese. */
export type Readings = (text: string) => readonly (readonly string[])[];

const lengthMax = 200;
const han = /\p{sc=Han}/u;
const letter = /[\p{L}\p{N}\p{M}]/u;
const spaceless = new RegExp(`[${spacelessLetters}]`, "u");

/** `name` is the file's, for messages, which name the line. Repeated lines count once. */
export function parseTerms(text: string, name: string): Term[] {
  const terms = new Map<string, Term>();
  for (const [index, line] of text.replace(/^\ufeff/, "").split(/\r?\n|\r/).entries()) {
    const wrong = (what: string) => new UsageError(`${name}: line ${index + 1}: ${what}`);
    const entry = line.normalize("NFC").trim();
    if (entry === "") continue;
    if ([...entry].length > lengthMax) throw wrong(`a term of more than ${lengthMax} characters`);
    const bySound = entry.startsWith("~");
    const [first, ...others] = entry.slice(bySound ? 1 : 0).split("=>").map((part) => part.trim().replace(/\s+/g, " "));
    if (others.length > 1) throw wrong("more than one =>");
    const [heard, wanted] = [first!, others[0] ?? first!];
    if (heard === "") throw wrong(others.length === 0 ? "no term behind ~" : "nothing before =>");
    if (wanted === "") throw wrong("nothing behind =>");
    if (!letter.test(heard)) throw wrong("a term without letters");
    if (bySound && !han.test(heard)) throw wrong("~ finds Chinese by its sound, and there is none");
    const term = { heard, wanted, bySound };
    terms.set(JSON.stringify(term), term);
  }
  if (terms.size === 0) throw new UsageError(`${name}: no terms in it`);
  return [...terms.values()];
}

/** What the model is told to expect: the prompt first, then the terms. */
export function termContext(prompt: string, terms: readonly Term[]): string {
  const list = [...new Set(terms.map(({ wanted }) => wanted))].join(", ");
  return [prompt, list].filter((part) => part !== "").join("\n");
}

type Node = { readonly next: Map<string, Node>; term?: Term };

/** Terms, laid out so that a text is searched once for all of them. */
export class TermTable {
  readonly #letters: Node = { next: new Map() };
  readonly #sounds: Node = { next: new Map() };
  readonly #readings: Readings | undefined;

  /** `readings` is needed where a term is found by its sound. */
  constructor(terms: readonly Term[], readings?: Readings) {
    this.#readings = terms.some(({ bySound }) => bySound) ? readings : undefined;
    for (const term of terms) {
      const key = term.bySound ? this.#readings!(term.heard).map(([reading]) => reading!) : [...folded(term.heard)];
      let node = term.bySound ? this.#sounds : this.#letters;
      for (const part of key) {
        const next: Node = node.next.get(part) ?? { next: new Map() };
        node.next.set(part, next);
        node = next;
      }
      node.term ??= term;
    }
  }

  /** Where terms stand in the text, in order, and what is to be written there, which may be what stands there. */
  matches(text: string): Piece[] {
    const matches: Piece[] = [];
    const search = new Search(text, this.#readings);
    for (let at = 0; at < text.length;) {
      const found = search.longestAt(at, this.#letters, this.#sounds);
      if (!found) at += String.fromCodePoint(text.codePointAt(at)!).length;
      else {
        matches.push({ from: at, to: found.to, text: wantedText(found.term, text.slice(at, found.to)) });
        at = found.to;
      }
    }
    return matches;
  }

  /** Where the front of a text that goes on must end so that no term lies across: at `length` or before. */
  closedLength(text: string, length: number): number {
    const search = new Search(text, this.#readings);
    for (let at = 0; at < length;) {
      const { end, isOpen } = search.reachAt(at, this.#letters, this.#sounds);
      if (isOpen || end > length) return at;
      at = Math.max(end, at + String.fromCodePoint(text.codePointAt(at)!).length);
    }
    return length;
  }
}

/** One text that is searched. */
class Search {
  readonly #text: string;
  readonly #readings: Readings | undefined;

  constructor(text: string, readings: Readings | undefined) {
    this.#text = text;
    this.#readings = readings;
  }

  longestAt(at: number, ...roots: Node[]): { term: Term; to: number } | undefined {
    let longest: { term: Term; to: number } | undefined;
    for (const root of roots) {
      this.#walk(root, at, (node, to) => {
        if (node.term && to > (longest?.to ?? at) && this.#isBoundary(to)) longest = { term: node.term, to };
      });
    }
    return longest && this.#isBoundary(at) ? longest : undefined;
  }

  /** The end of the term at a place, and whether what may still come decides about a longer one. */
  reachAt(at: number, ...roots: Node[]): { end: number; isOpen: boolean } {
    let isOpen = false;
    if (this.#isBoundary(at)) {
      for (const root of roots) {
        // At the end of the text a term may go on, and so may the word.
        this.#walk(root, at, (node, to) => isOpen ||= to === this.#text.length && (node.next.size > 0 || !!node.term));
      }
    }
    return { end: this.longestAt(at, ...roots)?.to ?? at, isOpen };
  }

  /** Calls `visit` for every node that the text from `from` on leads to. */
  #walk(root: Node, from: number, visit: (node: Node, to: number) => void): void {
    let open: [Node, number][] = [[root, from]];
    while (open.length > 0) {
      open = open.flatMap(([node, at]) => this.#steps(node, at));
      for (const [node, to] of open) visit(node, to);
    }
  }

  #steps(node: Node, at: number): [Node, number][] {
    if (at >= this.#text.length || node.next.size === 0) return [];
    const space = node.next.get(" ");
    if (space && isGap(this.#text[at]!)) return [[space, gapEnd(this.#text, at)]];
    const character = String.fromCodePoint(this.#text.codePointAt(at)!);
    const to = at + character.length;
    const steps: [Node, number][] = [];
    const take = (key: string) => {
      const next = node.next.get(key);
      if (next) steps.push([next, to]);
    };
    take(character.toLowerCase());
    if (this.#readings && han.test(character)) this.#readings(character)[0]!.forEach(take);
    return steps;
  }

  /** Whether a word may begin or end here: not between letters of a script that has spaces. */
  #isBoundary(at: number): boolean {
    const [before, after] = [lastCharacter(this.#text, at), this.#text.slice(at, at + 2)];
    return !isOfWord(before) || !isOfWord(String.fromCodePoint(after.codePointAt(0) ?? 32));
  }
}

function lastCharacter(text: string, at: number): string {
  const pair = text.slice(Math.max(0, at - 2), at);
  return /^[\ud800-\udbff]/.test(pair) ? pair : pair.slice(-1);
}

function isOfWord(character: string): boolean {
  return letter.test(character) && !spaceless.test(character);
}

/** Spaces and hyphens count as one space. */
function gapEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && isGap(text[end]!)) end++;
  return end;
}

function isGap(character: string): boolean {
  return /[\s-]/.test(character);
}

function folded(text: string): string {
  return text.toLowerCase().replace(/[\s-]+/g, " ");
}

/** A term without capitals keeps the one at the start of a sentence. */
function wantedText({ wanted }: Term, found: string): string {
  const [first = "", ...rest] = [...wanted];
  const capital = first.toUpperCase() + rest.join("");
  return wanted === wanted.toLowerCase() && found === capital ? found : wanted;
}
