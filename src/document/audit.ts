/**
 * Audits a transcript: which speech of a recording has text, and which has none. In: where speech is, and segments as
 * they are heard, in order. Out: gaps. Pure; what is gathered is plain data, so a run that goes on later keeps it.
 *
 * Stretches of speech without text that only pauses separate are one gap. A gap counts from a second of speech on: less
 * is a breath, a laugh or a click as often as a word, and a detector cannot tell.
 */

import { firstIndex } from "../search.ts";
import type { Gap } from "./document.ts";
import { sampleRate, type Span } from "../units.ts";

export type Coverage = {
  /** Where speech has no text, in samples. */
  readonly gaps: readonly Span[];
  /** Speech without text after the last text: a gap if it gets long enough. */
  readonly open?: OpenGap | undefined;
  /** Of what was heard so far. */
  readonly speechSamples: number;
  readonly saidSamples: number;
};

type OpenGap = Span & { readonly speechSamples: number };

/** A part of the recording that is done. */
export type Heard = {
  /** All of it, that which was not decoded included. */
  readonly span: Span;
  /** What was decoded of it, in order. */
  readonly ranges: readonly Span[];
  readonly hasText: boolean;
};

const gapSamplesMin = sampleRate;
/** Speech after a longer pause is a gap of its own. */
const pauseSamplesMax = 2 * sampleRate;

export const nothingCovered: Coverage = { gaps: [], speechSamples: 0, saidSamples: 0 };

/** `speech`: of the whole recording, in order. Parts come in order. */
export function covered(before: Coverage, speech: readonly Span[], { span, ranges, hasText }: Heard): Coverage {
  let coverage = before;
  for (const stretch of within(span, speech)) {
    const said = hasText ? ranges.flatMap((range) => within(range, [stretch])) : [];
    let from = stretch.start;
    for (const { start, end } of said) {
      coverage = withSpeech(missed(coverage, { start: from, end: start }), end - start);
      from = end;
    }
    coverage = missed(coverage, { start: from, end: stretch.end });
  }
  return hasText ? closed(coverage) : coverage;
}

/** What an audit finds. */
export type Audit = {
  /** In order. */
  readonly gaps: readonly Gap[];
  readonly speechSec: number;
  /** Of that with text. */
  readonly saidSec: number;
};

/** No more is coming. `startSec`: where the samples begin in the recording. */
export function auditOf(coverage: Coverage, startSec: number): Audit {
  const ms = (samples: number) => Math.round(startSec * 1000 + (samples * 1000) / sampleRate);
  const gaps = closed(coverage).gaps.map(({ start, end }) => ({ startMs: ms(start), endMs: ms(end) }));
  const { speechSamples, saidSamples } = coverage;
  return { gaps, speechSec: speechSamples / sampleRate, saidSec: saidSamples / sampleRate };
}

/** The audit of a recording whose channels were heard each for itself; `speakers` are their names. */
export function auditOfSides(sides: readonly Audit[], speakers: readonly string[]): Audit {
  const sum = (name: "speechSec" | "saidSec") => sides.reduce((before, side) => before + side[name], 0);
  const gaps = sides.flatMap((side, index) => side.gaps.map((gap) => ({ ...gap, speaker: speakers[index]! })));
  return { gaps: gaps.toSorted((a, b) => a.startMs - b.startMs), speechSec: sum("speechSec"), saidSec: sum("saidSec") };
}

const gapsNamedMax = 5;

/** "left 4.0 to 5.5 s" */
export function gapPlace({ startMs, endMs, speaker }: Gap): string {
  const second = (ms: number) => (ms / 1000).toFixed(1);
  return `${speaker === undefined ? "" : `${speaker} `}${second(startMs)} to ${second(endMs)} s`;
}

/** A line for people. */
export function auditLine({ gaps, speechSec, saidSec }: Audit): string {
  const sums = `${speechSec.toFixed(1)} s of speech, ${saidSec.toFixed(1)} s with text`;
  if (gaps.length === 0) return `no speech without text (${sums})`;
  const named = gaps.slice(0, gapsNamedMax).map(gapPlace);
  const more = gaps.length > gapsNamedMax ? ` and ${gaps.length - gapsNamedMax} more` : "";
  return `speech without text: ${named.join(", ")}${more} (${sums})`;
}

/** Speech with text follows what came before. */
function withSpeech(coverage: Coverage, samples: number): Coverage {
  const { gaps, speechSamples, saidSamples } = closed(coverage);
  return { gaps, speechSamples: speechSamples + samples, saidSamples: saidSamples + samples };
}

/** Speech without text follows. */
function missed(coverage: Coverage, { start, end }: Span): Coverage {
  if (end <= start) return coverage;
  const { open } = coverage;
  const speechSamples = coverage.speechSamples + end - start;
  if (open && start - open.end <= pauseSamplesMax) {
    return { ...coverage, speechSamples, open: { ...open, end, speechSamples: open.speechSamples + end - start } };
  }
  return { ...closed(coverage), speechSamples, open: { start, end, speechSamples: end - start } };
}

function closed({ open, ...coverage }: Coverage): Coverage {
  if (!open || open.speechSamples < gapSamplesMin) return coverage;
  return { ...coverage, gaps: [...coverage.gaps, { start: open.start, end: open.end }] };
}

/** What of `others`, which are in order, lies in `span`. */
function within(span: Span, others: readonly Span[]): Span[] {
  const found: Span[] = [];
  for (let at = firstIndex(others.length, (index) => others[index]!.end > span.start); at < others.length; at++) {
    const other = others[at]!;
    if (other.start >= span.end) break;
    found.push({ start: Math.max(span.start, other.start), end: Math.min(span.end, other.end) });
  }
  return found;
}
