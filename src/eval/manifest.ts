/**
 * Reads the manifest of an evaluation: tab-separated text -> rows, and what is wrong with others. Pure.
 *
 * Columns are audio, text, language and hypothesis, in this order, or in the order of a first row that names them.
 */

import { InputError } from "../errors.ts";
import { languageOfRow } from "./normalise.ts";

export type ManifestRow = {
  /** In the file, from 1. */
  readonly line: number;
  /** The recording as the manifest names it. */
  readonly audio: string;
  /** What was said. "": nothing was. */
  readonly reference: string;
  /** "" if it is not stated. */
  readonly language: string;
  /** What was heard; undefined: it has to be found out. */
  readonly hypothesis: string | undefined;
};

/** A row that cannot be used. `audio` is "" where it is that which is missing. */
export type Fault = { readonly line: number; readonly audio: string; readonly message: string };

export type Manifest = {
  readonly rows: readonly ManifestRow[];
  readonly faults: readonly Fault[];
  /** What was heard is in the manifest. */
  readonly hasHypotheses: boolean;
};

const columnNames = ["audio", "text", "language", "hypothesis"] as const;

type Columns = Readonly<Partial<Record<(typeof columnNames)[number], number>>>;

/** `name` is for messages. Throws InputError where the first row names no audio or text, or one column twice. */
export function parseManifest(text: string, name: string): Manifest {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/)
    .map((line, index) => ({ line: index + 1, cells: line.split("\t").map((cell) => cell.trim()) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
  const named = lines[0] && namedColumns(lines[0].cells, name);
  const width = Math.max(0, ...lines.map(({ cells }) => cells.length));
  const columns = named ?? Object.fromEntries(columnNames.slice(0, width).map((column, index) => [column, index]));
  const [rows, faults]: [ManifestRow[], Fault[]] = [[], []];
  for (const { line, cells } of named ? lines.slice(1) : lines) {
    const row = rowOf(columns, cells);
    if ("message" in row) faults.push({ line, ...row });
    else rows.push({ line, ...row });
  }
  return { rows, faults, hasHypotheses: columns.hypothesis !== undefined };
}

/** The columns of a first row that names them; undefined if it is a row like the others. Unknown ones are left out. */
function namedColumns(cells: readonly string[], name: string): Columns | undefined {
  const names = cells.map((cell) => cell.toLowerCase());
  if (names[0] !== "audio" && !(names.includes("audio") && names.includes("text"))) return undefined;
  for (const column of columnNames) {
    const count = names.filter((candidate) => candidate === column).length;
    if (count > 1) throw new InputError(`${name}: the first row names the column ${column} ${count} times`);
    if (count === 0 && column === "text") throw new InputError(`${name}: the first row names no column text`);
  }
  return Object.fromEntries(
    columnNames.filter((column) => names.includes(column)).map((column) => [column, names.indexOf(column)]),
  );
}

function rowOf(columns: Columns, cells: readonly string[]): Omit<ManifestRow, "line"> | Omit<Fault, "line"> {
  const cell = (column: keyof Columns) => columns[column] === undefined ? undefined : cells[columns[column]];
  const audio = cell("audio") ?? "";
  if (audio === "") return { audio, message: "names no recording" };
  const reference = cell("text");
  if (reference === undefined) return { audio, message: "has no text (columns are separated by tabs)" };
  const stated = cell("language") ?? "";
  const language = stated === "" ? "" : languageOfRow(stated);
  if (language === undefined) {
    return { audio, message: `language '${stated}' is not known (leave it empty: the script of the text decides)` };
  }
  // Editors drop tabs at the end of a line: a cell that is not there is an empty one.
  const hypothesis = columns.hypothesis === undefined ? undefined : cell("hypothesis") ?? "";
  return { audio, reference, language, hypothesis };
}
