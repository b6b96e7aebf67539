/** The official models, by their names on the command line: repository, size, licence. Data only. */

import type { Weights } from "../engine/engine.ts";

/** Bytes that weights take at each precision. */
export type WeightsSize = Readonly<Record<Weights, number>>;

export type ModelName = "small" | "large" | "aligner";

export type OfficialModel = {
  readonly name: ModelName;
  /** "owner/name", the same on both hubs. */
  readonly repo: string;
  /** Size of all files together, for people. */
  readonly size: string;
  readonly licence: string;
  readonly summary: string;
  /** Bytes in memory at each precision. */
  readonly weights: WeightsSize;
};

export const officialModels: readonly OfficialModel[] = [
  {
    name: "small",
    repo: "Qwen/Qwen3-ASR-0.6B",
    size: "1.9 GB",
    licence: "Apache-2.0",
    summary: "speech to text, the faster one",
    weights: { bf16: 1.56e9, int8: 0.83e9, int4: 0.64e9 },
  },
  {
    name: "large",
    repo: "Qwen/Qwen3-ASR-1.7B",
    size: "4.7 GB",
    licence: "Apache-2.0",
    summary: "speech to text, the more accurate one",
    weights: { bf16: 4.06e9, int8: 2.16e9, int4: 1.51e9 },
  },
  {
    name: "aligner",
    repo: "Qwen/Qwen3-ForcedAligner-0.6B",
    size: "1.8 GB",
    licence: "Apache-2.0",
    summary: "when each word is spoken (--align)",
    weights: { bf16: 1.83e9, int8: 0.98e9, int4: 0.79e9 },
  },
];

/** The models that transcribe, in the order in which one is picked. */
export const transcribers = officialModels.filter((model) => model.name !== "aligner");

export function findModel(name: string): OfficialModel | undefined {
  return officialModels.find((model) => model.name === name);
}

/** "small, large or aligner". */
export const modelNames: string = officialModels.map((model) => model.name).join(", ").replace(/, (\w+)$/, " or $1");

/** A numbered line per model, for people. */
export function modelTable(): string {
  return officialModels.map((model, index) =>
    `  ${index + 1}  ${model.name.padEnd(8)} ${model.size}  ${model.licence}  ${model.summary}\n`
  ).join("");
}
