/**
 * What the two speaker networks take and give: the segmentation says when whom of up to three voices of a window
 * speaks, the embedding what a voice is like. Types and their numbers; the engine has the networks.
 */

import type { Span } from "../units.ts";

/** Samples of a window of the segmentation: 10 s. */
export const windowSamples = 160_000;
/** Answers of the segmentation per window. */
export const windowFrames = 589;
/** Samples from one answer to the next. */
export const frameStep = 270;
export const framesPerSecond = 16_000 / frameStep;
/** An answer is of the 991 samples around this one, counted from the start of its step. */
export const frameCentre = 495;
/** Of each answer: nobody, speaker 1, 2, 3, 1 and 2, 1 and 3, 2 and 3. */
export const classesCount = 7;
/** Floats of an embedding. */
export const embeddingFloats = 192;

/** Samples are handed over, and nobody may use them afterwards; a view of a larger buffer stays. */
export type SpeakerNetworks = {
  /**
   * `samples`: whole windows, one after the other, 16 kHz mono; a last one is filled with zeros. Resolves to
   * f32[windows][589][7], natural logarithms of probabilities.
   */
  segmentation(samples: Float32Array): Promise<Float32Array>;
  /** For each of `spans`, ranges of samples in which one voice speaks: its embedding, f32[spans][192]. */
  embed(samples: Float32Array, spans: readonly (readonly Span[])[]): Promise<Float32Array>;
};
