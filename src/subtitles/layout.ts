/**
 * Timed words -> subtitle cues that can be read: lines and cues end where the language pauses. Pure.
 *
 * A block of words, up to a long pause or a sentence that ends with its segment, is laid out at once: of all ways to
 * cut it into cues and lines, the one that breaks the fewest rules, and of those the one with the best cuts (dynamic
 * programming over the places to cut; a cue's cost depends only on its own words and on when the next one starts).
 *
 * Columns, lines, the longest duration and the order of cues are always kept. The shortest duration, the reading speed
 * and whole words are kept wherever they can be.
 */

import type { TimedWord } from "../document/document.ts";
import { endsSentence } from "../text/sentences.ts";
import { breakCosts, forbidden, type WordCutter } from "./breaks.ts";
import type { Cue } from "./cue.ts";
import { cpsWanted, type LayoutRules } from "./rules.ts";
import { columnsOf, graphemesOf } from "./width.ts";

/** A silence after which nothing said before matters to what comes. */
const blockGapMs = 2000;
/** Speech without sentences is laid out after this many words at the end of a segment. */
const blockWordsMax = 300;

/** A broken rule outweighs every matter of taste in a block. */
const broken = forbidden;
const perCue = 8;
const perExtraLine = 2;
/** A cut between lines matters less than one between cues. */
const lineShare = 0.6;
const fullLine = 6;
/** Text that stands there while nobody speaks. */
const innerPauseMs = 700;
const innerPausePerMs = 1 / 50;

/** What cannot be cut: a word with its punctuation, or a part of one that is wider than a line. */
type Atom = {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Without the space at its front. */
  readonly columns: number;
  readonly space: 0 | 1;
};

type Timing = { readonly startMs: number; readonly endMs: number };

/** Lays out segments as they come. The same segments give the same cues, one at a time or all at once. */
export class CueLayout {
  #held: TimedWord[] = [];
  #lastMs = 0;
  /** The held words are a block, if more words come. */
  #isBlock = false;
  #endMs = 0;

  constructor(readonly rules: LayoutRules, readonly cutChinese?: WordCutter) {}

  /** Takes a segment's words; returns the cues that are settled by them. */
  push(words: readonly TimedWord[]): Cue[] {
    const cues: Cue[] = [];
    for (const given of words) {
      const word = this.#inOrder(given);
      if (word.text.trim() === "") continue;
      const last = this.#held.at(-1);
      if (last && (this.#isBlock || word.startMs - last.endMs >= blockGapMs)) cues.push(...this.#close(word.startMs));
      this.#held.push(word);
    }
    const last = this.#held.at(-1);
    if (last && (endsSentence(last.text) || this.#held.length >= blockWordsMax)) this.#isBlock = true;
    return cues;
  }

  /**
   * The cues of what is held, for a viewer who cannot wait for the words that follow: they are over by `untilMs`, and
   * what is pushed later is shown after the gap.
   */
  flush(untilMs: number): Cue[] {
    const cues = this.#close(Math.round(untilMs) + this.rules.gapMsMin);
    if (cues.length > 0) this.#lastMs = Math.max(this.#lastMs, this.#endMs + this.rules.gapMsMin);
    return cues;
  }

  /** The cues of what is held, were this the end. Changes nothing. */
  rest(): Cue[] {
    return this.#layOut(Infinity);
  }

  #close(nextMs: number): Cue[] {
    const cues = this.#layOut(nextMs);
    this.#endMs = cues.at(-1)?.endMs ?? this.#endMs;
    this.#held = [];
    this.#isBlock = false;
    return cues;
  }

  #layOut(nextMs: number): Cue[] {
    return apart(layoutBlock(this.#held, nextMs, this.rules, this.cutChinese), this.#endMs);
  }

  /** Times that run backwards would make cues that do. */
  #inOrder(word: TimedWord): TimedWord {
    const startMs = Math.max(Math.round(word.startMs), this.#lastMs);
    this.#lastMs = startMs;
    return { ...word, startMs, endMs: Math.max(Math.round(word.endMs), startMs) };
  }
}

/** All cues of some segments' words. */
export function layoutCues(
  segments: readonly (readonly TimedWord[])[],
  rules: LayoutRules,
  cutChinese?: WordCutter,
): Cue[] {
  const layout = new CueLayout(rules, cutChinese);
  return [...segments.flatMap((words) => layout.push(words)), ...layout.rest()];
}

/** Words piled up at one time would make cues that overlap: those are moved behind each other. */
function apart(cues: readonly Cue[], freeMs: number): Cue[] {
  let free = freeMs;
  return cues.map((cue) => {
    const startMs = Math.max(cue.startMs, free);
    free = Math.max(cue.endMs, startMs + 1);
    return { ...cue, startMs, endMs: free };
  });
}

type Plan = { readonly cost: number; readonly from: number; readonly lineEnds: readonly number[] };

function layoutBlock(
  words: readonly TimedWord[],
  nextMs: number,
  rules: LayoutRules,
  cutChinese?: WordCutter,
): Cue[] {
  const atoms = words.flatMap((word) => atomsOf(word, rules.colsMax));
  const costs = breakCosts(atoms.map(({ text }) => text), cutChinese);
  const startOf = (index: number) => atoms[index]?.startMs ?? nextMs;
  const plans: (Plan | undefined)[] = [{ cost: 0, from: 0, lineEnds: [] }];
  for (let from = 0; from < atoms.length; from++) {
    const before = plans[from]!.cost;
    for (const { to, cost: lineCost, lineEnds } of lineations(atoms, costs, from, rules)) {
      const cost = before + perCue + lineCost + costs[to]! + timingCost(atoms, from, to, startOf(to + 1), rules);
      if (cost < (plans[to + 1]?.cost ?? Infinity)) plans[to + 1] = { cost, from, lineEnds };
    }
  }
  const cues: Cue[] = [];
  for (let end = atoms.length; end > 0; end = plans[end]!.from) {
    const { from, lineEnds } = plans[end]!;
    cues.unshift({ ...timing(atoms, from, end - 1, startOf(end), rules), lines: linesOf(atoms, from, lineEnds) });
  }
  return cues;
}

/** A word as one atom; one that is wider than a line as several, its time shared out by their widths. */
function atomsOf(word: TimedWord, colsMax: number): Atom[] {
  const text = word.text.replace(/\s+/gu, " ").trim();
  const parts = columnsOf(text) <= colsMax ? [text] : cutWide(text, colsMax);
  const widths = parts.map(columnsOf);
  const total = widths.reduce((sum, width) => sum + width, 0);
  const ms = (columns: number) => Math.round(word.startMs + ((word.endMs - word.startMs) * columns) / (total || 1));
  let before = 0;
  return parts.map((part, index) => {
    const columns = widths[index]!;
    const space = index === 0 && /^\s/u.test(word.text) ? 1 : 0;
    const atom: Atom = {
      text: (space ? " " : "") + part,
      startMs: ms(before),
      endMs: ms(before + columns),
      columns,
      space,
    };
    before += columns;
    return atom;
  });
}

function cutWide(text: string, colsMax: number): string[] {
  const parts: string[] = [];
  let part = "";
  for (const grapheme of graphemesOf(text)) {
    if (part !== "" && columnsOf(part + grapheme) > colsMax) {
      parts.push(part);
      part = "";
    }
    part += grapheme;
  }
  return [...parts, part];
}

type Lineation = { readonly to: number; readonly cost: number; readonly lineEnds: readonly number[] };

/** Every cue that fits and starts with atom `from`: its last atom, and the best lines for it. */
function lineations(
  atoms: readonly Atom[],
  costs: readonly number[],
  from: number,
  { colsMax, linesMax }: LayoutRules,
): Lineation[] {
  const best = new Map<number, Lineation>();
  let open: Lineation[] = [{ to: from - 1, cost: 0, lineEnds: [] }];
  for (let line = 0; line < linesMax; line++) {
    const ended = new Map<number, Lineation>();
    for (const { to: before, cost: soFar, lineEnds } of open) {
      const cut = line === 0 ? 0 : perExtraLine + lineShare * costs[before]!;
      let columns = 0;
      for (let to = before + 1; to < atoms.length; to++) {
        columns += atoms[to]!.columns + (to > before + 1 ? atoms[to]!.space : 0);
        if (columns > colsMax) break;
        const cost = soFar + cut + fullLine * (columns / colsMax) ** 2; // Squares: even lines cost least.
        if (cost < (ended.get(to)?.cost ?? Infinity)) ended.set(to, { to, cost, lineEnds: [...lineEnds, to] });
      }
    }
    for (const [to, lineation] of ended) {
      if (lineation.cost < (best.get(to)?.cost ?? Infinity)) best.set(to, lineation);
    }
    open = [...ended.values()];
  }
  return [...best.values()];
}

function linesOf(atoms: readonly Atom[], from: number, lineEnds: readonly number[]): string[] {
  return lineEnds.map((end, index) => {
    const start = index === 0 ? from : lineEnds[index - 1]! + 1;
    return atoms.slice(start, end + 1).map(({ text }) => text).join("").trim();
  });
}

/** From the first word to the last, longer where it is too short to be read and nothing follows yet. */
function timing(atoms: readonly Atom[], from: number, to: number, nextMs: number, rules: LayoutRules): Timing {
  const { startMs } = atoms[from]!;
  const wantedMs = Math.max(rules.cueMsMin, Math.ceil((columnsBetween(atoms, from, to) * 1000) / cpsWanted(rules)));
  const freeMs = Math.min(nextMs - rules.gapMsMin, startMs + rules.cueMsMax);
  const endMs = Math.min(Math.max(atoms[to]!.endMs, startMs + wantedMs), freeMs);
  // Between words that follow each other at once there is no room for a gap.
  return { startMs, endMs: endMs > startMs ? endMs : Math.min(nextMs, startMs + 1) };
}

function timingCost(atoms: readonly Atom[], from: number, to: number, nextMs: number, rules: LayoutRules): number {
  const { startMs, endMs } = timing(atoms, from, to, nextMs, rules);
  const ms = Math.max(1, endMs - startMs);
  const cps = (columnsBetween(atoms, from, to) * 1000) / ms;
  let cost = 0;
  if (ms < rules.cueMsMin) cost += broken + (rules.cueMsMin - ms);
  if (cps > rules.cpsMax) cost += broken + Math.min(1000, cps - rules.cpsMax);
  else cost += Math.max(0, cps - cpsWanted(rules));
  if (nextMs - endMs < rules.gapMsMin) cost += broken;
  // Gone before it is said: no rule of its own, but as bad as breaking one.
  if (from < to && atoms[to]!.startMs > startMs + rules.cueMsMax) cost += broken;
  else if (from < to && atoms[to]!.endMs > startMs + rules.cueMsMax) cost += 50;
  for (let index = from; index < to; index++) {
    const pauseMs = atoms[index + 1]!.startMs - atoms[index]!.endMs;
    cost += Math.max(0, pauseMs - innerPauseMs) * innerPausePerMs;
  }
  return cost;
}

function columnsBetween(atoms: readonly Atom[], from: number, to: number): number {
  let columns = -atoms[from]!.space;
  for (let index = from; index <= to; index++) columns += atoms[index]!.columns + atoms[index]!.space;
  return columns;
}
