/**
 * `qwen-asr FILE...`: options -> text of every input in order, and an exit code.
 *
 * Prompt, inputs and output are checked, then the first recording is read, and only then the model is looked for and
 * loaded, so that a typo costs no time. A file that fails is reported and the others still run.
 */

import type { Gap, TimedSegment } from "../../document/document.ts";
import { UsageError } from "../../errors.ts";
import { openTextFile } from "../../files/output_file.ts";
import { fileOf, kindOf, Outputs, type RecordingOutputs } from "../../files/outputs.ts";
import { Paragraphs } from "../../output/text.ts";
import type { ModelHost } from "../../pipeline/host.ts";
import { estimatedSegmentSec } from "../../pipeline/estimate.ts";
import { documentHead, type KnownModel } from "../../pipeline/head.ts";
import { type Models, openModels } from "../../pipeline/models.ts";
import type { Prefetch, Prefetched } from "../../pipeline/prefetch.ts";
import type { Transcript } from "../../pipeline/transcribe.ts";
import { loadPrompt } from "../../system.ts";
import { sampleRate } from "../../units.ts";
import { type Contexts, contextsOf, termsMax } from "../../views/term_context.ts";
import type { TextView } from "../../views/view.ts";
import type { TextWriter } from "../../writer.ts";
import { checkInputs, expandInputs, openView } from "../inputs.ts";
import type { InputSource, TranscribeOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { decodesAtOnce, prefetchRecordings, type ReadAudio, readAudio } from "../prefetch.ts";
import { Headings, label, page, pageOf, Paragraph, Report, wordLines } from "../report.ts";
import { exitCode } from "../terminal.ts";
import { startMsOf, startTiming } from "../timing.ts";

type TranscribeParts =
  & ModelHost
  & Pick<
    ProgramParts,
    | "terminal"
    | "version"
    | "checkInput"
    | "readAudio"
    | "readChannels"
    | "voiceJudge"
    | "readText"
    | "openBytes"
    | "cutChinese"
  >;

type Run = {
  readonly parts: TranscribeParts;
  /** The prompt is read, and "auto" is what it means for the formats. */
  readonly options: TranscribeOptions;
  readonly report: Report;
  readonly headings: Headings;
  readonly models: Models;
  /** Where documents tell of it. */
  readonly model: KnownModel | undefined;
  /** How the text is written; undefined: as it was spoken. */
  readonly view: TextView | undefined;
  /** What the model is told. */
  readonly contexts: Contexts;
  /** For the text as it comes; undefined where standard output has another format. */
  readonly out: TextWriter | undefined;
  /** Where -f is given. */
  readonly outputs: Outputs | undefined;
};

export async function transcribeFiles(parts: TranscribeParts, given: TranscribeOptions): Promise<number> {
  const { stdout } = parts.terminal;
  const report = new Report(parts.terminal, given.verbosity);
  const expanded = await expandInputs(parts, given, report);
  const prompt = await loadPrompt(given.prompt);
  const options = { ...expanded.options, prompt, segmentSec: segmentSecOf(given) };
  const { view, terms } = await openView(parts, options.views);
  const contexts = await contextsOf(options.prompt, terms);
  if (contexts.later) report.say(tooManyTerms(terms));
  const readable = await checkInputs(parts, options, report);
  let failed = expanded.failed || readable.length < options.inputs.length;
  const { force, inputs: all } = options;
  const { formats, path } = await placeOf(options);
  const outputs = formats &&
    await Outputs.check(
      { formats, path, force, inputs: all, hardship: report.hardship() },
      pageOf(formats, parts.terminal),
    );
  const output = path === undefined || formats
    ? undefined
    : await openTextFile(path, { ...report.hardship(stdout), force, inputs: all, isAppended: false });
  try {
    const inputs = readable.values();
    const first = await readFirst(parts, options, report, inputs);
    await writeFailures(report, outputs, all);
    if (first.audio) {
      const out = formats && path === undefined ? undefined : output ?? stdout;
      const run = await startRun(parts, options, report, { out, outputs, view, contexts });
      failed = await transcribeAll(run, first, inputs) || failed;
    } else failed = true;
  } finally {
    // What is known is kept, whatever ended the run.
    const isComplete = !parts.terminal.stop.drain.aborted;
    failed = await output?.close(isComplete) === false || failed;
    await outputs?.finish(isComplete);
    report.stopped(all);
  }
  failed ||= outputs?.hasFailed === true;
  return exitCode(parts.terminal, failed, options.isStrict && report.isDoubtful);
}

function tooManyTerms(terms: readonly unknown[]): string {
  return `${terms.length} terms are more than ${termsMax}: segments in which some may be heard are decoded again.`;
}

/** Formats that can say which recordings failed do. */
async function writeFailures(report: Report, outputs: Outputs | undefined, inputs: readonly InputSource[]) {
  for (const { source, message } of report.takeFailures()) {
    await outputs?.fail(inputs.indexOf(source), source.kind === "stdin" ? "stdin" : source.path, message);
  }
}

/** Into a folder goes a file for each input: of text where nothing else was asked for, or of words. */
async function placeOf({ formats, output: path, align, paragraphMs, inputs }: TranscribeOptions) {
  if (path === undefined || formats || !(await kindOf(path)).isFolder) return { formats, path };
  if (!align || paragraphMs > 0) return { formats: ["text"] as const, path };
  if (inputs.length > 1) throw new UsageError("--align into a folder needs -f, for example -f json");
  return { formats, path: await fileOf(path, inputs[0]!, "txt") };
}

/** Whether cues are made of estimated times. */
function hasEstimatedCues({ formats, align, timestamps, splitChannels }: TranscribeOptions): boolean {
  const areCues = formats?.some((format) => ["srt", "vtt", "vtt-words", "ass", "lrc"].includes(format)) ?? false;
  return !align && (timestamps || areCues || splitChannels);
}

function segmentSecOf(options: TranscribeOptions): number | "auto" {
  return hasEstimatedCues(options) && options.segmentSec === "auto" ? estimatedSegmentSec : options.segmentSec;
}

type FirstAudio = {
  readonly source: InputSource | undefined;
  /** Taken away when it is used: it need not stay in memory. */
  audio: ReadAudio | undefined;
  /** One or more before it could not be read. */
  readonly failed: boolean;
};

/** Reads on until a recording can be read. */
async function readFirst(
  parts: TranscribeParts,
  options: TranscribeOptions,
  report: Report,
  inputs: IterableIterator<InputSource>,
): Promise<FirstAudio> {
  let failed = false;
  for (let next = inputs.next(); !next.done; next = inputs.next()) {
    const source = next.value;
    const audio = await report.orReport(source, () => readAudio(parts, options, source));
    if (audio) return { source, audio, failed };
    failed = true;
  }
  return { source: undefined, audio: undefined, failed };
}

async function startRun(
  parts: TranscribeParts,
  options: TranscribeOptions,
  report: Report,
  to: Pick<Run, "out" | "outputs" | "view" | "contexts">,
): Promise<Run> {
  const stop = parts.terminal.stop.drain;
  const models = await openModels(parts, options, stop, (notice) => report.notice(notice));
  const model = to.outputs ? await models.transcriber.known() : undefined;
  if (hasEstimatedCues(options)) {
    report.say("Times are estimated from pauses and the length of words; --align times every word.");
  }
  const headings = new Headings(parts.terminal, options);
  return { parts, options, report, headings, models, model, ...to };
}

/** All inputs from `first` on. Returns whether one failed. */
async function transcribeAll(run: Run, first: FirstAudio, inputs: Iterable<InputSource>): Promise<boolean> {
  const { report, models } = run;
  const stop = run.parts.terminal.stop.drain;
  let failed = first.failed;
  const prefetch = startPrefetch(run, first, inputs);
  try {
    for (let next = prefetch.next(); next && !stop.aborted; next = prefetch.next()) {
      const done = await report.orReport(next.source, () => transcribeOne(run, next!).then(() => true));
      failed ||= !done;
      await writeFailures(report, run.outputs, run.options.inputs);
      if (stop.aborted) break;
    }
  } finally {
    await prefetch.end();
    report.summarise(models.timer);
    await models.transcriber.close();
    await models.timer?.close();
  }
  return failed;
}

function startPrefetch(run: Run, first: FirstAudio, inputs: Iterable<InputSource>): Prefetch<InputSource, ReadAudio> {
  const { parts, options, models } = run;
  const read = (source: InputSource) => {
    const { audio } = first;
    first.audio = undefined;
    return audio ? Promise.resolve(audio) : readAudio(parts, options, source);
  };
  const hearing = () => ({ options, contexts: run.contexts });
  return prefetchRecordings(parts, decodesAtOnce(options), hearing, models, [first.source!, ...inputs], read);
}

async function transcribeOne(run: Run, begun: Prefetched<InputSource, ReadAudio>): Promise<void> {
  const { parts, options, models, view, report, out } = run;
  const { inputs } = options;
  const { source } = begun;
  report.begin(source);
  const { audio, recording, sides } = await begun.audio;
  report.warn(source, audio.warnings);
  for (const remark of audio.remarks) report.debug(remark);
  const writer = await startWriter(run, source, recording.length).catch(async (error) => {
    await begun.abandon();
    await audio.close();
    throw error;
  });
  const timing = { ...models, view, options, stop: parts.terminal.stop.drain };
  const timed = sides || writer.wantsTimes
    ? startTiming(timing, { recording, sides }, (segment) => writer.add(segment))
    : undefined;
  let transcript: Transcript | undefined;
  try {
    transcript = await begun.transcript((event) => {
      if (event.kind === "text") writer.write(event.text);
      else if (event.kind === "side") timed!.turnTo(event.index);
      else if (event.kind === "segment") {
        report.isDoubtful ||= event.segment.stop === "cap" || event.segment.stop === "loop";
        timed?.add(event.segment);
      } else if (event.kind === "language") report.language(event.name, inputs.length > 1 ? source : undefined);
      else if ("text" in event) report.notice(event, source);
    });
    await timed?.time();
  } finally {
    await timed?.end();
    await audio.close();
    await writer.end(transcript !== undefined && !transcript.stopped, transcript?.audit.gaps);
    await out?.drained();
  }
  if (timed?.notice) report.complain(source, timed.notice);
  if (transcript.unvoiced) report.warn(source, [transcript.unvoiced]);
  report.audit(source, transcript.audit);
  report.count(transcript);
  if (!transcript.stopped) report.over(source);
}

async function startWriter(run: Run, source: InputSource, samplesCount: number): Promise<RecordingWriter> {
  const { parts, options, headings, out, outputs, models, model } = run;
  const { rules, paragraphMs, timestamps, cuePunctuation, doubtBelow, verbosity, inputs } = options;
  const recording = outputs && await outputs.begin(inputs.indexOf(source), {
    head: documentHead(
      { version: parts.version, options, model: model!, aligner: models.timer?.model },
      source.kind === "stdin" ? "stdin" : source.path,
      startMsOf(options) + (samplesCount / sampleRate) * 1000,
    ),
    ...{ rules, paragraphMs, timestamps, cuePunctuation, doubtBelow, cutChinese: parts.cutChinese },
  });
  const { stdout } = parts.terminal;
  const isTextShown = out === stdout || out === undefined && options.formats?.join() === "text";
  if (isTextShown) stdout.write(headings.of(source));
  return new RecordingWriter({
    ...{ out, page: out && page(out, parts.terminal), outputs: recording, paragraphMs, doubtBelow },
    bySegment: options.splitChannels || run.view !== undefined || doubtBelow !== undefined || paragraphMs > 0,
    hasWords: models.timer !== undefined,
    prefix: options.withFilename ? `${label(source)}: ` : "",
    holdsBack: verbosity === "silent" && (options.output === undefined || outputs !== undefined),
  });
}

type RecordingWriterParts = {
  /** For lines of words, and for the text as it comes. */
  readonly out: TextWriter | undefined;
  readonly page: TextWriter | undefined;
  readonly outputs: RecordingOutputs | undefined;
  /** An aligner times every word. */
  readonly hasWords: boolean;
  /** Before the text, and before each line of words. */
  readonly prefix: string;
  /** The text comes at the end. */
  readonly holdsBack: boolean;
  /** 0: one paragraph. */
  readonly paragraphMs: number;
  readonly doubtBelow: number | undefined;
  /** The text is known when the words of a segment are. */
  readonly bySegment: boolean;
};

/** One recording on its way out: as text, as paragraphs, as a line per word, or as files. */
class RecordingWriter {
  readonly wantsTimes: boolean;
  readonly #parts: RecordingWriterParts;
  readonly #text: Paragraph | undefined;
  readonly #paragraphs: Paragraphs | undefined;
  readonly #wantsLines: boolean;

  constructor(parts: RecordingWriterParts) {
    const { page, outputs, hasWords, prefix, holdsBack, paragraphMs, bySegment } = parts;
    this.#parts = parts;
    this.#wantsLines = hasWords && outputs === undefined && paragraphMs === 0;
    if (page && !this.#wantsLines) this.#text = new Paragraph(page, prefix, holdsBack);
    if (this.#text && bySegment) this.#paragraphs = new Paragraphs(paragraphMs);
    this.wantsTimes = outputs !== undefined || hasWords || this.#paragraphs !== undefined;
  }

  /** A piece of text. */
  write(text: string): void {
    if (!this.#paragraphs) this.#text?.write(text); // Otherwise it comes with the segment.
  }

  /** A segment, after its text. */
  add(segment: TimedSegment): void {
    const { out, outputs, prefix, doubtBelow } = this.#parts;
    outputs?.add(segment);
    const speaker = segment.speaker === undefined ? "" : `${segment.speaker}: `;
    if (this.#wantsLines) out?.write(wordLines([segment], prefix + speaker));
    if (this.#paragraphs) this.#text?.write(this.#paragraphs.addSegment(segment, doubtBelow));
  }

  /** `isComplete`: the recording was heard to its end. `gaps`: speech without text. */
  async end(isComplete: boolean, gaps?: readonly Gap[]): Promise<void> {
    this.#text?.end(isComplete);
    await this.#parts.outputs?.end(isComplete, isComplete, gaps);
  }
}
