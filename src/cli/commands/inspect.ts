/** `qwen-asr inspect`: draws a recording, with the words of its transcript if there is one. */

import { acceptEdits } from "../../document/edits.ts";
import { readDocument } from "../../document/json.ts";
import { InputError } from "../../errors.ts";
import { svgPicture, terminalPicture } from "../../output/picture.ts";
import { timedWords } from "../../output/words.ts";
import { hardship } from "../../files/rescue.ts";
import { openOutput } from "../../files/output_file.ts";
import type { InspectOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { audioInput } from "../inputs.ts";
import { Recording } from "../../segment/recording.ts";
import { untilStopped } from "../../stop.ts";
import { printable } from "../../writer.ts";

type InspectParts = Pick<ProgramParts, "terminal" | "checkInput" | "readAudio" | "readText">;

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
    const words = await wordsOf(parts, options);
    const audio = await untilStopped(parts.readAudio(wanted), stop.drain);
    const [samples, { speech }] = [await audio.read(0, audio.length), Recording.of(audio).speech];
    await audio.close();
    for (const warning of audio.warnings) stderr.write(`qwen-asr: ${name}: ${printable(warning)}\n`);
    const heard = { samples, speech, startMs: Math.round((fromSec ?? 0) * 1000), words };
    if (file) {
      file.write(svgPicture(heard, name));
      isKept = await file.finish("", true);
    }
    stdout.write(terminalPicture(heard));
  } catch (error) {
    await file?.discard();
    throw error;
  }
  return isKept ? 0 : 1;
}

/** The words of the given transcript, or of talk.json beside talk.wav if that is a transcript. */
async function wordsOf(parts: InspectParts, { input, transcript }: InspectOptions) {
  const beside = input.kind === "file" ? input.path.replace(/(?<=[^/])\.[^./]*$/, "") + ".json" : undefined;
  const path = transcript ?? beside;
  if (path === undefined) return [];
  try {
    const document = readDocument(await parts.readText(path), printable(path));
    return acceptEdits(document.segments).segments.flatMap(timedWords);
  } catch (error) {
    if (!(error instanceof InputError) || transcript !== undefined) throw error;
    return []; // Some other file happens to have the name.
  }
}
