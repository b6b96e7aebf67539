/** The inputs of a command line: options in, what to read and how out; those not worth reading are reported. */

import { type ByteReader, STDIN_NAME } from "../audio/bytes.ts";
import type { AudioInput } from "../audio/input.ts";
import { isUrl } from "../audio/url.ts";
import { InputError, UsageError } from "../errors.ts";
import { findInputs, type Found, listedInputs } from "../files/inputs.ts";
import { dirname, isAbsolute, join } from "../path_bytes.ts";
import { parseTerms, type Term } from "../views/terms.ts";
import { TextView, type ViewOptions } from "../views/view.ts";
import { printable } from "../writer.ts";
import { checkCount, type InputSource, meantCommand, type TranscribeOptions } from "./parse.ts";
import type { ProgramParts } from "./parts.ts";
import type { Report } from "./report.ts";

export function audioInput(
  source: InputSource,
  { raw, fromSec, toSec, track, channel, decoder, allowsUrl }:
    & Pick<TranscribeOptions, "raw" | "fromSec" | "toSec" | "track" | "channel" | "decoder">
    & Partial<Pick<TranscribeOptions, "allowsUrl">>,
): AudioInput {
  return {
    ...source,
    ...(allowsUrl === undefined ? {} : { allowsUrl }),
    ...(raw === undefined ? {} : { raw }),
    ...(track === undefined ? {} : { track }),
    ...(channel === undefined ? {} : { channel }),
    ...(decoder === "auto" ? {} : { decoder }),
    ...(fromSec === undefined ? {} : { fromSec }),
    ...(toSec === undefined ? {} : { toSec }),
  };
}

type Expanded = { readonly options: TranscribeOptions; readonly failed: boolean };

/** The options with files instead of folders, patterns and lists. What could not be looked at is reported. */
export async function expandInputs(
  { openBytes }: Pick<ProgramParts, "openBytes">,
  options: TranscribeOptions,
  report: Report,
): Promise<Expanded> {
  const { filesFrom } = options.jobs;
  const listed = filesFrom === undefined ? [] : listedInputs(await allBytes(await openBytes(filesFrom)));
  const found = await findInputs([...options.inputs, ...listed], options.jobs);
  for (const { path, message } of found.problems) report.failed({ kind: "file", path }, message);
  sayLeftOut(found, report);
  const expanded = { ...options, inputs: found.inputs };
  checkCount(expanded);
  if (found.inputs.length === 0 && found.problems.length === 0) throw new InputError(nothingLeft(found));
  return { options: expanded, failed: found.problems.length > 0 };
}

async function allBytes(reader: ByteReader): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let part = await reader.next(); part; part = await reader.next()) parts.push(part.slice());
  await reader.close();
  return Buffer.concat(parts);
}

function sayLeftOut({ othersCount, excludedCount }: Found<InputSource>, report: Report): void {
  if (othersCount > 0) report.say(`Not recordings, left out: ${othersCount} ${othersCount === 1 ? "file" : "files"}`);
  if (excludedCount > 0) report.debug(`Left out by --include and --exclude: ${excludedCount}`);
}

function nothingLeft({ excludedCount }: Found<InputSource>): string {
  return excludedCount > 0 ? "--include and --exclude leave no input" : "the list names no input";
}

/** As readText takes it. */
export function inputPath(input: InputSource): string {
  return input.kind === "stdin" ? "-" : input.path;
}

/** For messages. */
export function inputName(input: InputSource): string {
  return input.kind === "stdin" ? STDIN_NAME : printable(input.path);
}

/** A recording that a manifest names: a path is relative to the manifest's folder. */
export function besideManifest(manifest: InputSource, audio: string): string {
  return manifest.kind === "file" && !isAbsolute(audio) && !isUrl(audio) ? join(dirname(manifest.path), audio) : audio;
}

/** The inputs worth reading; the others are reported. */
export async function checkInputs(
  parts: Pick<ProgramParts, "checkInput">,
  options: TranscribeOptions,
  report: Report,
): Promise<InputSource[]> {
  const readable: InputSource[] = [];
  for (const source of options.inputs) {
    const check = () =>
      parts.checkInput(audioInput(source, options)).then(() => true, (error) => {
        throw withMeantCommand(error, source);
      });
    if (await report.orReport(source, check)) readable.push(source);
  }
  return readable;
}

/** The error, with a hint where the input looks like a command. */
function withMeantCommand(error: unknown, source: InputSource): unknown {
  const meant = source.kind === "file" ? meantCommand(source.path) : undefined;
  if (meant === undefined || !(error instanceof InputError) || error.hint !== undefined) return error;
  const isExact = source.kind === "file" && source.path === meant;
  const hint = isExact
    ? `a command has to be the first word: qwen-asr ${meant} ...`
    : `did you mean the command "${meant}"?`;
  return new InputError(error.message, hint, { cause: error.cause });
}

/** How text is written, and the terms of the file of --terms, which is read. `view` is undefined for text as spoken. */
export async function openView(
  { readText }: Pick<ProgramParts, "readText">,
  views: ViewOptions,
): Promise<{ readonly view: TextView | undefined; readonly terms: readonly Term[] }> {
  const terms = views.terms === undefined ? [] : await readTerms(readText, views.terms);
  return { view: await TextView.open(views, terms), terms };
}

async function readTerms(readText: ProgramParts["readText"], path: string): Promise<Term[]> {
  try {
    return parseTerms(await readText(path), `--terms ${printable(path)}`);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new UsageError(`--terms ${error.message}`);
  }
}
