/**
 * `qwen-asr FILE...`: options -> text of every input in order, and an exit code.
 *
 * Prompt, inputs and output are checked, then the first recording is read, and only then the model is looked for and
 * loaded, so that a typo costs no time. A file that fails is reported and the others still run.
 */

import type { LeveledSamples } from "../../audio/sample_store.ts";
import { UsageError } from "../../errors.ts";
import { renamed } from "../../document/speakers.ts";
import { earlierOutputs } from "../../files/earlier.ts";
import { openTextFile, type TextFile } from "../../files/output_file.ts";
import { fileOf, kindOf, Outputs } from "../../files/outputs.ts";
import { checkOutput, OutputError } from "../../files/target.ts";
import type { TranscribeEvent } from "../../pipeline/events.ts";
import { segmentSecFor } from "../../pipeline/estimate.ts";
import { layoutOf } from "../../options/choices.ts";
import { documentHead, type KnownModel } from "../../pipeline/head.ts";
import { type Models, openModels } from "../../pipeline/models.ts";
import { peaksOf } from "../../output/peaks.ts";
import type { Prefetch, Prefetched } from "../../pipeline/prefetch.ts";
import type { SpeakerFinder, SpeakerSearch } from "../../pipeline/speakers.ts";
import type { Transcript } from "../../pipeline/transcribe.ts";
import { withoutSecrets } from "../../secrets.ts";
import { loadPrompt } from "../../system.ts";
import { sampleRate } from "../../units.ts";
import { type Contexts, contextsOf, termsMax } from "../../views/term_context.ts";
import type { Term } from "../../views/terms.ts";
import type { TextView } from "../../views/view.ts";
import type { TextWriter } from "../../writer.ts";
import { checkInputs, expandInputs, openView } from "../inputs.ts";
import { pastEvents } from "../journal.ts";
import { journalKey, Journals } from "../journals.ts";
import type { InputSource, TranscribeOptions } from "../parse.ts";
import type { HearingParts, ProgramParts } from "../parts.ts";
import { decodesAtOnce, prefetchRecordings, type ReadAudio, readAudio } from "../prefetch.ts";
import { RecordingWriter } from "../recording_writer.ts";
import { Headings, label, Report } from "../report.ts";
import { failedInputs, Summary } from "../summary.ts";
import { openSurface, type Surface } from "../surface.ts";
import { unusedLabels } from "../../speakers/names.ts";
import { openSpeakerFinder, type SpeakerPlan, speakerPlan } from "../speakers.ts";
import { Tally } from "../tally.ts";
import { exitCode } from "../terminal.ts";
import type { KeptVoices } from "../voices.ts";
import { startMsOf, startTiming } from "../timing.ts";

type TranscribeParts =
  & HearingParts
  & Pick<
    ProgramParts,
    "version" | "readText" | "openBytes" | "cutChinese" | "pageParts" | "stopwatch" | "openSpeakers"
  >
  & {
    /** Of several runs with the same voices. */
    readonly keptVoices?: KeptVoices;
    /** Is told of each recording whose text could not be written to its files. */
    readonly unsaved?: (source: InputSource) => void;
  };

type Run = {
  readonly parts: TranscribeParts;
  /** The prompt is read, and "auto" is what it means for the formats. */
  readonly options: TranscribeOptions;
  readonly report: Report;
  readonly headings: Headings;
  readonly models: Models;
  /** What speakers are called. */
  readonly plan: SpeakerPlan;
  /** Where voices are told apart. */
  readonly speakers: SpeakerFinder | undefined;
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
  /** Where the output is a file. */
  readonly journals: Journals | undefined;
  readonly tally: Tally;
  readonly surface: Surface;
};

/** `isAgain`: the models are known, and what was said of them was said. */
export async function transcribeFiles(
  parts: TranscribeParts,
  given: TranscribeOptions,
  isAgain = false,
): Promise<number> {
  const report = new Report(parts.terminal, given.verbosity);
  const expanded = await expandInputs(parts, given, report);
  const prompt = await loadPrompt(given.prompt);
  const asked = { ...expanded.options, prompt };
  const { view, terms } = await openView(parts, asked.views);
  const contexts = await contextsOf(prompt, terms);
  if (contexts.later) report.say(tooManyTerms(terms));
  const plan = await speakerPlan(parts, asked);
  if (asked.formats?.includes("rttm") && !plan.count && !asked.splitChannels) report.say(noTurns);
  const { options, place } = await withoutComplete(asked, report);
  if (options.inputs.length === 0 && asked.inputs.length > 0) return exitCode(parts.terminal, expanded.failed);
  const readable = await checkInputs(parts, options, report);
  let failed = expanded.failed || readable.length < options.inputs.length;
  const { jobs: { summary } } = options;
  if (summary !== undefined) await checkOutput(summary, mayReplaceSummary(options), options.inputs);
  const surface = surfaceOf(parts, options, place);
  const outs = await openOuts(surface, options, place, report);
  const tally = await openTally(parts, options, surface);
  report.writeAbove(surface.drawing);
  let run: Run | undefined;
  let isOver = false;
  try {
    const inputs = readable.values();
    const first = await readFirst(parts, options, report, inputs);
    if (first.audio) {
      const to = { ...outs, view, contexts, terms, place, tally, surface, plan, isAgain };
      run = await startRun(parts, options, report, to);
      await writeFailures(run, options.inputs);
      failed = await transcribeAll(run, first, inputs) || failed;
      isOver = !parts.terminal.stop.drain.aborted;
    } else {
      failed = true;
      await writeFailures({ report, tally, ...outs }, options.inputs);
    }
  } finally {
    const isSaved = await closeOuts(parts, outs, tally, report);
    await run?.journals?.end(isOver && isSaved);
    failed ||= !isSaved;
    report.sayFailed(options.inputs);
    report.stopped(options.inputs);
    if (run?.journals && parts.terminal.stop.drain.aborted) {
      report.say("The same command with --resume goes on from here.");
    }
  }
  return exitCode(parts.terminal, failed, options.isStrict && report.isDoubtful);
}

const noTurns = "Without --speakers, --voices or --split-channels, -f rttm has no turns.";

/** Where the results go: what an earlier run left of it included. */
type Place = Awaited<ReturnType<typeof placeOf>> & {
  /** Each recording has its own files. */
  readonly isFolder: boolean;
  readonly journals: ReadonlyMap<InputSource, string>;
  readonly replaceable: ReadonlySet<string>;
};

/** The options without inputs whose outputs are complete, where these are to be left as they are. */
async function withoutComplete(asked: TranscribeOptions, report: Report) {
  const { jobs: { resume, skipExisting, retryFailed, summary } } = asked;
  const { formats, path } = await placeOf(asked);
  const isFolder = path !== undefined && (await kindOf(path)).isFolder;
  if (retryFailed && path !== undefined && !isFolder) {
    throw new UsageError("--retry-failed needs -o FOLDER/: one file would lack the recordings that did not fail");
  }
  const inputs = retryFailed ? await failedInputs(summary!, asked.inputs) : asked.inputs;
  if (retryFailed && inputs.length === 0) report.say("Nothing has failed.");
  const request = { formats, path, inputs, skips: resume || skipExisting, resumes: resume };
  const { left, journals, replaceable } = await earlierOutputs(request);
  const count = inputs.length - left.length;
  if (count > 0) {
    report.say(`Complete, left as ${count === 1 ? "it is: 1 recording" : `they are: ${count} recordings`}`);
  }
  const place: Place = { formats, path, isFolder, journals, replaceable };
  return { options: { ...asked, inputs: left }, place };
}

type Outs = Pick<Run, "out" | "outputs"> & {
  /** A file of text as it comes. */
  readonly file: TextFile | undefined;
};

function surfaceOf(
  parts: TranscribeParts,
  { align, paragraphMs, inputs, verbosity }: TranscribeOptions,
  { formats, path }: Place,
): Surface {
  const isText = formats ? path !== undefined || formats.join() === "text" : !align || paragraphMs > 0;
  const written = isTextKept(formats, path) ? undefined : isText ? "text" : "lines";
  return openSurface(parts, { written, filesCount: inputs.length, isSilent: verbosity === "silent" });
}

/** Where -o is of text alone, or of lines of words, that is not printed as well. */
function isTextKept(formats: TranscribeOptions["formats"], path: string | undefined): boolean {
  return path !== undefined && (formats === undefined || formats.join() === "text");
}

async function openOuts(
  { out: stdout }: Surface,
  { force, inputs, htmlAudio }: TranscribeOptions,
  { formats, path, replaceable }: Place,
  report: Report,
): Promise<Outs> {
  if (formats) {
    const request = { formats, path, force, replaceable, inputs, htmlAudio, hardship: report.hardship() };
    const outputs = await Outputs.check(request, stdout);
    return { out: path === undefined || isTextKept(formats, path) ? undefined : stdout, outputs, file: undefined };
  }
  if (path === undefined) return { out: stdout, outputs: undefined, file: undefined };
  const mayReplace = force || replaceable.has(path);
  const file = await openTextFile(path, { ...report.hardship(stdout), force: mayReplace, inputs, isAppended: false });
  return { out: file, outputs: undefined, file };
}

/** What is known is kept, whatever ended the run. Resolves to false where the text of a file had to go elsewhere. */
async function closeOuts(
  { terminal }: TranscribeParts,
  { file, outputs }: Outs,
  tally: Tally,
  report: Report,
): Promise<boolean> {
  const isComplete = !terminal.stop.drain.aborted;
  const isSaved = await file?.close(isComplete) !== false;
  await outputs?.finish(isComplete);
  const isSummed = await tally.end().then(() => true, (error) => {
    if (!(error instanceof OutputError)) throw error;
    report.tell(error.message);
    return false;
  });
  return isSaved && isSummed && outputs?.hasFailed !== true;
}

function mayReplaceSummary({ force, jobs: { retryFailed, resume } }: TranscribeOptions): boolean {
  return force || retryFailed || resume;
}

/** The progress line and the summary file. */
async function openTally(
  { stopwatch }: TranscribeParts,
  { jobs: { summary, retryFailed, resume } }: TranscribeOptions,
  { progress }: Surface,
): Promise<Tally> {
  return new Tally(
    progress,
    summary === undefined ? undefined : await Summary.open(summary, retryFailed || resume, stopwatch),
  );
}

function tooManyTerms(terms: readonly unknown[]): string {
  return `${terms.length} terms are more than ${termsMax}: segments in which some may be heard are decoded again.`;
}

/** Formats that can say which recordings failed do. */
async function writeFailures(
  { report, outputs, tally }: Pick<Run, "report" | "outputs" | "tally">,
  inputs: readonly InputSource[],
) {
  for (const { source, message } of report.takeFailures()) {
    await tally.failed(source, message);
    await outputs?.fail(inputs.indexOf(source), documentName(source), message);
  }
}

/** As documents and tables name it. */
function documentName(source: InputSource): string {
  return source.kind === "stdin" ? "stdin" : withoutSecrets(source.path);
}

/** Into a folder goes a file for each input: of text where nothing else was asked for, or of words. */
async function placeOf({ formats, output: path, align, paragraphMs, inputs }: TranscribeOptions) {
  if (path === undefined || formats || !(await kindOf(path)).isFolder) return { formats, path };
  if (!align || paragraphMs > 0) return { formats: ["text"] as const, path };
  if (inputs.length > 1) throw new UsageError("--align into a folder needs -f, for example -f json");
  return { formats, path: await fileOf(path, inputs[0]!, "txt") };
}

const cueFormats: readonly string[] = ["srt", "vtt", "vtt-words", "ass", "lrc", "html"];

/** Whether cues are made of estimated times. */
function hasEstimatedCues({ formats, align, timestamps, splitChannels, speakers }: TranscribeOptions): boolean {
  const areCues = formats?.some((format) => cueFormats.includes(format)) ?? false;
  return !align && (timestamps || areCues || splitChannels || speakers !== undefined);
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

type RunTo = Pick<Run, "out" | "outputs" | "view" | "contexts" | "tally" | "surface" | "plan"> & {
  readonly place: Place;
  readonly terms: readonly Term[];
  readonly isAgain: boolean;
};

async function startRun(
  parts: TranscribeParts,
  asked: TranscribeOptions,
  report: Report,
  { place, terms, isAgain, ...to }: RunTo,
): Promise<Run> {
  const stop = parts.terminal.stop.drain;
  await using opened = new AsyncDisposableStack();
  const say = (line: string) => isAgain ? report.debug(line) : report.say(line);
  const speakers = await openSpeakerFinder(parts, to.plan, asked.threads, stop, say);
  opened.defer(() => speakers?.close());
  const models = await openModels(parts, asked, stop, (notice) => isAgain ? say(notice.text) : report.notice(notice));
  opened.defer(() => closeModels(models));
  const isEstimated = hasEstimatedCues(asked);
  const segmentSec = segmentSecFor(asked.segmentSec, isEstimated, models.transcriber.autoLimits);
  const options = { ...asked, segmentSec };
  const model = to.outputs ? await models.transcriber.known() : undefined;
  if (isEstimated) say("Times are estimated from pauses and the length of words; --align times every word.");
  const headings = new Headings(parts.terminal, options);
  const journals = place.journals.size === 0 ? undefined : await Journals.open({
    ...{ paths: place.journals, isResumed: options.jobs.resume, tell: report.tell },
    key: await journalKey(parts.version, options, terms, models),
    isShared: !place.isFolder,
    isAtOnce: place.formats?.includes("jsonl") === true,
  });
  opened.move(); // The run closes them.
  return { parts, options, report, headings, models, speakers, model, journals, ...to };
}

async function closeModels({ transcriber, timer }: Models): Promise<void> {
  await transcriber.close();
  await timer?.close();
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
      await writeFailures(run, run.options.inputs);
      if (stop.aborted) break;
    }
  } finally {
    await prefetch.end();
    run.tally.progress?.end();
    report.summarise(models.timer);
    await closeModels(models);
    run.speakers?.close();
  }
  return failed;
}

function startPrefetch(run: Run, first: FirstAudio, inputs: Iterable<InputSource>): Prefetch<InputSource, ReadAudio> {
  const { parts, options, models } = run;
  const read = (source: InputSource) => {
    run.tally.reading(source);
    const { audio } = first;
    first.audio = undefined;
    const reading = audio ? Promise.resolve(audio) : readAudio(parts, options, source);
    return reading.then((audio) => run.journals?.recall(source, audio) ?? audio);
  };
  const hearing = () => ({ options, contexts: run.contexts });
  return prefetchRecordings(parts, decodesAtOnce(options), hearing, models, [first.source!, ...inputs], read);
}

async function transcribeOne(run: Run, begun: Prefetched<InputSource, ReadAudio>): Promise<void> {
  const { parts, options, models, view, report, out, tally } = run;
  const { inputs } = options;
  const { source } = begun;
  report.begin(source);
  const read = await begun.audio;
  const { audio, recording, sides, past } = read;
  report.warn(source, audio.warnings);
  for (const remark of audio.remarks) report.debug(remark);
  tally.begin(source, read);
  if (past) report.say(`${label(source)}: goes on where the interrupted run was`);
  const writer = await startWriter(run, source, audio).catch(async (error) => {
    await begun.abandon();
    await audio.close();
    throw error;
  });
  const journal = await run.journals?.begin(source, read);
  const stop = parts.terminal.stop.drain;
  const who = findWho(run, source, read, stop);
  const { names } = run.plan;
  const timing = { ...models, view, options, stop, journal, past, who, names };
  const timed = sides || writer.wantsTimes
    ? startTiming(timing, { recording, sides }, (segment) => writer.add(segment))
    : undefined;
  const tell = (event: TranscribeEvent) => {
    tally.take(source, event);
    if (event.kind === "text") writer.write(event.text);
    else if (event.kind === "side") timed!.turnTo(event.index);
    else if (event.kind === "segment") {
      report.isDoubtful ||= event.segment.stop === "cap" || event.segment.stop === "loop";
      timed?.add(event.segment);
    } else if (event.kind === "language") report.language(event.name, inputs.length > 1 ? source : undefined);
    else if ("text" in event) report.notice(event, source);
  };
  let transcript: Transcript | undefined;
  try {
    if (past) await Promise.all((sides ?? [read]).map(({ recording }) => recording.found)); // Times need it.
    for (const event of pastEvents(past, sides !== undefined)) tell(event);
    transcript = await begun.transcript((event) => {
      journal?.take(event);
      tell(event);
    });
    await timed?.time();
  } finally {
    await timed?.end();
    await audio.close();
    const isComplete = transcript !== undefined && !transcript.stopped;
    const gaps = transcript && renamed(transcript.audit.gaps, names);
    const isSaved = await writer.end(isComplete, { ...timed?.who, ...(gaps && { gaps }) });
    if (!isSaved) parts.unsaved?.(source);
    await out?.drained();
    await run.journals?.over(source, isComplete && isSaved);
  }
  if (timed?.notice) report.complain(source, timed.notice);
  if (who && !timed?.who) report.say(`${label(source)}: was stopped before it was known who speaks`);
  const unused = inputs.length === 1 && timed?.who && unusedLabels(names, timed.who.speakers.map(({ name }) => name));
  if (unused) report.say(`${label(source)}: ${unused}`);
  if (transcript.unvoiced) report.warn(source, transcript.unvoiced.split("\n"));
  report.audit(source, transcript.audit);
  report.count(transcript);
  await tally.done(source, transcript);
  if (!transcript.stopped) report.over(source);
}

/** Begins to find who speaks; undefined where voices are not told apart. */
function findWho(
  { speakers, report, options }: Run,
  source: InputSource,
  { recording, sides }: ReadAudio,
  stop: AbortSignal,
): SpeakerSearch | undefined {
  if (!speakers) return undefined;
  if (sides) return void report.say(`${label(source)}: its channels are its speakers; --speakers is for other files`);
  return speakers.begin(recording, startMsOf(options), stop, (line) => report.say(`${label(source)}: ${line}`));
}

async function startWriter(run: Run, source: InputSource, audio: LeveledSamples): Promise<RecordingWriter> {
  const { parts, options, headings, out, outputs, models, model } = run;
  const { paragraphMs, doubtBelow, speakerLabels, verbosity, inputs } = options;
  const startMs = startMsOf(options);
  const endMs = startMs + (audio.length / sampleRate) * 1000;
  const recording = outputs && await outputs.begin(inputs.indexOf(source), {
    head: documentHead(
      { version: parts.version, options, model: model!, aligner: models.timer?.model },
      documentName(source),
      endMs,
    ),
    ...(options.formats?.includes("html") && { peaks: peaksOf(audio.levels, startMs, endMs) }),
    ...{ ...layoutOf(options), cutChinese: parts.cutChinese, page: parts.pageParts },
  });
  const { out: stdout } = run.surface;
  const isTextShown = out === stdout || options.output === undefined && options.formats?.join() === "text";
  if (isTextShown) stdout.write(headings.of(source));
  return new RecordingWriter({
    ...{ out, outputs: recording, paragraphMs, doubtBelow, speakerLabels },
    bySegment: options.splitChannels || run.speakers !== undefined || run.view !== undefined ||
      doubtBelow !== undefined || paragraphMs > 0,
    hasWords: models.timer !== undefined,
    prefix: options.withFilename ? `${label(source)}: ` : "",
    holdsBack: verbosity === "silent" && (options.output === undefined || outputs !== undefined),
  });
}
