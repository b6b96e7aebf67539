/**
 * Reads a stream's speed from its --debug lines and JSON lines. In: text. Out: figures and tables. Pure.
 *
 * Delays are in the stream's own time: how much more audio was needed before a word was final. The duration of a step
 * adds to them.
 */

import { normalise } from "./cer.ts";
import { markdownTable } from "./report.ts";

/** Milliseconds of all steps, by stage. */
export type StepTimes = {
  readonly steps: number;
  readonly encodeMs: number;
  readonly prefillMs: number;
  readonly verifyMs: number;
  readonly decodeMs: number;
  readonly draftTokens: number;
  readonly draftAccepted: number;
};

const lines = {
  encodeMs: /^ {2}Encoder: .*, (\d+) ms\)$/gm,
  prefillMs: /^ {2}Prefill: .* \((\d+) ms\)$/gm,
  verifyMs: /^ {2}Verify: .* \((\d+) ms\)$/gm,
  decodeMs: /^ {2}Decode: \d+ tokens \((\d+) ms/gm,
};

export function stepTimes(stderr: string): StepTimes {
  const all = (pattern: RegExp, group = 1) => [...stderr.matchAll(pattern)].map((match) => Number(match[group]));
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const draft = /^ {2}Verify: (\d+) of (\d+) draft tokens/gm;
  return {
    steps: all(lines.encodeMs).length,
    encodeMs: total(all(lines.encodeMs)),
    prefillMs: total(all(lines.prefillMs)),
    verifyMs: total(all(lines.verifyMs)),
    decodeMs: total(all(lines.decodeMs)),
    draftTokens: total(all(draft, 2)),
    draftAccepted: total(all(draft, 1)),
  };
}

export type SpokenWord = { readonly text: string; readonly end: number };

type StreamEvent = { readonly type: string; readonly text: string; readonly end_ms: number };

/**
 * Each commit's text, and how much of the stream had been heard by then, in seconds: where the step ended that made
 * it, which its partial or final text, the next line, says. A commit's own end_ms is where its words end.
 */
function commits(jsonLines: string): { readonly text: string; readonly sec: number }[] {
  const events = jsonLines.split("\n").filter(Boolean).map((line) => JSON.parse(line) as StreamEvent);
  return events.flatMap(({ type, text, end_ms }, index) => {
    if (type !== "commit") return [];
    const step = events.slice(index + 1).find(({ type }) => type === "partial" || type === "final");
    return [{ text, sec: (step?.end_ms ?? end_ms) / 1000 }];
  });
}

/** Seconds from the end of each word to the commit that holds it, words in order; words that differ are skipped. */
export function commitDelays(jsonLines: string, words: readonly SpokenWord[]): number[] {
  const said = commits(jsonLines).flatMap(({ text, sec }) =>
    // The last word may go on in the next commit; it counts with this one all the same.
    text.split(/\s+/).filter(Boolean).map((word) => ({ word: normalise(word), sec }))
  );
  const delays: number[] = [];
  let at = 0;
  for (const { text, end } of words) {
    const found = said.findIndex(({ word }, index) => index >= at && index < at + 4 && word === normalise(text));
    if (found < 0) continue;
    at = found + 1;
    delays.push(said[found]!.sec - end);
  }
  return delays;
}

/** Where in the stream the first text came, in seconds. */
export function firstCommit(jsonLines: string): number | undefined {
  return commits(jsonLines)[0]?.sec;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export type StreamRow = {
  readonly name: string;
  readonly audioSec: number;
  readonly workSec: number;
  /** Wall time of the whole recording with -S 30. */
  readonly offlineSec: number;
  readonly firstTextMs: number;
  readonly times: StepTimes;
};

export function speedTable(rows: readonly StreamRow[]): string {
  const percent = (part: number, whole: number) => whole > 0 ? `${((100 * part) / whole).toFixed(0)} %` : "";
  const head = [
    "stream",
    "RTF",
    "x of -S 30",
    "steps",
    "encoder",
    "prefill",
    "verify",
    "decode",
    "draft",
    "first text",
  ];
  const body = rows.map(({ name, audioSec, workSec, offlineSec, firstTextMs, times }) => {
    const { encodeMs, prefillMs, verifyMs, decodeMs, steps, draftAccepted, draftTokens } = times;
    const all = encodeMs + prefillMs + verifyMs + decodeMs;
    return [
      ...[name, (workSec / audioSec).toFixed(3), (workSec / offlineSec).toFixed(2), String(steps)],
      ...[encodeMs, prefillMs, verifyMs, decodeMs].map((ms) => percent(ms, all)),
      ...[percent(draftAccepted, draftTokens), `${(firstTextMs / 1000).toFixed(1)} s`],
    ];
  });
  return markdownTable(head, body);
}

export type DelayRow = {
  readonly name: string;
  readonly delays: readonly number[];
  readonly firsts: readonly number[];
};

export function delayTable(rows: readonly DelayRow[]): string {
  const seconds = (value: number) => `${value.toFixed(1)} s`;
  const head = ["commit", "words", "median", "p95", "first text, median"];
  return markdownTable(
    head,
    rows.map(({ name, delays, firsts }) => [
      ...[name, String(delays.length), seconds(quantile(delays, 0.5)), seconds(quantile(delays, 0.95))],
      seconds(quantile(firsts, 0.5)),
    ]),
  );
}
