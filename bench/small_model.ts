/** The dimensions of Qwen3-ASR-0.6B, for tests. */

import type { Dimensions } from "../src/engine/measure.ts";

export const small: Dimensions = {
  name: "Qwen3-ASR-0.6B",
  isa: "avx2",
  blas: "openblas",
  threads: 2,
  hidden: 1024,
  audio: {
    mel_bins: 128,
    d_model: 896,
    layers: 18,
    ffn: 3584,
    output_dim: 1024,
    conv_channels: 480,
    window_frames: 800,
  },
  text: { hidden: 1024, layers: 28, heads: 16, kv_heads: 8, head_dim: 128, ffn: 3072, vocab: 151_936 },
};
