/** Units of the whole program, and the only conversions between them. Names carry the unit: `startMs`, `audioSec`. */

/** Samples per second of all audio behind the input stage: 16 kHz, mono, f32 in [-1, 1]. */
export const sampleRate = 16_000;

/** A range of samples by position, `end` exclusive. */
export type Span = { readonly start: number; readonly end: number };

/** Samples by position: 16 kHz mono. */
export type Samples = {
  readonly length: number;
  /** A copy of [start, end), which lies within the samples. */
  read(start: number, end: number): Promise<Float32Array>;
};

/** A range of time in milliseconds from the start of the recording. */
export type TimeSpan = { readonly startMs: number; readonly endMs: number };

/** Milliseconds of so many samples, rounded to the nearest. */
export function msOfSamples(samples: number): number {
  return Math.round((samples * 1000) / sampleRate);
}

/** Samples in so many milliseconds, rounded to the nearest. */
export function samplesOfMs(ms: number): number {
  return Math.round((ms * sampleRate) / 1000);
}

/** "1 file", "3 files". */
export function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
