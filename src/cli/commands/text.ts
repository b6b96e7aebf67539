/**
 * `qwen-asr text`: plain text, line by line, as the views of a transcript would write it. No model is loaded.
 *
 * In: UTF-8. Out: as many lines on standard output, each as soon as it is whole; the mark at the start of a file, the
 * ends of lines and a missing last one stay. Other bytes end it with an error that says where they are.
 */

import { type ByteReader, STDIN_NAME } from "../../audio/bytes.ts";
import { sniff, SNIFF_BYTES } from "../../audio/sniff.ts";
import { InputError } from "../../errors.ts";
import { untilStopped } from "../../stop.ts";
import { written } from "../../views/piece.ts";
import { punctuated } from "../../views/punctuation.ts";
import { printable } from "../../writer.ts";
import { openView } from "../inputs.ts";
import type { TextOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { exitCode } from "../terminal.ts";

type TextParts = Pick<ProgramParts, "terminal" | "openBytes" | "readText">;

export async function rewriteText(parts: TextParts, options: TextOptions): Promise<number> {
  const { views, language, cuePunctuation, input } = options;
  const { terminal } = parts;
  const { stdout, stop } = terminal;
  const { view } = await openView(parts, views);
  const name = input.kind === "stdin" ? STDIN_NAME : printable(input.path);
  const reader = await parts.openBytes(input.kind === "stdin" ? "-" : input.path);
  try {
    const rewrite = (line: string) => {
      const text = view ? written(view.pieces(line, language)) : line;
      return written(punctuated(cuePunctuation, text));
    };
    let number = 0;
    const next = async () => {
      await stdout.drained(); // No more is read than is written.
      return await untilStopped(reader.next(), stop.drain);
    };
    for await (const bytes of linesOf(next)) {
      if (number === 0) checkText(bytes, name);
      stdout.write(rewritten(decoded(bytes, name, ++number), rewrite));
    }
  } finally {
    // Not waited for: a pipe that is silent would keep it.
    reader.close().catch(() => {});
  }
  return exitCode(terminal, false);
}

/** A recording is no text: its first bytes say what it is better than the first that is not UTF-8. */
function checkText(bytes: Uint8Array, name: string): void {
  const sniffed = sniff(bytes.subarray(0, SNIFF_BYTES));
  if (sniffed.kind !== "wav" && sniffed.kind !== "container") return;
  const kind = sniffed.kind === "wav" ? "WAV" : sniffed.name;
  throw new InputError(`${name}: looks like ${kind} audio, not text`, "without the command text it is transcribed");
}

const newline = 0x0a;

/** The lines with their ends; the last may lack one. */
async function* linesOf(next: ByteReader["next"]): AsyncGenerator<Uint8Array> {
  let begun: Uint8Array[] = [];
  for (let chunk = await next(); chunk; chunk = await next()) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      yield Buffer.concat([...begun, chunk.subarray(from, at + 1)]);
      [begun, from] = [[], at + 1];
    }
    if (from < chunk.length) begun.push(chunk.slice(from)); // The reader uses its memory again.
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}

function decoded(bytes: Uint8Array, name: string, number: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new InputError(`${name}: line ${number}, byte ${firstFault(bytes)}: not UTF-8`);
  }
}

/** Where the first byte is that no UTF-8 has there, counted from 1. */
function firstFault(bytes: Uint8Array): number {
  const isGood = (count: number) => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, count), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isGood(middle)) good = middle;
    else bad = middle;
  }
  return bad;
}

function rewritten(line: string, rewrite: (text: string) => string): string {
  const mark = line.startsWith("\ufeff") ? "\ufeff" : "";
  const end = line.endsWith("\r\n") ? "\r\n" : line.endsWith("\n") ? "\n" : "";
  return mark + rewrite(line.slice(mark.length, line.length - end.length)) + end;
}
