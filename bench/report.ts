/** The parts of the acceptance report: figures read from a run's standard error, and Markdown. Pure. */

import { characterErrors, type Errors, rate, sum, wordErrors } from "./cer.ts";

/** The figures of the two summary lines that every run prints. */
export type Summary = {
  readonly tokens: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  readonly audioSeconds: number;
  readonly elapsedSeconds: number;
};

/** One clip transcribed. */
export type Measured = {
  readonly name: string;
  readonly truth: string;
  readonly said: string;
  /** Undefined if the run printed none (it failed, or there was no audio). */
  readonly summary: Summary | undefined;
  readonly peakBytes: number;
  /** What went wrong; "" if nothing did. */
  readonly failure: string;
};

const inference = /Inference: (\d+) ms, (\d+) text tokens \([\d.]+ tok\/s, encoding: (\d+)ms, decoding: (\d+)ms\)/;
const audio = /Audio: ([\d.]+) s processed in ([\d.]+) s/;

export function readSummary(stderr: string): Summary | undefined {
  const work = inference.exec(stderr);
  const time = audio.exec(stderr);
  if (!work || !time) return undefined;
  return {
    tokens: Number(work[2]),
    encodeMs: Number(work[3]),
    decodeMs: Number(work[4]),
    audioSeconds: Number(time[1]),
    elapsedSeconds: Number(work[1]) / 1000,
  };
}

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

/** Error rates and speed, a row per clip and one for all; then every wrong text, below the truth. */
export function renderClips(clips: readonly Measured[]): string {
  const head = ["clip", "s", "CER", "WER", "s per s of audio", "encode ms", "decode ms per token", "peak MB"];
  const rows = clips.map((clip) => [clip.name, ...clipFigures(clip)]);
  return markdownTable(head, [...rows, ["**all**", ...totalFigures(clips)]]) + renderDifferences(clips);
}

/** {"a": {"b": 1}, "c": [1, 2]} -> [["a.b", "1"], ["c", "1, 2"]]. */
export function flatten(value: unknown, name = ""): [string, string][] {
  if (Array.isArray(value)) {
    return [[
      name,
      value.map((item) => typeof item === "object" ? JSON.stringify(item) : item).join(", "),
    ]];
  }
  if (typeof value !== "object" || value === null) return [[name, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, name ? `${name}.${key}` : key));
}

function clipFigures({ truth, said, summary, peakBytes, failure }: Measured): string[] {
  if (failure) return ["", `failed: ${failure}`, "", "", "", "", ""];
  return [
    summary?.audioSeconds.toFixed(1) ?? "",
    percent(characterErrors(truth, said)),
    percent(wordErrors(truth, said)),
    summary ? realTimeFactor([summary]) : "",
    summary?.encodeMs.toFixed(0) ?? "",
    summary ? msPerToken([summary]) : "",
    megabytes(peakBytes),
  ];
}

function totalFigures(clips: readonly Measured[]): string[] {
  const summaries = clips.flatMap(({ summary }) => summary ?? []);
  const total = (of: (summary: Summary) => number) => summaries.reduce((all, one) => all + of(one), 0);
  return [
    total((one) => one.audioSeconds).toFixed(1),
    percent(sum(clips.map(({ truth, said }) => characterErrors(truth, said)))),
    percent(sum(clips.map(({ truth, said }) => wordErrors(truth, said)))),
    realTimeFactor(summaries),
    total((one) => one.encodeMs).toFixed(0),
    msPerToken(summaries),
    megabytes(Math.max(0, ...clips.map(({ peakBytes }) => peakBytes))),
  ];
}

function renderDifferences(clips: readonly Measured[]): string {
  const wrong = clips.filter(({ truth, said, failure }) => !failure && characterErrors(truth, said).edits > 0);
  if (wrong.length === 0) return "";
  const lines = wrong.map(({ name, truth, said }) =>
    `- ${name}\n  - truth: ${oneLine(truth)}\n  - said: ${oneLine(said)}\n`
  );
  return `\nNot as the truth says:\n\n${lines.join("")}`;
}

function realTimeFactor(all: readonly Summary[]): string {
  const elapsed = all.reduce((total, one) => total + one.elapsedSeconds, 0);
  const seconds = all.reduce((total, one) => total + one.audioSeconds, 0);
  return seconds > 0 ? (elapsed / seconds).toFixed(3) : "";
}

function msPerToken(all: readonly Summary[]): string {
  const ms = all.reduce((total, one) => total + one.decodeMs, 0);
  const tokens = all.reduce((total, one) => total + one.tokens, 0);
  return tokens > 0 ? (ms / tokens).toFixed(1) : "";
}

function percent(errors: Errors): string {
  return `${(rate(errors) * 100).toFixed(1)} %`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function escapeCell(cell: string): string {
  return oneLine(cell).replaceAll("|", "\\|");
}
