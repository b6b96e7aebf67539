/** Recordings of known people's voices. In: a folder. Out: whose voice is in which file. */

import { stat } from "node:fs/promises";
import { InputError, systemReason } from "../errors.ts";
import { basename, onDisk, slashed, withoutExtension } from "../path_bytes.ts";
import { speakerName, unknownSpeaker } from "../speakers/label.ts";
import { printable } from "../writer.ts";
import { findInputs } from "./inputs.ts";

/** Whose voice is in which recording. */
export type VoiceFile = { readonly name: string; readonly path: string };

/** `anna.wav` is Anna's, and so is what lies in the folder `anna`. Throws an InputError where there are none. */
export async function voiceFiles(folder: string): Promise<VoiceFile[]> {
  const found = await stat(onDisk(folder)).catch((error) => {
    throw wrong(folder, systemReason(error, { ENOENT: "no such folder", ENOTDIR: "no such folder" }));
  });
  if (!found.isDirectory()) throw wrong(folder, "is no folder: it takes one with a recording of each voice");
  const rules = { recursive: true, include: [], exclude: [] };
  const { inputs, problems: [problem] } = await findInputs<never>([{ kind: "file", path: folder }], rules);
  if (problem && inputs.length > 0) throw new InputError(problem.message);
  if (problem) throw wrong(problem.path, "holds no recordings of voices");
  return inputs.map(({ path, folder: below }) => {
    const called = below === undefined ? withoutExtension(basename(path)) : slashed(below).split("/")[0]!;
    return { name: nameOf(called, path), path };
  });
}

function nameOf(called: string, path: string): string {
  const name = speakerName(printable(called));
  if (name === undefined) throw wrong(path, "has no name: a recording is named after whom it is of");
  if (unknownSpeaker(name) !== undefined) throw wrong(path, `is of nobody: unknown speakers are called ${name}`);
  return name;
}

function wrong(path: string, message: string): InputError {
  return new InputError(`--voices ${printable(path)}: ${message}`);
}
