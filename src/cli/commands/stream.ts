/**
 * The run of `qwen-asr --stream`: options -> text as it settles, one input after the other, and an exit code.
 *
 * A signal ends the reading; what was read is heard out, and the summary follows. A source that fails midway does the
 * same, and is reported.
 */

import { auditLine, gapPlace } from "../../document/audit.ts";
import type { Engine } from "../../engine/engine.ts";
import { InputError, UsageError } from "../../errors.ts";
import { type StreamWriter, streamWriter } from "../../stream/captions.ts";
import {
  runStream,
  type Step,
  type StreamEvent,
  type StreamOptions,
  type StreamTotals,
  streamVoice,
} from "../../stream/stream.ts";
import type { GapEvent, TextEvent } from "../../stream/text.ts";
import { extensionOf } from "../../output/formats.ts";
import { errorLine } from "../../output/json.ts";
import { fileOf, kindOf } from "../../files/outputs.ts";
import { openTextFile } from "../../files/output_file.ts";
import type { StreamChoice } from "../../options/choices.ts";
import type { InputSource, TranscribeOptions } from "../parse.ts";
import type { OpenedAudio, ProgramParts } from "../parts.ts";
import type { ModelHost } from "../../pipeline/host.ts";
import type { SpeakerFinder } from "../../pipeline/speakers.ts";
import { noVoice } from "../../pipeline/transcribe.ts";
import { openModels, type Transcriber } from "../../pipeline/models.ts";
import { loadPrompt } from "../../system.ts";
import { unusedLabels } from "../../speakers/names.ts";
import { untilStopped } from "../../stop.ts";
import { exitCode } from "../terminal.ts";
import { StreamViews } from "../../stream/views.ts";
import { isFew, termsMax } from "../../views/term_context.ts";
import { termContext } from "../../views/terms.ts";
import type { TextView } from "../../views/view.ts";
import { withoutSecrets } from "../../secrets.ts";
import type { TextWriter } from "../../writer.ts";
import { audioInput, checkInputs, expandInputs, openView } from "../inputs.ts";
import { openSpeakerFinder, type SpeakerPlan, speakerPlan } from "../speakers.ts";
import { LiveText } from "../live_text.ts";
import { Headings, label, page, Paragraph, Report } from "../report.ts";

type StreamParts =
  & ModelHost
  & Pick<
    ProgramParts,
    | "terminal"
    | "checkInput"
    | "openAudio"
    | "openBytes"
    | "voiceJudge"
    | "openVoiceDetector"
    | "readText"
    | "keepsStreamCaches"
    | "cutChinese"
    | "openSpeakers"
    | "readAudio"
  >;

/** Whether a run is a stream: with --silent a file's text is wanted once, and a whole recording is transcribed best. */
export function isStreamed({ stream, verbosity, inputs, format }: TranscribeOptions): boolean {
  if (stream === undefined) return false;
  return verbosity !== "silent" || format !== "text" || inputs.some(({ kind }) => kind === "stdin");
}

type Run = To & {
  readonly parts: StreamParts;
  /** The prompt is read. */
  readonly options: TranscribeOptions;
  readonly choice: StreamChoice;
  readonly report: Report;
  readonly headings: Headings;
  readonly transcriber: Transcriber;
  readonly engine: Engine;
  /** Where speakers are told apart. */
  readonly finder: SpeakerFinder | undefined;
};

/** Where the text goes, and how. */
type To = {
  readonly out: TextWriter;
  /** How the text is written; undefined: as it was spoken. */
  readonly view: TextView | undefined;
  /** What the model is told. */
  readonly context: string;
  /** What is asked of speakers. */
  readonly plan: SpeakerPlan;
};

export async function streamFiles(parts: StreamParts, given: TranscribeOptions): Promise<number> {
  const report = new Report(parts.terminal, given.verbosity);
  const expanded = await expandInputs(parts, given, report);
  const options = { ...expanded.options, prompt: await loadPrompt(given.prompt) };
  const text = { ...await streamText(parts, options, report), plan: await speakerPlan(parts, options) };
  const readable = await checkInputs(parts, options, report);
  let failed = expanded.failed || readable.length < options.inputs.length;
  const output = options.output === undefined ? undefined : await openTextFile(await filePath(options), {
    ...report.hardship(parts.terminal.stdout),
    ...{ force: options.force, inputs: options.inputs, isAppended: true },
  });
  const out = output ?? parts.terminal.stdout;
  try {
    writeFailures(report, options, out);
    failed = await streamAll(parts, options, report, readable, { ...text, out }) || failed;
  } finally {
    failed = await output?.close(true) === false || failed;
    report.stopped(options.inputs);
  }
  return exitCode(parts.terminal, failed, options.isStrict && report.isDoubtful);
}

/** The context is given once: of many terms the first. */
async function streamText(
  parts: StreamParts,
  options: TranscribeOptions,
  report: Report,
): Promise<Omit<To, "out" | "plan">> {
  const { view, terms } = await openView(parts, options.views);
  if (!isFew(terms)) report.say(`A stream tells the model the first ${termsMax} of ${terms.length} terms.`);
  const known = isFew(terms) ? terms : terms.slice(0, termsMax);
  return { view, context: termContext(options.prompt, known) };
}

/** jsonl says which recordings failed. */
function writeFailures(report: Report, { format }: TranscribeOptions, out: TextWriter): void {
  for (const { source, message } of report.takeFailures()) {
    if (format === "jsonl") out.write(errorLine(nameOf(source), message));
  }
}

function nameOf(source: InputSource): string {
  return source.kind === "stdin" ? label(source) : withoutSecrets(source.path);
}

async function filePath({ output, format, inputs }: TranscribeOptions): Promise<string> {
  if (inputs.length === 1) return await fileOf(output!, inputs[0]!, extensionOf(format));
  if (!(await kindOf(output!)).isFolder) return output!;
  throw new UsageError(`--stream writes one file: -o ${output} is a folder, and there are ${inputs.length} inputs`);
}

/** Returns whether an input failed. The first one is opened before the model is loaded: a typo costs no time. */
async function streamAll(
  parts: StreamParts,
  options: TranscribeOptions,
  report: Report,
  inputs: readonly InputSource[],
  to: To,
): Promise<boolean> {
  const stop = parts.terminal.stop.drain;
  let run: Run | undefined;
  let failed = false;
  try {
    for (const source of inputs) {
      if (stop.aborted) break;
      report.begin(source);
      const opening = () => untilStopped(parts.openAudio(audioInput(source, options)), stop);
      const audio = await report.orReport(source, opening);
      try {
        run ??= audio && await startRun(parts, options, report, to);
        failed = !audio || !await streamOne(run!, source, audio) || failed;
      } finally {
        // Not waited for: a pipe that is silent would keep it.
        audio?.close().catch(() => {});
        writeFailures(report, options, to.out);
      }
    }
  } finally {
    report.summarise();
    run?.finder?.close();
    await run?.transcriber.close();
  }
  return failed;
}

async function startRun(
  parts: StreamParts,
  options: TranscribeOptions,
  report: Report,
  to: To,
): Promise<Run> {
  const { stop } = parts.terminal;
  const finder = await openSpeakerFinder(parts, to.plan, options.threads, stop.drain, (line) => report.say(line));
  await using opened = new AsyncDisposableStack();
  opened.defer(() => finder?.close());
  const { transcriber } = await openModels(parts, options, stop.drain, (notice) => report.notice(notice));
  opened.defer(() => transcriber.close());
  sayOfParagraphs(report, options);
  if (options.skipSilence) report.say("A stream skips silence by itself: --skip-silence changes nothing.");
  const engine = await transcriber.engine();
  const headings = new Headings(parts.terminal, options);
  opened.move(); // They are closed with the run.
  return { parts, options, choice: options.stream!, report, headings, transcriber, engine, finder, ...to };
}

function sayOfParagraphs(report: Report, { paragraphMs, format, stream }: TranscribeOptions): void {
  const { endpointMs } = stream!;
  if (paragraphMs === 0 || format !== "text" || endpointMs > 0 && endpointMs <= paragraphMs) return;
  report.say(
    endpointMs === 0
      ? "--endpoint-ms 0 ends no utterance, so --paragraph-sec finds no pause."
      : `A stream sees pauses of --endpoint-ms (${endpointMs} ms) and more: --paragraph-sec finds no shorter ones.`,
  );
}

/** Returns whether all of it could be read. */
async function streamOne(run: Run, source: InputSource, audio: OpenedAudio): Promise<boolean> {
  const { parts, options, report, out } = run;
  const writer = new StreamOutput(run, source);
  const voice = await streamVoice(options.vad, parts.openVoiceDetector);
  const listener = await run.engine.listen({
    ...{ windowFrames: options.windowFrames, context: run.context, language: options.language },
    usesCaches: parts.keepsStreamCaches(),
  });
  let result: StreamTotals | undefined;
  const heard = new Set<string>();
  try {
    const given = { ...streamOptions(run), voice, speakers: run.finder?.live() };
    result = await runStream(audio, listener, given, parts.terminal.stop, (event) => {
      reportEvent(run, source, event);
      if (event.kind === "final") { for (const { speaker } of event.turns ?? []) heard.add(speaker); }
      if (isText(event)) writer.write(event);
    });
  } finally {
    writer.end(result !== undefined);
    await out.drained();
    await listener.close();
    if (typeof voice === "object") voice.detector.close();
  }
  report.count(result);
  if (run.finder && options.inputs.length === 1) {
    const unused = unusedLabels(run.plan.names, [...heard]);
    if (unused) report.say(`${label(source)}: ${unused}`);
  }
  if (!parts.terminal.stop.drain.aborted) report.over(source);
  return reportEnd(run, source, audio, result);
}

/** What one input's stream writes: its format, and live text on a terminal. */
class StreamOutput {
  readonly #run: Run;
  readonly #views: StreamViews | undefined;
  readonly #writer: StreamWriter;
  readonly #live: LiveText | undefined;
  readonly #text: Paragraph;

  constructor(run: Run, source: InputSource) {
    const { parts, options, headings, out, report } = run;
    const { rules, paragraphMs, cuePunctuation, format, withFilename } = options;
    const { stdout, screen } = parts.terminal;
    const holdsBack = options.verbosity === "silent" && format === "text";
    this.#run = run;
    const captions = { file: nameOf(source), rules, paragraphMs, cuePunctuation, cutChinese: parts.cutChinese };
    this.#views = run.view && new StreamViews(run.view);
    this.#writer = streamWriter(format, {
      ...{ ...captions, runsOn: holdsBack, hasSpeakers: options.speakers !== undefined },
      speakerLabels: options.speakerLabels,
    });
    if (out === stdout && format === "text") {
      out.write(headings.of(source));
      if (screen?.redraws && !holdsBack) this.#live = new LiveText(out, screen);
    }
    const to = this.#live ?? (format === "text" ? page(out, parts.terminal) : out);
    this.#text = new Paragraph(to, withFilename ? `${label(source)}: ` : "", holdsBack);
    if (this.#writer.header !== "") this.#text.write(this.#writer.header);
    report.writeAbove(this.#live);
  }

  write(spoken: TextEvent | GapEvent): void {
    if (spoken.kind === "gap") return this.#put(spoken);
    for (const event of this.#views?.push(spoken) ?? [spoken]) this.#put(event);
  }

  #put(event: TextEvent | GapEvent): void {
    const piece = this.#writer.write(event);
    if (piece !== "") this.#text.write(piece);
    const tail = this.#writer.tail?.(event);
    if (tail !== undefined) this.#live?.tail(tail);
  }

  /** `isComplete`: the stream came to its end. */
  end(isComplete: boolean): void {
    const { options, report } = this.#run;
    this.#live?.close();
    if (options.format === "text") this.#text.end(isComplete);
    report.writeAbove(undefined);
  }
}

/** Returns whether the source could be read to its end. */
function reportEnd({ report }: Run, source: InputSource, audio: OpenedAudio, totals: StreamTotals): boolean {
  const { failure, hasVoice, audioSec, audit } = totals;
  report.warn(source, audio.warnings);
  report.debug(`Audit: ${auditLine(audit)}`);
  if (!hasVoice && audioSec > 0) report.warn(source, [noVoice]);
  if (failure === undefined) return true;
  if (!(failure instanceof InputError)) throw failure;
  report.failed(source, failure.message);
  return false;
}

function streamOptions({ parts, choice, engine, options }: Run): StreamOptions {
  const { policy, feedsPast, chunkSec, endpointMs, tokensMax, isLive } = choice;
  const { asrTextId } = engine.info;
  const isHeaderless = options.language !== "";
  return {
    rules: { policy, feedsPast, asrTextId, isHeaderless },
    startSec: options.fromSec ?? 0,
    language: options.language,
    ...{ chunkSec, endpointMs, tokensMax, isLive, voiceJudge: parts.voiceJudge },
  };
}

function isText(event: StreamEvent): event is TextEvent | GapEvent {
  return ["commit", "partial", "final", "language", "gap"].includes(event.kind);
}

function reportEvent({ parts, options, report }: Run, source: InputSource, event: StreamEvent): void {
  switch (event.kind) {
    case "language":
      return report.language(event.name, options.inputs.length > 1 ? source : undefined);
    case "loss":
      return report.loss(source, event.text);
    case "notice":
      return report.notice({ kind: "notice", text: event.text }, source);
    case "gap":
      return report.loss(source, `speech without text: ${gapPlace(event)}`);
    case "delay":
      return report.say(`Behind by ${(event.ms / 1000).toFixed(1)} s: several chunks are heard in one step`);
    case "step":
      if (options.monitor) report.monitor(monitorLine(event.step, parts.keepsStreamCaches()));
      debugLines(event.step).forEach((line) => report.debug(line));
  }
}

const slowTokenMs = 30;

/** The C program's symbols (old audio gone, encoded, prompt in, decoded or slowly, a loop cut), and what they took. */
function monitorLine({ result, atSec, isMoved, isLooped }: Step, keepsCaches: boolean): string {
  const { generatedTokens, draftTokens, draftAccepted, decodeMs } = result;
  const isSlow = decodeMs / Math.max(1, generatedTokens) > slowTokenMs;
  const symbols = `${isMoved ? "⟳" : ""}${keepsCaches ? "▶" : ""}·${isSlow ? "▸" : "▪"}${isLooped ? "!" : ""}`;
  const ms = (time: number) => `${time.toFixed(0)} ms`;
  return `${symbols} ${atSec.toFixed(1)} s: encoder ${ms(result.encodeMs)}, prompt ${ms(result.prefillMs)}, ` +
    (draftTokens > 0 ? `draft ${draftAccepted} of ${draftTokens} kept ${ms(result.verifyMs)}, ` : "") +
    `decoder ${generatedTokens} ${generatedTokens === 1 ? "token" : "tokens"} ${ms(decodeMs)}`;
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
