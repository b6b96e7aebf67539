/** Stand-ins for tests: an engine that says what a script tells it to, and the program's other parts around it. */
// deno-lint-ignore-file require-await -- the interfaces are asynchronous, the stand-ins need not be.

import type { DecodeRequest, DecodeResult, DecodeStop, Engine, ModelInfo } from "../engine/engine.ts";
import { InputError, InternalError } from "../errors.ts";
import type { ProgramParts } from "./program.ts";
import type { TextWriter } from "./terminal.ts";

export const fakeAsrTextId = 151_704;

export const fakeInfo: ModelInfo = {
  kind: "asr",
  name: "Qwen3-ASR-0.6B",
  isa: "avx2",
  threads: 2,
  weights: "int8",
  hidden: 1024,
  positionsMax: 65_536,
  positionBytes: 114_688,
  languages: [],
  asrTextId: fakeAsrTextId,
};

/** What the engine says to a request: its answer in the model's form, "language English<asr_text>Hello". */
export type FakeAnswer = { readonly says: string; readonly stop?: DecodeStop; readonly tokenDelayMs?: number };

export type FakeEngine = Engine & { readonly requests: DecodeRequest[]; readonly isClosed: () => boolean };

/** One token per word, with the space before it, as the real tokenizer has them; equal words are equal tokens. */
export function fakeEngine(answer: (request: DecodeRequest) => FakeAnswer, info: Partial<ModelInfo> = {}): FakeEngine {
  const requests: DecodeRequest[] = [];
  const ids = new Map<string, number>();
  let cancelled = false;
  let closed = false;
  return {
    info: { ...fakeInfo, ...info },
    description: { name: "fake" },
    requests,
    isClosed: () => closed,
    cancel: () => void (cancelled = true),
    close: async () => void (closed = true),
    listen: () => Promise.reject(new InternalError("this stand-in does not listen")),
    decode: async (request, onToken) => {
      requests.push(request);
      cancelled = false;
      const { says, stop = "end", tokenDelayMs = 0 } = answer(request);
      let generatedTokens = 0;
      for (const word of says.match(/<asr_text>|\s*(?:[^\s<]|<(?!asr_text>))+|\s+/g) ?? []) {
        if (tokenDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, tokenDelayMs));
        if (cancelled) return fakeResult(request, "cancelled", generatedTokens);
        if (generatedTokens === request.tokensMax) return fakeResult(request, "cap", generatedTokens);
        const isTag = word === "<asr_text>";
        if (!isTag && !ids.has(word)) ids.set(word, ids.size + 1);
        onToken({ id: isTag ? fakeAsrTextId : ids.get(word)!, bytes: encode(isTag ? "" : word), logprob: -0.1 });
        generatedTokens++;
      }
      return fakeResult(request, stop, generatedTokens);
    },
  };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function fakeResult(request: DecodeRequest, stop: DecodeStop, generatedTokens: number): DecodeResult {
  const audioTokens = Math.ceil((request.samples.length / 16_000) * 13);
  return {
    stop,
    promptTokens: audioTokens + 15,
    audioTokens,
    generatedTokens,
    encodeMs: 100,
    prefillMs: 50,
    decodeMs: 50,
  };
}

/** A writer that keeps what it is given. */
export function memoryWriter(): TextWriter & { text(): string } {
  let written = "";
  return { write: (text) => void (written += text), drained: async () => {}, text: () => written };
}

export type FakeProgram = ProgramParts & {
  readonly out: () => string;
  readonly err: () => string;
  /** Names of the parts in the order of their first use. */
  readonly calls: readonly string[];
  readonly controller: AbortController;
};

/** The parts of a program whose recordings are named after their length: "10s.wav"; "bad.wav" cannot be read. */
export function fakeParts(engine: Engine, changes: Partial<ProgramParts> = {}): FakeProgram {
  const [stdout, stderr, controller, calls] = [memoryWriter(), memoryWriter(), new AbortController(), [] as string[]];
  const called = (name: string) => void (calls.includes(name) || calls.push(name));
  return {
    terminal: { stdout, stderr, stop: controller.signal },
    version: "1.2.3",
    checkInput: async (input) => {
      called("checkInput");
      if (input.kind === "file" && input.path.startsWith("missing")) {
        throw new InputError(`${input.path}: no such file`);
      }
    },
    readAudio: async (input) => {
      called("readAudio");
      const path = input.kind === "file" ? input.path : "1s";
      if (path.startsWith("bad")) throw new InputError(`${path}: not a recording`, "hear for yourself");
      const seconds = Number(/^(\d+)s/.exec(path)?.[1] ?? 1);
      return {
        samples: new Float32Array(seconds * 16_000),
        warnings: path.includes("short") ? ["the file is cut short"] : [],
      };
    },
    locateModel: async (dir) => {
      called("locateModel");
      return dir === "demo" ? { kind: "demo" } : { kind: "folder", path: dir ?? "/models/small" };
    },
    openEngine: async () => {
      called("openEngine");
      return engine;
    },
    runDownload: async (args) => {
      calls.push(`download ${args.join(" ")}`);
      return 0;
    },
    runCache: async (args) => {
      calls.push(`cache ${args.join(" ")}`);
      return 0;
    },
    runBench: async (model) => {
      calls.push(`bench ${model.kind}`);
      return 0;
    },
    licenses: async () => "MIT\n",
    availableMemory: () => 8 * 2 ** 30,
    ...changes,
    out: stdout.text,
    err: stderr.text,
    calls,
    controller,
  };
}
