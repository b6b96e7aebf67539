/** One subtitle cue, and how SRT, WebVTT and ASS write it. In: a cue. Out: text. Pure. */

export type Cue = {
  readonly startMs: number;
  readonly endMs: number;
  /** One or two lines; no newline in any. */
  readonly lines: readonly string[];
  /** The words of every line, with the space before them; absent if they have no times. */
  readonly words?: readonly (readonly CueWord[])[];
  /** Who says it all, where that is known. */
  readonly speaker?: string | undefined;
};

export type CueWord = { readonly text: string; readonly startMs: number };

/** The header of a WebVTT file, before the first cue. */
export const vttHeader = "WEBVTT\n\n";

/** The block of a cue in a SubRip file; `number` counts from 1. */
export function srtBlock(cue: Cue, number: number): string {
  const text = cue.lines.map(withoutArrow).join("\n");
  return `${number}\n${timestamp(cue.startMs, ",")} --> ${timestamp(cue.endMs, ",")}\n${text}\n\n`;
}

/** The block of a cue in a WebVTT file. */
export function vttBlock(cue: Cue): string {
  const text = cue.lines.map((line) => escapedVtt(withoutArrow(line))).join("\n");
  return `${timestamp(cue.startMs, ".")} --> ${timestamp(cue.endMs, ".")}\n${voiceTag(cue)}${text}\n\n`;
}

/** The block of a cue in a WebVTT file, with the time of every word but the first: players show them one by one. */
export function vttWordsBlock(cue: Cue): string {
  let lastMs = Math.round(cue.startMs);
  const text = (cue.words ?? []).map((line) =>
    line.map(({ text, startMs }) => {
      const ms = Math.round(startMs);
      const shown = escapedVtt(withoutArrow(text));
      // The standard wants times that rise inside the cue.
      if (ms <= lastMs || ms >= Math.round(cue.endMs)) return shown;
      lastMs = ms;
      return `${/^\s*/u.exec(shown)![0]}<${timestamp(ms, ".")}>${shown.trimStart()}`;
    }).join("")
  ).join("\n");
  return `${timestamp(cue.startMs, ".")} --> ${timestamp(cue.endMs, ".")}\n${voiceTag(cue)}${text}\n\n`;
}

/** "<v Anna>", which goes to the end of the cue. An end of a line or of the tag in a name would end the tag. */
function voiceTag({ speaker }: Cue): string {
  const name = speaker?.replace(/\s+/gu, " ").trim() ?? "";
  return name === "" ? "" : `<v ${escapedVtt(withoutArrow(name)).replaceAll(">", "&gt;")}>`;
}

/** The header of an ASS file. Words change from the secondary colour to the primary one as they are said. */
export const assHeader = `[Script Info]
ScriptType: v4.00+
PlayResX: 1920
PlayResY: 1080
WrapStyle: 2
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,64,&H00FFFFFF,&H00A0A0A0,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,2,80,80,60,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
`;

/** The line of a cue in an ASS file: every word with its duration in hundredths of a second, up to the next word. */
export function assLine(cue: Cue): string {
  const [start, end] = [cue.startMs, cue.endMs].map((ms) => Math.round(ms / 10));
  const words = (cue.words ?? []).flatMap((line, row) =>
    line.map((word, at) => ({ ...word, text: (row > 0 && at === 0 ? "\\N" : "") + escapedAss(word.text) }))
  );
  let from = start!;
  const text = words.map((word, index) => {
    const next = words[index + 1];
    const to = Math.max(from, next ? Math.min(end!, Math.round(next.startMs / 10)) : end!);
    const marked = `{\\k${to - from}}${word.text}`;
    from = to;
    return marked;
  }).join("");
  const name = (cue.speaker ?? "").replace(/[\s,]+/gu, " ").trim(); // A comma ends a field.
  return `Dialogue: 0,${assTime(start!)},${assTime(end!)},Default,${name},0,0,0,,${text}\n`;
}

/** Braces and backslashes would be commands. */
function escapedAss(text: string): string {
  return text.replaceAll("\\", "\\\u2060").replaceAll("{", "\\{").replaceAll("}", "\\}");
}

/** "1:02:03.45" of hundredths of a second. */
function assTime(hundredths: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const [hours, minutes] = [Math.floor(hundredths / 360_000), (hundredths / 6000) % 60];
  return `${hours}:${two(minutes)}:${two((hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}

function escapedVtt(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
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
