/**
 * RTTM, the form in which speaker turns are exchanged: "SPEAKER FILE 1 START SECONDS <NA> <NA> NAME <NA> <NA>", a line
 * for each turn. In: turns or text. Out: text or turns. Pure. Spaces in names, which it cannot have, become "_".
 */

import { InputError } from "../errors.ts";
import { printable } from "../writer.ts";
import type { SpeakerTurn } from "./turns.ts";

export function rttmLine(file: string, { speaker, startMs, endMs }: SpeakerTurn): string {
  const seconds = (ms: number) => (Math.round(ms) / 1000).toFixed(3);
  const start = Math.round(startMs);
  const times = `${seconds(start)} ${seconds(Math.round(endMs) - start)}`;
  return `SPEAKER ${word(file)} 1 ${times} <NA> <NA> ${word(speaker)} <NA> <NA>\n`;
}

/**
 * A text as one word of ASCII or Unicode; never empty. Readers of tables take quotes for marks around a cell, and some
 * words for a cell without a value: pyannote's loses the turns of somebody, or of a file, called NA.
 */
function word(text: string): string {
  const one = text.replaceAll('"', "'").trim().replace(/[\s\p{Cc}]+/gu, "_");
  return one === "" || noValue.test(one) ? `${one}_` : one;
}

/** As pandas has them. */
const noValue = /^(?:<NA>|#?N\/A|#?NA|n\/a|NULL|null|None|-?NaN|-?nan|-?1\.#(?:IND|QNAN))$/;

/** The turns of each file that is named in it, by their starts. Comments and lines of other types are ignored. */
export function parseRttm(text: string, name: string): Map<string, SpeakerTurn[]> {
  const files = new Map<string, SpeakerTurn[]>();
  for (const [index, line] of text.replace(/^\ufeff/, "").split(/\r\n?|\n/).entries()) {
    const cells = line.trim().split(/\s+/);
    if (cells[0] === "" || cells[0]!.startsWith(";")) continue;
    if (!types.has(cells[0]!)) throw new InputError(`${name}:${index + 1}: is no line of RTTM`);
    if (cells[0] !== "SPEAKER") continue;
    const { file, turn } = turnOf(cells, `${name}:${index + 1}`);
    const turns = files.get(file);
    if (turns) turns.push(turn);
    else files.set(file, [turn]);
  }
  return new Map([...files].map(([file, turns]) => [file, turns.toSorted((a, b) => a.startMs - b.startMs)]));
}

/** The types of lines that RTTM has. */
const types = new Set(
  "SPEAKER SEGMENT LEXEME NON-LEX NON-SPEECH FILLER EDIT IP CB SU A/P NOSCORE NO_RT_METADATA SPKR-INFO".split(" "),
);

function turnOf(cells: readonly string[], place: string): { file: string; turn: SpeakerTurn } {
  const [, file, , start, seconds, , , speaker] = cells;
  if (speaker === undefined) {
    throw new InputError(`${place}: has ${cells.length} cells, and SPEAKER lines have 8 to 10`);
  }
  const [startMs, lengthMs] = [msOf(start!), msOf(seconds!)];
  if (startMs === undefined) throw new InputError(`${place}: "${printable(start!)}" is no start in seconds`);
  if (lengthMs === undefined) throw new InputError(`${place}: "${printable(seconds!)}" is no length in seconds`);
  return { file: file!, turn: { speaker, startMs, endMs: startMs + lengthMs } };
}

function msOf(text: string): number | undefined {
  return /^\d{1,9}(\.\d*)?$|^\.\d+$/.test(text) ? Number(text) * 1000 : undefined;
}
