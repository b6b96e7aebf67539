/** Checks subtitles. In: cues and rules. Out: everything that breaks a rule, with its line in the file. Pure. */

import { leansBack, leansForward } from "./breaks.ts";
import type { Fault, ParsedCue, ParsedSubtitles } from "./parse.ts";
import { type LayoutRules, rulesFor } from "./rules.ts";
import { columnsOf } from "./width.ts";

/** Returns the faults in the order of the file. */
export function lintSubtitles({ cues, faults, format }: ParsedSubtitles, given: LayoutRules): Fault[] {
  const rules = rulesFor(cues.flatMap(({ lines }) => lines).join("\n"), given);
  const found = cues.flatMap((cue, index) => {
    const messages = [
      ...(format === "srt" ? numbering(cue, index) : []),
      ...(timing(cue, cues[index + 1], rules)),
      ...layout(cue, rules),
    ];
    return messages.map((message) => ({ line: cue.line, message: `cue ${index + 1}: ${message}` }));
  });
  return [...faults, ...found].toSorted((a, b) => a.line - b.line);
}

function numbering({ number }: ParsedCue, index: number): string[] {
  if (number === index + 1) return [];
  return [Number.isNaN(number) ? "has no number" : `has number ${number}`];
}

function timing(cue: ParsedCue, next: ParsedCue | undefined, rules: LayoutRules): string[] {
  const { startMs, endMs, lines } = cue;
  const ms = endMs - startMs;
  if (ms <= 0) return ["ends before it starts"];
  const messages: string[] = [];
  if (ms < rules.cueMsMin) messages.push(`${seconds(ms)} s long, under ${seconds(rules.cueMsMin)}`);
  if (ms > rules.cueMsMax) messages.push(`${seconds(ms)} s long, over ${seconds(rules.cueMsMax)}`);
  const cps = (columnsOf(lines.join(" ")) * 1000) / ms;
  if (cps > rules.cpsMax) messages.push(`${cps.toFixed(1)} columns a second, over ${rules.cpsMax}`);
  if (next === undefined) return messages;
  const gapMs = next.startMs - endMs;
  if (next.startMs < startMs) messages.push("starts after the next cue");
  else if (gapMs < 0) messages.push(`overlaps the next cue by ${-gapMs} ms`);
  else if (gapMs < rules.gapMsMin) messages.push(`${gapMs} ms before the next cue, under ${rules.gapMsMin}`);
  return messages;
}

function layout({ lines }: ParsedCue, rules: LayoutRules): string[] {
  if (lines.join("").trim() === "") return ["has no text"];
  const messages: string[] = [];
  if (lines.length > rules.linesMax) messages.push(`${lines.length} lines, over ${rules.linesMax}`);
  for (const line of lines) {
    const columns = columnsOf(line);
    if (columns > rules.colsMax) messages.push(`${columns} columns, over ${rules.colsMax}: ${line}`);
    // An ellipsis may begin a line: it continues the cue before.
    if (leansBack.test(line) && !/^(?:\u2026|\.\.)/.test(line)) messages.push(`a line begins with ${[...line][0]}`);
    if (leansForward.test(line)) messages.push(`a line ends with ${[...line].at(-1)}`);
  }
  return messages;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3).replace(/\.?0+$/, "");
}
