/**
 * `qwen-asr batch`: a manifest of recordings -> a line of JSON for each of this shard's rows, in their order.
 *
 * The lines of -o survive a kill: the next run takes over those that are its own and goes on. Whatever concerns one row
 * becomes its line; what another run may not meet (no memory, no disk) ends this one with exit code 75.
 */

import { type ManifestRow, parseManifest, rowsOfShard } from "../../batch/manifest.ts";
import { errorLine, readResult, resultLine, rowKey, type RowResult, type RunIdentity } from "../../batch/result.ts";
import { type Shard, shardName, shardOf } from "../../batch/shard.ts";
import type { Ending, TimedSegment } from "../../document/document.ts";
import { renamedEnding } from "../../document/speakers.ts";
import { isPassing, shortage, UserError } from "../../errors.ts";
import { partName } from "../../files/names.ts";
import { RowsFile } from "../../files/rows_file.ts";
import { segmentSecFor } from "../../pipeline/estimate.ts";
import { type Models, openModels } from "../../pipeline/models.ts";
import type { Prefetched } from "../../pipeline/prefetch.ts";
import type { SpeakerFinder } from "../../pipeline/speakers.ts";
import { Stopped, untilStopped } from "../../stop.ts";
import { loadPrompt } from "../../system.ts";
import { basename } from "../../path_bytes.ts";
import { sampleRate } from "../../units.ts";
import { printable, type TextWriter } from "../../writer.ts";
import { BatchRows, type BatchTask, faultOf, type PreparedRow, RowFault } from "../batch_rows.ts";
import { inputName, inputPath } from "../inputs.ts";
import type { BatchOptions } from "../parse.ts";
import type { HearingParts, ProgramParts } from "../parts.ts";
import { prefetchRecordings, type ReadAudio } from "../prefetch.ts";
import type { RunProgress } from "../progress.ts";
import { Report } from "../report.ts";
import { openSpeakerFinder, type SpeakerPlan, speakerPlan } from "../speakers.ts";
import { openSurface } from "../surface.ts";
import { exitCode } from "../terminal.ts";
import { startMsOf, startTiming } from "../timing.ts";

type BatchParts = HearingParts & Pick<ProgramParts, "version" | "env" | "stopwatch" | "readText" | "openSpeakers">;

/** The rows of one shard. */
type Run = {
  readonly parts: BatchParts;
  /** The prompt is read. */
  readonly options: BatchOptions;
  readonly report: Report;
  readonly shard: Shard;
  readonly rows: readonly ManifestRow[];
  readonly prepare: BatchRows;
  readonly plan: SpeakerPlan;
};

/** Rows that are written, and those of them with an error. */
type Tally = { done: number; failed: number };

/** As in sysexits.h: a failure that may pass. */
const retryCode = 75;

/** Throws a UserError with exit code 75 where the same run may succeed later. */
export async function transcribeBatch(parts: BatchParts, given: BatchOptions): Promise<number> {
  const report = new Report(parts.terminal, given.verbosity);
  const shard = shardOf(given.shard, parts.env, "--shard");
  const options = { ...given, prompt: await loadPrompt(given.prompt) };
  const text = await untilStopped(parts.readText(inputPath(given.manifest)), parts.terminal.stop.drain);
  const rows = rowsOfShard(parseManifest(text), shard);
  // Where a recording is cut must not depend on the memory that is free.
  const prepare = new BatchRows({ ...parts, availableMemory: parts.allowedMemory ?? (() => Infinity) }, options);
  const run: Run = { parts, options, report, shard, rows, prepare, plan: await speakerPlan(parts, options) };
  if (options.check) return await check(run);
  try {
    return await transcribeRows(run);
  } catch (error) {
    if (!isPassing(error)) throw error;
    const { message, hint } = error instanceof UserError ? error : shortage(error as Error) ?? error as UserError;
    throw new UserError(message, retryCode, hint ?? "run the same command again", { cause: error });
  }
}

async function check({ parts, options, report, rows, prepare }: Run): Promise<number> {
  const tally: Tally = { done: 0, failed: 0 };
  for (const row of rows) {
    if (parts.terminal.stop.drain.aborted) break;
    const fault = await prepare.check(row).then(() => undefined, (error) => error);
    if (fault !== undefined && !(fault instanceof RowFault)) throw fault;
    if (fault) complain(report, options, row, fault.message);
    count(tally, fault !== undefined);
  }
  const { done, failed } = tally;
  report.say(`Checked ${rowsText(done)}: ${failed === 0 ? "nothing is wrong" : `${failed} bad`}`);
  return exitCode(parts.terminal, false) || (failed === 0 ? 0 : 2);
}

async function transcribeRows(run: Run): Promise<number> {
  const { parts, options, report, rows, shard } = run;
  const path = options.output === undefined ? undefined : shardName(options.output, shard);
  const inputs = [options.manifest];
  if (path !== undefined) await RowsFile.check(path, { inputs });
  const keyOf = await keysOf(run);
  const tally: Tally = { done: 0, failed: 0 };
  const isOwn = (line: string, index: number) => {
    const result = readResult(line);
    if (result?.key !== keyOf(rows[index]!)) return false;
    count(tally, result.hasError);
    return true;
  };
  const request = { force: options.force, inputs, count: rows.length, isOwn };
  const file = path === undefined ? undefined : await RowsFile.open(path, request);
  try {
    if (file?.isComplete) report.say(`${printable(path!)}: is complete already`);
    else if (tally.done > 0) report.say(`Going on after ${tally.done} of ${rowsText(rows.length)}`);
    if (tally.done < rows.length) await transcribeFrom(run, keyOf, file, tally);
    if (tally.done === rows.length && !file?.isComplete) await file?.publish();
  } finally {
    await file?.close();
  }
  summarise(run, tally, path);
  return exitCode(parts.terminal, options.failOnError && tally.failed > 0);
}

function standardOutput(stdout: TextWriter): Pick<RowsFile, "append"> {
  return {
    append: async (line) => {
      stdout.write(line);
      await stdout.drained();
    },
  };
}

/** Finds the models, and what tells the line of a row from one of other options or another model. */
async function keysOf({ parts, options, rows, prepare, plan }: Run): Promise<(row: ManifestRow) => string> {
  const stop = parts.terminal.stop.drain;
  const place = await untilStopped(parts.locateModel(options.model), stop);
  const given = Object.fromEntries(options.given);
  if (options.views.terms !== undefined) given.terms = await parts.readText(options.views.terms);
  const run: RunIdentity = {
    ...{ program: `qwen-asr ${parts.version}`, model: await parts.modelHash(place), weights: options.weights },
    options: { ...given, prompt: options.prompt, ...keyOf(plan) },
    aligner: undefined,
  };
  if (!rows.some((row) => wantsWords(prepare, row))) return (row) => rowKey(run, row);
  const aligner = await untilStopped(parts.locateAligner(options.aligner, place.kind === "demo"), stop);
  const timed = { ...run, aligner: await parts.modelHash(aligner) };
  return (row) => rowKey(wantsWords(prepare, row) ? timed : run, row);
}

/** What is asked of speakers, nothing where nothing is. As of recordings, it is not told what is in those of voices. */
function keyOf({ count, names, voices }: SpeakerPlan): Record<string, string> {
  return {
    ...(count && { speakers: `${count.min}-${count.max}` }),
    ...(names.size > 0 && { "speaker-names": JSON.stringify([...names]) }),
    ...(voices.length > 0 && { voices: JSON.stringify(voices.map(({ name, path }) => [name, basename(path)])) }),
  };
}

/** Whether an aligner times the words of the row. */
function wantsWords(prepare: BatchRows, row: ManifestRow): boolean {
  try {
    return prepare.optionsOf(row).align;
  } catch (error) {
    if (error instanceof RowFault) return false;
    throw error;
  }
}

/** Transcribes the rows from `tally.done` on, until the run is stopped. */
async function transcribeFrom(
  run: Run,
  keyOf: (row: ManifestRow) => string,
  file: RowsFile | undefined,
  tally: Tally,
): Promise<void> {
  const { parts, options, report, prepare } = run;
  const stop = parts.terminal.stop.drain;
  const rows = run.rows.slice(tally.done);
  const align = rows.some((row) => wantsWords(prepare, row));
  const speakers = await openSpeakerFinder(parts, run.plan, options.threads, stop, (line) => report.say(line));
  using _ = { [Symbol.dispose]: () => speakers?.close() };
  const models = await openModels(parts, { ...options, align }, stop, (notice) => report.notice(notice));
  const prefetch = prefetchRecordings<BatchTask>(
    { ...parts, availableMemory: parts.allowedMemory ?? (() => Infinity) },
    options.decodesMax,
    ({ prepared }) => hearingOf(prepared!, models, speakers),
    models,
    tasksOf(rows),
    (task) => prepare.read(task, models.transcriber.info.languages),
  );
  const written = file ? undefined : "lines";
  const shown = { written, filesCount: rows.length, isSilent: options.verbosity === "silent" } as const;
  const { out: stdout, progress, drawing } = openSurface(parts, shown);
  const out = file ?? standardOutput(stdout);
  report.writeAbove(drawing);
  try {
    for (let next = prefetch.next(); next && !stop.aborted; next = prefetch.next()) {
      const { row } = next.source;
      const heard = await orFault(next.source, () => hear(run, models, next!, speakers, progress));
      if (heard === undefined) break;
      const isFault = heard instanceof RowFault;
      if (isFault) complain(report, options, row, heard.message);
      else for (const warning of heard.warnings) report.debug(`${row.id}: ${warning}`);
      await out.append(isFault ? errorLine(row, keyOf(row), heard.fault) : resultLine(row, keyOf(row), heard));
      count(tally, isFault);
      progress?.over();
    }
  } finally {
    progress?.end();
    report.writeAbove(undefined);
    await prefetch.end();
    await models.transcriber.close();
    await models.timer?.close();
  }
}

/** Who speaks is known by the words' times: without an aligner, these are better in short segments. */
function hearingOf(row: PreparedRow, { transcriber }: Models, speakers: SpeakerFinder | undefined): PreparedRow {
  const { options } = row;
  const isEstimated = speakers !== undefined && !options.align;
  const segmentSec = segmentSecFor(options.segmentSec, isEstimated, transcriber.autoLimits);
  return { ...row, options: { ...options, segmentSec } };
}

/** One after the other: what is known of a row goes with it. */
function* tasksOf(rows: readonly ManifestRow[]): Generator<BatchTask> {
  for (const row of rows) yield { row, prepared: undefined };
}

/** What `work` gives, or the row's own failure; undefined where the run was stopped. Throws what ends the run. */
async function orFault<T>({ prepared }: BatchTask, work: () => Promise<T>): Promise<T | RowFault | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Stopped) return undefined;
    const fault = faultOf("transcription", error, prepared?.source);
    if (fault instanceof RowFault) return fault;
    throw fault;
  }
}

/** undefined: the run was stopped in the middle. */
async function hear(
  { parts, report, plan: { names } }: Run,
  models: Models,
  begun: Prefetched<BatchTask, ReadAudio>,
  speakers: SpeakerFinder | undefined,
  progress: RunProgress | undefined,
): Promise<RowResult | undefined> {
  const stop = parts.terminal.stop.drain;
  const { audio, recording, sides } = await begun.audio;
  const { options, view } = begun.source.prepared!;
  progress?.begin(printable(begun.source.row.audio!), recording.length / sampleRate);
  const segments: TimedSegment[] = [];
  const logprobs: number[] = [];
  const warnings = [...audio.warnings];
  const who = sides ? undefined : speakers?.begin(recording, startMsOf(options), stop, (line) => warnings.push(line));
  const timing = {
    who,
    names,
    ...{ transcriber: models.transcriber, timer: options.align ? models.timer : undefined, view, stop },
    options: { ...options, lowMemory: false },
  };
  const timed = startTiming(timing, { recording, ...(sides && { sides }) }, (segment) => void segments.push(segment));
  let ending: Ending;
  try {
    const transcript = await begun.transcript((event) => {
      if (event.kind === "side") timed.turnTo(event.index);
      else if (event.kind === "segment") {
        logprobs.push(...event.segment.tokens.map(({ logprob }) => logprob));
        timed.add(event.segment);
      } else if (event.kind === "loss") warnings.push(event.text);
      else if (event.kind === "debug") report.debug(event.text);
    });
    await timed.time();
    if (transcript.stopped || stop.aborted) return undefined;
    ending = renamedEnding({ gaps: transcript.audit.gaps }, names);
    if (transcript.unvoiced !== undefined) warnings.push(...transcript.unvoiced.split("\n"));
  } finally {
    await timed.end();
    await audio.close();
  }
  if (timed.notice !== undefined) warnings.push(timed.notice);
  const durationMs = startMsOf(options) + (recording.length / sampleRate) * 1000;
  return { durationMs, segments, ending: { ...timed.who, ...ending }, logprob: mean(logprobs), warnings };
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function count(tally: Tally, hasError: boolean): void {
  tally.done++;
  if (hasError) tally.failed++;
}

/** "qwen-asr: list.jsonl:7: bad.wav: no such file". */
function complain(report: Report, { manifest }: BatchOptions, { line, audio }: ManifestRow, message: string): void {
  const name = audio === undefined ? "" : `${printable(audio)}: `;
  report.tell(`${inputName(manifest)}:${line}: ${name}${printable(message)}`);
}

function summarise({ parts, report, rows }: Run, { done, failed }: Tally, path: string | undefined): void {
  if (parts.terminal.stop.drop.aborted) return;
  if (done === rows.length) {
    const errors = failed === 0 ? "" : `, ${failed} with errors`;
    return report.say(`Done: ${rowsText(done)}${errors}${path === undefined ? "" : ` in ${printable(path)}`}`);
  }
  const place = path === undefined ? "" : ` in ${printable(partName(path))}; the same command goes on from there`;
  report.tell(`stopped: ${done} of ${rowsText(rows.length)}${place}`);
}

function rowsText(count: number): string {
  return count === 1 ? "1 row" : `${count} rows`;
}
