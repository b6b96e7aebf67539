/**
 * The results of an evaluation: scores of files -> JSON (docs/eval.md), and back as far as a comparison needs it. Pure.
 */

import { InputError } from "../errors.ts";
import { level, resamples, seed } from "./bootstrap.ts";
import type { Fault } from "./manifest.ts";
import type { Normaliser } from "./normalise.ts";
import { type Counts, rateOf, type Score, type Total, total, type TotalCounts } from "./score.ts";

/** A row that was measured. `language`: "" if it is not known. */
export type Measured = Score & {
  readonly line: number;
  readonly audio: string;
  readonly language: string;
  readonly reference: string;
  readonly hypothesis: string;
};

export type Evaluation = {
  readonly program: string;
  readonly manifest: string;
  /** As in a transcript; undefined: nothing was decoded. */
  readonly model: Readonly<Record<string, unknown>> | undefined;
  readonly files: readonly Measured[];
  readonly failed: readonly Fault[];
  /** Every row was tried. */
  readonly isComplete: boolean;
};

/** What a comparison needs of a run. */
export type Run = { readonly name: string; readonly files: readonly ComparedFile[] };

export type ComparedFile = Score & { readonly audio: string };

type Json = Readonly<Record<string, unknown>>;

const version = 1;

/** The totals of the files of each language and normaliser, in order of appearance. */
export function byLanguage(files: readonly Measured[]) {
  const groups = Map.groupBy(files, ({ language, normaliser }) => `${language}\t${normaliser}`);
  return [...groups.values()].map((members) => {
    const { language, normaliser } = members[0]!;
    return { language, normaliser, total: total(members) };
  });
}

export function evaluationJson({ program, manifest, model, files, failed, isComplete }: Evaluation): Json {
  return {
    version,
    program,
    manifest,
    ...(model ? { model } : {}),
    bootstrap: { resamples, level, seed },
    complete: isComplete,
    failed: failed.length,
    total: totalJson(total(files)),
    languages: byLanguage(files).map((group) => (
      { language: group.language, normaliser: group.normaliser, ...totalJson(group.total) }
    )),
    files: files.map(fileJson),
    errors: failed.map(({ line, audio, message }) => ({ line, audio, message })),
  };
}

function totalJson({ files, words, characters }: Total): Json {
  return { files, words: words ? totalCountsJson(words) : null, characters: totalCountsJson(characters) };
}

function totalCountsJson(counts: TotalCounts): Json {
  const { interval } = counts;
  return { ...countsJson(counts), interval: interval ? [rounded(interval.low), rounded(interval.high)] : null };
}

function fileJson({ line, audio, language, normaliser, words, characters, reference, hypothesis }: Measured): Json {
  return {
    ...{ line, audio, language, normaliser },
    words: words ? countsJson(words) : null,
    characters: countsJson(characters),
    ...{ reference, hypothesis },
  };
}

export function countsJson(counts: Counts): Json {
  const { substitutions, deletions, insertions, length } = counts;
  const rate = rateOf(counts);
  return { rate: rate === undefined ? null : rounded(rate), length, substitutions, deletions, insertions };
}

export function rounded(rate: number): number {
  return Math.round(rate * 1e6) / 1e6;
}

/** Reads what `evaluationJson` made. `name` is for messages. Throws InputError where it is something else. */
export function readRun(text: string, name: string): Run {
  const value = parsed(text, name);
  if (!isRecord(value) || value["version"] !== version || !Array.isArray(value["files"])) {
    throw new InputError(`${name}: is not the result of an evaluation (qwen-asr eval --json)`);
  }
  return { name, files: value["files"].map((file, index) => comparedFile(file, `${name}: files[${index}]`)) };
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    throw new InputError(`${name}: is not JSON`);
  }
}

function comparedFile(value: unknown, place: string): ComparedFile {
  if (!isRecord(value) || typeof value["audio"] !== "string") throw new InputError(`${place} names no recording`);
  const { audio, words } = value;
  const normaliser: Normaliser = words === null ? "characters" : "words";
  return {
    ...{ audio, normaliser },
    words: words === null ? undefined : countsOf(words, `${place}.words`),
    characters: countsOf(value["characters"], `${place}.characters`),
  };
}

function countsOf(value: unknown, place: string): Counts {
  const count = (name: keyof Counts) => {
    const number = isRecord(value) ? value[name] : undefined;
    if (!Number.isSafeInteger(number) || (number as number) < 0) {
      throw new InputError(`${place}.${name} is not a count`);
    }
    return number as number;
  };
  return {
    substitutions: count("substitutions"),
    deletions: count("deletions"),
    insertions: count("insertions"),
    length: count("length"),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
