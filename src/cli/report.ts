/**
 * What a run of the command line says to people: notices and totals in, lines on standard error out; and the transcript
 * of one recording on its way to standard output or a file.
 *
 * Errors and lost text are always told; the rest not with --silent, and some of it only with --debug.
 */

import { inputName } from "../audio/input.ts";
import { isLoss } from "../audio/joined_line.ts";
import { microphoneName } from "../audio/microphone.ts";
import type { TimedSegment } from "../document/document.ts";
import { InputError } from "../errors.ts";
import { type Hardship, hardship } from "../files/rescue.ts";
import type { Format } from "../output/formats.ts";
import { type Audit, auditLine } from "../document/audit.ts";
import type { Notice } from "../pipeline/events.ts";
import { withoutSecrets } from "../secrets.ts";
import { counted } from "../units.ts";
import { printable, type TextWriter } from "../writer.ts";
import type { InputSource, TranscribeOptions } from "./parse.ts";
import type { Terminal } from "./terminal.ts";
import { wrapped } from "./wrap.ts";

/** What all recordings of a run took. */
export type Totals = { files: number; textTokens: number; encodeMs: number; decodeMs: number; audioSec: number };

type Work = Omit<Totals, "files">;

/** What the aligner of a run did. */
export type AlignTotals = { readonly words: number; readonly encodeMs: number; readonly alignMs: number };

export class Report {
  readonly #totals: Totals = { files: 0, textTokens: 0, encodeMs: 0, decodeMs: 0, audioSec: 0 };
  #language = "";
  /** Inputs whose turn has come, and those of them that were heard to the end or have failed. */
  readonly #begun = new Set<InputSource>();
  readonly #over = new Set<InputSource>();
  readonly #failed = new Set<InputSource>();
  readonly #failures: { readonly source: InputSource; readonly message: string }[] = [];

  /** Text of some input is known to be missing. */
  isDoubtful = false;

  /** What is drawn on the same terminal, and makes place for lines. */
  #beside: { hide(): void; show(): void } | undefined;

  constructor(readonly terminal: Terminal, readonly verbosity: TranscribeOptions["verbosity"]) {}

  /** From now on, lines are written above what `drawing` shows; undefined: nothing is drawn any more. */
  writeAbove(drawing: { hide(): void; show(): void } | undefined): void {
    this.#beside = drawing;
  }

  /** A line for people who watch. */
  say(line: string): void {
    if (this.verbosity !== "silent") this.#write(`${line}\n`);
  }

  debug(line: string): void {
    if (this.verbosity === "debug") this.say(line);
  }

  /** What the core has to say, about `source` where text of it is lost. */
  notice({ kind, text }: Notice, source?: InputSource): void {
    if (kind === "debug") this.debug(text);
    else if (kind === "loss" && source) this.loss(source, text);
    else this.say(text);
  }

  /** Text of the input is missing. */
  loss(source: InputSource, text: string): void {
    this.isDoubtful = true;
    this.complain(source, text);
  }

  /** What the core found missing in a transcript. */
  audit(source: InputSource, audit: Audit): void {
    if (audit.gaps.length > 0) this.loss(source, auditLine(audit));
    else this.debug(`Audit: ${auditLine(audit)}`);
  }

  /** "qwen-asr: talk.wav: what is wrong", the name once. */
  complain(source: InputSource, message: string): void {
    const name = inputName(source);
    const line = printable(message);
    this.#write(`qwen-asr: ${line.startsWith(`${name}: `) ? line : `${name}: ${line}`}\n`);
  }

  /** What is wrong with an output. */
  readonly tell = (line: string): void => this.#write(`qwen-asr: ${line}\n`);

  /** For outputs; `spare` takes a text that no file takes. */
  hardship(spare?: TextWriter): Hardship {
    return hardship(this.tell, spare);
  }

  /** What is odd about a recording, which is transcribed all the same; of a silent run, what was left out. */
  warn(source: InputSource, warnings: readonly string[]): void {
    const told = this.verbosity === "silent" ? warnings.filter(isLoss) : warnings;
    for (const warning of told) this.complain(source, warning);
  }

  /** The language that is spoken, where it is another than before; `source`: named, because there are several. */
  language(name: string, source?: InputSource): void {
    if (name !== this.#language) this.say(`Language: ${name}${source ? ` (${label(source)})` : ""}`);
    this.#language = name;
  }

  /** A line that was asked for by itself, also with --silent. */
  monitor(line: string): void {
    this.#write(`${line}\n`);
  }

  /**
   * What `work` gives; undefined after an InputError, which is reported: it concerns one recording, and the others
   * still run.
   */
  async orReport<T>(source: InputSource, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.over(source);
      this.failed(source, error.message);
      if (error.hint) this.#write(`hint: ${error.hint}\n`);
      return undefined;
    }
  }

  /** The input cannot be read, or not to its end. */
  failed(source: InputSource, message: string): void {
    this.#failures.push({ source, message });
    this.#failed.add(source);
    this.complain(source, message);
  }

  begin(source: InputSource): void {
    this.#begun.add(source);
  }

  /** The input was heard to its end, or has failed. */
  over(source: InputSource): void {
    this.#over.add(source);
  }

  /** The inputs that have failed since the last call. */
  takeFailures() {
    return this.#failures.splice(0);
  }

  /** Of several inputs, those that failed: their lines may be far above. Where all did, there is nothing else. */
  sayFailed(inputs: readonly InputSource[]): void {
    if (this.#failed.size === 0 || this.#failed.size >= inputs.length || this.terminal.stop.drop.aborted) return;
    this.say(`Failed: ${[...this.#failed].map(label).join(", ")}`);
  }

  /** Of several inputs, those whose text a signal has cut or prevented. */
  stopped(inputs: readonly InputSource[]): void {
    const { drain, drop } = this.terminal.stop;
    if (!drain.aborted || drop.aborted || inputs.length < 2) return;
    const left = inputs.filter((source) => !this.#over.has(source));
    const [cut, unbegun] = [true, false].map((isBegun) =>
      left.filter((source) => this.#begun.has(source) === isBegun).map(label).join(", ")
    );
    if (cut) this.#write(`Cut short: ${cut}\n`);
    if (unbegun) this.#write(`Not begun: ${unbegun}\n`);
  }

  /** A recording is done. */
  count({ textTokens, encodeMs, decodeMs, audioSec }: Work): void {
    this.#totals.files++;
    this.#totals.textTokens += textTokens;
    this.#totals.encodeMs += encodeMs;
    this.#totals.decodeMs += decodeMs;
    this.#totals.audioSec += audioSec;
  }

  /** The lines at the end, in the C program's words. */
  summarise(aligned?: AlignTotals): void {
    if (this.terminal.stop.drop.aborted || this.#totals.files === 0) return;
    const { textTokens, encodeMs, decodeMs, audioSec } = this.#totals;
    const totalMs = encodeMs + decodeMs;
    const rate = totalMs > 0 ? (1000 * textTokens) / totalMs : 0;
    this.say(
      `Inference: ${totalMs.toFixed(0)} ms, ${textTokens} text tokens (${rate.toFixed(2)} tok/s, ` +
        `encoding: ${encodeMs.toFixed(0)}ms, decoding: ${decodeMs.toFixed(0)}ms)`,
    );
    if (aligned) {
      const { words, encodeMs: heardMs, alignMs } = aligned;
      this.say(
        `Alignment: ${(heardMs + alignMs).toFixed(0)} ms, ${counted(words, "word")} (encoding: ${
          heardMs.toFixed(0)
        }ms)`,
      );
    }
    if (audioSec <= 0) return;
    if (totalMs <= 0) return this.say(`Audio: ${figure(audioSec)} s, not decoded`);
    const seconds = totalMs / 1000;
    const speed = (audioSec / seconds).toFixed(2);
    this.say(`Audio: ${figure(audioSec)} s processed in ${figure(seconds)} s (${speed}x realtime)`);
  }

  #write(text: string): void {
    this.#beside?.hide();
    this.terminal.stderr.write(withoutSecrets(text));
    this.#beside?.show();
  }
}

/** The C program's one decimal, or as many as it takes not to say 0.0. */
function figure(seconds: number): string {
  return seconds < 0.095 ? String(Number(seconds.toPrecision(2))) : seconds.toFixed(1);
}

/** The name of an input in front of its text. */
export function label(source: InputSource): string {
  if (source.kind === "stdin") return source.microphone === undefined ? "stdin" : microphoneName;
  return printable(source.path);
}

type HeadingOptions =
  & Pick<TranscribeOptions, "headings" | "inputs">
  & Partial<Pick<TranscribeOptions, "withFilename">>;

/** Names above the texts of several inputs, for people on a terminal, who see one text after the other. */
export class Headings {
  #isFirst = true;
  readonly #areShown: boolean;

  constructor(
    { isWatched = false }: Terminal,
    { headings, inputs, withFilename = false }: HeadingOptions,
  ) {
    this.#areShown = isWatched && headings && !withFilename && inputs.length > 1;
  }

  /** The lines before the text of an input; "" where none is wanted. */
  of(source: InputSource): string {
    if (!this.#areShown) return "";
    const space = this.#isFirst ? "" : "\n";
    this.#isFirst = false;
    return `${space}==> ${label(source)} <==\n`;
  }
}

/** Where text goes: a terminal gets it in lines that break between words. */
export function page(out: TextWriter, { stdout, screen }: Terminal): TextWriter {
  return out === stdout && screen ? wrapped(out, screen.columns) : out;
}

/** Standard output for one of `formats`, if it is asked for one. */
export function pageOf(formats: readonly Format[], terminal: Terminal): TextWriter {
  return formats.join() === "text" ? page(terminal.stdout, terminal) : terminal.stdout;
}

/** One input's text on its way out: label, pieces, newline. Held back to the end where the run is silent. */
export class Paragraph {
  #held = "";
  #started = false;
  #isLineStart = true;

  /** `prefix` stands before the first piece, and before each that follows one with a newline at its end. */
  constructor(readonly out: TextWriter, readonly prefix: string, readonly holdsBack: boolean) {}

  write(piece: string): void {
    if (this.#isLineStart) this.#put(this.prefix);
    this.#started = true;
    this.#isLineStart = piece.endsWith("\n");
    this.#put(piece);
  }

  /** `isComplete`: an empty text is the result, and gets its line too. */
  end(isComplete: boolean): void {
    if (!this.#started && !isComplete) return;
    if (!this.#started || !this.#isLineStart) this.write("\n");
    this.out.write(this.#held);
  }

  #put(text: string): void {
    if (this.holdsBack) this.#held += text;
    else this.out.write(text);
  }
}

/** "12.320\t12.640\tword": seconds from the start of the recording. */
export function wordLines(segments: readonly TimedSegment[], prefix = ""): string {
  const second = (ms: number) => (ms / 1000).toFixed(3);
  return segments.flatMap(({ words = [] }) => words)
    .map(({ startMs, endMs, text }) => `${prefix}${second(startMs)}\t${second(endMs)}\t${lineText(text)}\n`).join("");
}

function lineText(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
