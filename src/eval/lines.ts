/** Results of an evaluation as lines for people. Pure. */

import { counted } from "../units.ts";
import type { Comparison, Difference } from "./compare.ts";
import type { Interval } from "./bootstrap.ts";
import { byLanguage, type Measured } from "./results.ts";
import { rateOf, type Total, total, type TotalCounts } from "./score.ts";

const widths = [7, 7, 6, 6, 6, 8];

export function headLine(): string {
  return row(["WER", "CER", "sub", "del", "ins", "of"], "file");
}

/** A file. What is substituted, deleted and inserted are words, or characters where only these are counted. */
export function fileLine(file: Measured, name: string): string {
  const counts = file.words ?? file.characters;
  const { substitutions, deletions, insertions, length } = counts;
  const unit = file.words ? "w" : "c";
  const rates = [file.words ? percent(rateOf(file.words)) : "-", percent(rateOf(file.characters))];
  return row([...rates, ...[substitutions, deletions, insertions].map(String), `${length} ${unit}`], name);
}

export function totalLines(files: readonly Measured[], failedCount: number): string {
  const groups = byLanguage(files);
  const failed = failedCount === 0 ? "" : `, ${failedCount} failed`;
  const languages = groups.length < 2
    ? ""
    : groups.map(({ language, normaliser, total }) =>
      `\n${language || `By ${normaliser}`}: ${counted(total.files, "file")}\n${ratesOf(total)}`
    ).join("");
  return `\nTotal: ${counted(files.length, "file")}${failed}\n${ratesOf(total(files))}${languages}`;
}

export function comparisonLines(a: string, b: string, { files, words, characters }: Comparison): string {
  const rates = [words && differenceLines("WER", words), differenceLines("CER", characters)].filter(Boolean).join("");
  return `A: ${a}\nB: ${b}\n${counted(files, "file")} in both\n${rates}`;
}

function differenceLines(name: string, { a, b, rate, interval }: Difference): string {
  const points = rate === undefined ? "-" : signed(rate);
  const range = interval ? `, 95 % interval ${signed(interval.low)} to ${signed(interval.high)}` : "";
  return `${name}  A ${percent(rateOf(a))}  B ${percent(rateOf(b))}  B - A ${points} points${range}: ` +
    `${verdict(interval)}\n`;
}

function verdict(interval: Interval | undefined): string {
  if (!interval) return "too few files to tell";
  if (interval.high < 0) return "B is better";
  return interval.low > 0 ? "A is better" : "no clear difference";
}

function ratesOf({ words, characters }: Total): string {
  return (words ? rateLine("WER", "word", words) : "") + rateLine("CER", "character", characters);
}

function rateLine(name: string, unit: string, counts: TotalCounts): string {
  const { interval, length, substitutions, deletions, insertions } = counts;
  const range = interval ? ` (95 % interval ${percent(interval.low)} to ${percent(interval.high)})` : "";
  const errors = `${substitutions} sub, ${deletions} del, ${insertions} ins`;
  return `  ${name} ${percent(rateOf(counts))}${range}: ${errors} of ${counted(length, unit)}\n`;
}

function percent(rate: number | undefined): string {
  return rate === undefined ? "-" : `${(100 * rate).toFixed(2)}%`;
}

function signed(rate: number): string {
  return `${rate < 0 ? "" : "+"}${(100 * rate).toFixed(2)}`;
}

function row(cells: readonly string[], name: string): string {
  return `${cells.map((cell, index) => cell.padStart(widths[index]!)).join("")}  ${name}\n`;
}
