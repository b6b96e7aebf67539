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
const svgRowHeight = 110;
const svgMargin = 60;
const svgStepMs = 20;

/** A picture that any browser shows. Words can be searched, and show their times when the pointer is on them. */
export function svgPicture(heard: Heard, title: string): string {
  const totalSec = heard.samples.length / sampleRate;
  const rows = Math.max(1, Math.ceil(totalSec / svgRowSec));
  const width = svgMargin + Math.min(svgRowSec, Math.max(1, Math.ceil(totalSec))) * svgSecondWidth + 20;
  const height = 30 + rows * svgRowHeight;
  const drawn = Array.from({ length: rows }, (_, row) => svgRow(heard, row));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">\n` +
    `<title>${escaped(title)}</title>\n<rect width="100%" height="100%" fill="#fff"/>\n` +
    `<text x="8" y="18" font-weight="bold">${escaped(title)}</text>\n${drawn.join("")}</svg>\n`;
}

function svgRow({ samples, speech, startMs, words }: Heard, row: number): string {
  const fromMs = row * svgRowSec * 1000;
  const toMs = Math.min((samples.length * 1000) / sampleRate, fromMs + svgRowSec * 1000);
  const x = (ms: number) => (svgMargin + ((ms - fromMs) / 1000) * svgSecondWidth).toFixed(1);
  const middle = 75 + row * svgRowHeight;
  const parts = [`<text x="8" y="${middle + 4}" fill="#666">${clock(startMs + fromMs)}</text>`];
  for (const { start, end } of speech) {
    const [from, to] = [start, end].map((each) => Math.min(Math.max((each * 1000) / sampleRate, fromMs), toMs));
    if (from! >= to!) continue;
    const wide = (Number(x(to!)) - Number(x(from!))).toFixed(1);
    parts.push(`<rect x="${x(from!)}" y="${middle - 28}" width="${wide}" height="56" fill="#e3f0fb"/>`);
  }
  parts.push(`<path d="${wavePath(samples, fromMs, toMs, x, middle)}" stroke="#1f6fb2" fill="none"/>`);
  for (const word of words) {
    const [from, to] = [word.startMs - startMs, word.endMs - startMs];
    if (from < fromMs || from >= toMs) continue;
    const faint = word.flag ? ' fill="#999"' : "";
    parts.push(
      `<path d="M${x(from)} ${middle - 30}v60" stroke="#d33" stroke-width=".5"/>`,
      `<text x="${x(from)}" y="${middle - 32}"${faint}>${escaped(word.text.trim())}` +
        `<title>${clock(word.startMs)} - ${clock(startMs + to)}</title></text>`,
    );
  }
  return `<g>${parts.join("\n")}</g>\n`;
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
