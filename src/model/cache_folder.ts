/** The folder of packed weights. In: the environment. Out: a path, or undefined if the environment names no place. */

import { isAbsolute, join, resolve } from "node:path";
import type { Environment } from "./folders.ts";

/** The folder for files that can be made again at any time. It may not exist yet. */
export function cacheFolder(env: Environment, platform: string = process.platform): string | undefined {
  if (env.QWEN_ASR_CACHE) return resolve(env.QWEN_ASR_CACHE);
  // The XDG specification says that a relative folder must be ignored.
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, "qwen-asr");
  if (platform === "win32") return env.LOCALAPPDATA ? join(env.LOCALAPPDATA, "qwen-asr", "cache") : undefined;
  if (!env.HOME) return undefined;
  const parts = platform === "darwin" ? ["Library", "Caches"] : [".cache"];
  return join(env.HOME, ...parts, "qwen-asr");
}
