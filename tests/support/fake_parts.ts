/** Stand-ins for tests: an engine that says what a script tells it to, and the program's other parts around it. */
// deno-lint-ignore-file require-await -- the interfaces are asynchronous, the stand-ins need not be.

import type {
  DecodeRequest,
  DecodeResult,
  DecodeStop,
  DecodeToken,
  Engine,
  Listener,
  ListenOptions,
  ModelInfo,
} from "../../src/engine/engine.ts";
import { samplesInMemory } from "../../src/audio/sample_store.ts";
import { InputError, ModelError } from "../../src/errors.ts";
import { networkLimits } from "../../src/model/hub/download_io.ts";
import type { LoadedAudio, ProgramParts } from "../../src/cli/parts.ts";
import type { VoiceDetector } from "../../src/segment/voice.ts";
import { Stopper } from "../../src/stop.ts";
import type { Ending, Terminal } from "../../src/cli/terminal.ts";
import type { TextWriter } from "../../src/writer.ts";

export const fakeAsrTextId = 151_704;

export const fakeInfo: ModelInfo = {
  kind: "asr",
  name: "Qwen3-ASR-0.6B",
  isa: "avx2",
  threads: 2,
  weights: "int8",
  hidden: 1024,
  positionsMax: 65_536,
  stepMax: 8,
  positionBytes: 114_688,
  sessionBytes: 0,
  rowBytes: 0,
  blockRows: 0,
  encoderBytes: 0,
  languages: [],
  asrTextId: fakeAsrTextId,
};

/** What the engine says to a request: its answer in the model's form, "language English<asr_text>Hello". */
export type FakeAnswer = {
  readonly says: string;
  readonly stop?: DecodeStop;
  readonly tokenDelayMs?: number;
  /** Called after every token with how many there were. */
  readonly onToken?: (count: number) => void;
};

export type FakeEngine = Engine & {
  readonly requests: DecodeRequest[];
  readonly isClosed: () => boolean;
  /** Decodes that ran at the same time. */
  readonly mostAtOnce: () => number;
};

/** One token per word, with the space before it, as the real tokenizer has them; equal words are equal tokens. */
export function fakeEngine(answer: (request: DecodeRequest) => FakeAnswer, info: Partial<ModelInfo> = {}): FakeEngine {
  const requests: DecodeRequest[] = [];
  const ids = new Map<string, number>();
  const tokensOf = (says: string): DecodeToken[] =>
    (says.match(/<asr_text>|\s*(?:[^\s<]|<(?!asr_text>))+|\s+/g) ?? []).map((word) => {
      if (word === "<asr_text>") return { id: fakeAsrTextId, bytes: encode(""), logprob: -0.1 };
      if (!ids.has(word)) ids.set(word, ids.size + 1);
      return { id: ids.get(word)!, bytes: encode(word), logprob: -0.1 };
    });
  let closed = false;
  let [running, mostAtOnce] = [0, 0];
  return {
    info: { ...fakeInfo, ...info },
    description: { name: "fake" },
    requests,
    isClosed: () => closed,
    mostAtOnce: () => mostAtOnce,
    close: async () => void (closed = true),
    listen: async (options) => fakeListener(options, answer, tokensOf),
    align: () => Promise.reject(new Error("this stand-in does not align")),
    decode: async (request, onToken, signal) => {
      requests.push({ ...request, samples: request.samples.slice() }); // Its memory is given back later.
      mostAtOnce = Math.max(mostAtOnce, ++running);
      using _ = { [Symbol.dispose]: () => void running-- };
      const { says, stop = "end", tokenDelayMs = 0, onToken: told } = answer(request);
      let generatedTokens = 0;
      for (const token of tokensOf(says)) {
        if (tokenDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, tokenDelayMs));
        if (signal?.aborted) return fakeResult(request, "cancelled", generatedTokens);
        if (generatedTokens === request.tokensMax) return fakeResult(request, "cap", generatedTokens);
        onToken(token);
        generatedTokens++;
        told?.(generatedTokens);
      }
      return fakeResult(request, stop, generatedTokens);
    },
  };
}

/** Answers for all audio held, and says what of the answer follows the prefix. */
function fakeListener(
  options: ListenOptions,
  answer: (request: DecodeRequest) => FakeAnswer,
  tokensOf: (says: string) => DecodeToken[],
): Listener {
  let held = 0;
  return {
    hear: async ({ samples, forget, prefix, draft, tokensMax }) => {
      held = Math.max(0, held - forget) + samples.length;
      const { windowFrames, context, language } = options;
      const request = { samples: new Float32Array(held), windowFrames, context, language, pastText: "", tokensMax };
      const { says, stop = "end" } = answer(request);
      const all = tokensOf(says).slice(prefix.length);
      const tokens = all.slice(0, tokensMax);
      return {
        ...fakeResult(request, tokens.length < all.length ? "cap" : stop, tokens.length),
        ...{ tokens, draftTokens: draft.length, draftAccepted: 0, rowsReused: 0, positionsReused: 0, verifyMs: 0 },
      };
    },
    close: async () => {},
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

/** For audio that only stands for speech. */
export const everythingIsVoice = () => ({ push: () => {}, hasVoice: () => true });

/** A detector that finds a voice in every frame. */
export function everywhereVoice(): VoiceDetector {
  return fakeDetector(Infinity);
}

/** Frames of four seconds: in more speech, a text of two words would be one that ends early. */
const sureFrames = 125;

/** A detector that is sure of a voice in the first frames, and does not exclude one in the others. */
function doubtfulVoice(): VoiceDetector {
  return fakeDetector(sureFrames);
}

function fakeDetector(sure: number): VoiceDetector {
  let [held, given] = [0, 0];
  const run = (samples: Float32Array, isLast: boolean) => {
    held += samples.length;
    const count = isLast ? Math.ceil(held / 512) : Math.floor(held / 512);
    held = isLast ? 0 : held - count * 512;
    return Float32Array.from({ length: count }, () => given++ < sure ? 0.9 : 0.3);
  };
  return { frameSamples: 512, run, close: () => {} };
}

function fakeFile(name: string, text: string) {
  return { name, read: () => Promise.resolve(new TextEncoder().encode(text)) };
}

/** A writer that keeps what it is given. */
export function memoryWriter(): TextWriter & { text(): string } {
  let written = "";
  return { write: (text) => void (written += text), drained: async () => {}, text: () => written };
}

/** A terminal that is interrupted as by a signal with this exit code. */
export function fakeTerminal(stdout: TextWriter, stderr: TextWriter) {
  const stopper = new Stopper();
  let ending: Ending | undefined;
  const interrupt = (exitCode: number) => {
    ending ??= { exitCode };
    stopper.drain();
  };
  const terminal: Terminal = { stdout, stderr, stop: stopper.stop, ending: () => ending };
  return { terminal, interrupt };
}

export type FakeProgram = ProgramParts & {
  readonly out: () => string;
  readonly err: () => string;
  /** Names of the parts in the order of their first use. */
  readonly calls: readonly string[];
  /** As a signal would, with this exit code. */
  interrupt(exitCode: number): void;
};

/** A recording that was read. */
export function loadedAudio(samples: Float32Array, warnings: readonly string[] = []): LoadedAudio {
  return { ...samplesInMemory(samples), warnings, remarks: [], close: () => Promise.resolve() };
}

/** A second of speech: what stays as loud as it is would be noise. */
export function fakeSecond(): Float32Array {
  return new Float32Array(16_000).fill(0.1, 0, 12_000);
}

/** Inputs by name: "5s" lasts five seconds, "bad" cannot be read, "missing" is not there, "short" has a warning. */
function fakeAudio(called: (name: string) => void): Pick<ProgramParts, "checkInput" | "readAudio" | "openAudio"> {
  return {
    checkInput: async (input) => {
      called("checkInput");
      if (input.kind === "file" && /^(missing|bnech)/.test(input.path)) {
        throw new InputError(`${input.path}: no such file`);
      }
    },
    readAudio: async (input) => {
      called("readAudio");
      const path = input.kind === "file" ? input.path : "1s";
      if (path.startsWith("bad")) throw new InputError(`${path}: not a recording`, "hear for yourself");
      const seconds = Number(/^(\d+)s/.exec(path)?.[1] ?? 1);
      return loadedAudio(new Float32Array(seconds * 16_000), path.includes("short") ? ["the file is cut short"] : []);
    },
    openAudio: async (input) => {
      called("openAudio");
      const path = input.kind === "file" ? input.path : "1s";
      if (path.startsWith("bad")) throw new InputError(`${path}: not a recording`, "hear for yourself");
      let left = Number(/^(\d+)s/.exec(path)?.[1] ?? 1);
      const next = async () => left-- > 0 ? fakeSecond() : undefined;
      return { next, close: async () => {}, warnings: [] };
    },
  };
}

const fakeMachine: ProgramParts["machine"] = {
  system: "fake x64",
  temporaryFolder: "/tmp",
  limits: () => ({ processor: "Fake", logical: 4, allowed: 4, quota: undefined, memory: 8e9, memoryLimit: undefined }),
  freeBytes: async () => 9e9,
  ffmpegVersion: async () => undefined,
};

const noSpeakers: Pick<ProgramParts, "hasSpeakers" | "openSpeakers"> = {
  hasSpeakers: () => false,
  openSpeakers: () => Promise.reject(new Error("no speakers here")),
};

/** The parts of a program whose recordings are named after their length: "10s.wav"; "bad.wav" cannot be read. */
export function fakeParts(engine: Engine, changes: Partial<ProgramParts> = {}): FakeProgram {
  const [stdout, stderr, calls] = [memoryWriter(), memoryWriter(), [] as string[]];
  const { terminal, interrupt } = fakeTerminal(stdout, stderr);
  const called = (name: string) => void (calls.includes(name) || calls.push(name));
  return {
    terminal,
    processors: () => 4,
    version: "1.2.3",
    page: [fakeFile("index.html", '<script src="page/app.js"></script>'), fakeFile("app.js", "1")],
    samples: [fakeFile("english.opus", "5s")],
    ...fakeAudio(called),
    voiceJudge: everythingIsVoice,
    keepsStreamCaches: () => true,
    locateModel: async (dir) => {
      called("locateModel");
      return dir === "demo" ? { kind: "demo" } : { kind: "folder", path: dir ?? "/models/small" };
    },
    locateAligner: async (dir) => {
      called("locateAligner");
      return dir === "demo" ? { kind: "demo-aligner" } : { kind: "folder", path: dir ?? "/models/aligner" };
    },
    microphones: async () => ["default  the usual one"],
    openVoiceDetector: async () => doubtfulVoice(),
    ...{ ...noSpeakers, splitters: async () => ({}) },
    readChannels: async () => [loadedAudio(fakeSecond()), loadedAudio(fakeSecond())],
    readText: async (path) => {
      called("readText");
      return path === "-" ? "from stdin" : path;
    },
    openBytes: async (path) => {
      const bytes = [new TextEncoder().encode(path)];
      return { next: async () => bytes.shift(), close: async () => {} };
    },
    openEngine: async () => {
      called("openEngine");
      return engine;
    },
    env: {},
    now: () => 0,
    download: {
      isTerminal: false,
      isInteractive: false,
      lines: async function* () {},
      freeBytes: async () => undefined,
      limits: networkLimits,
    },
    packed: { info: async () => undefined, verify: async () => undefined },
    stopwatch: {
      opener: (model) => {
        calls.push(`bench ${model.kind}`);
        return async () => {
          throw new ModelError("this stand-in does not measure");
        };
      },
      peakMemory: () => 0,
      now: () => 0,
    },
    machine: fakeMachine,
    modelHash: async () => "0123456789abcdef",
    cutChinese: (text) => [...text],
    pageParts: () => ({ script: { text: "", hash: "" }, style: { text: "", hash: "" } }),
    licenses: async () => "MIT\n",
    availableMemory: () => 8 * 2 ** 30,
    ...changes,
    out: stdout.text,
    err: stderr.text,
    calls,
    interrupt,
  };
}
