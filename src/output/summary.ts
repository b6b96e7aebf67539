/**
 * The summary of a run: a row per file as CSV, TSV or JSON, and such a text read again. Pure.
 *
 * Times are of the clock and differ from run to run, which is why they are here and nowhere else.
 */

import { InputError } from "../errors.ts";
import { csvQuoted } from "./rows.ts";

/** What is not known is undefined: an empty cell, null in JSON. */
export type SummaryRow = {
  readonly file: string;
  /** Seconds of the recording. */
  readonly duration: number | undefined;
  /** Those that were heard, in order, with "+" between. */
  readonly language: string | undefined;
  readonly words: number | undefined;
  /** The mean probability of the tokens, from their mean log-probability. */
  readonly confidence: number | undefined;
  /** From its reading to its last word; recordings that share passes over the weights share these seconds. */
  readonly seconds: number | undefined;
  /** Seconds from its reading to its first word. */
  readonly first_token: number | undefined;
  readonly tokens_per_second: number | undefined;
  /** Seconds for a second of audio. */
  readonly rtf: number | undefined;
  /** Bytes that the process has had in use at most, so far. */
  readonly peak_rss: number | undefined;
  readonly error: string | undefined;
};

export const summaryFormats = ["csv", "tsv", "json"] as const;
export type SummaryFormat = (typeof summaryFormats)[number];

const columns = [
  ...["file", "duration", "language", "words", "confidence", "seconds", "first_token"] as const,
  ...["tokens_per_second", "rtf", "peak_rss", "error"] as const,
];
type Column = (typeof columns)[number];
const texts: readonly Column[] = ["file", "language", "error"];

/** By the extension of a file's name. */
export function summaryFormatOf(path: string): SummaryFormat | undefined {
  return summaryFormats.find((format) => path.toLowerCase().endsWith(`.${format}`));
}

export function summaryText(rows: readonly SummaryRow[], format: SummaryFormat): string {
  if (format === "json") return `[${rows.map((row) => `\n  ${JSON.stringify(jsonRow(row))}`).join(",")}\n]\n`;
  const cell = (value: string | number | undefined) => {
    if (typeof value !== "string") return value === undefined ? "" : String(value);
    return format === "tsv" ? value.replace(/[\t\r\n]+/g, " ") : csvQuoted(value);
  };
  const [between, end] = format === "tsv" ? ["\t", "\n"] : [",", "\r\n"];
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(between));
  return [columns.join(between), ...lines].map((line) => line + end).join("");
}

function jsonRow(row: SummaryRow): Record<string, unknown> {
  return Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
}

/** The rows of a text that `summaryText` has written. `name` is for messages. */
export function parseSummary(text: string, format: SummaryFormat, name: string): SummaryRow[] {
  try {
    if (format === "json") return (JSON.parse(text) as Record<string, unknown>[]).map(rowOf);
    const [header, ...rows] = format === "tsv" ? tsvCells(text) : csvCells(text);
    if (header?.join() !== columns.join()) throw new SyntaxError("no such columns");
    return rows.map((cells) => rowOf(Object.fromEntries(columns.map((column, at) => [column, cells[at]]))));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new InputError(`${name}: is no summary of an earlier run`, undefined, { cause: error });
  }
}

function rowOf(cells: Readonly<Record<string, unknown>>): SummaryRow {
  if (typeof cells["file"] !== "string") throw new SyntaxError("a row names no file");
  const known = (column: Column) => {
    const value = cells[column];
    if (value === undefined || value === null || value === "") return undefined;
    return texts.includes(column) ? String(value) : Number(value);
  };
  return Object.fromEntries(columns.map((column) => [column, known(column)])) as unknown as SummaryRow;
}

function tsvCells(text: string): string[][] {
  return text.split("\n").filter((line) => line !== "").map((line) => line.split("\t"));
}

function csvCells(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === "") break;
    if (end !== ",") rows.push([]);
  }
  return rows.filter((cells) => cells.join("") !== "");
}
