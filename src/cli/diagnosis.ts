/** What `qwen-asr doctor` makes of what it found: a check for each, with advice where something is wrong. Pure. */

import type { Weights } from "../engine/engine.ts";
import { officialModels } from "../model/catalog.ts";
import { formatBytes } from "../model/hub/progress.ts";
import { fittingPrecision, neededBytes } from "../pipeline/memory_limit.ts";
import type { MachineLimits } from "../system.ts";

export type Check = {
  readonly name: string;
  /** "problem": a run would fail. */
  readonly state: "ok" | "note" | "problem";
  readonly says: string;
  readonly advice?: string;
};

/** Threads that are used, of those there could be. */
export function threadsCheck({ processor, logical, allowed, quota }: MachineLimits): Check {
  const limits = [
    ...allowed < logical ? [`${allowed} by the affinity mask`] : [],
    ...quota !== undefined ? [`${Number(quota.toFixed(2))} by a control group's quota`] : [],
  ];
  const says = `${processor || "unknown"}, ${logical} logical${
    limits.length > 0 ? `, limited to ${limits.join(", ")}` : ""
  }`;
  if (quota === undefined || quota >= 1) return { name: "processors", state: "ok", says };
  return { name: "processors", state: "note", says, advice: "less than one processor: expect it to be slow" };
}

/** Which official models fit into the memory that there is, at which precision. */
export function memoryCheck({ memory, memoryLimit }: MachineLimits, free: number): Check {
  const bytes = Math.min(memory, memoryLimit ?? Infinity);
  const fits = officialModels.map(({ name, weights }) => ({
    name,
    weights,
    best: fittingPrecision(weights, "int8", { bytes, isPrecisionFree: true }),
  }));
  const [small] = fits;
  const whose = memoryLimit === undefined ? "" : ` (limit of a control group; the machine has ${formatBytes(memory)})`;
  const says = `${formatBytes(bytes)}${whose}, ${formatBytes(free)} free: ${
    fits.map(({ name, best }) => `${name} ${fitText(best)}`).join(", ")
  }`;
  if (small!.best === undefined) {
    const least = formatBytes(neededBytes(small!.weights.int4));
    return { name: "memory", state: "problem", says, advice: `the small model needs ${least}, with --weights int4` };
  }
  if (small!.best !== "int8") {
    const size = `${Math.floor(bytes / 1e7) / 100}G`;
    return { name: "memory", state: "note", says, advice: `add --max-ram ${size}: int4, and short segments` };
  }
  const isTight = fits.some(({ name, best }) => name === "large" && best === undefined);
  const needed = neededBytes(small!.weights.int8);
  if (free < needed) {
    return { name: "memory", state: "note", says, advice: `${formatBytes(needed)} should be free for the small model` };
  }
  if (!isTight) return { name: "memory", state: "ok", says };
  return { name: "memory", state: "ok", says, advice: "use the small model; --align with --low-memory" };
}

function fitText(best: Weights | undefined): string {
  if (best === undefined) return "does not fit";
  return best === "int8" ? "fits" : `fits with --weights ${best}`;
}

export type Downloaded = {
  readonly name: string;
  readonly hash: string;
  readonly changed: readonly string[] | undefined;
};

export function modelCheck({ name, hash, changed }: Downloaded): Check {
  const check = { name: `model ${name}` };
  if (changed === undefined) return { ...check, state: "ok", says: `${hash}, not fetched by qwen-asr download` };
  if (changed.length === 0) return { ...check, state: "ok", says: `${hash}, every file as it was published` };
  return {
    ...check,
    state: "problem",
    says: `${hash}, damaged: ${changed.join(", ")}`,
    advice: `remove ${changed.length === 1 ? "it" : "them"} and run 'qwen-asr download ${name}'`,
  };
}

export function ffmpegCheck(version: string | undefined, builtin: readonly string[]): Check {
  const own = `built in: ${builtin.join(", ")}`;
  if (version !== undefined) return { name: "decoders", state: "ok", says: `${own}; ${version}` };
  const advice = "install ffmpeg for WMA, AC-3, AMR and other formats";
  return { name: "decoders", state: "note", says: `${own}; no ffmpeg`, advice };
}

/** Free bytes at the places that files go to; undefined where a place cannot be written. */
export type Places = readonly { readonly label: string; readonly path: string; readonly free: number | undefined }[];

export function diskCheck(places: Places): Check {
  const says = places.map(({ label, path, free }) =>
    `${label} ${path}: ${free === undefined ? "cannot be written" : `${formatBytes(free)} free`}`
  ).join("; ");
  const closed = places.filter(({ free }) => free === undefined);
  if (closed.length > 0) {
    const advice = `set ${closed.map(({ label }) => variables[label]).join(" and ")} to a folder that can be written`;
    return { name: "disk", state: "note", says, advice };
  }
  const scarce = places.filter(({ free }) => free! < 1e9);
  if (scarce.length === 0) return { name: "disk", state: "ok", says };
  return { name: "disk", state: "note", says, advice: "less than 1 GB: downloads and packed weights need more" };
}

const variables: Readonly<Record<string, string>> = {
  models: "QWEN_ASR_HOME",
  cache: "QWEN_ASR_CACHE",
  temporary: "TMPDIR",
};

/** `ms`: until the hub has listed the small model's files. */
export type Reached = { readonly host: string; readonly ms: number } | {
  readonly host: string;
  readonly fault: string;
};

export function networkCheck(reached: readonly Reached[] | undefined): Check {
  if (reached === undefined) return { name: "network", state: "ok", says: "not tried (--online does)" };
  const says = reached.map((one) =>
    "ms" in one ? `${one.host} answers in ${Math.round(one.ms)} ms` : `${one.host}: ${one.fault}`
  ).join("; ");
  if (reached.some((one) => "ms" in one)) return { name: "network", state: "ok", says };
  const advice = "no hub can be reached: set HTTPS_PROXY or HF_ENDPOINT, or copy a model's folder and use -d";
  return { name: "network", state: "problem", says, advice };
}

/** `factor`: seconds of work per second of speech. */
export function speedCheck(name: string, threads: number, factor: number, isDemo: boolean): Check {
  const says = `${(1 / factor).toFixed(1)}x real time with ${threads} thread${threads === 1 ? "" : "s"}, ${name}`;
  if (isDemo) return { name: "speed", state: "ok", says: `${says} (official models are many times larger)` };
  if (factor <= 1) return { name: "speed", state: "ok", says };
  return { name: "speed", state: "note", says, advice: "slower than speech: try --weights int4, or the small model" };
}
