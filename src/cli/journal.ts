/**
 * The journals of a run: what was heard of each recording, so that --resume goes on from there. In: the events of the
 * core. Out: after a crash the same events, and where the core continues.
 *
 * There is one journal beside each output; of an output that several recordings share, it has all of them. The events
 * of a segment are one line, written when the segment is done, so whatever the core tells of it comes back.
 */

import { createHash } from "node:crypto";
import type { TimedSegment } from "../document/document.ts";
import { InputError } from "../errors.ts";
import { Journal, journalLines, type JournalPlace, type JournalValue, journalValues } from "../files/journal.ts";
import type { Progress, Resume, TranscribeEvent } from "../pipeline/events.ts";
import { nothingHeard } from "../pipeline/transcribe.ts";
import type { Samples } from "../units.ts";
import { printable } from "../writer.ts";
import type { LoadedAudio } from "./parts.ts";

/** What decides the text: the same key and the same audio give the same events. Plain data. */
export type JournalKey = {
  readonly program: string;
  readonly model: JournalValue;
  readonly aligner: JournalValue | null;
  readonly options: JournalValue;
};

/** What an earlier run heard of a recording, by channel where these are apart. */
export type Past = {
  readonly section: number;
  readonly sides: readonly PastSide[];
};

export type PastSide = {
  readonly events: readonly TranscribeEvent[];
  readonly resume: Resume;
  /** Segments with the aligner's times, from the first on. */
  readonly timed: readonly TimedSegment[];
};

/** What an interrupted run has told of a recording, in its order. */
export function pastEvents(past: Past | undefined, hasSides: boolean): TranscribeEvent[] {
  return past?.sides.flatMap(({ events }, index): TranscribeEvent[] =>
    hasSides ? [{ kind: "side", index }, ...events] : [...events]
  ) ?? [];
}

/** A segment's events, or its times; `of` is the section, `side` the channel. */
type Entry =
  & { readonly of: number; readonly side: number }
  & (
    | { readonly events: readonly TranscribeEvent[]; readonly progress: Progress }
    | { readonly timed: TimedSegment }
  );

type Section = { readonly recording: string; readonly audio: string; readonly entries: JournalPlace[] };

const version = 1;

/** The journal at a path, of one run after the other. */
export class RunJournal {
  readonly #path: string;
  readonly #key: JournalKey;
  readonly #sections: Section[];
  /** Sections of recordings of this run. */
  readonly #taken = new Set<number>();
  readonly #journal: Journal;

  private constructor(path: string, key: JournalKey, sections: Section[], journal: Journal) {
    this.#path = path;
    this.#key = key;
    this.#sections = sections;
    this.#journal = journal;
  }

  /** Nothing is written until a recording begins. Throws InputError where a resumed journal is of something else. */
  static async open(path: string, key: JournalKey, isResumed: boolean, tell: (line: string) => void) {
    const sections: Section[] = [];
    let end = 0;
    if (isResumed) {
      for await (const { value, ...place } of journalLines(path)) {
        if (end === 0) checkKey(path, value, key);
        else if ("recording" in value) {
          const { recording, audio } = value as Record<"recording" | "audio", string>;
          sections.push({ recording, audio, entries: [] });
        } else sections[(value as Entry).of]?.entries.push(place);
        end = place.end;
      }
    }
    return new RunJournal(path, key, sections, new Journal(path, end, tell));
  }

  /**
   * What is known of a recording, by its name or, where that has changed, by its sound; undefined: nothing. Throws
   * InputError where it is another one. `isAlone`: no other is in this journal.
   */
  async pastOf(recording: string, audio: string, isAlone: boolean): Promise<Past | undefined> {
    const find = (test: (section: Section) => boolean) =>
      this.#sections.findIndex((section, index) => !this.#taken.has(index) && test(section));
    const named = find((one) => one.recording === recording && one.audio === audio);
    const section = named >= 0 ? named : find((one) => one.audio === audio);
    if (section < 0) {
      const isOther = find((one) => isAlone || one.recording === recording) >= 0;
      if (isOther) throw refusal(this.#path, "another recording");
      return undefined;
    }
    this.#taken.add(section);
    const entries = await journalValues(this.#path, this.#sections[section]!.entries);
    return { section, sides: sidesOf(entries as unknown as Entry[]) };
  }

  /** A recording begins, or goes on. */
  begin(recording: string, audio: string, past?: Past): RecordingJournal {
    if (this.#sections.length === 0) this.#journal.write({ journal: version, ...this.#key });
    if (past) return new RecordingJournal(this.#journal, past.section);
    this.#journal.write({ recording, audio });
    const section = this.#sections.push({ recording, audio, entries: [] }) - 1;
    this.#taken.add(section);
    return new RecordingJournal(this.#journal, section);
  }

  /** Resolves when the disk has what was written. */
  flush(): Promise<void> {
    return this.#journal.flush();
  }

  /** `isDone`: nobody will go on from it. */
  async end(isDone: boolean): Promise<void> {
    await (isDone ? this.#journal.remove() : this.#journal.close());
  }
}

/** One recording on its way to its journal. */
export class RecordingJournal {
  #side = 0;
  #events: TranscribeEvent[] = [];

  constructor(readonly journal: Journal, readonly section: number) {}

  take(event: TranscribeEvent): void {
    if (event.kind === "side") this.#side = event.index;
    else if (event.kind === "progress") this.#write({ events: this.#events.splice(0), progress: event.progress });
    else if (event.kind === "text") this.#addText(event.text);
    else if (!["submitted", "debug", "notice"].includes(event.kind)) this.#events.push(event);
  }

  /** A segment of channel `side` has its times. */
  timed(side: number, timed: TimedSegment): void {
    this.#write({ timed }, side);
  }

  #addText(text: string): void {
    const last = this.#events.at(-1);
    if (last?.kind === "text") this.#events[this.#events.length - 1] = { kind: "text", text: last.text + text };
    else this.#events.push({ kind: "text", text });
  }

  #write(value: JournalValue, side = this.#side): void {
    this.journal.write({ of: this.section, side, ...value });
  }
}

function sidesOf(entries: readonly Entry[]): PastSide[] {
  const sides: { events: TranscribeEvent[]; resume: Resume; timed: TimedSegment[] }[] = [];
  for (const entry of entries) {
    const resume: Resume = { text: "", progress: nothingHeard };
    const side = sides[entry.side] ??= { events: [], resume, timed: [] };
    if ("timed" in entry) side.timed.push(entry.timed);
    else {
      const text = entry.events.map((event) => event.kind === "text" ? event.text : "").join("");
      side.events.push(...entry.events);
      side.resume = { text: side.resume.text + text, progress: entry.progress };
    }
  }
  return sides;
}

function checkKey(path: string, { journal, ...known }: JournalValue, key: JournalKey): void {
  const { program, model, aligner, options } = JSON.parse(JSON.stringify(key)) as JournalKey;
  const same = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right);
  if (journal !== version || known["program"] !== program) throw refusal(path, "another version of the program");
  if (!same(known["model"], model) || !same(known["aligner"], aligner)) throw refusal(path, "another model");
  const before = known["options"] as JournalValue;
  const names = [...new Set([...Object.keys(before), ...Object.keys(options)])];
  const changed = names.filter((name) => !same(before[name], options[name]));
  if (changed.length > 0) throw refusal(path, `other options (${changed.map(optionName).join(", ")})`);
}

/** "segmentSec" -> "segment-sec". */
function optionName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function refusal(path: string, what: string): InputError {
  const hint = "without --resume, the recording is transcribed from the beginning";
  return new InputError(`${printable(path)}: the interrupted run was of ${what}, so it cannot go on`, hint);
}

const blocksCount = 64;
const blockSamples = 4096;

/**
 * Tells recordings apart: a hash of the levels of all their 10 ms, and of samples from many places. `sides` are the
 * channels where these are apart.
 */
export async function audioIdentity(
  sides: readonly Pick<LoadedAudio, "levels" | "length" | "read">[],
): Promise<string> {
  const hash = createHash("sha256");
  for (const audio of sides) {
    hash.update(`${audio.length} `).update(bytesOf(audio.levels));
    await addBlocks(hash, audio);
  }
  return hash.digest("hex").slice(0, 32);
}

async function addBlocks(hash: ReturnType<typeof createHash>, audio: Samples): Promise<void> {
  const step = Math.max(blockSamples, Math.floor(audio.length / blocksCount));
  for (let at = 0; at < audio.length; at += step) {
    hash.update(bytesOf(await audio.read(at, Math.min(audio.length, at + blockSamples))));
  }
}

function bytesOf(values: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
