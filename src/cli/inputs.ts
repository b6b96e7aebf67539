/** The inputs of a command line: options in, what to read and how out; those not worth reading are reported. */

import type { AudioInput } from "../audio/input.ts";
import { InputError, UsageError } from "../errors.ts";
import { parseTerms, type Term } from "../views/terms.ts";
import { TextView, type ViewOptions } from "../views/view.ts";
import { printable } from "../writer.ts";
import { type InputSource, meantCommand, type TranscribeOptions } from "./parse.ts";
import type { ProgramParts } from "./parts.ts";
import type { Report } from "./report.ts";

export function audioInput(
  source: InputSource,
  { raw, fromSec, toSec, track, channel }: Pick<
    TranscribeOptions,
    "raw" | "fromSec" | "toSec" | "track" | "channel"
  >,
): AudioInput {
  return {
    ...source,
    ...(raw === undefined ? {} : { raw }),
    ...(track === undefined ? {} : { track }),
    ...(channel === undefined ? {} : { channel }),
    ...(fromSec === undefined ? {} : { fromSec }),
    ...(toSec === undefined ? {} : { toSec }),
  };
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
