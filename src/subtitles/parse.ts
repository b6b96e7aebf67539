/**
 * Reads SubRip and WebVTT. In: text. Out: cues with their lines in the file, and all faults of the syntax. It reads on
 * after a fault, so that one run finds them all. Pure.
 */

export type ParsedCue = {
  /** Number of the line with the times, from 1. */
  readonly line: number;
  readonly startMs: number;
  readonly endMs: number;
  /** The text without tags, with named characters replaced. */
  readonly lines: readonly string[];
  /** The number before the cue; NaN if there is none. */
  readonly number: number;
  /** Who says it, by the first voice tag of WebVTT; absent where there is none. */
  readonly speaker?: string;
};

export type Fault = { readonly line: number; readonly message: string };

export type ParsedSubtitles = {
  readonly format: "srt" | "vtt";
  readonly cues: readonly ParsedCue[];
  readonly faults: readonly Fault[];
};

const time = String.raw`((?:\d{1,4}:)?\d{1,2}:\d{1,2}[,.]\d{1,3})`;
const timesLine = new RegExp(String.raw`^\s*${time}\s*-->\s*${time}(?:\s+.*)?$`);

/** Times, even if they are wrong: text may hold an arrow too. */
const likeTimes = /^\s*\d+[:.,]\S*\s*-->/;

type Line = { readonly text: string; readonly number: number };

/** Returns undefined if the text is neither: it has no line with times and no header. */
export function parseSubtitles(text: string): ParsedSubtitles | undefined {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/).map((each, index) => ({
    text: each,
    number: index + 1,
  }));
  const isVtt = /^WEBVTT(?:[ \t]|$)/.test(lines[0]!.text);
  if (!isVtt && !lines.some((line) => likeTimes.test(line.text))) return undefined;
  const faults: Fault[] = [];
  const cues: ParsedCue[] = [];
  for (const block of blocksOf(isVtt ? afterHeader(lines, faults) : lines)) {
    if (isVtt && /^(?:NOTE|STYLE|REGION)(?:\s|$)/.test(block[0]!.text)) continue;
    for (const own of splitBlock(block, faults)) {
      const cue = cueOf(own, isVtt, faults);
      if (cue) cues.push(cue);
    }
  }
  return { format: isVtt ? "vtt" : "srt", cues, faults };
}

/** The header of WebVTT extends to the first empty line. */
function afterHeader(lines: readonly Line[], faults: Fault[]): readonly Line[] {
  const empty = lines.findIndex((line) => line.text.trim() === "");
  const header = lines.slice(0, empty < 0 ? lines.length : empty);
  const early = header.find((line) => likeTimes.test(line.text));
  if (!early) return lines.slice(header.length);
  faults.push({ line: early.number, message: "no empty line between header and first cue" });
  return lines.slice(1);
}

/** Blocks of lines between empty ones. */
function blocksOf(lines: readonly Line[]): Line[][] {
  const blocks: Line[][] = [];
  let block: Line[] = [];
  for (const line of lines) {
    if (line.text.trim() !== "") {
      block.push(line);
    } else if (block.length > 0) {
      blocks.push(block);
      block = [];
    }
  }
  return block.length > 0 ? [...blocks, block] : blocks;
}

/** The cues of a block, which is one if no empty line is missing. */
function splitBlock(block: readonly Line[], faults: Fault[]): (readonly Line[])[] {
  const times = block.flatMap((line, index) => likeTimes.test(line.text) ? [index] : []);
  const starts = times.map((at) => at > 0 && isNumber(block[at - 1]!) ? at - 1 : at);
  if (times[0] === 1) starts[0] = 0; // Any line may be the name of a cue.
  if (starts.length === 0 || starts[0]! > 0) starts.unshift(0);
  for (const start of starts.slice(1)) {
    const line = block[start]!;
    const cue = likeTimes.test(line.text) ? line : block[start + 1]!;
    faults.push({ line: cue.number, message: "no empty line before this cue" });
  }
  return starts.map((start, index) => block.slice(start, starts[index + 1]));
}

function isNumber({ text }: Line): boolean {
  return /^\s*\d+\s*$/.test(text);
}

function cueOf(block: readonly Line[], isVtt: boolean, faults: Fault[]): ParsedCue | undefined {
  const at = block.findIndex((line) => line.text.includes("-->"));
  if (at < 0 || at > 1) {
    faults.push({ line: block[0]!.number, message: "text without times" });
    return undefined;
  }
  const { text, number: line } = block[at]!;
  const [, start, end] = timesLine.exec(text) ?? [];
  if (start === undefined || end === undefined) {
    faults.push({ line, message: `times cannot be read: ${text.trim()}` });
    return undefined;
  }
  const comma = isVtt ? "." : ",";
  const strict = isVtt ? /^(?:\d{2,}:)?[0-5]\d:[0-5]\d\.\d{3}$/ : /^\d{2,}:[0-5]\d:[0-5]\d,\d{3}$/;
  if (![start, end].every((each) => strict.test(each))) {
    faults.push({ line, message: `times are not ${isVtt ? "[hh:]" : "hh:"}mm:ss${comma}mmm: ${text.trim()}` });
  }
  const arrow = isVtt && block.find((other, index) => index > at && other.text.includes("-->"));
  if (arrow) faults.push({ line: arrow.number, message: "--> in a text ends the cue: write --&gt;" });
  const number = at === 1 && isNumber(block[0]!) ? Number(block[0]!.text) : NaN;
  const texts = block.slice(at + 1).map((each) => each.text);
  const lines = texts.map((each) => plain(each, isVtt));
  const speaker = isVtt ? voiceIn(texts) : undefined;
  const span = { startMs: milliseconds(start), endMs: milliseconds(end) };
  return { line, ...span, lines, number, ...(speaker !== undefined && { speaker }) };
}

/** The name in "<v Ann>" or "<v.loud Ann>". */
function voiceIn(texts: readonly string[]): string | undefined {
  const name = texts.map((text) => /<v(?:\.[^\s<>]*)?[ \t]+([^<>]+)>/i.exec(text)?.[1]).find(Boolean);
  return name === undefined ? undefined : plain(name, true) || undefined;
}

/** "01:02:03,4" -> 3723400, in ms. */
function milliseconds(written: string): number {
  const [clock = "", fraction = ""] = written.split(/[,.]/);
  const seconds = clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return seconds * 1000 + Number(fraction.padEnd(3, "0"));
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  nbsp: "\u00a0",
  lrm: "\u200e",
  rlm: "\u200f",
};

function plain(line: string, isVtt: boolean): string {
  const bare = line.replace(/<\/?[a-z\d][^<>]*>/gi, "").replace(/\{\\[^{}]*\}/g, "");
  return (isVtt ? bare.replace(/&(\w+);/g, (all, name) => entities[name] ?? all) : bare).trim();
}
