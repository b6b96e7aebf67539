/**
 * Writes a transcript document as JSON (docs/transcript.schema.json), and reads it.
 *
 * Times are seconds with at most three decimals. Reading checks the fields that it knows and says where something is
 * wrong. It ignores all others: within a version, fields are only ever added.
 */

import { InputError } from "../errors.ts";
import { speakerName } from "../speakers/label.ts";
import type { Speaker, SpeakerTurn } from "../speakers/turns.ts";
import {
  documentVersion,
  type Ending,
  type Gap,
  type TimedSegment,
  type TimedWord,
  type TranscriptDocument,
} from "./document.ts";
import { jsonFault } from "./json_fault.ts";
import { roundedLogprob } from "./logprobs.ts";

export type DocumentHead = Omit<TranscriptDocument, "segments" | "isComplete" | keyof Ending>;

/** How much of a wrong value a message shows. */
const SHOWN_CHARS_MAX = 40;

type Json = Readonly<Record<string, unknown>>;

export function headJson({ version, program, source, model, aligner, options }: DocumentHead): Json {
  return {
    version,
    program,
    source: { name: source.name, duration: seconds(source.durationMs) },
    model,
    ...(aligner ? { aligner } : {}),
    options,
  };
}

export function segmentJson(segment: TimedSegment): Json {
  const {
    startMs,
    endMs,
    text,
    spoken,
    language,
    speaker,
    languageProbability,
    noSpeech,
    isTruncated,
    isLooped,
    repaired,
    isCue,
    words,
  } = segment;
  return {
    start: seconds(startMs),
    end: seconds(endMs),
    text,
    ...(spoken === undefined ? {} : { spoken }),
    language,
    ...(languageProbability === undefined ? {} : { language_probability: Number(languageProbability.toFixed(4)) }),
    ...(speaker === undefined ? {} : { speaker }),
    ...(noSpeech === undefined ? {} : { no_speech: noSpeech }),
    ...(isTruncated ? { truncated: true } : {}),
    ...(isLooped ? { loop: true } : {}),
    ...(repaired ? { repaired } : {}),
    ...(isCue ? { cue: true } : {}),
    ...(words ? { words: words.map(wordJson) } : {}),
  };
}

/** What is known of it: the speakers, their turns, the gaps. */
export function endingJson({ speakers, turns, gaps }: Ending): Readonly<Record<string, readonly Json[]>> {
  return {
    ...(speakers && { speakers: speakers.map(speakerJson) }),
    ...(turns && { turns: turns.map(gapJson) }),
    ...(gaps && { gaps: gaps.map(gapJson) }),
  };
}

function speakerJson({ name, speechMs, turnsCount, similarity }: Speaker): Json {
  return {
    name,
    speech: seconds(speechMs),
    turns: turnsCount,
    ...(similarity === undefined ? {} : { similarity: Number(similarity.toFixed(4)) }),
  };
}

export function gapJson({ startMs, endMs, speaker }: Gap): Json {
  return { start: seconds(startMs), end: seconds(endMs), ...(speaker === undefined ? {} : { speaker }) };
}

function wordJson({ text, spoken, startMs, endMs, logprob, flag, speaker, isOverlapped }: TimedWord): Json {
  return {
    text,
    ...(spoken === undefined ? {} : { spoken }),
    start: seconds(startMs),
    end: seconds(endMs),
    ...(logprob === undefined ? {} : { logprob: roundedLogprob(logprob) }),
    ...(flag ? { flag } : {}),
    ...(speaker === undefined ? {} : { speaker }),
    ...(isOverlapped ? { overlap: true } : {}),
  };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}

/** Reads the text of a file that `-f json` wrote, or `-f jsonl` for one recording. `name` is for messages. */
export function readDocument(text: string, name: string): TranscriptDocument {
  const whole = parsed(text);
  const value = whole === undefined ? fromLines(text, name) : whole;
  return documentOf(new Place(value, "", name));
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return (value as Json | null)?.["type"] === undefined ? value : undefined; // A single line of jsonl is JSON too.
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Makes a document of its lines: the header, segments, and an end line if the run was complete. */
function fromLines(text: string, name: string): unknown {
  const numbered = text.split("\n").map((line, index) => ({ line, index })).filter(({ line }) => line.trim() !== "");
  const first = numbered[0]?.index;
  const lines = numbered.map(({ line, index }) => {
    try {
      return JSON.parse(line) as Json;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new InputError(`${name}: is not JSON: ${index === first ? jsonFault(text) : faultIn(line, index)}`);
    }
  });
  const heads = lines.filter((line) => line?.["type"] === "document");
  if (heads.length !== 1) {
    throw new InputError(`${name}: ${heads.length === 0 ? "is no transcript" : "holds several transcripts"}`);
  }
  const { type: _, ...head } = heads[0]!;
  const segments = lines.filter((line) => line?.["type"] === "segment");
  const end = lines.find((line) => line?.["type"] === "end" && line["complete"] === true);
  return { ...head, complete: end !== undefined, segments, ...endOf(end) };
}

function endOf(end: Json | undefined): Json {
  return { speakers: end?.["speakers"], turns: end?.["turns"], gaps: end?.["gaps"] };
}

/** A bad first line is taken for the beginning of one JSON of several lines; the place in a later one is its own. */
function faultIn(line: string, index: number): string {
  return (jsonFault(line) ?? "").replace(/^line 1/, `line ${index + 1}`);
}

function documentOf(place: Place): TranscriptDocument {
  const isOther = place.at("version").isAbsent && place.at("segments").isAbsent;
  if (isOther) throw new InputError(`${place.name}: is JSON, but no transcript`);
  const version = place.at("version").number();
  if (version !== 1 && version !== documentVersion) throw place.at("version").wrong("1 or 2, the versions known here");
  const aligner = place.at("aligner");
  return {
    version: documentVersion,
    program: place.at("program").string(),
    source: { name: place.at("source").at("name").string(), durationMs: place.at("source").at("duration").ms() },
    model: modelOf(place.at("model")),
    ...(aligner.isAbsent ? {} : { aligner: modelOf(aligner) }),
    options: place.at("options").plainValues(),
    isComplete: place.at("complete").boolean(),
    segments: segmentsOf(place.at("segments").list()),
    ...endingOf(place),
  };
}

function endingOf(place: Place): Ending {
  const [speakers, turns, gaps] = [place.at("speakers"), place.at("turns"), place.at("gaps")];
  return {
    ...(speakers.isAbsent ? {} : { speakers: speakers.list().map(inSpeakers) }),
    ...(turns.isAbsent ? {} : { turns: turns.list().map(turnOf) }),
    ...(gaps.isAbsent ? {} : { gaps: gaps.list().map((gap) => ({ ...spanOf(gap), ...speakerOf(gap) })) }),
  };
}

function inSpeakers(place: Place): Speaker {
  const similarity = place.at("similarity");
  return {
    name: place.at("name").speaker(),
    speechMs: place.at("speech").ms(),
    turnsCount: place.at("turns").count(),
    ...(similarity.isAbsent ? {} : { similarity: similarity.number() }),
  };
}

function turnOf(place: Place): SpeakerTurn {
  return { ...spanOf(place), speaker: place.at("speaker").speaker() };
}

function modelOf(place: Place): TranscriptDocument["model"] {
  const weights = place.at("weights").string();
  if (weights !== "bf16" && weights !== "int8" && weights !== "int4") throw place.at("weights").wrong("a precision");
  return {
    name: place.at("name").string(),
    hash: place.at("hash").string(),
    weights,
    isa: place.at("isa").string(),
  };
}

/** A segment that was added by hand may lack its language: it has that of the one before, else of the one after. */
function segmentsOf(places: readonly Place[]): TimedSegment[] {
  const given = places.find((place) => !place.at("language").isAbsent);
  let language = given?.at("language").string() ?? "";
  return places.map((place) => {
    if (!place.at("language").isAbsent) language = place.at("language").string();
    return segmentOf(place, language);
  });
}

function segmentOf(place: Place, language: string): TimedSegment {
  const [words, probability] = [place.at("words"), place.at("language_probability")];
  return {
    ...spanOf(place),
    text: place.at("text").string(),
    ...spokenOf(place),
    language,
    ...(probability.isAbsent ? {} : { languageProbability: probability.number() }),
    ...speakerOf(place),
    ...noSpeechOf(place.at("no_speech")),
    ...(isTrue(place.at("truncated")) && { isTruncated: true }),
    ...(isTrue(place.at("loop")) && { isLooped: true }),
    ...repairOf(place.at("repaired")),
    ...(isTrue(place.at("cue")) && { isCue: true }),
    ...(words.isAbsent ? {} : { words: words.list().map(wordOf) }),
  };
}

function wordOf(place: Place): TimedWord {
  const [logprob, flag] = [place.at("logprob"), place.at("flag")];
  const flagged = flag.isAbsent ? undefined : flag.string();
  if (flagged !== undefined && flagged !== "spread" && flagged !== "unaligned") {
    throw flag.wrong("spread or unaligned");
  }
  return {
    text: place.at("text").string(),
    ...spokenOf(place),
    ...spanOf(place),
    ...(logprob.isAbsent ? {} : { logprob: logprob.number() }),
    ...(flagged ? { flag: flagged } : {}),
    ...speakerOf(place),
    ...(isTrue(place.at("overlap")) && { isOverlapped: true }),
  };
}

function repairOf(place: Place): Pick<TimedSegment, "repaired"> {
  if (place.isAbsent) return {};
  const repaired = place.string();
  if (repaired !== "cuts" && repaired !== "context") throw place.wrong("cuts or context");
  return { repaired };
}

function isTrue(place: Place): boolean {
  return !place.isAbsent && place.boolean();
}

function noSpeechOf(place: Place): { noSpeech?: number } {
  return place.isAbsent ? {} : { noSpeech: place.number() };
}

function speakerOf(place: Place): { speaker?: string } {
  const speaker = place.at("speaker");
  return speaker.isAbsent ? {} : { speaker: speaker.speaker() };
}

function spokenOf(place: Place): { spoken?: string } {
  const spoken = place.at("spoken");
  return spoken.isAbsent ? {} : { spoken: spoken.string() };
}

function spanOf(place: Place): { startMs: number; endMs: number } {
  const [startMs, endMs] = [place.at("start").ms(), place.at("end").ms()];
  if (endMs < startMs) {
    const { path, name } = place.at("end");
    throw new InputError(`${name}: ${path} is ${endMs / 1000}, before its start, ${startMs / 1000}`);
  }
  return { startMs, endMs };
}

/** A value inside a document, with the path to it for messages. */
class Place {
  constructor(readonly value: unknown, readonly path: string, readonly name: string) {}

  get isAbsent(): boolean {
    return this.value === undefined;
  }

  at(key: string | number): Place {
    const { value } = this;
    if (typeof value !== "object" || value === null) throw this.wrong("an object");
    const path = typeof key === "number" ? `${this.path}[${key}]` : this.path === "" ? key : `${this.path}.${key}`;
    return new Place((value as Record<string | number, unknown>)[key], path, this.name);
  }

  string(): string {
    if (typeof this.value !== "string") throw this.wrong("a text");
    return this.value;
  }

  speaker(): string {
    const name = speakerName(this.string());
    if (name === undefined) throw this.wrong("a name on one line");
    return name;
  }

  number(): number {
    if (typeof this.value !== "number") throw this.wrong("a number");
    return this.value;
  }

  count(): number {
    const value = this.number();
    if (!Number.isSafeInteger(value) || value < 0) throw this.wrong("a count");
    return value;
  }

  boolean(): boolean {
    if (typeof this.value !== "boolean") throw this.wrong("true or false");
    return this.value;
  }

  ms(): number {
    const value = this.number();
    if (!(value >= 0 && value < 1e9)) throw this.wrong("seconds");
    return Math.round(value * 1000);
  }

  list(): Place[] {
    if (!Array.isArray(this.value)) throw this.wrong("a list");
    return this.value.map((_, index) => this.at(index));
  }

  plainValues(): Record<string, string | number | boolean> {
    if (typeof this.value !== "object" || this.value === null) throw this.wrong("an object");
    for (const [key, value] of Object.entries(this.value)) {
      if (!["string", "number", "boolean"].includes(typeof value)) throw this.at(key).wrong("a plain value");
    }
    return this.value as Record<string, string | number | boolean>;
  }

  wrong(wanted: string): InputError {
    const text = typeof this.value === "number" ? `${this.value}` : JSON.stringify(this.value); // JSON has no Infinity.
    const value = text?.slice(0, SHOWN_CHARS_MAX);
    const found = value === undefined ? "is missing" : `is ${value}, not ${wanted}`;
    return new InputError(`${this.name}: ${this.path === "" ? "the document" : this.path} ${found}`);
  }
}
