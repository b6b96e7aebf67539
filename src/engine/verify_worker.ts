/** A thread that checks one file of packed weights against its checksums, and posts the library's answer. */

import { EngineError, Native } from "./native.ts";

export type VerifyRequest = { readonly library: string; readonly path: string };

/** Undefined if the file is undamaged; `status` as in qwen_asr.h. */
export type Verdict = { readonly status: number; readonly message: string } | undefined;

declare const self: Worker;

self.onmessage = (event: MessageEvent<VerifyRequest>) => self.postMessage(verdictOf(event.data));

function verdictOf({ library, path }: VerifyRequest): Verdict {
  const native = new Native(library);
  try {
    native.cacheVerify(path);
    return undefined;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { status: error.status, message: error.message };
  } finally {
    native.close();
  }
}
