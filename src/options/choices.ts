/**
 * Reads options. In: texts by option name, from a command line, a form or a row of a manifest. Out: typed values. Pure.
 *
 * All sources go through the same checks. The rows of table.ts say what a value must look like and which options go
 * together; rules about several values are here. The UsageErrors differ only in how they name an option: --language for
 * the command line, language for the others.
 */

import { anyCount, type SpeakerCount } from "../speakers/cluster.ts";
import type { DecoderChoice } from "../audio/decoder.ts";
import type { RawLayout } from "../audio/raw.ts";
import { UsageError } from "../errors.ts";
import { type Format, formatNames } from "../output/formats.ts";
import { type StreamFormat, streamFormats } from "../stream/captions.ts";
import type { CommitPolicy } from "../stream/commit.ts";
import { type LayoutRules, type ScriptRules, type StyleName, styles } from "../subtitles/rules.ts";
import type { VoiceChoice } from "../segment/voice.ts";
import { chineseScriptOf, findLanguage, languagesText } from "../text/languages.ts";
import type { SoundChoice, SpeakerLabels } from "../output/writer.ts";
import type { CuePunctuation } from "../views/punctuation.ts";
import type { Script } from "../views/script.ts";
import type { CjkSpace, DigitWidth } from "../views/spacing.ts";
import type { ViewOptions } from "../views/view.ts";
import { type CommandName, optionFlag, type OptionSpec, optionTable, specNamed, takes, valueRange } from "./table.ts";
import { nearest, parseNumber, parseSize, parseTime, parseTruth } from "./values.ts";
import { printable } from "../writer.ts";

export type Source = "argv" | "form" | "manifest";

/** The options of --stream. */
export type StreamChoice = {
  readonly chunkSec: number;
  /** Length of a pause that ends an utterance; 0: no pause does. */
  readonly endpointMs: number;
  readonly policy: CommitPolicy;
  /** Limit of new tokens per step; undefined: it depends on the chunk's length. */
  readonly tokensMax: number | undefined;
  readonly feedsPast: boolean;
  readonly isLive: boolean;
};

/** The options that concern a single recording. */
export type RequestOptions = {
  readonly fromSec: number | undefined;
  readonly toSec: number | undefined;
  /** The audio track, by number from 1 or by language; undefined: the default one. */
  readonly track: string | undefined;
  /** The only channel that is read, from 1; undefined: all are mixed. */
  readonly channel: number | undefined;
  /** What decodes compressed audio. */
  readonly decoder: DecoderChoice;
  /** The channels are heard each for itself. */
  readonly splitChannels: boolean;
  readonly raw: RawLayout | undefined;
  /** As the model names it; "" to detect it. */
  readonly language: string;
  /** As given. "@FILE" is not read yet; only the user of this machine may have a file read. */
  readonly prompt: string;
  readonly skipSilence: boolean;
  readonly vad: VoiceChoice;
  readonly segmentSec: number | "auto";
  readonly searchSec: number;
  readonly pastText: boolean;
  readonly windowFrames: number;
  /** undefined: the recording is transcribed as a whole. */
  readonly stream: StreamChoice | undefined;
  /** The format of a stream. */
  readonly format: StreamFormat;
  /** Whether words are timed. */
  readonly align: boolean;
  /** The formats of a whole recording, without repeats; undefined: none was given. */
  readonly formats: readonly Format[] | undefined;
  readonly rules: LayoutRules;
  /** 0: the text is one paragraph. */
  readonly paragraphMs: number;
  /** Text is a line with its times per sentence. */
  readonly timestamps: boolean;
  /** How text is written. */
  readonly views: ViewOptions;
  readonly cuePunctuation: CuePunctuation;
  /** In text, words of a lower log-probability are marked; undefined: none. */
  readonly doubtBelow: number | undefined;
  /** Whether names of speakers are shown. */
  readonly speakerLabels: SpeakerLabels;
  /** Of html. */
  readonly htmlAudio: SoundChoice;
  /** In tables, no text is taken for a formula. */
  readonly forSpreadsheet: boolean;
};

/** What files are laid out by. */
export type LayoutOptions = Pick<
  RequestOptions,
  "rules" | "paragraphMs" | "timestamps" | "cuePunctuation" | "doubtBelow" | "forSpreadsheet" | "speakerLabels"
>;

/** Values by option name as a form or a manifest has them: not checked. */
export type OptionTexts = Readonly<Record<string, string>>;

/** Texts by option name; "" for a switch. */
export type Given = ReadonlyMap<string, string>;

/** The options that were given. The constructor checks that they go together, and the methods read single values. */
export class Choices {
  readonly #given: Given;
  readonly #implied: ReadonlySet<string>;

  constructor(given: Given, readonly source: Source, readonly command: CommandName = "transcribe") {
    this.#given = given;
    this.#implied = new Set([...given.keys()].flatMap((name) => specNamed(name).implies ?? []));
    this.#checkTogether();
  }

  /** Whether the option, or another one that implies it, was given. */
  has(name: string): boolean {
    return this.#given.has(name) || this.#implied.has(name);
  }

  text(name: string): string | undefined {
    return this.#given.get(name);
  }

  /** The option as the user writes it: "-S", "--stdin", "stdin". */
  named(name: string): string {
    return this.source === "argv" ? optionFlag(specNamed(name)) : name;
  }

  /** The number or word that was given, or the default. */
  numberOrWord(name: string): number | string {
    const spec = specNamed(name);
    const text = this.text(name) ?? spec.default ?? "";
    const { numberMin = -Infinity, numberMax = Infinity, words = [], type } = spec.value!;
    const value = parseNumber(text);
    if (value === undefined || words.includes(String(value))) {
      const wanted = value === undefined ? text.toLowerCase() : String(value);
      const word = words.find((candidate) => candidate === wanted);
      if (word !== undefined) return value ?? word;
    }
    const isWhole = type !== "integer" || Number.isInteger(value);
    if (value === undefined || value < numberMin || value > numberMax || !isWhole) throw this.#wrongValue(name, text);
    return value;
  }

  /** For an option that takes no words, or only numbers as words. */
  number(name: string): number {
    return this.numberOrWord(name) as number;
  }

  /** The word that was given, or the default. */
  choice(name: string): string {
    const spec = specNamed(name);
    const given = this.text(name);
    const text = (given ?? spec.default ?? "").toLowerCase();
    if (!spec.value!.words!.includes(text)) throw this.#wrongValue(name, given ?? "");
    return text;
  }

  seconds(name: string): number | undefined {
    const text = this.text(name);
    const seconds = text === undefined ? undefined : parseTime(text);
    if (text !== undefined && seconds === undefined) {
      throw new UsageError(`${this.named(name)} must be seconds or [hh:]mm:ss[.ms], got '${text}'`);
    }
    return seconds;
  }

  bytes(name: string): number | undefined {
    const text = this.text(name);
    const bytes = text === undefined ? undefined : parseSize(text);
    if (text !== undefined && bytes === undefined) {
      throw new UsageError(`${this.named(name)} must be a size such as 900M, 1.2G or 1GiB, got '${text}'`);
    }
    return bytes;
  }

  #wrongValue(name: string, text: string): UsageError {
    const spec = specNamed(name);
    const isBroken = spec.value!.type === "integer" && !Number.isInteger(parseNumber(text) ?? 0);
    const range = `${valueRange(spec)}${isBroken ? ", a whole number" : ""}`;
    return new UsageError(`${this.named(name)} must be ${range}, got '${text}'`);
  }

  #checkTogether(): void {
    for (const spec of optionTable) {
      if (!this.has(spec.name)) continue;
      if (spec.needs !== undefined && !this.has(spec.needs)) {
        throw new UsageError(`${this.named(spec.name)} needs ${this.named(spec.needs)}`);
      }
      for (const { option, value, command, says } of spec.excludes ?? []) {
        if (!this.has(option) || command !== undefined && command !== this.command) continue;
        if (value !== undefined && this.text(option)?.toLowerCase() !== value) continue;
        const message = says ?? `{${spec.name}} and {${option}} are mutually exclusive`;
        throw new UsageError(message.replace(/\{([\w-]+)\}/g, (_, name) => this.named(name)));
      }
    }
  }
}

/** Reads all options that concern a single recording. */
export function requestOptions(choices: Choices): RequestOptions {
  return {
    ...part(choices),
    raw: rawLayout(choices),
    language: language(choices),
    prompt: choices.text("prompt") ?? "",
    splitChannels: choices.has("split-channels"),
    skipSilence: choices.has("skip-silence"),
    vad: voiceChoice(choices),
    segmentSec: choices.numberOrWord("segment-sec") as number | "auto",
    searchSec: choices.number("search-sec"),
    pastText: choices.choice("past-text") === "yes",
    windowFrames: Math.floor(choices.number("enc-window-sec") + 0.005) * 100, // Rounded to frames, then to seconds.
    stream: streamChoice(choices),
    ...formatChoice(choices),
    align: choices.has("align"),
    rules: layoutRules(choices),
    paragraphMs: paragraphMs(choices),
    timestamps: choices.has("timestamps"),
    forSpreadsheet: choices.has("spreadsheet"),
    views: viewOptions(choices),
    ...textMarks(choices),
  };
}

/** The options that a writer takes, alone. */
export function layoutOf(options: LayoutOptions): LayoutOptions {
  const { rules, paragraphMs, timestamps, cuePunctuation, doubtBelow, forSpreadsheet, speakerLabels } = options;
  return { rules, paragraphMs, timestamps, cuePunctuation, doubtBelow, forSpreadsheet, speakerLabels };
}

export function viewOptions(choices: Choices): ViewOptions {
  const script = choices.has("script") ? choices.choice("script") : chineseScriptOf(choices.text("language") ?? "");
  const terms = choices.text("terms");
  if (terms === "-") throw new UsageError(`${choices.named("terms")} takes a file, got standard input`);
  return {
    itn: choices.has("itn-all") ? "all" : choices.has("itn") ? "on" : "off",
    script: (script ?? "asis") as Script,
    cjkSpace: choices.choice("cjk-space") as CjkSpace,
    digitWidth: choices.has("digit-width") ? choices.choice("digit-width") as DigitWidth : undefined,
    terms,
  };
}

/** Whether the text is to be written anew, from what was spoken. */
export function hasViews(choices: Choices): boolean {
  return ["itn", "script", "terms", "cjk-space", "digit-width"].some((name) => choices.has(name));
}

export function textMarks(
  choices: Choices,
): Pick<RequestOptions, "cuePunctuation" | "doubtBelow" | "htmlAudio" | "speakerLabels"> {
  return {
    speakerLabels: choices.choice("speaker-labels") as SpeakerLabels,
    htmlAudio: choices.choice("html-audio") as SoundChoice,
    cuePunctuation: choices.choice("cue-punctuation") as CuePunctuation,
    doubtBelow: choices.has("mark-doubt") ? choices.number("mark-doubt") : undefined,
  };
}

/**
 * Reads form fields or the row of a manifest. The keys are option names without dashes; only options that concern a
 * single recording are allowed. A switch is set by true, yes, on, 1 or an empty text, and not by false, no, off or 0.
 * Of several values, the last one counts; formats add up. `base` holds where a field says nothing else.
 */
export function optionsFromFields(
  fields: Readonly<Record<string, string | readonly string[]>>,
  source: Exclude<Source, "argv">,
  { command = "transcribe", base = new Map() }: { readonly command?: CommandName; readonly base?: Given } = {},
): RequestOptions {
  const specs = requestSpecs(command);
  const given = new Map(base);
  for (const [name, field] of Object.entries(fields)) {
    const text = typeof field === "string" ? field : name === "format" ? field.join() || undefined : field.at(-1);
    if (text === undefined) continue;
    const spec = specs.find((candidate) => candidate.name === name);
    if (!spec) throw unknownOption(name, nearest(name, specs.map((candidate) => candidate.name)));
    if (spec.value) given.set(name, text);
    else if (isOn(name, text)) given.set(name, "");
    else given.delete(name);
  }
  return requestOptions(new Choices(given, source, command));
}

/** The options of a command that concern a single recording. */
export function requestSpecs(command: CommandName): readonly OptionSpec[] {
  return optionTable.filter((spec) => spec.perRequest && takes(command, spec));
}

/** An option that is named without a word is on. */
function isOn(name: string, text: string): boolean {
  const isTrue = text.trim() === "" || parseTruth(text);
  if (isTrue === undefined) throw new UsageError(`${name} must be true or false, got '${printable(text)}'`);
  return isTrue;
}

export function unknownOption(written: string, meant: string | undefined): UsageError {
  return new UsageError(`unknown option ${written}${meant ? `, did you mean ${meant}?` : ""}`);
}

export function layoutRules(choices: Choices): LayoutRules {
  const base = choices.has("style") ? styles[choices.choice("style") as StyleName] : undefined;
  const number = (name: string, key: Exclude<keyof LayoutRules, "scripts">, factor = 1) =>
    base && !choices.has(name) ? base[key] : choices.number(name) * factor;
  const rules: LayoutRules = {
    colsMax: number("max-cols", "colsMax"),
    linesMax: number("max-lines", "linesMax"),
    cueMsMin: number("min-cue-sec", "cueMsMin", 1000),
    cueMsMax: number("max-cue-sec", "cueMsMax", 1000),
    cpsMax: number("max-cps", "cpsMax"),
    gapMsMin: number("min-gap-ms", "gapMsMin"),
    ...(base?.scripts ? { scripts: scriptRules(choices, base.scripts) } : {}),
  };
  if (rules.cueMsMin > rules.cueMsMax) {
    throw new UsageError(`${choices.named("min-cue-sec")} is more than ${choices.named("max-cue-sec")}`);
  }
  return rules;
}

/** A style's limits for scripts, unless an option gives one for all. */
function scriptRules(choices: Choices, scripts: NonNullable<LayoutRules["scripts"]>): LayoutRules["scripts"] {
  const override: Partial<ScriptRules> = {
    ...(choices.has("max-cols") ? { colsMax: choices.number("max-cols") } : {}),
    ...(choices.has("max-cps") ? { cpsMax: choices.number("max-cps") } : {}),
  };
  const { chinese, japanese, korean } = scripts;
  return {
    chinese: { ...chinese, ...override },
    japanese: { ...japanese, ...override },
    korean: { ...korean, ...override },
  };
}

export function paragraphMs(choices: Choices): number {
  return choices.number("paragraph-sec") * 1000;
}

/** The formats that were given, without repeats; undefined if there were none. */
export function formatList(choices: Choices): readonly Format[] | undefined {
  const given = choices.text("format");
  if (given === undefined) return undefined;
  return [...new Set(given.toLowerCase().split(",").map((name) => name.trim()))].map((name) => {
    const format = formatNames.find((known) => known === (name === "txt" ? "text" : name));
    if (format) return format;
    throw new UsageError(`${choices.named("format")} takes ${formatNames.join(", ")}, got '${name}'`);
  });
}

/** A stream has a single format, and not every format is possible. */
function formatChoice(choices: Choices): Pick<RequestOptions, "format" | "formats"> {
  const formats = formatList(choices);
  if (!choices.has("stream")) return { format: "text", formats };
  const format = streamFormats.find((known) => known === (formats?.[0] ?? "text"));
  if (format !== undefined && (formats?.length ?? 0) <= 1) return { format, formats: undefined };
  throw new UsageError(
    `${choices.named("format")} of a stream is one of ${streamFormats.join(", ")}, got '${formats?.join()}'`,
  );
}

function channelOf(choices: Choices): number | undefined {
  const channel = choices.numberOrWord("channel");
  if (typeof channel === "number") return channel;
  return { left: 1, right: 2 }[channel];
}

export function part(choices: Choices): Pick<RequestOptions, "fromSec" | "toSec" | "track" | "channel" | "decoder"> {
  const [fromSec, toSec] = [choices.seconds("from"), choices.seconds("to")];
  if (toSec === undefined || toSec > (fromSec ?? 0)) {
    const decoder = choices.choice("decoder") as DecoderChoice;
    return { fromSec, toSec, track: choices.text("track"), channel: channelOf(choices), decoder };
  }
  const start = fromSec ? `${choices.named("from")} ${choices.text("from")}` : "the start";
  throw new UsageError(`${choices.named("to")} ${choices.text("to")} is not after ${start}`);
}

export function rawLayout(choices: Choices): RawLayout | undefined {
  if (!choices.has("raw")) return undefined;
  return {
    format: choices.choice("raw-format") as RawLayout["format"],
    rate: choices.number("raw-rate"),
    channels: choices.number("raw-channels"),
  };
}

/** How speech is found. */
export function voiceChoice(choices: Choices): VoiceChoice {
  const kind = choices.choice("vad");
  const rule = {
    threshold: choices.number("vad-threshold"),
    minSpeechMs: choices.number("vad-min-speech-ms"),
    minSilenceMs: choices.number("vad-min-silence-ms"),
    padMs: choices.number("vad-pad-ms"),
  };
  if (kind === "energy" || kind === "off") return { kind };
  const model = choices.text("vad-model");
  return { kind: "neural", rule, ...(model !== undefined && { model }) };
}

/** undefined: speakers are not told apart. */
export function speakerCount(choices: Choices): SpeakerCount | undefined {
  const given = choices.text("speakers");
  return given === undefined ? undefined : parseSpeakerCount(given, choices.named("speakers"));
}

/** Numbers have two digits. */
export const speakersMax = 99;

/** "auto", "2", "2-4", in any case. Throws a UsageError with the name of the option or the field. */
export function parseSpeakerCount(text: string, name: string): SpeakerCount {
  const word = text.trim().toLowerCase();
  if (word === "auto") return anyCount;
  const [, low, high = low] = /^(\d{1,2})(?:-(\d{1,2}))?$/.exec(word) ?? [];
  const count = { min: Number(low), max: Number(high) };
  if (count.min >= 1 && count.max >= count.min) return count;
  const wanted = `auto, a number from 1 to ${speakersMax} or a range such as 2-4`;
  throw new UsageError(`${name} takes ${wanted}, got '${printable(text)}'`);
}

/** As the model names it; "" to detect it. */
export function language(choices: Choices): string {
  const given = choices.text("language") ?? "";
  if (given === "" || /^(auto|detect)$/i.test(given.trim())) return "";
  const found = findLanguage(given);
  if (found !== undefined) return found;
  throw new UsageError(`${choices.named("language")} '${given}' is not one of ${languagesText()}`);
}

/** Checks the values even without --stream: some of its options may be given then, but have no effect. */
function streamChoice(choices: Choices): StreamChoice | undefined {
  const tokensMax = choices.has("stream-max-new-tokens") ? choices.number("stream-max-new-tokens") : -1;
  const isRollback = choices.choice("commit") === "rollback" || choices.has("stream-rollback");
  if (!choices.has("stream")) return undefined;
  const tokens = choices.number("stream-rollback");
  const unfixedChunks = choices.number("stream-unfixed-chunks");
  return {
    chunkSec: choices.number("stream-chunk-sec"),
    endpointMs: choices.number("endpoint-ms"),
    policy: isRollback ? { kind: "rollback", tokens, unfixedChunks } : { kind: "agreement" },
    tokensMax: tokensMax === -1 ? undefined : tokensMax,
    feedsPast: choices.choice("past-text") !== "no",
    isLive: choices.has("live") || choices.has("mic"),
  };
}
