/**
 * `qwen-asr eval`: a manifest of recordings and texts -> error rates; two results -> which is better; or two files of
 * speaker turns -> how well speakers are told apart.
 *
 * In: options. Out: lines or JSON, on standard output or in the file of -o, and an exit code. What was heard is in the
 * manifest, in a folder of transcripts, or is decoded as a transcription does, without the options for how text is
 * written. A row that fails is reported, and the others are measured.
 */

import { readDocument } from "../../document/json.ts";
import { InputError } from "../../errors.ts";
import { compareRuns, comparisonJson } from "../../eval/compare.ts";
import { comparisonLines, fileLine, headLine, totalLines } from "../../eval/lines.ts";
import { type Fault, type Manifest, type ManifestRow, parseManifest } from "../../eval/manifest.ts";
import { evaluationJson, type Measured, readRun } from "../../eval/results.ts";
import { score } from "../../eval/score.ts";
import { speakerJson, speakerResults, speakerTable } from "../../eval/speaker_lines.ts";
import { textPath } from "../../files/names.ts";
import { openTextFile } from "../../files/output_file.ts";
import { type KnownModel, modelHead } from "../../pipeline/head.ts";
import { openModels } from "../../pipeline/models.ts";
import { parseRttm } from "../../speakers/rttm.ts";
import { untilStopped } from "../../stop.ts";
import { loadPrompt } from "../../system.ts";
import { spokenSegment } from "../../views/view.ts";
import { withoutSecrets } from "../../secrets.ts";
import { printable } from "../../writer.ts";
import { audioInput, besideManifest, inputName, inputPath } from "../inputs.ts";
import type { EvalOptions, EvalRun, InputSource, TranscribeOptions } from "../parse.ts";
import type { HearingParts, ProgramParts } from "../parts.ts";
import { decodesAtOnce, prefetchRecordings, readAudio } from "../prefetch.ts";
import { Report } from "../report.ts";
import { exitCode } from "../terminal.ts";

type EvalParts = HearingParts & Pick<ProgramParts, "version" | "readText">;

type TwoFiles = Exclude<EvalOptions, EvalRun>;

export async function evaluate(parts: EvalParts, options: EvalOptions): Promise<number> {
  if (options.kind === "run") return await measure(parts, options);
  const text = options.kind === "compare" ? await compared(parts, options) : await speakers(parts, options);
  return await printed(parts, options, text);
}

/** Writes a text that is known as a whole. */
async function printed(parts: EvalParts, options: TwoFiles, text: string): Promise<number> {
  const report = new Report(parts.terminal, "normal");
  const isWritten = await write(parts, options, report, [options.a, options.b], async (out) => {
    out(text);
    await parts.terminal.stdout.drained();
    return true;
  });
  return exitCode(parts.terminal, !isWritten);
}

async function speakers(parts: EvalParts, { a, b, json: asJson }: TwoFiles): Promise<string> {
  const read = async (input: InputSource) => parseRttm(await parts.readText(inputPath(input)), inputName(input));
  const [reference, hypothesis] = [await read(a), await read(b)];
  const results = speakerResults(reference, hypothesis, { a: inputName(a), b: inputName(b) });
  return asJson ? json(speakerJson(results)) : speakerTable(results);
}

async function compared(parts: EvalParts, options: TwoFiles): Promise<string> {
  const read = async (input: InputSource) => readRun(await parts.readText(inputPath(input)), inputName(input));
  const [a, b] = [await read(options.a), await read(options.b)];
  const comparison = compareRuns(a, b);
  for (const [name, missing] of [[a.name, comparison.onlyB], [b.name, comparison.onlyA]] as const) {
    if (missing.length === 0) continue;
    const left = `lacks ${printable(missing.join(", "))}: left out of the comparison`;
    parts.terminal.stderr.write(`qwen-asr: ${name}: ${left}\n`);
  }
  return options.json ? json(comparisonJson(a, b, comparison)) : comparisonLines(a.name, b.name, comparison);
}

/** Runs `work` with a way out: standard output or the file of -o. Resolves to false where the text went elsewhere. */
async function write(
  { terminal }: EvalParts,
  { output, force }: Pick<EvalRun, "output" | "force">,
  report: Report,
  inputs: readonly InputSource[],
  work: (out: (text: string) => void) => Promise<boolean>,
): Promise<boolean> {
  const request = { ...report.hardship(terminal.stdout), force, inputs, isAppended: false };
  const file = output === undefined ? undefined : await openTextFile(output, request);
  let [isComplete, isKept] = [false, true];
  try {
    isComplete = await work((text) => (file ?? terminal.stdout).write(text));
  } finally {
    isKept = await file?.close(isComplete) !== false;
  }
  return isKept;
}

/** What a run has measured so far. */
type Progress = { readonly files: Measured[]; readonly failed: Fault[] };

type Task = {
  readonly parts: EvalParts;
  readonly options: EvalRun;
  readonly report: Report;
  readonly manifest: Manifest;
  readonly progress: Progress;
  /** Shows a line of the table. */
  readonly show: (line: string) => void;
};

async function measure(parts: EvalParts, given: EvalRun): Promise<number> {
  const { stop } = parts.terminal;
  const report = new Report(parts.terminal, given.verbosity);
  const options = { ...given, prompt: await loadPrompt(given.prompt) };
  const name = inputName(options.manifest);
  const manifest = parseManifest(await untilStopped(parts.readText(inputPath(options.manifest)), stop.drain), name);
  if (manifest.rows.length + manifest.faults.length === 0) throw new InputError(`${name}: has no rows`);
  if (manifest.hasHypotheses && options.transcripts !== undefined) {
    throw new InputError(`${name}: has what was heard, and so has --transcripts: give only one`);
  }
  const progress: Progress = { files: [], failed: [] };
  const isWritten = await write(parts, options, report, [options.manifest], async (out) => {
    const show = options.json ? (line: string) => report.say(line.trimEnd()) : out;
    const task: Task = { parts, options, report, manifest, progress, show };
    for (const fault of manifest.faults) fail(task, fault);
    show(headLine());
    const model = await measureRows(task);
    const isComplete = !stop.drain.aborted;
    show(totalLines(progress.files, progress.failed.length));
    const { files, failed } = progress;
    const head = { program: `qwen-asr ${parts.version}`, manifest: name, model: model && modelHead(model) };
    if (options.json) out(json(evaluationJson({ ...head, files, failed, isComplete })));
    await parts.terminal.stdout.drained();
    return isComplete;
  });
  return exitCode(parts.terminal, !isWritten || progress.failed.length > 0);
}

/** Resolves to the model that was used. */
async function measureRows(task: Task): Promise<KnownModel | undefined> {
  const { parts, options, manifest } = task;
  const { transcripts } = options;
  if (transcripts === undefined && !manifest.hasHypotheses) return await decodeRows(task);
  for (const row of manifest.rows) {
    if (parts.terminal.stop.drain.aborted) break;
    await orFail(task, row, async () => {
      add(task, row, transcripts === undefined ? row.hypothesis! : await storedText(task, transcripts, row));
    });
  }
  return undefined;
}

async function decodeRows(task: Task): Promise<KnownModel | undefined> {
  const { parts, options, report, manifest } = task;
  const { stop } = parts.terminal;
  const rows = new Map<InputSource, ManifestRow>();
  const asked: TranscribeOptions = { ...options, inputs: [] };
  for (const row of manifest.rows) {
    const source: InputSource = { kind: "file", path: besideManifest(options.manifest, row.audio) };
    const isReadable = await orFail(task, row, () => parts.checkInput(audioInput(source, asked)));
    if (isReadable) rows.set(source, row);
  }
  if (rows.size === 0) return undefined;
  const models = await openModels(parts, asked, stop.drain, (notice) => report.notice(notice));
  const model = await models.transcriber.known();
  const read = (source: InputSource) => readAudio(parts, asked, source);
  const prefetch = prefetchRecordings(
    parts,
    decodesAtOnce(asked),
    () => ({ options: asked, contexts: { first: asked.prompt, later: undefined } }),
    models,
    rows.keys(),
    read,
  );
  try {
    for (let next = prefetch.next(); next && !stop.drain.aborted; next = prefetch.next()) {
      const row = rows.get(next.source)!;
      await orFail(task, row, async () => {
        const { audio } = await next!.audio;
        try {
          report.warn(next!.source, audio.warnings);
          const transcript = await next!.transcript((event) => {
            if ("text" in event && event.kind !== "text") report.notice(event, next!.source);
          });
          if (!transcript.stopped) add(task, row, transcript.text);
        } finally {
          await audio.close();
        }
      });
    }
  } finally {
    await prefetch.end();
    await models.transcriber.close();
  }
  return model;
}

function add({ options, progress, show }: Task, row: ManifestRow, hypothesis: string): void {
  const language = row.language || options.language;
  const { line, audio, reference } = row;
  const named = { line, audio: withoutSecrets(audio) };
  const measured = { ...score(reference, hypothesis, language), ...named, language, reference, hypothesis };
  progress.files.push(measured);
  show(fileLine(measured, printable(audio)));
}

/** Whether `work` succeeded; an InputError concerns this row alone. */
async function orFail(task: Task, { line, audio }: ManifestRow, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    fail(task, { line, audio, message: error.message });
    return false;
  }
}

/** One line that names the row and the file. */
function fail({ parts, options, progress }: Task, fault: Fault): void {
  progress.failed.push({ ...fault, audio: withoutSecrets(fault.audio) });
  const { line, audio, message } = fault;
  const path = audio === "" ? "" : besideManifest(options.manifest, audio);
  const says = path === "" || message.startsWith(printable(path)) ? message : `${path}: ${message}`;
  parts.terminal.stderr.write(`qwen-asr: ${inputName(options.manifest)}:${line}: ${printable(says)}\n`);
}

const transcriptExtensions = ["json", "jsonl", "txt"] as const;

/** The text of a row's transcript as it was spoken. */
async function storedText({ parts, report }: Task, folder: string, { audio, line }: ManifestRow): Promise<string> {
  for (const extension of transcriptExtensions) {
    const path = textPath({ path: folder, isFolder: true }, audio, extension);
    const text = await textOf(parts, path);
    if (text === undefined) continue;
    if (extension === "txt") return text;
    const { segments, isComplete } = readDocument(text, printable(path));
    if (!isComplete) report.say(`qwen-asr: row ${line}: ${printable(path)}: is incomplete`);
    return segments.map((segment) => spokenSegment(segment).text).join("");
  }
  const path = textPath({ path: folder, isFolder: true }, audio, "json");
  throw new InputError(`${printable(path)}: no such file, nor with .jsonl or .txt`);
}

/** The text of a file; undefined if there is none. */
async function textOf(parts: EvalParts, path: string): Promise<string | undefined> {
  try {
    return await parts.readText(path);
  } catch (error) {
    const isAbsent = error instanceof InputError &&
      (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
    if (isAbsent) return undefined;
    throw error;
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
