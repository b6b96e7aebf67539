/** The inputs of a command line: options in, what to read and how out; those not worth reading are reported. */

import type { AudioInput } from "../audio/input.ts";
import { InputError } from "../errors.ts";
import { type InputSource, meantCommand, type TranscribeOptions } from "./parse.ts";
import type { ProgramParts } from "./parts.ts";
import type { Report } from "./report.ts";

export function audioInput(
  source: InputSource,
  { raw, fromSec, toSec, track }: Pick<TranscribeOptions, "raw" | "fromSec" | "toSec" | "track">,
): AudioInput {
  return {
    ...source,
    ...(raw === undefined ? {} : { raw }),
    ...(track === undefined ? {} : { track }),
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
