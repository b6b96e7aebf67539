/**
 * Answers the questions of `qwen-asr cache` about files of packed weights. In: paths. Out: the library's answers; it
 * alone knows the format.
 */

import { InputError } from "../errors.ts";
import { EngineError, Native, type PackedInfo, STATUS } from "./native.ts";
import { placedLibrary } from "./place_library.ts";
import type { Verdict, VerifyRequest } from "./verify_worker.ts";

export type PackedFiles = {
  /** Undefined if the file has no packed weights or is damaged. Throws an InputError if it cannot be opened. */
  info(path: string): Promise<PackedInfo | undefined>;
  /** What is wrong with it ("damaged: decoder.0.q"); undefined if it is as it was packed. Throws as info does. */
  verify(path: string, stop: AbortSignal): Promise<string | undefined>;
};

/** `library` reads the native library; it is loaded at the first question. */
export function packedFiles(library: () => Promise<Uint8Array>): PackedFiles {
  let native: Native | undefined;
  const place = () => placedLibrary(library);
  return {
    info: async (path) => {
      native ??= new Native(await place());
      try {
        return native.cacheInfo(path);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        problemOf(path, error);
        return undefined;
      }
    },
    verify: async (path, stop) => {
      const verdict = await ask({ library: await place(), path }, stop);
      return verdict && problemOf(path, verdict);
    },
  };
}

/** The library's sentence without the path at its start. Throws if the problem is not the file. */
function problemOf(path: string, { status, message }: { status: number; message: string }): string {
  if (status !== STATUS.model) throw new InputError(message);
  return message.replace(`${path}: `, "");
}

/** Runs in a thread of its own: it may take a minute, and signals must be handled meanwhile. */
async function ask(request: VerifyRequest, stop: AbortSignal): Promise<Verdict> {
  stop.throwIfAborted();
  const path = Bun.isStandaloneExecutable ? "./engine/verify_worker.ts" : "./verify_worker.ts";
  const worker = new Worker(new URL(path, import.meta.url).href);
  const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
  const end = () => reject(stop.reason);
  stop.addEventListener("abort", end);
  worker.onmessage = (event: MessageEvent<Verdict>) => resolve(event.data);
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage(request);
  try {
    return await promise;
  } finally {
    stop.removeEventListener("abort", end);
    worker.terminate();
  }
}
