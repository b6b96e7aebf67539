/** Which rows of a manifest are a process's own. In: --shard and the environment. Out: a shard. Pure. */

import { UsageError } from "../errors.ts";

/** Shard `index` of `count`, from 0. "auto": the scheduler says which. */
export type ShardChoice = { readonly index: number | "auto"; readonly count: number };
export type Shard = { readonly index: number; readonly count: number };

/** What tells a process of an array which one it is: Kubernetes' indexed jobs, Slurm's arrays. */
const indexVariables = ["JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID"] as const;

/** Reads "2/8" or "auto/8". `name` is the option's. */
export function parseShard(text: string, name: string): ShardChoice {
  const [, index, count] = /^(auto|\d{1,9})\/(\d{1,9})$/.exec(text) ?? [];
  const shard = { index: index === "auto" ? index : Number(index), count: Number(count) };
  if (index === undefined || shard.count < 1) {
    throw new UsageError(`${name} must be I/N, with I from 0, or auto/N, got '${text}'`);
  }
  return shard.index === "auto" ? { ...shard, index: "auto" } : { ...within(shard as Shard, name) };
}

/** The shard of this process. Throws UsageError where it is not known which. */
export function shardOf(choice: ShardChoice, env: Readonly<Record<string, string | undefined>>, name: string): Shard {
  const { index, count } = choice;
  if (index !== "auto") return { index, count };
  const variable = indexVariables.find((candidate) => (env[candidate] ?? "") !== "");
  if (variable === undefined) {
    throw new UsageError(`${name} auto/${count} needs ${indexVariables.join(" or ")} in the environment`);
  }
  const text = env[variable]!;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${variable} must be a number from 0, got '${text}'`);
  return within({ index: Number(text), count }, variable);
}

function within(shard: Shard, name: string): Shard {
  if (shard.index < shard.count) return shard;
  throw new UsageError(`${name}: shards of ${shard.count} are 0 to ${shard.count - 1}, got ${shard.index}`);
}

/** The name of an output with the shard in place of "{shard}": 00002-of-00008, which sorts. */
export function shardName(path: string, { index, count }: Shard): string {
  const five = (value: number) => String(value).padStart(5, "0");
  return path.replaceAll("{shard}", `${five(index)}-of-${five(count)}`);
}
