/** `qwen-asr render`: writes transcripts (-f json or jsonl) and subtitles in other formats, without decoding. */

import type { TranscriptDocument } from "../../document/document.ts";
import { acceptEdits } from "../../document/edits.ts";
import { readDocument } from "../../document/json.ts";
import { renamed, renamedEnding, speakersOf } from "../../document/speakers.ts";
import { hardship } from "../../files/rescue.ts";
import { Outputs } from "../../files/outputs.ts";
import { InputError } from "../../errors.ts";
import { openView } from "../inputs.ts";
import type { InputSource, RenderOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { parseSpeakerNames, unusedLabels } from "../../speakers/names.ts";
import { parseSubtitles } from "../../subtitles/parse.ts";
import { readStreamLines } from "../../subtitles/stream_lines.ts";
import { transcriptOf, transcriptOfUtterances } from "../../subtitles/transcript.ts";
import { exitCode } from "../terminal.ts";
import { spokenSegment, type TextView, viewsHead, withoutViews } from "../../views/view.ts";
import { layoutOf } from "../../options/choices.ts";
import { printable } from "../../writer.ts";
import { Headings, pageOf } from "../report.ts";

type RenderParts = Pick<ProgramParts, "terminal" | "readText" | "cutChinese" | "pageParts">;

export async function renderTranscripts(parts: RenderParts, options: RenderOptions): Promise<number> {
  const { formats, output: path, force, inputs, htmlAudio } = options;
  const { stdout, stderr } = parts.terminal;
  const tell = (line: string) => stderr.write(`qwen-asr: ${line}\n`);
  const outputs = await Outputs.check({
    formats,
    path,
    force,
    inputs,
    htmlAudio,
    hardship: hardship(tell, path === undefined ? undefined : stdout),
  }, pageOf(formats, parts.terminal));
  const view = options.views && (await openView(parts, options.views)).view;
  const names = await speakerNames(parts, options);
  const headings = path === undefined && formats.join() === "text" ? new Headings(parts.terminal, options) : undefined;
  let failed = false;
  try {
    for (const [index, input] of inputs.entries()) {
      if (parts.terminal.stop.drain.aborted) break;
      failed = !await render(parts, options, { outputs, index, view, headings, names }, input) || failed;
    }
  } finally {
    await outputs.finish(!parts.terminal.stop.drain.aborted);
  }
  return exitCode(parts.terminal, failed || outputs.hasFailed);
}

type RenderRun = {
  readonly outputs: Outputs;
  readonly index: number;
  readonly view: TextView | undefined;
  /** Where text is shown. */
  readonly headings: Headings | undefined;
  /** What speakers are called, by their labels. */
  readonly names: ReadonlyMap<string, string>;
};

async function speakerNames({ readText }: RenderParts, { speakerNames: path }: RenderOptions) {
  return path === undefined ? new Map<string, string>() : parseSpeakerNames(await readText(path), printable(path));
}

async function render(
  parts: RenderParts,
  options: RenderOptions,
  { outputs, index, view, headings, names }: RenderRun,
  input: InputSource,
): Promise<boolean> {
  const { views } = options;
  const name = input.kind === "stdin" ? "-" : input.path;
  try {
    const shown = name === "-" ? "standard input" : printable(name);
    const say = (line: string) => parts.terminal.stderr.write(`qwen-asr: ${shown}: ${line}\n`);
    const document = edited(read(await parts.readText(name), shown, say), say);
    const { segments, isComplete, ...head } = document;
    if (segments.length === 0) say("has no text");
    const areKnown = document.turns !== undefined || segments.some(({ speaker }) => speaker !== undefined);
    if (!areKnown && options.formats.join() === "rttm") say("names no speakers, so there are no turns for RTTM");
    if (!isComplete) say("is incomplete: the recording was not heard to its end");
    if (headings) parts.terminal.stdout.write(headings.of(input));
    const recording = await outputs.begin(index, {
      head: views ? { ...head, options: { ...withoutViews(head.options), ...viewsHead(views) } } : head,
      hasSpeakers: areKnown,
      ...{ ...layoutOf(options), cutChinese: parts.cutChinese, page: parts.pageParts },
    });
    const write = view?.recording();
    const named = renamed(segments, names);
    const unused = options.inputs.length === 1 && unusedLabels(names, speakersOf(named));
    if (unused) say(unused);
    for (const segment of named) {
      const spoken = views ? spokenSegment(segment) : segment;
      recording.add(write ? write(spoken) : spoken);
    }
    await recording.end(isComplete, true, renamedEnding(document, names));
    return true;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    parts.terminal.stderr.write(`qwen-asr: ${error.message}\n`);
    await outputs.fail(index, name, error.message);
    return false;
  }
}

/** Reads a transcript or subtitles. */
function read(text: string, name: string, say: (line: string) => void): TranscriptDocument {
  const stream = readStreamLines(text);
  if (stream) return transcriptOfUtterances(stream, name);
  if (/^\s*(?:[[{]|$)/.test(text)) return readDocument(text, name);
  const subtitles = parseSubtitles(text);
  if (!subtitles) throw new InputError(`${name}: is neither a transcript (-f json or jsonl) nor SRT nor WebVTT`);
  const places = subtitles.faults.length;
  if (places > 0) say(`breaks its format in ${places} place${places === 1 ? "" : "s"}: qwen-asr lint lists them`);
  return transcriptOf(subtitles, name);
}

/** The transcript with what a person changed in it; `say` is told what that was. */
function edited(document: TranscriptDocument, say: (line: string) => void): TranscriptDocument {
  const { segments, corrected, wasDisordered } = acceptEdits(document.segments);
  const changed = corrected === 1 ? "1 segment" : `${corrected} segments`;
  if (corrected > 0) say(`the text of ${changed} was corrected: new words take the times of the old`);
  if (wasDisordered) say("segments were not in order of time: they are sorted");
  return { ...document, segments };
}
