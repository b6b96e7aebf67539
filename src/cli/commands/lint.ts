/** `qwen-asr lint`: lists what breaks the rules in SRT and WebVTT files. The exit code is 1 if anything does. */

import { InputError } from "../../errors.ts";
import { lintSubtitles } from "../../subtitles/lint.ts";
import { parseSubtitles } from "../../subtitles/parse.ts";
import type { LintOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { exitCode } from "../terminal.ts";
import { printable } from "../../writer.ts";

type LintParts = Pick<ProgramParts, "terminal" | "readText">;

export async function lintFiles({ terminal, readText }: LintParts, options: LintOptions): Promise<number> {
  let findings = 0;
  let failed = false;
  for (const input of options.inputs) {
    if (terminal.stop.drain.aborted) break;
    const path = input.kind === "stdin" ? "-" : input.path;
    const name = path === "-" ? "standard input" : printable(path);
    try {
      const text = await readText(path);
      const subtitles = parseSubtitles(text);
      if (!subtitles) throw new InputError(`${name}: is ${text.trim() === "" ? "empty" : "neither SRT nor WebVTT"}`);
      const found = lintSubtitles(subtitles, options.rules);
      for (const { line, message } of found) terminal.stdout.write(`${name}:${line}: ${printable(message)}\n`);
      const { length } = subtitles.cues;
      if (found.length === 0) terminal.stdout.write(`${name}: ${length} cue${length === 1 ? "" : "s"}, no problems\n`);
      findings += found.length;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      terminal.stderr.write(`qwen-asr: ${error.message}\n`);
      failed = true;
    }
  }
  return exitCode(terminal, failed || findings > 0);
}
