/**
 * What a client asks for. In: the fields of a form, as OpenAI's API and its clients name them, and options of the
 * command line by their names. Out: the request, or an ApiError that names the field. Pure.
 *
 * A field that is not known is ignored, as clients expect: they send those of other servers.
 */

import { UsageError } from "../errors.ts";
import { optionsFromFields, parseSpeakerCount, type RequestOptions } from "../options/choices.ts";
import { optionTable } from "../options/table.ts";
import { parseTruth } from "../options/values.ts";
import { anyCount, type SpeakerCount } from "../speakers/cluster.ts";
import { speakerName, unknownSpeaker } from "../speakers/label.ts";
import { parseTerms, type Term } from "../views/terms.ts";
import { ApiError } from "./errors.ts";
import { type ReplyFormat, replyFormats, wantsTimes } from "./formats.ts";

export type TranscriptionRequest = {
  readonly options: RequestOptions;
  /** Names and words to expect and to write. */
  readonly terms: readonly Term[];
  readonly format: ReplyFormat;
  /** How many speakers are told apart; undefined: none are, or their channels are. */
  readonly speakers: SpeakerCount | undefined;
  /** What known voices are called. */
  readonly knownNames: readonly string[];
  /** In verbose_json. */
  readonly granularities: readonly ("segment" | "word")[];
  /** The reply comes as events, while decoding. */
  readonly isStreamed: boolean;
  /** Whether it is wanted how likely a voice is. */
  readonly wantsVoice: boolean;
  /** Whether logarithms of probabilities are wanted. */
  readonly hasLogprobs: boolean;
};

export type Fields = Readonly<Record<string, readonly string[]>>;

/** Options of the table that mean something else here, or that a reply does not have. */
const notHere = ["stream", "live", "format", "stream-max-new-tokens", "paragraph-sec", "timestamps"];
const optionNames = new Set(
  optionTable.filter((spec) => spec.perRequest && !notHere.includes(spec.name) && spec.needs !== "stream")
    .map(({ name }) => name),
);

/** `alignsByDefault`: words are timed where the client does not say. */
export function transcriptionRequest(fields: Fields, alignsByDefault: boolean): TranscriptionRequest {
  const format = formatOf(last(fields, "response_format"));
  const granularities = granularitiesOf(fields);
  const options = optionsOf(fields);
  const asked = speakersOf(fields, format);
  const speakers = options.splitChannels ? undefined : asked;
  const needsTimes = wantsTimes(format) || speakers !== undefined;
  const mayAlign = alignsByDefault && last(fields, "align") === undefined && needsTimes;
  return {
    options: { ...options, align: options.align || mayAlign },
    terms: termsOf(fields),
    ...{ format, speakers, knownNames: knownNamesOf(fields) },
    granularities,
    isStreamed: isOn(fields, "stream"),
    wantsVoice: format === "verbose_json",
    hasLogprobs: (fields["include"] ?? []).some((one) => one.trim() === "logprobs"),
  };
}

function optionsOf(fields: Fields): RequestOptions {
  const given: Record<string, readonly string[]> = {};
  const written = new Map<string, string>();
  for (const [field, values] of Object.entries(fields)) {
    const name = field.replaceAll("_", "-");
    if (!optionNames.has(name)) continue;
    given[name] = values.map((value) => trimmed(name, value));
    written.set(name, field);
  }
  const [only, ...more] = (fields["languages"] ?? []).map((value) => value.trim()).filter((value) => value !== "");
  // Of several languages the model finds out itself which it is.
  if (given["language"] === undefined && only !== undefined && more.length === 0) given["language"] = [only];
  for (const name of Object.keys(given)) {
    const spec = optionTable.find((one) => one.name === name)!;
    if (spec.value && given[name]!.at(-1) === "" && name !== "prompt") delete given[name];
  }
  try {
    return optionsFromFields(given, "form");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const name = Object.keys(given).find((one) => error.message.startsWith(`${one} `));
    const param = name === undefined ? {} : { param: written.get(name) ?? name };
    throw new ApiError(400, error.message, { ...param, code: "invalid_value" });
  }
}

function trimmed(name: string, value: string): string {
  return name === "prompt" ? value.normalize("NFC") : value.trim();
}

function formatOf(given: string | undefined): ReplyFormat {
  const wanted = given?.trim().toLowerCase() || "json";
  const format = replyFormats.find((known) => known === wanted);
  if (format !== undefined) return format;
  throw invalid("response_format", `response_format is one of ${replyFormats.join(", ")}`);
}

/** Some formats say who speaks, even where nobody says how many there are. */
function speakersOf(fields: Fields, format: ReplyFormat): SpeakerCount | undefined {
  const given = last(fields, "speakers") ?? "";
  if (given.trim() === "") return format === "diarized_json" || format === "rttm" ? anyCount : undefined;
  try {
    return parseSpeakerCount(given, "speakers");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw invalid("speakers", error.message);
  }
}

const namesField = "known_speaker_names";
const nameMax = 100;

function knownNamesOf(fields: Fields): string[] {
  const names: string[] = [];
  for (const [index, given] of (fields[namesField] ?? []).entries()) {
    const [name, label] = [speakerName(given), `${namesField}[${index}]`];
    if (name === undefined || name.length > nameMax) {
      throw invalid(namesField, `${label} is no name of 1 to ${nameMax} characters`);
    }
    if (unknownSpeaker(name) !== undefined) {
      throw invalid(namesField, `${label}: unknown speakers are called ${name}`);
    }
    if (names.includes(name)) throw invalid(namesField, `${label} is there twice`);
    names.push(name);
  }
  return names;
}

function granularitiesOf(fields: Fields): ("segment" | "word")[] {
  const wanted = (fields["timestamp_granularities"] ?? []).flatMap((value) => value.split(","))
    .map((value) => value.trim().toLowerCase()).filter((value) => value !== "");
  for (const value of wanted) {
    if (value === "segment" || value === "word") continue;
    throw invalid("timestamp_granularities", "timestamp_granularities are segment and word");
  }
  return wanted.length === 0 ? ["segment"] : [...new Set(wanted)] as ("segment" | "word")[];
}

function termsOf(fields: Fields): Term[] {
  const lines = (fields["keywords"] ?? []).flatMap((value) => value.split("\n")).map((line) => line.trim());
  if (lines.every((line) => line === "")) return [];
  try {
    return parseTerms(lines.join("\n"), "keywords");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw invalid("keywords", error.message);
  }
}

/** A field that is not there, or empty, has the default. Whoever misspells a word would get another reply. */
export function isOn(fields: Fields, name: string, isByDefault = false): boolean {
  const given = last(fields, name) ?? "";
  if (given.trim() === "") return isByDefault;
  const isTrue = parseTruth(given);
  if (isTrue === undefined) throw invalid(name, `${name} is true or false`);
  return isTrue;
}

/** What counts of a field that is there several times. */
export function last(fields: Fields, name: string): string | undefined {
  return fields[name]?.at(-1);
}

/** A field whose value cannot be taken. */
export function invalid(param: string, message: string): ApiError {
  return new ApiError(400, message, { param, code: "invalid_value" });
}
