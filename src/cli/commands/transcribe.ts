/**
 * The run of `qwen-asr FILE...`: options -> text of every input in order, and an exit code.
 *
 * Order: prompt, inputs and output are checked, the first recording is read, and only then the model is looked for and
 * loaded, so that a typo costs no time. A file that fails is reported and the others still run.
 */

import { STDIN_NAME } from "../../audio/bytes.ts";
import type { Engine } from "../../engine/engine.ts";
import { InputError, ModelError, UsageError } from "../../errors.ts";
import { Outputs } from "../../files/outputs.ts";
import { Ahead, type Begun } from "../../pipeline/ahead.ts";
import { transcribe, type TranscribeEvent, type Transcript } from "../../pipeline/transcribe.ts";
import { documentHead, type KnownModel, needsTimes, segmentSecOf } from "../../pipeline/head.ts";
import { openOutput, type OutputFile } from "../../files/output_file.ts";
import { type InputSource, meantCommand, type TranscribeOptions } from "../parse.ts";
import type { AudioInput, LoadedAudio, ModelPlace, ProgramParts } from "../parts.ts";
import { Recording } from "../../pipeline/recording.ts";
import { loadPrompt } from "../../system.ts";
import { untilStopped } from "../../stop.ts";
import { exitCode } from "../terminal.ts";
import { printable, type TextWriter } from "../../writer.ts";
import { WordTimer } from "../../pipeline/word_times.ts";
import { sampleRate } from "../../units.ts";

const wholeSecMax = 120;
const demoWholeSecMax = 40; // The demo model never heard longer recordings and loses its place in them.

export type Totals = { files: number; textTokens: number; encodeMs: number; decodeMs: number; audioSec: number };

type Run = {
  readonly parts: ProgramParts;
  readonly options: TranscribeOptions;
  readonly prompt: string;
  readonly wholeSecMax: number;
  /** Opens the transcriber's model, or gives the one that is open. */
  readonly engine: () => Promise<Engine>;
  /** Gives its memory back. */
  readonly closeEngine: () => Promise<void>;
  /** Where words are timed. */
  readonly timer: WordTimer | undefined;
  /** The transcriber. */
  readonly model: KnownModel;
  /** For the text as it comes; undefined where standard output has another format. */
  readonly out: TextWriter | undefined;
  /** Where -f is given. */
  readonly outputs: Outputs | undefined;
  readonly totals: Totals;
  language: string;
};

export async function transcribeFiles(parts: ProgramParts, options: TranscribeOptions): Promise<number> {
  const prompt = await loadPrompt(options.prompt);
  const readable = await checkInputs(parts, options);
  let failed = readable.length < options.inputs.length;
  const { formats, output: path, force, inputs: all } = options;
  const outputs = formats && await Outputs.open({ formats, path, force, inputs: all }, parts.terminal.stdout);
  const output = path === undefined || formats ? undefined : await openOutput(path, force, all);
  const watched = output ? watchForText(output) : undefined;
  try {
    const inputs = readable.values();
    const first = await readFirst(parts, options, inputs);
    if (first.audio) {
      const out = formats && path === undefined ? undefined : watched ?? parts.terminal.stdout;
      const run = await startRun(parts, options, prompt, { out, outputs });
      failed = await transcribeAll(run, first, inputs) || failed;
    } else failed = true;
  } finally {
    // What is known is kept, whatever ended the run; without any text there is no file.
    await (watched?.hasText() ? output?.finish() : output?.discard());
    await outputs?.finish();
  }
  return exitCode(parts.terminal, failed);
}

export function watchForText(output: OutputFile): TextWriter & { hasText(): boolean } {
  let hasText = false;
  return {
    write: (text) => {
      hasText = true;
      output.write(text);
      output.keep(() => text.endsWith("\n") ? "" : "\n");
    },
    drained: () => output.drained(),
    hasText: () => hasText,
  };
}

/** The inputs worth reading; the others are reported. */
export async function checkInputs(parts: ProgramParts, options: TranscribeOptions): Promise<InputSource[]> {
  const readable: InputSource[] = [];
  for (const source of options.inputs) {
    const check = () =>
      parts.checkInput(audioInput(source, options)).then(() => true, (error) => {
        throw withMeantCommand(error, source);
      });
    if (await orReport(parts, source, check)) readable.push(source);
  }
  return readable;
}

/** The error, with a hint where the input looks like a command. */
function withMeantCommand(error: unknown, source: InputSource): unknown {
  const meant = source.kind === "file" ? meantCommand(source.path) : undefined;
  if (meant === undefined || !(error instanceof InputError) || error.hint !== undefined) return error;
  return new InputError(error.message, `did you mean the command "${meant}"?`, { cause: error.cause });
}

type FirstAudio = {
  readonly source: InputSource | undefined;
  /** Taken away when it is used: it need not stay in memory. */
  audio: LoadedAudio | undefined;
  /** One or more before it could not be read. */
  readonly failed: boolean;
};

/** Reads on until a recording can be read. */
async function readFirst(
  parts: ProgramParts,
  options: TranscribeOptions,
  inputs: IterableIterator<InputSource>,
): Promise<FirstAudio> {
  let failed = false;
  for (let next = inputs.next(); !next.done; next = inputs.next()) {
    const source = next.value;
    const audio = await orReport(parts, source, () => readAudio(parts, options, source));
    if (audio) return { source, audio, failed };
    failed = true;
  }
  return { source: undefined, audio: undefined, failed };
}

export function audioInput(source: InputSource, { raw, fromSec, toSec }: TranscribeOptions): AudioInput {
  return {
    ...source,
    ...(raw === undefined ? {} : { raw }),
    ...(fromSec === undefined ? {} : { fromSec }),
    ...(toSec === undefined ? {} : { toSec }),
  };
}

async function startRun(
  parts: ProgramParts,
  options: TranscribeOptions,
  prompt: string,
  to: Pick<Run, "out" | "outputs">,
): Promise<Run> {
  const stop = parts.terminal.stop.drain;
  const prepared: { timer?: WordTimer } = {};
  const prepare = async ({ kind }: ModelPlace) => {
    if (options.align) prepared.timer = await WordTimer.open(parts, options, kind === "demo", sayer(parts, options));
  };
  const { model, engine: first } = await loadModel(parts, options, prepare).catch(async (error) => {
    await prepared.timer?.close();
    throw error;
  });
  const { threads, weights, cache } = options;
  let current: Promise<Engine> | undefined = Promise.resolve(first);
  const engine = () => current ??= parts.openEngine({ model, threads, weights, cache });
  const closeEngine = async () => {
    const closing = current;
    current = undefined;
    await (await closing)?.close();
  };
  stop.addEventListener("abort", () => void current?.then((opened) => opened.cancel()));
  const totals = { files: 0, textTokens: 0, encodeMs: 0, decodeMs: 0, audioSec: 0 };
  const limit = model.kind === "demo" ? demoWholeSecMax : wholeSecMax;
  const known = { info: first.info, hash: to.outputs ? await parts.modelHash(model) : "" };
  if (needsTimes(options)) {
    sayer(parts, options)("Times are estimated from pauses and the length of words; --align times every word.");
  }
  const { timer } = prepared;
  return {
    ...{ parts, options, prompt, wholeSecMax: limit, engine, closeEngine, timer, model: known, totals, language: "" },
    ...to,
  };
}

/** Finds the model, lets `prepare` know of it, opens it, and says so. */
export async function loadModel(
  parts: ProgramParts,
  options: TranscribeOptions,
  prepare: (model: ModelPlace) => Promise<void> = () => Promise.resolve(),
): Promise<{ readonly model: ModelPlace; readonly engine: Engine }> {
  const say = sayer(parts, options);
  const stop = parts.terminal.stop.drain;
  const model = await untilStopped(parts.locateModel(options.model), stop);
  say(`Loading model from ${model.kind === "folder" ? printable(model.path) : "this program"}`);
  if (model.kind === "demo") {
    say(
      "Demo model: a few hundred everyday words of English and Mandarin, clearly spoken. For real speech: " +
        "qwen-asr download small",
    );
  }
  await prepare(model);
  const engine = await untilStopped(
    parts.openEngine({ model, threads: options.threads, weights: options.weights, cache: options.cache }),
    stop,
  );
  say(`Detected: ${engine.info.name}`);
  checkModel(engine, model, options);
  const { cache } = engine.info;
  if (cache?.wasBuilt && cache.path !== "") {
    say(`Packed weights: ${printable(cache.path)}, ${(cache.bytes / 1e6).toFixed(0)} MB, made once for this model`);
  }
  if (cache?.notice) say(`Packed weights are in memory only: ${printable(cache.notice)}`);
  say("Model loaded.");
  if (options.verbosity === "debug") {
    say(`Thread pool: ${engine.info.threads} threads`);
    say(`Kernels: ${engine.info.isa}`);
  }
  return { model, engine };
}

function checkModel({ info }: Engine, model: ModelPlace, options: TranscribeOptions): void {
  const label = model.kind === "folder" ? printable(model.path) : "demo model";
  if (info.kind !== "asr") {
    throw new ModelError(`${label}: ${info.name} aligns text with audio and does not transcribe`);
  }
  if (options.language !== "" && info.languages.length > 0 && !info.languages.includes(options.language)) {
    throw new UsageError(`--language ${options.language}: ${label} knows ${info.languages.join(", ")}`);
  }
}

/** All inputs from `first` on. Returns whether one failed. */
async function transcribeAll(run: Run, first: FirstAudio, inputs: Iterable<InputSource>): Promise<boolean> {
  const { parts, options } = run;
  const stop = parts.terminal.stop.drain;
  let failed = first.failed;
  const ahead = startAhead(run, first, inputs);
  try {
    for (let next = ahead.next(); next && !stop.aborted; next = ahead.next()) {
      const { source } = next;
      const done = await orReport(parts, source, () => transcribeOne(run, next!).then(() => true));
      failed ||= !done;
      if (stop.aborted) break;
    }
  } finally {
    await ahead.end();
    summarise(parts, options, run.totals, run.timer);
    await run.closeEngine();
    await run.timer?.close();
  }
  return failed;
}

function startAhead(run: Run, first: FirstAudio, inputs: Iterable<InputSource>): Ahead<InputSource, LoadedAudio> {
  const { parts, options } = run;
  const { searchSec, windowFrames, language, skipSilence, pastText, decodesMax } = options;
  const steps = {
    // What follows needs what was said before, or the memory.
    decodesMax: pastText || options.lowMemory ? 1 : decodesMax,
    read: (source: InputSource) => {
      const { audio } = first;
      first.audio = undefined;
      return audio ? Promise.resolve(audio) : readAudio(parts, options, source);
    },
    engine: run.engine,
    memory: () => parts.availableMemory(),
    transcribe: ({ samples }: LoadedAudio, ...rest: Transcribing) => {
      const [engine, memoryBytes, stop, onEvent] = rest;
      const request = {
        ...{ samples, memoryBytes, searchSec, windowFrames, language, skipSilence, pastText },
        startSec: options.fromSec ?? 0,
        segmentSec: segmentSecOf(options),
        prompt: run.prompt,
        wholeSecMax: run.wholeSecMax,
        ...(steps.decodesMax !== undefined && { decodesMax: steps.decodesMax }),
      };
      return transcribe(request, engine, stop, onEvent);
    },
  };
  return new Ahead(steps, [first.source!, ...inputs].values(), parts.terminal.stop.drain);
}

type Transcribing = [Engine, number | undefined, AbortSignal, (event: TranscribeEvent) => void];

function readAudio(parts: ProgramParts, options: TranscribeOptions, source: InputSource): Promise<LoadedAudio> {
  return untilStopped(parts.readAudio(audioInput(source, options)), parts.terminal.stop.drain);
}

async function transcribeOne(run: Run, begun: Begun<InputSource, LoadedAudio>): Promise<void> {
  const { parts, options, totals, out } = run;
  const { source } = begun;
  const audio = await begun.audio;
  if (options.verbosity !== "silent") {
    for (const warning of audio.warnings) complain(parts, source, warning);
  }
  const recording = startRecording(run, source, audio);
  let transcript: Transcript | undefined;
  try {
    transcript = await begun.transcript((event) => report(run, source, recording, event));
    await recording.time();
  } finally {
    await recording.end(transcript !== undefined && !transcript.stopped);
    await out?.drained();
  }
  if (recording.notice) complain(parts, source, recording.notice);
  totals.files++;
  totals.textTokens += transcript.textTokens;
  totals.encodeMs += transcript.encodeMs;
  totals.decodeMs += transcript.decodeMs;
  totals.audioSec += transcript.audioSec;
}

function startRecording(run: Run, source: InputSource, { samples }: LoadedAudio): Recording {
  const { parts, options, out, outputs, timer } = run;
  const { rules, paragraphMs } = options;
  const startMs = Math.round((options.fromSec ?? 0) * 1000);
  const name = source.kind === "stdin" ? "stdin" : source.path;
  const head = documentHead({ ...run, aligner: timer?.model }, name, startMs + (samples.length / sampleRate) * 1000);
  const writers = { head, rules, paragraphMs, cutChinese: parts.cutChinese };
  return new Recording({
    ...{ samples, startMs, out, timer, paragraphMs },
    outputs: outputs?.begin(options.inputs.indexOf(source), writers),
    prefix: options.withFilename ? `${label(source)}: ` : "",
    holdsBack: options.verbosity === "silent" && (options.output === undefined || outputs !== undefined),
    beforeTiming: options.lowMemory ? run.closeEngine : undefined,
  }, parts.terminal.stop.drain);
}

function report(run: Run, source: InputSource, recording: Recording, event: TranscribeEvent): void {
  const { parts, options } = run;
  const say = sayer(parts, options);
  switch (event.kind) {
    case "text":
      return recording.write(event.text);
    case "segment":
      return recording.add(event.segment);
    case "asked":
      return;
    case "language":
      if (event.name !== run.language) say(`Language: ${event.name}`);
      run.language = event.name;
      return;
    case "notice":
      return say(event.text);
    case "loss":
      return complain(parts, source, event.text);
    case "debug":
      if (options.verbosity === "debug") say(event.text);
  }
}

/** The two lines at the end, in the C program's words. */
export function summarise(
  parts: ProgramParts,
  options: TranscribeOptions,
  totals: Totals,
  timer?: WordTimer,
): void {
  if (parts.terminal.stop.drop.aborted || totals.files === 0) return;
  const say = sayer(parts, options);
  const { textTokens, encodeMs, decodeMs, audioSec } = totals;
  const totalMs = encodeMs + decodeMs;
  const rate = totalMs > 0 ? (1000 * textTokens) / totalMs : 0;
  say(
    `Inference: ${totalMs.toFixed(0)} ms, ${textTokens} text tokens (${rate.toFixed(2)} tok/s, ` +
      `encoding: ${encodeMs.toFixed(0)}ms, decoding: ${decodeMs.toFixed(0)}ms)`,
  );
  if (timer) {
    const { words, encodeMs: heardMs, alignMs } = timer;
    say(`Alignment: ${(heardMs + alignMs).toFixed(0)} ms, ${words} words (encoding: ${heardMs.toFixed(0)}ms)`);
  }
  if (audioSec <= 0 || totalMs <= 0) return;
  const seconds = totalMs / 1000;
  say(
    `Audio: ${audioSec.toFixed(1)} s processed in ${seconds.toFixed(1)} s (${
      (audioSec / seconds).toFixed(2)
    }x realtime)`,
  );
}

export function sayer({ terminal }: ProgramParts, { verbosity }: TranscribeOptions): (line: string) => void {
  return (line) => {
    if (verbosity !== "silent") terminal.stderr.write(`${line}\n`);
  };
}

/**
 * What `work` gives; undefined after an InputError, which is reported: it concerns one file, and the others still
 * run.
 */
export async function orReport<T>(
  parts: ProgramParts,
  source: InputSource,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    complain(parts, source, error.message);
    if (error.hint) parts.terminal.stderr.write(`hint: ${error.hint}\n`);
    return undefined;
  }
}

/** "qwen-asr: talk.wav: what is wrong", the name once. */
export function complain({ terminal }: ProgramParts, source: InputSource, message: string): void {
  const name = source.kind === "stdin" ? STDIN_NAME : label(source);
  const line = printable(message);
  terminal.stderr.write(`qwen-asr: ${line.startsWith(`${name}: `) ? line : `${name}: ${line}`}\n`);
}

export function label(source: InputSource): string {
  return source.kind === "stdin" ? "stdin" : printable(source.path);
}
