/**
 * A Listener without any cache or draft: at every call all held audio is encoded anew and decoded token by token. What
 * a real one must say, written down plainly; for tests.
 */
// deno-lint-ignore-file require-await -- the interface is asynchronous.

import type { DecodeToken, Listener, ListenOptions } from "../../src/engine/engine.ts";
import type { ModelHandle, Native } from "../../src/engine/native.ts";

export function plainListener(native: Native, model: ModelHandle, options: ListenOptions): Listener {
  const session = native.openSession(model);
  const encoder = native.openEncoder(model);
  const { hidden } = native.info(model);
  let held = new Float32Array(0);
  return {
    hear: async ({ samples, forget, prefix, tokensMax }) => {
      const kept = held.subarray(Math.min(forget, held.length));
      held = new Float32Array(kept.length + samples.length);
      held.set(kept);
      held.set(samples, kept.length);
      native.truncate(session, 0);
      const rows = native.encode(encoder, held, options.windowFrames, hidden);
      const audioTokens = rows.length / hidden;
      const ids = Uint32Array.from([
        ...native.prompt(model, audioTokens, options.context, options.language),
        ...prefix,
      ]);
      native.extend(session, ids, rows, audioTokens);
      const tokens: DecodeToken[] = [];
      let next = native.next(session);
      while (tokens.length < tokensMax && !native.isEnd(model, next.id)) {
        tokens.push({ ...next, bytes: native.tokenBytes(model, next.id).slice() });
        native.extend(session, Uint32Array.of(next.id), null, 0);
        next = native.next(session);
      }
      return {
        stop: native.isEnd(model, next.id) ? "end" : "cap",
        ...{ tokens, audioTokens, promptTokens: ids.length, generatedTokens: tokens.length },
        ...{ encodeMs: 0, prefillMs: 0, verifyMs: 0, decodeMs: 0 },
        ...{ draftTokens: 0, draftAccepted: 0, rowsReused: 0, positionsReused: 0 },
      };
    },
    close: async () => {
      native.closeSession(session);
      native.closeEncoder(encoder);
    },
  };
}
