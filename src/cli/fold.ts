/**
 * Breaks whole lines for a narrow terminal between words: messages and helps. In: lines. Out: rows; those that go on
 * stand below where the last column of their line began. Pure.
 */

import { columnsOf } from "../subtitles/width.ts";

/** A column that is narrower is no place for text. */
const columnMin = 20;

/** `columns` of the terminal; undefined: unknown, and nothing is changed. Words longer than a row stay whole. */
export function folded(text: string, columns: number | undefined): string {
  if (columns === undefined || columns <= 0) return text;
  return text.split("\n").map((line) => columnsOf(line) <= columns ? line : foldedLine(line, columns)).join("\n");
}

function foldedLine(line: string, columns: number): string {
  const starts = [...line.matchAll(/(?<=\S {2,})\S/g)].map(({ index }) => index);
  const lead = line.search(/\S/);
  const hasRoom = (start: number) => columns - columnsOf(line.slice(0, start)) >= columnMin;
  const last = starts.findLast(hasRoom);
  const indent = " ".repeat(last ?? (lead === 0 ? 0 : Math.min(lead + 4, Math.floor(columns / 4))));
  const rows: string[] = [];
  let row = "";
  let at = 0;
  for (const [piece] of line.matchAll(/\s*[^\s|]+\|?|\s*\|/g)) {
    const start = at + piece.search(/\S/);
    at += piece.length;
    const isNarrow = starts.includes(start) && !hasRoom(start);
    if (row !== "" && (isNarrow || columnsOf(row + piece) > columns)) {
      rows.push(row);
      row = indent + piece.trimStart();
    } else row += piece;
  }
  return [...rows, row].join("\n");
}
