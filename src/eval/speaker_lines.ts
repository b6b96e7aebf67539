/** How well speakers are told apart, file by file: measured, as lines for people and as JSON. Pure. */

import { InputError } from "../errors.ts";
import type { SpeakerTurn } from "../speakers/turns.ts";
import { counted } from "../units.ts";
import { printable } from "../writer.ts";
import { diarizationRate, type DiarizationScore, diarizationScore, jaccardRate } from "./diarization.ts";

/** Before and after each start and end in the reference, as is usual. */
export const collarMs = 250;

export type SpeakerResult = {
  readonly file: string;
  readonly strict: DiarizationScore;
  readonly collared: DiarizationScore;
};

type Files = ReadonlyMap<string, readonly SpeakerTurn[]>;

/**
 * The files of both sides, in the reference's order. Where each side has one file, they are one whatever their names.
 * A file that has no turns on the other side counts as wholly missed, or as falsely found.
 */
export function speakerResults(reference: Files, hypothesis: Files, names: { a: string; b: string }): SpeakerResult[] {
  if (reference.size === 0) throw new InputError(`${names.a}: has no line that begins with SPEAKER`);
  const [onlyA, onlyB] = [[...reference.keys()], [...hypothesis.keys()]];
  if (onlyA.length === 1 && onlyB.length === 1) {
    return [result(onlyA[0]!, reference.get(onlyA[0]!)!, hypothesis.get(onlyB[0]!)!)];
  }
  const files = [...new Set([...onlyA, ...onlyB])];
  if (onlyB.length > 0 && !onlyB.some((file) => reference.has(file))) {
    throw new InputError(`${names.b}: names none of the files of ${names.a}, such as ${onlyA[0]!}`);
  }
  return files.map((file) => result(file, reference.get(file) ?? [], hypothesis.get(file) ?? []));
}

function result(file: string, reference: readonly SpeakerTurn[], hypothesis: readonly SpeakerTurn[]): SpeakerResult {
  return {
    file,
    strict: diarizationScore(reference, hypothesis, 0),
    collared: diarizationScore(reference, hypothesis, collarMs),
  };
}

const widths = [8, 8, 8, 8, 8, 10, 10];

export function speakerTable(results: readonly SpeakerResult[]): string {
  const head = row(["DER", "DER.25", "JER", "missed", "false", "confused", "speakers"], "file");
  const rows = results.map(({ file, strict, collared }) => row(cellsOf(strict, collared), printable(file)));
  if (results.length < 2) return head + rows.join("");
  const [strict, collared] = [summed(results.map((one) => one.strict)), summed(results.map((one) => one.collared))];
  return `${head}${rows.join("")}${row(cellsOf(strict, collared), `total of ${counted(results.length, "file")}`)}`;
}

function cellsOf(strict: DiarizationScore, collared: DiarizationScore): string[] {
  const { missed, falseAlarm, confused, total, speakers } = strict;
  const rates = [diarizationRate(strict), diarizationRate(collared), jaccardRate(strict)];
  const shares = [missed, falseAlarm, confused].map((ms) => total === 0 ? undefined : ms / total);
  return [...[...rates, ...shares].map(percent), `${speakers.hypothesis} of ${speakers.reference}`];
}

function summed(scores: readonly DiarizationScore[]): DiarizationScore {
  const sum = (of: (score: DiarizationScore) => number) => scores.reduce((before, one) => before + of(one), 0);
  return {
    total: sum(({ total }) => total),
    missed: sum(({ missed }) => missed),
    falseAlarm: sum(({ falseAlarm }) => falseAlarm),
    confused: sum(({ confused }) => confused),
    jaccard: scores.flatMap(({ jaccard }) => jaccard),
    speakers: {
      reference: sum(({ speakers }) => speakers.reference),
      hypothesis: sum(({ speakers }) => speakers.hypothesis),
    },
    pairs: new Map(),
  };
}

export function speakerJson(results: readonly SpeakerResult[]): unknown {
  const [strict, collared] = [summed(results.map((one) => one.strict)), summed(results.map((one) => one.collared))];
  const files = results.map((one) => ({
    file: one.file,
    ...ratesJson(one.strict, one.collared),
    speakers: { ...one.strict.speakers, pairs: Object.fromEntries(one.strict.pairs) },
  }));
  return { version: 1, collar: collarMs / 1000, files, total: { files: files.length, ...ratesJson(strict, collared) } };
}

function ratesJson(strict: DiarizationScore, collared: DiarizationScore) {
  const seconds = (ms: number) => Math.round(ms) / 1000;
  return {
    der: diarizationRate(strict) ?? null,
    der_collar: diarizationRate(collared) ?? null,
    jer: jaccardRate(strict) ?? null,
    seconds: {
      total: seconds(strict.total),
      missed: seconds(strict.missed),
      false_alarm: seconds(strict.falseAlarm),
      confused: seconds(strict.confused),
    },
  };
}

function percent(rate: number | undefined): string {
  return rate === undefined ? "-" : `${(100 * rate).toFixed(2)}%`;
}

function row(cells: readonly string[], name: string): string {
  return `${cells.map((cell, index) => cell.padStart(widths[index]!)).join("")}  ${name}\n`;
}
