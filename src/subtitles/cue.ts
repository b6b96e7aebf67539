/** One subtitle cue, and how SRT and WebVTT write it. In: a cue. Out: text. Pure. */

export type Cue = {
  readonly startMs: number;
  readonly endMs: number;
  /** One or two lines; no newline in any. */
  readonly lines: readonly string[];
};

/** The header of a WebVTT file, before the first cue. */
export const vttHeader = "WEBVTT\n\n";

/** The block of a cue in a SubRip file; `number` counts from 1. */
export function srtBlock(cue: Cue, number: number): string {
  const text = cue.lines.map(withoutArrow).join("\n");
  return `${number}\n${timestamp(cue.startMs, ",")} --> ${timestamp(cue.endMs, ",")}\n${text}\n\n`;
}

/** The block of a cue in a WebVTT file. */
export function vttBlock(cue: Cue): string {
  const text = cue.lines.map((line) => withoutArrow(line).replaceAll("&", "&amp;").replaceAll("<", "&lt;")).join("\n");
  return `${timestamp(cue.startMs, ".")} --> ${timestamp(cue.endMs, ".")}\n${text}\n\n`;
}

/** "-->" inside a text would be read as a cue's times. */
function withoutArrow(line: string): string {
  return line.replaceAll("-->", "->");
}

/** "01:02:03,456"; hours grow beyond two digits if needed. */
export function timestamp(ms: number, fraction: "," | "."): string {
  const whole = Math.max(0, Math.round(ms));
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const [hours, minutes, seconds] = [whole / 3_600_000, (whole / 60_000) % 60, (whole / 1000) % 60];
  return `${two(hours)}:${two(minutes)}:${two(seconds)}${fraction}${String(whole % 1000).padStart(3, "0")}`;
}
