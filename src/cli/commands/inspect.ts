/**
 * `qwen-asr inspect`: draws a recording, with the words of its transcript if there is one, or lists where speech is in
 * it. No model is needed.
 */

import type { TranscriptDocument } from "../../document/document.ts";
import { acceptEdits } from "../../document/edits.ts";
import { readDocument } from "../../document/json.ts";
import { InputError } from "../../errors.ts";
import { cuesOf } from "../../output/cues.ts";
import { svgPicture, terminalPicture } from "../../output/picture.ts";
import { type FoundSpeech, speechJson } from "../../output/speech.ts";
import { timedWords } from "../../output/words.ts";
import { hardship } from "../../files/rescue.ts";
import { openOutput } from "../../files/output_file.ts";
import type { InspectOptions } from "../parse.ts";
import type { LoadedAudio, ProgramParts } from "../parts.ts";
import { audioInput } from "../inputs.ts";
import { findSpeech, voiceProbabilities } from "../../segment/find_speech.ts";
import { voiceRanges } from "../../segment/voice.ts";
import { sampleRate } from "../../units.ts";
import { untilStopped } from "../../stop.ts";
import { printable } from "../../writer.ts";
import { folded } from "../fold.ts";

type InspectParts = Pick<
  ProgramParts,
  "terminal" | "checkInput" | "readAudio" | "readText" | "openVoiceDetector" | "cutChinese"
>;

export async function inspectRecording(parts: InspectParts, options: InspectOptions): Promise<number> {
  const { input, output, force, fromSec } = options;
  const { stdout, stderr, stop } = parts.terminal;
  const name = input.kind === "file" ? printable(input.path) : "standard input";
  const wanted = audioInput(input, options);
  await parts.checkInput(wanted);
  const file = output === undefined ? undefined : await openOutput(output, {
    ...hardship((line) => stderr.write(`qwen-asr: ${line}\n`)),
    ...{ force, inputs: [input], isAppended: false },
  });
  let isKept = true;
  try {
    const transcript = options.json ? undefined : await transcriptOf(parts, options);
    const audio = await untilStopped(parts.readAudio(wanted), stop.drain);
    const found = await speechIn(parts, options, audio);
    const samples = options.json ? new Float32Array(0) : await audio.read(0, audio.length);
    await audio.close();
    for (const warning of audio.warnings) stderr.write(`qwen-asr: ${name}: ${printable(warning)}\n`);
    const doubt = transcript && doubtOf(transcript, options, (audio.length * 1000) / sampleRate);
    if (doubt !== undefined) stderr.write(`qwen-asr: ${name}: ${doubt}\n`);
    const { segments } = acceptEdits(transcript?.segments ?? []);
    const heard = {
      ...{ samples, speech: found.speech, startMs: Math.round((fromSec ?? 0) * 1000) },
      words: segments.flatMap(timedWords),
      cues: cuesOf(segments, options.rules, parts.cutChinese),
    };
    if (file) {
      file.write(options.json ? speechJson(found) : svgPicture(heard, name));
      isKept = await file.finish("", true);
    }
    const { columns } = parts.terminal;
    if (!options.json) stdout.write(folded(terminalPicture(heard, columns), columns));
    else if (!file) stdout.write(speechJson(found));
  } catch (error) {
    await file?.discard();
    throw error;
  }
  return isKept ? 0 : 1;
}

async function speechIn(parts: InspectParts, { vad, probs, fromSec }: InspectOptions, audio: LoadedAudio) {
  const found: FoundSpeech = { length: audio.length, fromSec: fromSec ?? 0, vad: vad.kind, speech: [] };
  const stop = parts.terminal.stop.drain;
  if (vad.kind !== "neural") {
    return { ...found, speech: (await findSpeech(audio, vad, parts.openVoiceDetector, stop)).speech };
  }
  const voice = await voiceProbabilities(audio, () => parts.openVoiceDetector(vad.model), stop);
  const speech = voiceRanges(voice.probabilities, voice.frameSamples, audio.length, vad.rule);
  return { ...found, speech, ...(probs && voice) };
}

/** A transcript knows how long its recording is, if it was heard to the end; and so do we, if no part was chosen. */
const durationErrorMs = 1000;

function doubtOf({ source, isComplete, options }: TranscriptDocument, given: InspectOptions, ms: number) {
  const isPart = given.fromSec !== undefined || given.toSec !== undefined || options["to"] !== undefined || !isComplete;
  if (isPart || Math.abs(source.durationMs - ms) <= durationErrorMs) return undefined;
  const [own, other] = [ms, source.durationMs].map((each) => `${(each / 1000).toFixed(1)} s`);
  return `lasts ${own}, and the recording of the transcript ${other}: the words may belong to another recording`;
}

/** The given transcript, or talk.json beside talk.wav if that is a transcript. */
async function transcriptOf(
  parts: InspectParts,
  { input, transcript }: InspectOptions,
): Promise<TranscriptDocument | undefined> {
  const beside = input.kind === "file" ? input.path.replace(/(?<=[^/])\.[^./]*$/, "") + ".json" : undefined;
  const path = transcript ?? beside;
  if (path === undefined) return undefined;
  try {
    return readDocument(await parts.readText(path), printable(path));
  } catch (error) {
    if (!(error instanceof InputError) || transcript !== undefined) throw error;
    return undefined; // Some other file happens to have the name.
  }
}
