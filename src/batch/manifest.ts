/**
 * Reads the manifest of a batch: lines of JSON -> rows, and what is wrong with some of them. Pure.
 *
 * A row is an object with an id, the recording and options by their names: {"id": "a", "audio": "a.wav", "language":
 * "de"}. Blank lines are none. Every other line is a row, so that what is wrong with one moves no other.
 */

import type { OptionTexts } from "../options/choices.ts";

/** Texts and whole numbers; 7 and "7" are one. */
export type RowId = string | number;

/** A row, as far as it can be read. `fault` says why it cannot be transcribed. */
export type ManifestRow = {
  /** In the file, from 1. */
  readonly line: number;
  /** undefined: it has none. */
  readonly id: RowId | undefined;
  /** The recording as the row names it; undefined: it names none. */
  readonly audio: string | undefined;
  /** Not checked yet. */
  readonly options: OptionTexts;
  readonly fault: RowError | undefined;
};

/** Why a row has no text. */
export type RowError = { readonly code: RowErrorCode; readonly message: string };

/** What is to be mended: the manifest's row, its options, the recording; or nothing that is known. */
export type RowErrorCode = "manifest" | "duplicate" | "options" | "audio" | "transcription";

export function parseManifest(text: string): ManifestRow[] {
  const lines = text.replace(/^\ufeff/, "").split("\n");
  const rows = lines.map((text, index) => ({ text: text.trim(), line: index + 1 }))
    .filter(({ text }) => text !== "").map(({ text, line }) => rowOf(text, line));
  return withoutTwins(rows);
}

/** Row k belongs to shard k mod `count`, counted from 0. */
export function rowsOfShard(
  rows: readonly ManifestRow[],
  { index, count }: { readonly index: number; readonly count: number },
): ManifestRow[] {
  return rows.filter((_, k) => k % count === index);
}

function rowOf(text: string, line: number): ManifestRow {
  const nothing = { line, id: undefined, audio: undefined, options: {} };
  const value = parsed(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const message = `is ${value === undefined ? "not JSON" : "no object"}; a row is {"id": "a", "audio": "a.wav"}`;
    return { ...nothing, fault: { code: "manifest", message } };
  }
  const { id, audio, ...fields } = value as Record<string, unknown>;
  const known = { line, id: isId(id) ? id : undefined, audio: isName(audio) ? audio : undefined };
  const options: Record<string, string> = {};
  let fault = faultOf(id, audio);
  for (const [name, field] of Object.entries(fields)) {
    if (field === null) continue;
    if (["string", "number", "boolean"].includes(typeof field)) options[name] = String(field);
    else fault ??= { code: "options", message: `${name} must be a text, a number, true or false` };
  }
  return { ...known, options, fault };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isId(id: unknown): id is RowId {
  return typeof id === "string" && id !== "" || Number.isSafeInteger(id);
}

function isName(audio: unknown): audio is string {
  return typeof audio === "string" && audio !== "" && !audio.includes("\0");
}

function faultOf(id: unknown, audio: unknown): RowError | undefined {
  const fault = (message: string): RowError => ({ code: "manifest", message });
  if (id === undefined || id === null) return fault("has no id");
  if (!isId(id)) return fault("the id must be a text or a whole number");
  if (audio === undefined || audio === null) return fault("names no audio");
  return isName(audio) ? undefined : fault("audio must be the name of a file");
}

/** The first row of an id has it; later ones are faults. */
function withoutTwins(rows: readonly ManifestRow[]): ManifestRow[] {
  const owners = new Map<string, number>();
  return rows.map((row) => {
    if (row.id === undefined) return row;
    const owner = owners.get(String(row.id));
    if (owner === undefined) owners.set(String(row.id), row.line);
    return owner === undefined ? row : { ...row, fault: { code: "duplicate", message: `has the id of row ${owner}` } };
  });
}
