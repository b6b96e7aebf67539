/**
 * Draws a recording, for the terminal and as SVG: its loudness, where speech is, and its words. In: samples and words.
 * Out: text. Pure.
 */

import type { TimedWord } from "../document/document.ts";
import { columnsOf } from "../subtitles/width.ts";
import { sampleRate, type Span, type TimeSpan } from "../units.ts";

export type Heard = {
  readonly samples: Float32Array;
  /** Where somebody speaks. */
  readonly speech: readonly Span[];
  /** Where they begin in the recording. */
  readonly startMs: number;
  readonly words: readonly TimedWord[];
  /** When subtitles of the words are shown. */
  readonly cues: readonly TimeSpan[];
};

const blocks = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588";
const cellsMax = 64;
const cellsMin = 8;
/** The time at the front of a row, and a space. */
const labelColumns = 11;
/** A short recording fills several rows, and a long one does not fill hundreds. */
const rowSecondsMin = 4;
const rowsMax = 40;
const quietDb = -54;

/**
 * Rows of equal duration: loudness, speech underlined, and the words below the places where they begin. Nothing is
 * wider than `columns`, unless a single word is.
 */
export function terminalPicture({ samples, speech, startMs, words }: Heard, columns = Infinity): string {
  const room = Math.max(cellsMin, columns - labelColumns);
  const cellCount = Math.min(cellsMax, room);
  const totalSec = samples.length / sampleRate;
  const rowSec = niceSeconds(Math.max(rowSecondsMin, totalSec / rowsMax));
  const rows: string[] = [];
  for (let from = 0; from < totalSec; from += rowSec) {
    const cellSamples = (rowSec * sampleRate) / cellCount;
    const cells = Array.from({ length: cellCount }, (_, cell) => {
      const start = Math.round(from * sampleRate + cell * cellSamples);
      return { start, end: Math.min(samples.length, Math.round(start + cellSamples)) };
    }).filter(({ start, end }) => start < end);
    const label = clock(startMs + from * 1000).padStart(10);
    const loud = cells.map((cell) => blocks[Math.round(loudness(samples, cell) * 8)]).join("");
    const spoken = cells.map((cell) => isIn(cell, speech) ? "\u2500" : " ").join("");
    rows.push(`${label} ${loud.trimEnd()}`.trimEnd(), `${" ".repeat(11)}${spoken.trimEnd()}`.trimEnd());
    const span = { startMs: startMs + from * 1000, endMs: startMs + (from + rowSec) * 1000 };
    for (const text of wordRows(words, span, cellCount, room)) rows.push(" ".repeat(labelColumns) + text);
  }
  const spokenSec = speech.reduce((sum, { start, end }) => sum + end - start, 0) / sampleRate;
  rows.push(
    `${totalSec.toFixed(1)} s, ${spokenSec.toFixed(1)} s of speech in ${speech.length} part${
      speech.length === 1 ? "" : "s"
    }`,
  );
  return `${rows.join("\n")}\n`;
}

/** The words that begin in the row, at their places or right of the word before, on as many lines as they need. */
function wordRows(
  words: readonly TimedWord[],
  { startMs, endMs }: TimeSpan,
  cellCount: number,
  room: number,
): string[] {
  const rows: string[] = [];
  let row = "";
  let columns = 0;
  for (const word of words) {
    if (word.startMs < startMs || word.startMs >= endMs) continue;
    const at = Math.floor(((word.startMs - startMs) / (endMs - startMs)) * cellCount);
    const text = word.text.trim();
    const width = columnsOf(text);
    let gap = Math.max(at - columns, columns > 0 && /^\s/u.test(word.text) ? 1 : 0);
    if (columns + gap + width > room) {
      if (row !== "") rows.push(row);
      [row, columns] = ["", 0];
      gap = Math.max(0, Math.min(at, room - width));
    }
    row += " ".repeat(gap) + text;
    columns += gap + width;
  }
  return row === "" ? rows : [...rows, row];
}

const svgRowSec = 20;
const svgSecondWidth = 60;
const svgRowHeight = 170;
const svgTop = 50;
const svgMargin = 60;
const svgStepMs = 20;
/** Labels above the wave are on as many lines as keep them apart. */
const svgLanes = 4;
const svgColumnWidth = 7.5;

/** How sure the model was: the least probability, the colour, and the legend. */
const sureness = [[0.8, "#222", "sure"], [0.5, "#b36b00", "less sure"], [0, "#c00", "unsure"]] as const;

/** A picture that any browser shows. Words can be searched, and show their times when the pointer is on them. */
export function svgPicture(heard: Heard, title: string): string {
  const totalSec = heard.samples.length / sampleRate;
  const rows = Math.max(1, Math.ceil(totalSec / svgRowSec));
  const width = svgMargin + Math.max(7, Math.min(svgRowSec, Math.ceil(totalSec))) * svgSecondWidth + 90;
  const height = svgTop + rows * svgRowHeight;
  const drawn = Array.from({ length: rows }, (_, row) => svgRow(heard, row));
  const legend = sureness.map(([, colour, name], index) => {
    return `<text x="${8 + index * 70}" y="36" fill="${colour}">${name}</text>`;
  }).join("") + '<text x="218" y="36" fill="#222" font-style="italic">time estimated</text>' +
    '<rect x="324" y="26" width="14" height="12" fill="#e3f0fb"/><text x="342" y="36">speech</text>' +
    '<rect x="396" y="28" width="14" height="8" fill="#cfe8cf"/><text x="414" y="36">subtitle</text>';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">\n` +
    `<title>${escaped(title)}</title>\n<rect width="100%" height="100%" fill="#fff"/>\n` +
    `<text x="8" y="18" font-weight="bold">${escaped(title)}</text>\n${legend}\n${drawn.join("")}</svg>\n`;
}

type Scale = {
  readonly fromMs: number;
  readonly toMs: number;
  /** The middle of the wave. */
  readonly middle: number;
  x(ms: number): number;
};

function svgRow({ samples, speech, startMs, words, cues }: Heard, row: number): string {
  const fromMs = row * svgRowSec * 1000;
  const toMs = Math.min((samples.length * 1000) / sampleRate, fromMs + svgRowSec * 1000);
  const x = (ms: number) => svgMargin + ((ms - fromMs) / 1000) * svgSecondWidth;
  const scale: Scale = { fromMs, toMs, x, middle: svgTop + 95 + row * svgRowHeight };
  const { middle } = scale;
  const own = words.map((word) => ({ ...word, startMs: word.startMs - startMs, endMs: word.endMs - startMs }));
  const inSpeech = speech.map(({ start, end }) => ({
    from: (start * 1000) / sampleRate,
    to: (end * 1000) / sampleRate,
  }));
  const shown = cues.map((cue) => ({ from: cue.startMs - startMs, to: cue.endMs - startMs }));
  const parts = [
    `<text x="8" y="${middle + 4}" fill="#666">${clock(startMs + fromMs)}</text>`,
    ...bars(inSpeech, scale, middle - 28, 56, "#e3f0fb"),
    `<path d="${wavePath(samples, fromMs, toMs, (ms) => x(ms).toFixed(1), middle)}" stroke="#1f6fb2" fill="none"/>`,
    ...ticks(scale, startMs),
    ...bars(shown, scale, middle + 48, 8, "#cfe8cf"),
    ...labels(own, scale, startMs),
  ];
  return `<g>${parts.join("\n")}</g>\n`;
}

/** Rectangles for stretches of time, as far as they lie in the row. */
function bars(
  spans: readonly { readonly from: number; readonly to: number }[],
  { fromMs, toMs, x }: Scale,
  y: number,
  height: number,
  colour: string,
): string[] {
  return spans.flatMap((span) => {
    const [from, to] = [Math.max(span.from, fromMs), Math.min(span.to, toMs)];
    if (from >= to) return [];
    const wide = Math.max(1, x(to) - x(from) - 1).toFixed(1);
    return [`<rect x="${x(from).toFixed(1)}" y="${y}" width="${wide}" height="${height}" fill="${colour}"/>`];
  });
}

/** A tick every second, with its time at every fifth. */
function ticks({ fromMs, toMs, x, middle }: Scale, startMs: number): string[] {
  const parts: string[] = [];
  for (let ms = fromMs; ms <= toMs; ms += 1000) {
    const isLong = (ms - fromMs) % 5000 === 0;
    parts.push(`<path d="M${x(ms).toFixed(1)} ${middle + 30}v${isLong ? 6 : 3}" stroke="#666"/>`);
    if (isLong) parts.push(`<text x="${x(ms) + 2}" y="${middle + 43}" fill="#666">${clock(startMs + ms)}</text>`);
  }
  return parts;
}

/** The words that begin in the row, each with a line to its place; those that would overlap are on other lines. */
function labels(words: readonly TimedWord[], { fromMs, toMs, x, middle }: Scale, startMs: number): string[] {
  const ends = Array<number>(svgLanes).fill(0);
  return words.flatMap((word) => {
    const text = word.text.trim();
    if (word.startMs < fromMs || word.startMs >= toMs || text === "") return [];
    const at = x(word.startMs);
    const free = ends.findIndex((end) => end <= at);
    const lane = free < 0 ? ends.indexOf(Math.min(...ends)) : free;
    const left = Math.max(at, ends[lane]!);
    ends[lane] = left + columnsOf(text) * svgColumnWidth + 4;
    const y = middle - 32 - lane * 14;
    const probability = Math.exp(word.logprob ?? 0);
    const [, colour] = sureness.find(([least]) => probability >= least)!;
    const style = word.flag ? ' font-style="italic"' : "";
    const times = `${clock(startMs + word.startMs)} - ${clock(startMs + word.endMs)}`;
    return [
      `<path d="M${at.toFixed(1)} ${y + 2}V${middle + 28}" stroke="#d33" stroke-width=".5"/>`,
      `<text x="${left.toFixed(1)}" y="${y}" fill="${colour}"${style}>${escaped(text)}<title>${times}</title></text>`,
    ];
  });
}

/** A line from the lowest to the highest sample of every step. */
function wavePath(
  samples: Float32Array,
  fromMs: number,
  toMs: number,
  x: (ms: number) => string,
  middle: number,
): string {
  let path = "";
  for (let ms = fromMs; ms < toMs; ms += svgStepMs) {
    const start = Math.round((ms * sampleRate) / 1000);
    const end = Math.min(samples.length, start + (svgStepMs * sampleRate) / 1000);
    let [low, high] = [0, 0];
    for (let i = start; i < end; i++) {
      low = Math.min(low, samples[i]!);
      high = Math.max(high, samples[i]!);
    }
    path += `M${x(ms)} ${(middle - 28 * Math.min(1, high)).toFixed(1)}V${
      (middle - 28 * Math.max(-1, low) + 0.5).toFixed(1)
    }`;
  }
  return path;
}

/** From 0 for silence to 1 for full scale, linear in decibels as hearing is. */
function loudness(samples: Float32Array, { start, end }: Span): number {
  let energy = 0;
  for (let i = start; i < end; i++) energy += samples[i]! * samples[i]!;
  const db = 10 * Math.log10(energy / (end - start) + 1e-12);
  return Math.min(1, Math.max(0, 1 - db / quietDb));
}

function isIn({ start, end }: Span, ranges: readonly Span[]): boolean {
  const middle = (start + end) / 2;
  return ranges.some((range) => range.start <= middle && middle < range.end);
}

function niceSeconds(least: number): number {
  return [4, 5, 10, 15, 20, 30, 60, 120, 300, 600].find((seconds) => seconds >= least) ?? Math.ceil(least / 600) * 600;
}

function clock(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = (seconds % 60).toFixed(1).padStart(4, "0");
  return `${hours > 0 ? `${hours}:` : ""}${String(minutes).padStart(hours > 0 ? 2 : 1, "0")}:${rest}`;
}

function escaped(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "\ufffd")
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
