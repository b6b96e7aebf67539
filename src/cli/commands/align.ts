/**
 * `qwen-asr align`: a recording and its text -> when each word is said.
 *
 * In: options. Out: a line per word or the formats of -f, on standard output or in the file of -o, and an exit code. As
 * in a transcription, what is cheap to check is checked first.
 */

import { lineSegments } from "../../align/lines.ts";
import { STDIN_NAME } from "../../audio/bytes.ts";
import type { AudioInput } from "../../audio/input.ts";
import type { TimedSegment } from "../../document/document.ts";
import { InputError } from "../../errors.ts";
import { parseSubtitles } from "../../subtitles/parse.ts";
import { cueTexts } from "../../subtitles/transcript.ts";
import { separatorBetween } from "../../text/join.ts";
import { fileOf, Outputs } from "../../files/outputs.ts";
import type { ModelHost } from "../../pipeline/host.ts";
import { documentHead, type KnownModel } from "../../pipeline/head.ts";
import { openTextFile } from "../../files/output_file.ts";
import type { AlignOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { exitCode } from "../terminal.ts";
import { findSpeech } from "../../segment/find_speech.ts";
import { Recording } from "../../segment/recording.ts";
import { untilStopped } from "../../stop.ts";
import type { TextView } from "../../views/view.ts";
import { layoutOf } from "../../options/choices.ts";
import { printable } from "../../writer.ts";
import { countWords, noWords, strayWords, WordTimer } from "../../pipeline/word_times.ts";
import { sampleRate } from "../../units.ts";
import { pageOf, Report, wordLines } from "../report.ts";
import { audioInput, openView } from "../inputs.ts";

type AlignParts =
  & ModelHost
  & Pick<
    ProgramParts,
    "terminal" | "version" | "checkInput" | "readAudio" | "openVoiceDetector" | "readText" | "cutChinese" | "pageParts"
  >;

export async function alignFile(parts: AlignParts, options: AlignOptions): Promise<number> {
  const { terminal } = parts;
  const input = audioInput(options.input, options);
  const report = new Report(terminal, options.verbosity);
  await parts.checkInput(input);
  const { view } = await openView(parts, options.views);
  const textName = options.text === "-" ? STDIN_NAME : printable(options.text);
  const lines = textLines(
    (await untilStopped(parts.readText(options.text), terminal.stop.drain)).normalize("NFC"),
    textName,
  );
  const inputs = options.text === "-"
    ? [options.input]
    : [options.input, { kind: "file" as const, path: options.text }];
  const { formats, output: path, force } = options;
  const outputs = formats &&
    await Outputs.check(
      {
        formats,
        path,
        force,
        inputs: [options.input],
        htmlAudio: options.htmlAudio,
        hardship: report.hardship(path === undefined ? undefined : terminal.stdout),
      },
      pageOf(formats, terminal),
    );
  const output = path === undefined || formats
    ? undefined
    : await openTextFile(await fileOf(path, options.input, "txt"), {
      ...report.hardship(terminal.stdout),
      force,
      inputs,
      isAppended: false,
    });
  let failed = false;
  try {
    const timed = await timedLines(parts, options, report, { input, lines, textName, view });
    if (timed && outputs) await writeFormats(parts, options, outputs, timed);
    else if (timed) {
      (output ?? terminal.stdout).write(wordLines(timed.segments));
      await (output ?? terminal.stdout).drained();
    }
  } finally {
    failed = await output?.close(true) === false;
    await outputs?.finish(true);
  }
  return exitCode(terminal, failed || outputs?.hasFailed === true);
}

async function writeFormats(parts: AlignParts, options: AlignOptions, outputs: Outputs, timed: Timed): Promise<void> {
  const head = documentHead(
    { version: parts.version, options: { ...options, prompt: "" }, model: timed.model },
    inputName(options.input),
    timed.endMs,
  );
  const layout = { ...layoutOf(options), cutChinese: parts.cutChinese, page: parts.pageParts };
  const recording = await outputs.begin(0, { head, ...layout });
  for (const segment of timed.segments) recording.add(segment);
  await recording.end(true);
}

/** The lines, or cues of subtitles, that say something, each with what separates it from the one before. */
function textLines(text: string, name: string): string[] {
  const subtitles = parseSubtitles(text);
  const lines = subtitles && subtitles.cues.length > 0
    ? cueTexts(subtitles)
    : text.split(/[\r\n]+/).map((line) => line.trim().replace(/\s+/g, " ")).filter(Boolean);
  if (lines.length === 0) throw new InputError(`${name}: no text, nothing to align`);
  if (!lines.some((line) => /[\p{L}\p{N}]/u.test(line))) {
    throw new InputError(`${name}: no words in it, nothing to align`);
  }
  return lines.map((line, index) => separatorBetween(lines[index - 1] ?? "", line) + line);
}

/** `endMs`: of the recording. */
type Timed = { readonly segments: readonly TimedSegment[]; readonly model: KnownModel; readonly endMs: number };

type AlignTask = {
  readonly input: AudioInput;
  readonly lines: readonly string[];
  readonly textName: string;
  readonly view: TextView | undefined;
};

/** The lines with their words; undefined where the run was stopped. */
async function timedLines(
  parts: AlignParts,
  options: AlignOptions,
  report: Report,
  { input, lines, textName, view }: AlignTask,
): Promise<Timed | undefined> {
  const stop = parts.terminal.stop.drain;
  const audio = await untilStopped(parts.readAudio(input), stop);
  report.warn(options.input, audio.warnings);
  for (const remark of audio.remarks) report.debug(remark);
  if (audio.length === 0) throw new InputError(`${inputName(options.input)}: no audio, nothing to align`);
  const recording = Recording.of(audio, findSpeech(audio, options.vad, parts.openVoiceDetector, stop));
  const timer = await WordTimer.open(parts, options, false, stop, (notice) => report.notice(notice));
  try {
    const startMs = Math.round((options.fromSec ?? 0) * 1000);
    await recording.found;
    const { language } = options;
    const { words, stopped, encodeMs, alignMs } = await timer.texts({ recording, startMs, texts: lines, language });
    if (stopped) return undefined;
    const all = words.flat();
    const stray = strayWords(countWords(noWords(), all));
    if (stray) {
      const line =
        `${stray} were not heard where the text has them, and have estimated times: is it the text of this recording?`;
      parts.terminal.stderr.write(`qwen-asr: ${textName}: ${line}\n`);
    }
    const [audioSec, seconds] = [audio.length / sampleRate, (encodeMs + alignMs) / 1000];
    report.say(
      `Aligned ${all.length} words with ${audioSec.toFixed(1)} s of audio in ${seconds.toFixed(1)} s ` +
        `(${(audioSec / seconds).toFixed(2)}x realtime)`,
    );
    const endMs = startMs + audioSec! * 1000;
    const spoken = lineSegments({ lines, words, language, recording: { startMs, endMs } });
    const write = view?.recording();
    const segments = write ? spoken.map((segment) => write(segment)) : spoken;
    return { segments, model: timer.model, endMs };
  } finally {
    await timer.close();
    await audio.close();
  }
}

function inputName(input: AlignOptions["input"]): string {
  return input.kind === "stdin" ? STDIN_NAME : printable(input.path);
}
