/**
 * The run of `qwen-asr --stream`: options -> text as it settles, one input after the other, and an exit code.
 *
 * A signal ends the reading; what was read is heard out, and the summary follows. A source that fails midway does the
 * same, and is reported.
 */

import type { Engine } from "../../engine/engine.ts";
import { InputError } from "../../errors.ts";
import { streamWriter } from "../../stream/captions.ts";
import { runStream, type Step, type StreamEvent, type StreamOptions, type StreamTotals } from "../../stream/stream.ts";
import { openOutput } from "../../files/output_file.ts";
import type { InputSource, StreamChoice, TranscribeOptions } from "../parse.ts";
import type { OpenedAudio, ProgramParts } from "../parts.ts";
import { Paragraph } from "../../pipeline/recording.ts";
import { loadPrompt } from "../../system.ts";
import { untilStopped } from "../../stop.ts";
import { exitCode } from "../terminal.ts";
import type { TextWriter } from "../../writer.ts";
import {
  audioInput,
  checkInputs,
  complain,
  label,
  loadModel,
  orReport,
  sayer,
  summarise,
  type Totals,
  watchForText,
} from "./transcribe.ts";

/** Whether a run is a stream: with --silent a file's text is wanted once, and a whole recording is transcribed best. */
export function isStreamed({ stream, verbosity, inputs, format }: TranscribeOptions): boolean {
  if (stream === undefined) return false;
  return verbosity !== "silent" || format !== "text" || inputs.some(({ kind }) => kind === "stdin");
}

type Run = {
  readonly parts: ProgramParts;
  readonly options: TranscribeOptions;
  readonly choice: StreamChoice;
  readonly prompt: string;
  readonly engine: Engine;
  readonly out: TextWriter;
  readonly totals: Totals;
  language: string;
  /** The monitor's line is open. */
  monitors: boolean;
};

export async function streamFiles(parts: ProgramParts, options: TranscribeOptions): Promise<number> {
  const prompt = await loadPrompt(options.prompt);
  const readable = await checkInputs(parts, options);
  let failed = readable.length < options.inputs.length;
  const output = options.output === undefined
    ? undefined
    : await openOutput(options.output, options.force, options.inputs);
  const watched = output ? watchForText(output) : undefined;
  try {
    const out = watched ?? parts.terminal.stdout;
    failed = await streamAll(parts, options, prompt, readable, out) || failed;
  } finally {
    await (watched?.hasText() ? output?.finish() : output?.discard());
  }
  return exitCode(parts.terminal, failed);
}

/** Returns whether an input failed. The first one is opened before the model is loaded: a typo costs no time. */
async function streamAll(
  parts: ProgramParts,
  options: TranscribeOptions,
  prompt: string,
  inputs: readonly InputSource[],
  out: TextWriter,
): Promise<boolean> {
  let run: Run | undefined;
  let failed = false;
  try {
    for (const source of inputs) {
      if (parts.terminal.stop.drain.aborted) break;
      const opening = () => untilStopped(parts.openAudio(audioInput(source, options)), parts.terminal.stop.drain);
      const audio = await orReport(parts, source, opening);
      try {
        run ??= audio && await startRun(parts, options, prompt, out);
        failed = !audio || !await streamOne(run!, source, audio) || failed;
      } finally {
        // Not waited for: a pipe that is silent would keep it.
        audio?.close().catch(() => {});
      }
    }
  } finally {
    if (run?.monitors) parts.terminal.stderr.write("\n");
    if (run) summarise(parts, options, run.totals);
    await run?.engine.close();
  }
  return failed;
}

async function startRun(
  parts: ProgramParts,
  options: TranscribeOptions,
  prompt: string,
  out: TextWriter,
): Promise<Run> {
  const { engine } = await loadModel(parts, options);
  // After a signal what was said is still heard; after a closed pipe nobody reads it.
  parts.terminal.stop.drop.addEventListener("abort", () => engine.cancel());
  if (options.skipSilence) sayer(parts, options)("A stream skips silence by itself: --skip-silence changes nothing.");
  const totals = { files: 0, textTokens: 0, encodeMs: 0, decodeMs: 0, audioSec: 0 };
  const choice = options.stream!;
  return { parts, options, choice, prompt, engine, out, totals, language: "", monitors: false };
}

/** Returns whether all of it could be read. */
async function streamOne(run: Run, source: InputSource, audio: OpenedAudio): Promise<boolean> {
  const { parts, options, out, totals } = run;
  const holdsBack = options.verbosity === "silent" && options.format === "text";
  const text = new Paragraph(out, options.withFilename ? `${label(source)}: ` : "", holdsBack);
  const writer = streamWriter(options.format, { rules: options.rules, cutChinese: parts.cutChinese });
  if (writer.header !== "") text.write(writer.header);
  const listener = await run.engine.listen({
    ...{ windowFrames: options.windowFrames, context: run.prompt, language: options.language },
    usesCaches: parts.keepsStreamCaches(),
  });
  let result: StreamTotals | undefined;
  try {
    result = await runStream(audio, listener, streamOptions(run), parts.terminal.stop, (event) => {
      report(run, source, event);
      const piece = isText(event) ? writer.write(event) : "";
      if (piece !== "") text.write(piece);
    });
  } finally {
    if (options.format === "text") text.end(result !== undefined);
    await out.drained();
    await listener.close();
  }
  totals.files++;
  totals.textTokens += result.textTokens;
  totals.encodeMs += result.encodeMs;
  totals.decodeMs += result.decodeMs;
  totals.audioSec += result.audioSec;
  return reportEnd(run, source, audio, result);
}

function reportEnd(run: Run, source: InputSource, audio: OpenedAudio, { failure }: StreamTotals): boolean {
  const { parts, options } = run;
  if (options.verbosity !== "silent") {
    for (const warning of audio.warnings) breakMonitor(run, () => complain(parts, source, warning));
  }
  if (failure === undefined) return true;
  if (!(failure instanceof InputError)) throw failure;
  breakMonitor(run, () => complain(parts, source, failure.message));
  return false;
}

function streamOptions({ choice, engine, options }: Run): StreamOptions {
  const { policy, feedsPast, chunkSec, endpointMs, tokensMax, isLive } = choice;
  const { asrTextId } = engine.info;
  const isHeaderless = options.language !== "";
  return {
    rules: { policy, feedsPast, asrTextId, isHeaderless },
    startSec: options.fromSec ?? 0,
    language: options.language,
    ...{ chunkSec, endpointMs, tokensMax, isLive },
  };
}

function isText(event: StreamEvent) {
  return event.kind === "commit" || event.kind === "partial" || event.kind === "final" || event.kind === "language";
}

function report(run: Run, source: InputSource, event: StreamEvent): void {
  const { parts, options } = run;
  const say = (line: string) => breakMonitor(run, () => sayer(parts, options)(line));
  switch (event.kind) {
    case "language":
      if (event.name !== run.language) say(`Language: ${event.name}`);
      run.language = event.name;
      return;
    case "loss":
      return breakMonitor(run, () => complain(parts, source, event.text));
    case "delay":
      return say(`Behind by ${(event.ms / 1000).toFixed(1)} s: several chunks are heard in one step`);
    case "step":
      if (run.choice.monitor) {
        parts.terminal.stderr.write(symbolsOf(event.step, parts.keepsStreamCaches()));
        run.monitors = true;
      }
      if (options.verbosity === "debug") debugLines(event.step).forEach(say);
  }
}

/** Ends the monitor's line first, where it is open. */
function breakMonitor(run: Run, write: () => void): void {
  if (run.monitors) run.parts.terminal.stderr.write("\n");
  run.monitors = false;
  write();
}

const slowTokenMs = 30;

/** The C program's: old audio gone, encoded, prompt in, decoded (or slowly), a loop cut. */
function symbolsOf({ result, isMoved, isLooped }: Step, keepsCaches: boolean): string {
  const isSlow = result.decodeMs / Math.max(1, result.generatedTokens) > slowTokenMs;
  return `${isMoved ? "⟳" : ""}${keepsCaches ? "▶" : ""}·${isSlow ? "▸" : "▪"}${isLooped ? "!" : ""}`;
}

function debugLines({ result, prefixTokens, textTokens, heldSec, atSec, isLooped, isMoved }: Step): string[] {
  const { audioTokens, rowsReused, promptTokens, positionsReused, draftTokens, draftAccepted } = result;
  const [encodeMs, prefillMs, verifyMs, decodeMs] = [
    result.encodeMs,
    result.prefillMs,
    result.verifyMs,
    result.decodeMs,
  ].map((ms) => ms.toFixed(0));
  const [fromSec, toSec] = [atSec - heldSec, atSec].map((seconds) => seconds.toFixed(1));
  return [
    `  Encoder: ${audioTokens} tokens from ${fromSec}-${toSec} s (reused ${rowsReused}, ${encodeMs} ms)`,
    `  Prefill: ${promptTokens} tokens (${prefixTokens} prefix, reused ${positionsReused}) (${prefillMs} ms)`,
    `  Verify: ${draftAccepted} of ${draftTokens} draft tokens (${verifyMs} ms)`,
    `  Decode: ${result.generatedTokens} tokens (${decodeMs} ms${result.stop === "cap" ? ", hit max_new" : ""})`,
    ...(isMoved ? ["  Old audio dropped"] : []),
    ...(isLooped ? ["  Repetition loop cut"] : []),
    `  Commit: emitted_total=${textTokens}`,
  ];
}
