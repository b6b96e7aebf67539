/**
 * Lays out timed words as subtitle cues that can be read: lines and cues end where the language pauses. Pure.
 *
 * A block of words, up to a long pause or to a sentence that ends with its segment, is laid out at once. Of all ways to
 * break it into cues and lines, the one that violates the fewest rules is taken, and of those the one with the best
 * breaks (dynamic programming over the places; a cue's cost depends only on its own words and on the next one's start).
 *
 * The limits on columns, lines and longest duration and the order of cues always hold. The shortest duration, the
 * reading speed and whole words are kept wherever that is possible.
 */

import type { TimedWord } from "../document/document.ts";
import { endsSentence } from "../text/sentences.ts";
import type { WordCutter } from "../text/chinese.ts";
import { forbidden, layOutBest } from "./breaks.ts";
import type { Cue, CueWord } from "./cue.ts";
import { cpsWanted, type LayoutRules, rulesFor } from "./rules.ts";
import { columnsOf, graphemesOf } from "./width.ts";

/** A silence so long that the words before it do not affect the layout of those after it. */
const blockGapMs = 2000;
/** Speech without sentences is laid out at the end of a segment once there are this many words. */
const blockWordsMax = 300;

/** A violated rule outweighs all costs of taste in a block. */
const broken = forbidden;
const perCue = 8;
const perExtraLine = 2;
/** A break between lines matters less than one between cues. */
const lineShare = 0.6;
const fullLine = 6;
/** Cost of text that stays while nobody speaks. */
const innerPauseMs = 700;
const innerPausePerMs = 1 / 50;

/** A sentence is not shown before the pause that precedes it, unless a rule would be violated otherwise. */
const sentencePauseMs = 300;
const earlySentence = broken / 100;

/** A unit that is never broken: a word with its punctuation, or a part of a word that is wider than a line. */
type Atom = {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Without the space at its front. */
  readonly columns: number;
  readonly space: 0 | 1;
};

type Timing = { readonly startMs: number; readonly endMs: number };

/** Lays out segments as they arrive. The same segments give the same cues, one at a time or all at once. */
export class CueLayout {
  #held: TimedWord[] = [];
  #lastMs = 0;
  /** The held words are a complete block once more words arrive. */
  #isBlock = false;
  #endMs = 0;

  constructor(readonly rules: LayoutRules, readonly cutChinese?: WordCutter) {}

  /** Takes a segment's words and returns the cues that are final by then. */
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

  /**
   * The cues of the held words, as if this were the end. What begins at `nextMs` is of somebody else: they are not
   * shown into it for longer than their words are said. Changes nothing.
   */
  rest(nextMs = Infinity): Cue[] {
    const saidMs = Math.round(this.#held.at(-1)?.endMs ?? 0);
    return this.#layOut(nextMs < saidMs ? saidMs + this.rules.gapMsMin : Math.round(nextMs));
  }

  #close(nextMs: number): Cue[] {
    const cues = this.#layOut(nextMs);
    this.#endMs = cues.at(-1)?.endMs ?? this.#endMs;
    this.#held = [];
    this.#isBlock = false;
    return cues;
  }

  #layOut(nextMs: number): Cue[] {
    const rules = rulesFor(this.#held.map((word) => word.text).join(""), this.rules);
    return apart(layoutBlock(this.#held, nextMs, rules, this.cutChinese), this.#endMs);
  }

  /** Makes times run forwards: cues must not go back. */
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

/**
 * The cue of words that somebody has put into one, with times of its own: lines break as they would anywhere, and there
 * are as many as it takes. undefined: the words are blank.
 */
export function wholeCue(
  words: readonly TimedWord[],
  { startMs, endMs }: Timing,
  rules: LayoutRules,
  cutChinese?: WordCutter,
): Cue | undefined {
  const filled = words.filter(({ text }) => text.trim() !== "");
  const own = rulesFor(filled.map(({ text }) => text).join(""), rules);
  const atoms = filled.flatMap((word) => atomsOf(word, own.colsMax));
  if (atoms.length === 0) return undefined;
  const pieces = atoms.map(({ text }) => text);
  const { breaks } = layOutBest(pieces, cutChinese, (costs) => ({ breaks: wholeLines(atoms, costs, own) }));
  const lines = wordsOf(atoms, 0, breaks);
  const start = Math.round(startMs);
  return {
    startMs: start,
    endMs: Math.max(start + 1, Math.round(endMs)),
    lines: lines.map((line) => line.map(({ text }) => text).join("").trim()),
    words: lines,
  };
}

/** Where the lines of all atoms in one cue end. */
function wholeLines(atoms: readonly Atom[], costs: readonly number[], rules: LayoutRules): readonly number[] {
  for (let linesMax = rules.linesMax;; linesMax *= 2) {
    const whole = lineations(atoms, costs, 0, { ...rules, linesMax }).find(({ to }) => to === atoms.length - 1);
    if (whole) return lineEndsOf(whole); // There are no more lines than atoms, each of which fits one.
  }
}

/** Words piled up at one time would make overlapping cues: such cues are moved behind each other. */
function apart(cues: readonly Cue[], freeMs: number): Cue[] {
  let free = freeMs;
  return cues.map((cue) => {
    const startMs = Math.max(cue.startMs, free);
    free = Math.max(cue.endMs, startMs + 1);
    return { ...cue, startMs, endMs: free };
  });
}

type Plan = { readonly cost: number; readonly from: number; readonly lines: Lineation | undefined };

function layoutBlock(
  words: readonly TimedWord[],
  nextMs: number,
  rules: LayoutRules,
  cutChinese?: WordCutter,
): Cue[] {
  const atoms = words.flatMap((word) => atomsOf(word, rules.colsMax));
  const startOf = (index: number) => atoms[index]?.startMs ?? nextMs;
  const pieces = atoms.map(({ text }) => text);
  const { plans } = layOutBest(pieces, cutChinese, (costs) => bestPlans(atoms, costs, startOf, rules));
  return plans.map(({ from, lines: planned }) => {
    const lineEnds = lineEndsOf(planned);
    const words = wordsOf(atoms, from, lineEnds);
    const lines = words.map((line) => line.map(({ text }) => text).join("").trim());
    const to = lineEnds.at(-1)!;
    return { ...timing(atoms, from, to, startOf(to + 1), rules), lines, words };
  });
}

/** A plan for each cue, one after the other. */
function bestPlans(
  atoms: readonly Atom[],
  costs: readonly number[],
  startOf: (index: number) => number,
  rules: LayoutRules,
): { readonly plans: readonly Plan[]; readonly breaks: readonly number[] } {
  const plans: (Plan | undefined)[] = [{ cost: 0, from: 0, lines: undefined }];
  for (let from = 0; from < atoms.length; from++) {
    const before = plans[from]!.cost;
    for (const lines of lineations(atoms, costs, from, rules)) {
      const { to } = lines;
      const cost = before + perCue + lines.cost + costs[to]! + timingCost(atoms, from, to, startOf(to + 1), rules);
      if (cost < (plans[to + 1]?.cost ?? Infinity)) plans[to + 1] = { cost, from, lines };
    }
  }
  const best: Plan[] = [];
  for (let end = atoms.length; end > 0; end = best[0]!.from) best.unshift(plans[end]!);
  return { plans: best, breaks: best.flatMap(({ lines }) => lineEndsOf(lines)) };
}

/** A word as one atom, or, if it is wider than a line, as several that share its time by their widths. */
function atomsOf(word: TimedWord, colsMax: number): Atom[] {
  const text = word.text.replace(/\s+/gu, " ").trim();
  const parts = columnsOf(text) <= colsMax ? [text] : cutWide(text, colsMax);
  const widths = parts.map((part) => columnsOf(part.trimStart()));
  const total = widths.reduce((sum, width) => sum + width, 0);
  const ms = (columns: number) => Math.round(word.startMs + ((word.endMs - word.startMs) * columns) / (total || 1));
  let before = 0;
  return parts.map((part, index) => {
    const columns = widths[index]!;
    const space = /^\s/u.test(index === 0 ? word.text : part) ? 1 : 0;
    const atom: Atom = {
      text: (space ? " " : "") + part.trimStart(),
      startMs: ms(before),
      endMs: ms(before + columns),
      columns,
      space,
    };
    before += columns;
    return atom;
  });
}

/**
 * As wide parts as fit, cut at spaces where there are some: a long name stands before a turn's first word. A space
 * stands at the front. None begins with a mark that belongs to what is before it.
 */
function cutWide(text: string, colsMax: number): string[] {
  const parts: string[] = [];
  let part: string[] = [];
  for (const grapheme of graphemesOf(text)) {
    part.push(grapheme);
    if (columnsOf(part.join("").trimStart()) <= colsMax) continue;
    let end = part.length - 1;
    const least = part[0] === " " ? 2 : 1;
    while (end > least && leansLeft.test(part[end]!)) end--;
    const space = part.lastIndexOf(" ", end);
    if (space > 0) end = space;
    parts.push(part.slice(0, end).join(""));
    part = part.slice(end);
  }
  return [...parts, part.join("")];
}

const leansLeft = /^(?![\p{Ps}\p{Pi}])\p{P}/u;

/** Lines of a cue: the last atom, and the lines before the last one. */
type Lineation = { readonly to: number; cost: number; before: Lineation | undefined };

/** The last atom of each line. */
function lineEndsOf(lines: Lineation | undefined): number[] {
  const ends: number[] = [];
  for (let at = lines; at?.before; at = at.before) ends.push(at.to);
  return ends.toReversed();
}

/**
 * All cues that fit and start with atom `from`: the last atom and the best lines of each. Of every kind there is one
 * object, however many are tried: an hour of subtitles is made of a million.
 */
function lineations(
  atoms: readonly Atom[],
  costs: readonly number[],
  from: number,
  { colsMax, linesMax }: LayoutRules,
): Lineation[] {
  const best: Lineation[] = [];
  let open: readonly Lineation[] = [{ to: from - 1, cost: 0, before: undefined }];
  for (let line = 0; line < linesMax; line++) {
    const ended: Lineation[] = [];
    for (const before of open) {
      const cut = line === 0 ? 0 : perExtraLine + lineShare * costs[before.to]!;
      let columns = 0;
      for (let to = before.to + 1; to < atoms.length; to++) {
        columns += atoms[to]!.columns + (to > before.to + 1 ? atoms[to]!.space : 0);
        if (columns > colsMax) break;
        const cost = before.cost + cut + fullLine * (columns / colsMax) ** 2; // Squares: even lines cost least.
        const known = ended[to - from];
        if (!known) ended[to - from] = { to, cost, before };
        else if (cost < known.cost) [known.cost, known.before] = [cost, before];
      }
    }
    open = ended.flat(); // Without holes.
    for (const one of open) if (one.cost < (best[one.to - from]?.cost ?? Infinity)) best[one.to - from] = one;
  }
  return best.flat();
}

function wordsOf(atoms: readonly Atom[], from: number, lineEnds: readonly number[]): CueWord[][] {
  return lineEnds.map((end, index) => {
    const start = index === 0 ? from : lineEnds[index - 1]! + 1;
    return atoms.slice(start, end + 1).map(({ text, startMs }, at) => ({ text: at ? text : text.trim(), startMs }));
  });
}

/** From the first word to the last; longer if it is too short to be read and nothing follows yet. */
function timing(atoms: readonly Atom[], from: number, to: number, nextMs: number, rules: LayoutRules): Timing {
  const { startMs } = atoms[from]!;
  const wantedMs = Math.max(rules.cueMsMin, Math.ceil((columnsBetween(atoms, from, to) * 1000) / cpsWanted(rules)));
  const freeMs = Math.min(nextMs - rules.gapMsMin, startMs + rules.cueMsMax);
  const endMs = Math.min(Math.max(atoms[to]!.endMs, startMs + wantedMs), freeMs);
  // There is no room for a gap between words without a pause.
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
  // The cue would end before its words are said: no rule forbids it, but it is as bad as violating one.
  if (from < to && atoms[to]!.startMs > startMs + rules.cueMsMax) cost += broken;
  else if (from < to && atoms[to]!.endMs > startMs + rules.cueMsMax) cost += 50;
  for (let index = from; index < to; index++) {
    const pauseMs = atoms[index + 1]!.startMs - atoms[index]!.endMs;
    cost += Math.max(0, pauseMs - innerPauseMs) * innerPausePerMs;
    if (pauseMs > sentencePauseMs && endsSentence(atoms[index]!.text)) cost += earlySentence;
  }
  return cost;
}

function columnsBetween(atoms: readonly Atom[], from: number, to: number): number {
  let columns = -atoms[from]!.space;
  for (let index = from; index <= to; index++) columns += atoms[index]!.columns + atoms[index]!.space;
  return columns;
}
