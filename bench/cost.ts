/**
 * What the stages must compute and read, from a model's dimensions; measured times are compared with it. Pure.
 *
 * One multiply-add is two FLOPs. Products and attention are counted; norms, activations, softmax and mel are not.
 */

import type { Dimensions } from "../src/engine/measure.ts";

/** Audio tokens per second, and per chunk of the convolutions, which is 100 mel frames. */
const chunkFrames = 100;
const chunkTokens = 13;

/** FLOPs of an encoder run, by part. */
export type EncoderCost = {
  readonly stem: number;
  readonly layers: number;
  readonly attention: number;
  readonly projection: number;
};

/** `frames` mel frames, 100 a second, in attention windows of the checkpoint's own length. */
export function encoderCost({ audio }: Dimensions, frames: number): EncoderCost {
  const { d_model: d, ffn, layers } = audio;
  const tokens = audioTokens(frames);
  const windowTokens = audioTokens(audio.window_frames);
  const wholeWindows = Math.floor(tokens / windowTokens);
  const pairs = wholeWindows * windowTokens ** 2 + (tokens - wholeWindows * windowTokens) ** 2;
  return {
    stem: Math.floor(frames / chunkFrames) * stemChunk(audio, chunkFrames) + stemChunk(audio, frames % chunkFrames),
    layers: 2 * tokens * layers * (4 * d * d + 2 * d * ffn),
    attention: 4 * d * pairs * layers,
    projection: 2 * tokens * (d * d + d * audio.output_dim),
  };
}

/** The number of encoder rows for so many mel frames. */
export function audioTokens(frames: number): number {
  return Math.floor(frames / chunkFrames) * chunkTokens + halved(halved(halved(frames % chunkFrames)));
}

/** Three 3x3 convolutions of stride 2 over a chunk's frames and mel bins, and the projection to the model's width. */
function stemChunk({ conv_channels: channels, mel_bins, d_model }: Dimensions["audio"], frames: number): number {
  if (frames === 0) return 0;
  let flops = 0;
  let [width, height, depth] = [frames, mel_bins, 1];
  for (let conv = 0; conv < 3; conv++) {
    [width, height] = [halved(width), halved(height)];
    flops += 2 * width * height * channels * depth * 9;
    depth = channels;
  }
  return flops + 2 * width * d_model * channels * height;
}

function halved(size: number): number {
  return Math.ceil(size / 2);
}

/** Weights of one decoder layer that every position is multiplied with. */
function layerWeights({ text: t }: Dimensions): { all: number; keysAndValues: number } {
  const keysAndValues = 2 * t.hidden * t.kv_heads * t.head_dim;
  return { all: keysAndValues + 2 * t.hidden * t.heads * t.head_dim + 3 * t.hidden * t.ffn, keysAndValues };
}

/** FLOPs of a prompt. Only its last position is used, so the last layer is computed whole for that one alone. */
export function prefillCost(model: Dimensions, positions: number): { products: number; attention: number } {
  const { text: t } = model;
  const { all, keysAndValues } = layerWeights(model);
  const lastLayer = positions * keysAndValues + (all - keysAndValues);
  const pairs = (t.layers - 1) * positions * (positions + 1) / 2 + positions;
  return {
    products: 2 * ((t.layers - 1) * positions * all + lastLayer + t.hidden * t.vocab),
    attention: 4 * pairs * t.heads * t.head_dim,
  };
}

export type Precision = "bf16" | "int8" | "int4";

/** Bytes a weight takes, its share of a block's scale (16 bits for 32 weights) included. */
const weightBytes: Readonly<Record<Precision, number>> = { bf16: 2, int8: 1 + 2 / 32, int4: 0.5 + 2 / 32 };

/** Bytes of weights read for one token: layers and head. int4 leaves attention's output and the head at int8. */
export function tokenBytes(model: Dimensions, precision: Precision): number {
  const { text: t } = model;
  const output = t.heads * t.head_dim * t.hidden;
  const rest = layerWeights(model).all - output;
  const careful = precision === "int4" ? weightBytes.int8 : weightBytes[precision];
  return t.layers * (rest * weightBytes[precision] + output * careful) + t.hidden * t.vocab * careful;
}

/** FLOPs of encoder and prefill per second of audio, whole: 20.4e9 for the 0.6B. */
export function flopsPerSecond(model: Dimensions): number {
  // Eight seconds are one window of attention.
  const encoder = encoderCost(model, 8 * chunkFrames);
  const prefill = 2 * chunkTokens * model.text.layers * layerWeights(model).all;
  return (encoder.stem + encoder.layers + encoder.attention) / 8 + prefill;
}

/** The time that perfect f32 code would need, in seconds: T0, the unit of whole-program times. */
export function t0(
  model: Dimensions,
  work: { readonly seconds: number; readonly tokens: number },
  machine: { readonly sgemm: number; readonly read: number },
): number {
  return flopsPerSecond(model) * work.seconds / machine.sgemm + work.tokens * tokenBytes(model, "bf16") / machine.read;
}
