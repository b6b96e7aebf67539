/**
 * The summary file of a run (--summary), written while it goes on, so that a run that is killed has one too. In: what
 * happens with each recording. Out: a file that is replaced as a whole. And which inputs of an earlier run have failed.
 */

import { InputError, UsageError } from "../errors.ts";
import { readSmallFile, replaceSmallFile } from "../files/small_file.ts";
import { parseSummary, type SummaryFormat, summaryFormatOf, type SummaryRow, summaryText } from "../output/summary.ts";
import type { HeardSegment } from "../pipeline/events.ts";
import type { Transcript } from "../pipeline/transcribe.ts";
import { spacelessLetters } from "../text/scripts.ts";
import { printable } from "../writer.ts";
import type { InputSource } from "./parse.ts";

/** Between two writings of the file. */
const writeMsMin = 1000;
const word = new RegExp(
  String.raw`[${spacelessLetters}]|(?:(?![${spacelessLetters}])[\p{L}\p{N}\p{M}'\u2019-])+`,
  "gu",
);

export type SummaryClock = {
  /** Milliseconds. */
  now(): number;
  /** Bytes. */
  peakMemory(): number;
};

/** What is gathered of one recording. */
type Gathered = {
  readonly beganMs: number;
  firstMs: number | undefined;
  words: number;
  logprob: number;
  tokens: number;
};

export class Summary {
  readonly #path: string;
  readonly #format: SummaryFormat;
  readonly #clock: SummaryClock;
  readonly #rows: Map<string, SummaryRow>;
  readonly #gathered = new Map<string, Gathered>();
  #writtenMs = -Infinity;

  private constructor(path: string, format: SummaryFormat, rows: readonly SummaryRow[], clock: SummaryClock) {
    this.#path = path;
    this.#format = format;
    this.#clock = clock;
    this.#rows = new Map(rows.map((row) => [row.file, row]));
  }

  /** `goesOn`: rows of an earlier run are kept, until their files are done again. */
  static async open(path: string, goesOn: boolean, clock: SummaryClock): Promise<Summary> {
    const format = formatOf(path);
    return new Summary(path, format, goesOn ? await rowsOf(path, format) ?? [] : [], clock);
  }

  /** The recording is read. */
  begin(source: InputSource): void {
    const nothing = { firstMs: undefined, words: 0, logprob: 0, tokens: 0 };
    this.#gathered.set(keyOf(source), { beganMs: this.#clock.now(), ...nothing });
  }

  /** Something of it is heard. */
  heard(source: InputSource, { text, tokens }: HeardSegment): void {
    const own = this.#gathered.get(keyOf(source));
    if (!own) return;
    own.firstMs ??= this.#clock.now();
    own.words += text.match(word)?.length ?? 0;
    own.logprob += tokens.reduce((sum, { logprob }) => sum + logprob, 0);
    own.tokens += tokens.length;
  }

  /** It is heard, to its end or until a signal came. */
  async done(source: InputSource, transcript: Transcript, durationSec: number): Promise<void> {
    const file = nameOf(source);
    const key = keyOf(source);
    const { beganMs, firstMs, words, logprob, tokens } = this.#gathered.get(key)!;
    const { audioSec, languages, textTokens, decodeMs, stopped } = transcript;
    const seconds = (this.#clock.now() - beganMs) / 1000;
    this.#gathered.delete(key);
    await this.#add(key, {
      file,
      duration: rounded(durationSec, 3),
      language: [...new Set(languages)].join("+") || undefined,
      words,
      confidence: tokens === 0 ? undefined : rounded(Math.exp(logprob / tokens), 4),
      seconds: rounded(seconds, 3),
      first_token: firstMs === undefined ? undefined : rounded((firstMs - beganMs) / 1000, 3),
      tokens_per_second: decodeMs > 0 ? rounded(textTokens / (decodeMs / 1000), 2) : undefined,
      rtf: audioSec > 0 ? rounded(seconds / audioSec, 4) : undefined,
      peak_rss: this.#clock.peakMemory(),
      error: stopped ? "cut short" : undefined,
    });
  }

  async failed(source: InputSource, message: string): Promise<void> {
    const file = nameOf(source);
    const key = keyOf(source);
    this.#gathered.delete(key);
    const unknown = { duration: undefined, language: undefined, words: undefined, confidence: undefined };
    const times = { seconds: undefined, first_token: undefined, tokens_per_second: undefined, rtf: undefined };
    const peak_rss = this.#clock.peakMemory();
    await this.#add(key, { file, ...unknown, ...times, peak_rss, error: message });
  }

  /** Throws OutputError. */
  async write(): Promise<void> {
    this.#writtenMs = this.#clock.now();
    await replaceSmallFile(this.#path, summaryText([...this.#rows.values()], this.#format));
  }

  async #add(key: string, row: SummaryRow): Promise<void> {
    this.#rows.delete(row.file); // Its place is that of this run.
    this.#rows.delete(key);
    this.#rows.set(key, row);
    if (this.#clock.now() - this.#writtenMs < writeMsMin) return;
    await this.write().catch(() => {}); // The last time says it, and the recordings go on.
  }
}

/** The inputs that an earlier run's summary says have failed, and those of which it says nothing. */
export async function failedInputs(path: string, inputs: readonly InputSource[]): Promise<InputSource[]> {
  const rows = await rowsOf(path, formatOf(path));
  if (!rows) throw new InputError(`${printable(path)}: there is no summary of an earlier run`);
  const done = Map.groupBy(rows.filter(({ error }) => error === undefined), ({ file }) => file);
  const named = Map.groupBy(inputs, nameOf); // URLs can have one name, where only their keys are different.
  return inputs.filter((source) => {
    const name = nameOf(source);
    return (done.get(name)?.length ?? 0) < named.get(name)!.length;
  });
}

async function rowsOf(path: string, format: SummaryFormat): Promise<SummaryRow[] | undefined> {
  const text = await readSmallFile(path);
  return text === undefined ? undefined : parseSummary(text, format, printable(path));
}

function formatOf(path: string): SummaryFormat {
  const format = summaryFormatOf(path);
  if (!format) throw new UsageError(`--summary ${printable(path)} has to end in .csv, .tsv or .json`);
  return format;
}

/** Of one recording in this run. */
function keyOf(source: InputSource): string {
  return source.kind === "stdin" ? "stdin" : source.path;
}

/** A name that is no UTF-8 is shown as it is in messages: files of text cannot have it. */
function nameOf(source: InputSource): string {
  return source.kind === "stdin" ? "stdin" : printable(source.path);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
