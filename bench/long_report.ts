/**
 * Does a long recording get slower, or take more memory, over time? In: samples of a process over time. Out: figures by
 * minute of audio, their trend, a verdict. Pure.
 */

import { markdownTable } from "./report.ts";
import { median } from "./stats.ts";

/** A process at one moment. */
export type Sample = {
  /** Audio whose text is complete; segments that were decoded ahead are not counted. */
  readonly audioSec: number;
  readonly cpuSec: number;
  readonly residentBytes: number;
};

export type Minute = {
  /** From 0. */
  readonly minute: number;
  /** CPU seconds per second of audio; undefined if no segment ended in this minute. */
  readonly cost: number | undefined;
  /** The most. */
  readonly residentBytes: number;
};

export type Trend = {
  readonly minutes: readonly Minute[];
  /** Change of CPU time per second of audio in ten minutes, as a share of its mean; undefined: too short to tell. */
  readonly slope: number | undefined;
  /** Largest distance of a minute's peak from the middle of all, from minute 2 on; undefined: too short to tell. */
  readonly spreadBytes: number | undefined;
};

const slopeMax = 0.02;
const spreadBytesMax = 50e6;

/** Left out: at the start the model is loaded, and at the end segments finish that were decoded ahead. */
const startSec = 120;
const endSec = 9 * 30;
/** In a shorter recording, its own unevenness is larger than the trend that is looked for. */
const trendSecMin = 600;

/** `samples` are in order of time; the recording has `totalSec` seconds. */
export function trend(samples: readonly Sample[], totalSec: number): Trend {
  const steps = samples.filter((sample, i) => i === 0 || sample.audioSec > samples[i - 1]!.audioSec);
  const minutes = [];
  for (let minute = 0; minute * 60 < totalSec; minute++) {
    const within = ({ audioSec }: Sample) => audioSec >= minute * 60 && audioSec < (minute + 1) * 60;
    const held = samples.filter(within).map(({ residentBytes }) => residentBytes);
    if (held.length === 0) continue; // One segment took the whole minute.
    minutes.push({ minute, cost: costOver(steps, minute), residentBytes: Math.max(...held) });
  }
  const settled = minutes.filter(({ minute }) => minute * 60 >= startSec).map(({ residentBytes }) => residentBytes);
  const middle = settled.length === 0 ? 0 : (Math.max(...settled) + Math.min(...settled)) / 2;
  const spreadBytes = settled.length < 3 ? undefined : Math.max(...settled) - middle;
  return { minutes, slope: slopeOf(steps, totalSec), spreadBytes };
}

/** Between the first steps in this minute and in the next ones. */
function costOver(steps: readonly Sample[], minute: number): number | undefined {
  const from = steps.find(({ audioSec }) => audioSec >= minute * 60);
  const to = steps.find(({ audioSec }) => audioSec >= (minute + 1) * 60);
  if (!from || !to || from === to) return undefined;
  return (to.cpuSec - from.cpuSec) / (to.audioSec - from.audioSec);
}

/** CPU time over audio as a parabola, by least squares: its bend is the change of the rate. */
function slopeOf(steps: readonly Sample[], totalSec: number): number | undefined {
  const used = steps.filter(({ audioSec }) => audioSec >= startSec && audioSec <= totalSec - endSec);
  if (used.length < 10 || used.at(-1)!.audioSec - used[0]!.audioSec < trendSecMin) return undefined;
  const middle = median(used.map(({ audioSec }) => audioSec));
  const points = used.map(({ audioSec, cpuSec }) => [(audioSec - middle) / 600, cpuSec] as const); // Tens of minutes.
  const [, rate, bend] = parabola(points);
  return 2 * bend / rate;
}

/** The a, b, c for which a + b x + c x² is nearest to the points. */
function parabola(points: readonly (readonly [x: number, y: number])[]): [number, number, number] {
  const moment = (power: number, of: (y: number) => number) =>
    points.reduce((sum, [x, y]) => sum + x ** power * of(y), 0);
  const s = [0, 1, 2, 3, 4].map((power) => moment(power, () => 1)) as [number, number, number, number, number];
  const t = [0, 1, 2].map((power) => moment(power, (y) => y)) as [number, number, number];
  const rows = [[s[0], s[1], s[2]], [s[1], s[2], s[3]], [s[2], s[3], s[4]]];
  const whole = determinant(rows);
  const solve = (column: number) =>
    determinant(rows.map((row, i) => row.map((value, j) => j === column ? t[i]! : value))) / whole;
  return [solve(0), solve(1), solve(2)];
}

function determinant(rows: readonly (readonly number[])[]): number {
  const [[a, b, c], [d, e, f], [g, h, i]] = rows as unknown as [number, number, number][];
  return a! * (e! * i! - f! * h!) - b! * (d! * i! - f! * g!) + c! * (d! * h! - e! * g!);
}

export function renderTrend({ minutes, slope, spreadBytes }: Trend): string {
  const rows = minutes.map(({ minute, cost, residentBytes }) => [
    String(minute),
    cost?.toFixed(3) ?? "",
    (residentBytes / 1e6).toFixed(0),
  ]);
  const speed = slope === undefined
    ? "too short to tell (17 minutes are enough)"
    : `${signed(slope * 100)} % in 10 minutes, less than ${slopeMax * 100} wanted${verdict(slope <= slopeMax)}`;
  const memory = spreadBytes === undefined
    ? "too short to tell"
    : `±${(spreadBytes / 1e6).toFixed(0)} MB from minute 2 on, ` +
      `at most ${spreadBytesMax / 1e6} wanted${verdict(spreadBytes <= spreadBytesMax)}`;
  return markdownTable(["minute of audio", "CPU s per s", "resident MB at most"], rows) +
    `\nCPU time per second of audio: ${speed}\nResident memory: ${memory}\n`;
}

/** True unless a trend that could be told was too large. */
export function isSteady({ slope = 0, spreadBytes = 0 }: Trend): boolean {
  return slope <= slopeMax && spreadBytes <= spreadBytesMax;
}

function verdict(isGood: boolean): string {
  return isGood ? "" : ": TOO MUCH";
}

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(1)}`;
}
