/**
 * The rows that a batch writes (docs/batch.schema.json). In: a row of the manifest and what was heard, or why nothing
 * was. Out: a line of JSON, in which nothing depends on the clock, the machine or the run. Pure.
 */

import { createHash } from "node:crypto";
import type { Ending, TimedSegment } from "../document/document.ts";
import { endingJson, segmentJson } from "../document/json.ts";
import { roundedLogprob } from "../document/logprobs.ts";
import { withoutSecrets } from "../secrets.ts";
import type { ManifestRow, RowError } from "./manifest.ts";

/** What is known of a recording. */
export type RowResult = {
  readonly durationMs: number;
  readonly segments: readonly TimedSegment[];
  /** Speech without text, and who speaks. */
  readonly ending: Ending;
  /** Mean over all tokens of the text; undefined: there are none. */
  readonly logprob: number | undefined;
  /** What is odd about the recording, or missing in the text. */
  readonly warnings: readonly string[];
};

/** What all rows of a run have in common, as far as it decides about their text. */
export type RunIdentity = {
  /** Name and version. */
  readonly program: string;
  readonly model: string;
  readonly weights: string;
  /** Undefined: words are not timed. */
  readonly aligner: string | undefined;
  /** Of the command line, for every row. */
  readonly options: Readonly<Record<string, string>>;
};

/** Tells rows of other options, models or versions apart: a result with the same key is not computed again. */
export function rowKey(run: RunIdentity, { id, audio, options }: ManifestRow): string {
  const { program, model, weights, aligner } = run;
  const parts = [program, model, weights, aligner ?? "", sorted(run.options), id ?? "", audio ?? "", sorted(options)];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

function sorted(options: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(options).toSorted(([a], [b]) => a < b ? -1 : 1);
}

export function resultLine(row: ManifestRow, key: string, result: RowResult): string {
  const { durationMs, segments, ending, logprob, warnings } = result;
  return line({
    ...headOf(row),
    duration: Math.round(durationMs) / 1000,
    language: mostSpoken(segments),
    text: segments.map(({ text }) => text).join(""),
    logprob: logprob === undefined ? null : roundedLogprob(logprob),
    segments: segments.map(segmentJson),
    ...endingJson(ending),
    ...(warnings.length > 0 ? { warnings } : {}),
    key,
  });
}

export function errorLine(row: ManifestRow, key: string, { code, message }: RowError): string {
  return line({ ...headOf(row), error: { code, message }, key });
}

/** A row that cannot be told by its id has its number, too. */
function headOf({ id, line, audio, fault }: ManifestRow) {
  const isNumbered = id === undefined || fault?.code === "duplicate";
  return {
    id: id ?? null,
    ...(isNumbered ? { row: line } : {}),
    audio: audio === undefined ? null : withoutSecrets(audio),
  };
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** The language of most of the recording; "" where none is known. */
function mostSpoken(segments: readonly TimedSegment[]): string {
  const ms = new Map<string, number>();
  for (const { language, startMs, endMs } of segments) ms.set(language, (ms.get(language) ?? 0) + endMs - startMs);
  return [...ms].reduce((best, one) => one[1] > best[1] ? one : best, ["", -1] as [string, number])[0];
}

/** What a line of an earlier run says of itself; undefined: it is none of ours. */
export function readResult(text: string): { readonly key: string; readonly hasError: boolean } | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value?.key === "string" ? { key: value.key, hasError: value.error !== undefined } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
