/** A recording as bars to draw: how loud it is, part by part. In: levels of every 10 ms. Out: 0 to 1 a bar. Pure. */

/** More are not told apart on a screen. */
const barsMax = 1200;

/**
 * `levels`: RMS values of equal length that begin `skippedMs` after the recording does and last until `durationMs`.
 * Quiet speech is lifted: ears and eyes judge by ratios.
 */
export function peaksOf(levels: ArrayLike<number>, skippedMs: number, durationMs: number): number[] {
  const bars = Math.min(barsMax, Math.max(1, Math.ceil(durationMs / 50)));
  const [loudest, msPerLevel] = [maximum(levels, 0, levels.length), (durationMs - skippedMs) / levels.length];
  if (!(loudest > 0)) return Array<number>(bars).fill(0);
  return Array.from({ length: bars }, (_, bar) => {
    const [from, to] = [bar, bar + 1].map((edge) => ((edge * durationMs) / bars - skippedMs) / msPerLevel);
    return Math.sqrt(
      maximum(levels, Math.max(0, Math.floor(from!)), Math.min(levels.length, Math.ceil(to!))) / loudest,
    );
  });
}

function maximum(levels: ArrayLike<number>, from: number, to: number): number {
  let max = 0;
  for (let index = from; index < to; index++) max = Math.max(max, levels[index]!);
  return max;
}

/** Two hexadecimal digits a bar. */
export function peaksText(peaks: readonly number[]): string {
  return peaks.map((peak) => Math.round(Math.min(1, Math.max(0, peak)) * 255).toString(16).padStart(2, "0")).join("");
}

export function readPeaks(text: string): number[] {
  return (text.match(/[0-9a-f]{2}/g) ?? []).map((digits) => parseInt(digits, 16) / 255);
}
