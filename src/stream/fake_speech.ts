/**
 * Stand-ins for tests: audio whose words can be read off its samples, and a listener that does so.
 *
 * A word is a tone of its own level between zeros. The listener hears whole words right; of one that is cut off by the
 * end of the audio it says something that depends on where, as a model would.
 */
// deno-lint-ignore-file require-await -- the interface is asynchronous, the stand-in need not be.

import type { DecodeToken, HearRequest, HearResult, Listener } from "../engine/engine.ts";
import type { StreamToken } from "./commit.ts";

export const fakeTag = 151_704;
const vocabularySize = 200;
const firstWordId = 10;
/** Of a word that has hardly begun nothing is heard. */
const audibleSamples = 320;
const headerIds = { language: 1, english: 2, none: 3 };

function wordSamples(word: number): number {
  return 1600 + (word % 7) * 800 + 480;
}

/** One word, or silence where `word` is negative. */
export function spoken(word: number, samples = wordSamples(word)): Float32Array {
  const level = 0.1 + word * 0.0005;
  return Float32Array.from({ length: samples }, (_, i) => word < 0 ? 0 : i % 2 === 0 ? level : -level);
}

/** Words with the silence before each, in samples. */
export function speech(words: readonly { readonly word: number; readonly gap: number }[], after = 0): Float32Array {
  const parts = [...words.flatMap(({ word, gap }) => [spoken(-1, gap), spoken(word)]), spoken(-1, after)];
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function textOf(words: readonly number[]): string {
  return words.map((word) => `w${word}`).join(" ");
}

export function fakeToken(id: number, logprob = -0.01): DecodeToken {
  const texts: Readonly<Record<number, string>> = { 1: "language", 2: " English", 3: " None", [fakeTag]: "" };
  return { id, bytes: new TextEncoder().encode(texts[id] ?? ` w${id - firstWordId}`), logprob };
}

/** As a reducer's trace has them. */
export function fakeTokens(ids: readonly number[], logprob?: number): StreamToken[] {
  return ids.map((id) => ({ ...fakeToken(id, logprob), seenAt: 0, seenAfter: 0, times: 1, heardTo: 0 }));
}

export type FakeListener = Listener & { readonly requests: HearRequest[]; readonly heldMax: () => number };

export function fakeListener(): FakeListener {
  let held = new Float32Array(0);
  let heldMax = 0;
  const requests: HearRequest[] = [];
  return {
    requests,
    heldMax: () => heldMax,
    hear: async (request) => {
      requests.push(request);
      const kept = held.subarray(Math.min(request.forget, held.length));
      held = new Float32Array([...kept, ...request.samples]);
      heldMax = Math.max(heldMax, held.length);
      const { tokens, stop } = answer(held, request);
      return { ...emptyResult, tokens, stop, generatedTokens: tokens.length };
    },
    close: async () => {},
  };
}

const emptyResult: Omit<HearResult, "tokens" | "stop"> = {
  ...{ promptTokens: 0, audioTokens: 0, generatedTokens: 0, encodeMs: 1, prefillMs: 1, decodeMs: 1, verifyMs: 1 },
  ...{ draftTokens: 0, draftAccepted: 0, rowsReused: 0, positionsReused: 0 },
};

function answer(samples: Float32Array, { prefix, tokensMax }: HearRequest): Pick<HearResult, "tokens" | "stop"> {
  const words = wordsIn(samples);
  const { language, english, none } = headerIds;
  const header = [language, words.length === 0 ? none : english, fakeTag];
  const all = prefix.length === 0 ? [...header, ...words] : words.slice(placeAfter(words, prefix.slice(3)));
  const tokens = all.slice(0, tokensMax).map((id) => fakeToken(id));
  return { tokens, stop: all.length > tokensMax ? "cap" : "end" };
}

/** Where in `words` the prefix ends: a model looks for its last words, whatever was before. */
function placeAfter(words: readonly number[], prefix: readonly number[]): number {
  for (let length = Math.min(3, prefix.length); length > 0; length--) {
    for (let end = words.length; end >= length; end--) {
      if (prefix.slice(-length).every((id, index) => words[end - length + index] === id)) return end;
    }
  }
  return prefix.length === 0 ? 0 : words.length;
}

function wordsIn(samples: Float32Array): number[] {
  const ids: number[] = [];
  for (let at = 0; at < samples.length; at++) {
    if (samples[at] === 0) continue;
    const start = at;
    while (at < samples.length && samples[at] !== 0) at++;
    const word = Math.round((Math.abs(samples[start]!) - 0.1) / 0.0005);
    const isCut = at === samples.length && at - start < wordSamples(word);
    if (isCut && at - start < audibleSamples) continue;
    ids.push(firstWordId + (isCut ? vocabularySize + samples.length : word));
  }
  return ids;
}
