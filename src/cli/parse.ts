/**
 * Command line -> one command, or a UsageError that names the argument. Pure: no file is looked at.
 * First the arguments are matched with the option table, then the values are checked and combined.
 */

import { parseArgs } from "node:util";
import type { AudioSource } from "../audio/input.ts";
import type { RawLayout } from "../audio/raw.ts";
import type { Weights } from "../engine/engine.ts";
import { type StreamFormat, streamFormats } from "../stream/captions.ts";
import type { CommitPolicy } from "../stream/commit.ts";
import { UsageError } from "../errors.ts";
import { type Format, formatNames, formatOf, holdsSeveral } from "../output/formats.ts";
import { type LayoutRules, type StyleName, styles } from "../subtitles/rules.ts";
import { findLanguage, languagesText } from "../text/languages.ts";
import { optionFlag, type OptionSpec, optionTable, valueRange } from "../options/table.ts";
import { nearest, parseNumber, parseTime } from "../options/values.ts";

export type InputSource = AudioSource;

/** What --stream and its companions say. */
export type StreamChoice = {
  readonly chunkSec: number;
  /** 0: never. */
  readonly endpointMs: number;
  readonly policy: CommitPolicy;
  /** Tokens per step; undefined: by the chunk's length. */
  readonly tokensMax: number | undefined;
  readonly feedsPast: boolean;
  readonly isLive: boolean;
  readonly monitor: boolean;
};

export type TranscribeOptions = {
  readonly inputs: readonly InputSource[];
  /** -d as given. */
  readonly model: string | undefined;
  /** 0: one per core. */
  readonly threads: number;
  readonly weights: Weights;
  readonly cache: boolean;
  readonly fromSec: number | undefined;
  readonly toSec: number | undefined;
  readonly raw: RawLayout | undefined;
  /** The model's name for it, "" to detect. */
  readonly language: string;
  /** As given: "@FILE" is not read yet. */
  readonly prompt: string;
  readonly skipSilence: boolean;
  readonly segmentSec: number | "auto";
  readonly searchSec: number;
  readonly pastText: boolean;
  /** Segments decoded at a time; undefined: what is good for speed. */
  readonly decodesMax: number | undefined;
  readonly windowFrames: number;
  /** undefined: whole recordings. */
  readonly stream: StreamChoice | undefined;
  /** Of a stream. */
  readonly format: StreamFormat;
  /** Whether words are timed. */
  readonly align: boolean;
  /** --aligner as given. */
  readonly aligner: string | undefined;
  /** One model in memory at a time. */
  readonly lowMemory: boolean;
  /** Of whole recordings. undefined: the text as it comes, to standard output or to `output`. */
  readonly formats: readonly Format[] | undefined;
  readonly rules: LayoutRules;
  /** 0: one paragraph. */
  readonly paragraphMs: number;
  /** undefined: standard output. */
  readonly output: string | undefined;
  readonly force: boolean;
  readonly withFilename: boolean;
  readonly verbosity: "silent" | "normal" | "debug";
};

/** `qwen-asr align`: one recording and its text. `text` is a path, "-" for standard input. */
export type AlignOptions = Omit<TranscribeOptions, "inputs"> & { readonly input: InputSource; readonly text: string };

/** `qwen-asr render`: transcripts, as -f json wrote them, in other formats. */
export type RenderOptions =
  & Pick<TranscribeOptions, "inputs" | "rules" | "paragraphMs" | "output" | "force">
  & { readonly formats: readonly Format[] };

/** `qwen-asr lint`: subtitle files and the rules they should keep. */
export type LintOptions = Pick<TranscribeOptions, "inputs" | "rules">;

/** `qwen-asr inspect`: a recording, maybe with its transcript. */
export type InspectOptions = Pick<TranscribeOptions, "fromSec" | "toSec" | "raw" | "output" | "force"> & {
  readonly input: InputSource;
  /** As given; undefined: the file beside the recording, if there is one. */
  readonly transcript: string | undefined;
};

export type Command =
  | { readonly kind: "align"; readonly options: AlignOptions }
  | { readonly kind: "transcribe"; readonly options: TranscribeOptions }
  | { readonly kind: "render"; readonly options: RenderOptions }
  | { readonly kind: "lint"; readonly options: LintOptions }
  | { readonly kind: "inspect"; readonly options: InspectOptions }
  | { readonly kind: "download" | "cache"; readonly args: readonly string[] }
  /** What a model is, as JSON: for reports. */
  | { readonly kind: "info"; readonly model: string | undefined }
  /** How fast this machine is with a model. */
  | { readonly kind: "bench"; readonly model: string | undefined }
  | { readonly kind: "help"; readonly long: boolean }
  | { readonly kind: "version" }
  | { readonly kind: "licenses" };

/** Commands with options of the table. */
const ownCommands = ["align", "render", "lint", "inspect"] as const;
type OwnCommand = typeof ownCommands[number];

/** The last value of each option that was given ("" for switches), and the inputs in order. */
type Matched = { readonly values: ReadonlyMap<string, string>; readonly inputs: readonly InputSource[] };

type OptionToken = {
  name: string;
  rawName: string;
  index: number;
  value?: string | undefined;
  inlineValue?: boolean | undefined;
};

const commands = ["download", "cache", "info", "bench", ...ownCommands];

/** The command that this word, taken for a file, may have been meant to be. */
export function meantCommand(word: string): string | undefined {
  return /^[a-z]{4,}$/.test(word) ? nearest(word, commands) : undefined;
}

/** `args` without the program's name. Repeated options: the last one counts; -i and files add up. */
export function parseCommandLine(args: readonly string[]): Command {
  if (args[0] === "download" || args[0] === "cache") return { kind: args[0], args: args.slice(1) };
  if (args[0] === "info" || args[0] === "bench") return { kind: args[0], model: onlyModel(args[0], args.slice(1)) };
  const own = ownCommands.find((name) => name === args[0]);
  const rest = own ? args.slice(1) : args;
  const tokens = tokenize(rest);
  const asked = tokens.find((token) => token.kind === "option" && ["help", "version", "licenses"].includes(token.name));
  if (asked?.kind === "option") {
    if (asked.name === "help") return { kind: "help", long: asked.rawName !== "-h" };
    return { kind: asked.name === "version" ? "version" : "licenses" };
  }
  const matched = match(tokens, rest);
  if (own === "align") return { kind: "align", options: alignOptions(matched) };
  if (matched.values.has("text")) throw new UsageError("--text belongs to 'qwen-asr align -i FILE --text FILE'");
  if (own) return ownCommand(own, matched);
  return { kind: "transcribe", options: transcribeOptions(matched) };
}

const layoutNames = ["style", "max-cols", "max-lines", "min-cue-sec", "max-cue-sec", "max-cps", "min-gap-ms"];

/** What `qwen-asr align` makes use of. */
// deno-fmt-ignore
const alignNames = [
  "model", "threads", "weights", "no-cache", "input", "stdin", "from", "to", "raw", "raw-format", "raw-rate",
  "raw-channels", "language", "align", "aligner", "text", "output", "force", "silent", "debug", "format",
  "paragraph-sec", ...layoutNames,
];

function alignOptions(matched: Matched): AlignOptions {
  const { values } = matched;
  const stray = [...values.keys()].find((name) => !alignNames.includes(name));
  if (stray !== undefined) throw new UsageError(`align has no use for --${stray}`);
  if (values.has("model") && values.has("aligner")) throw new UsageError("-d and --aligner name the same: give one");
  const { inputs, ...options } = transcribeOptions(matched);
  if (inputs.length > 1) throw new UsageError("align takes one recording at a time");
  const [input] = inputs;
  const text = values.get("text");
  if (text === undefined) throw new UsageError("align needs --text FILE (- for standard input)");
  if (text === "-" && input!.kind === "stdin") throw new UsageError("standard input is the recording and the text");
  return { ...options, aligner: options.aligner ?? options.model, input: input!, text };
}

const commandNames = {
  render: [...layoutNames, "input", "format", "output", "force", "paragraph-sec", "debug"],
  lint: [...layoutNames, "input", "debug"],
  inspect: [
    ...["input", "output", "force", "from", "to", "raw", "raw-format", "raw-rate", "raw-channels", "debug"],
  ],
};

function ownCommand(kind: Exclude<OwnCommand, "align">, { values, inputs }: Matched): Command {
  const stray = [...values.keys()].find((name) => !commandNames[kind].includes(name));
  if (stray !== undefined) throw new UsageError(`${kind} has no use for --${stray}`);
  const wanted = { render: "a transcript (-f json)", lint: "a subtitle file", inspect: "a recording" }[kind];
  if (inputs.length === 0) throw new UsageError(`${kind} needs ${wanted}`);
  const output = outputPath(values);
  const force = values.has("force");
  switch (kind) {
    case "render": {
      const formats = formatsOf(values, inputs) ?? ["text"];
      return {
        kind,
        options: { inputs, formats, rules: rulesOf(values), paragraphMs: paragraphMs(values), output, force },
      };
    }
    case "lint":
      return { kind, options: { inputs, rules: rulesOf(values) } };
    case "inspect": {
      const [input, ...others] = inputs.toSorted((a, b) => Number(isTranscript(a)) - Number(isTranscript(b)));
      if (isTranscript(input!)) throw new UsageError("inspect needs a recording");
      const transcript = others[0];
      if (others.length > 1 || (transcript && !isTranscript(transcript))) {
        throw new UsageError("inspect takes one recording, and its transcript (.json or .jsonl)");
      }
      return {
        kind,
        options: {
          input: input!,
          transcript: transcript?.kind === "file" ? transcript.path : undefined,
          ...span(values),
          raw: rawSpec(values),
          output,
          force,
        },
      };
    }
  }
}

function isTranscript(input: InputSource): boolean {
  return input.kind === "file" && /\.jsonl?$/i.test(input.path);
}

/** Nothing, or `-d DIR`. */
function onlyModel(command: string, args: readonly string[]): string | undefined {
  if (args.length === 0) return undefined;
  if (args.length === 2 && ["-d", "--model"].includes(args[0]!)) return args[1]!;
  throw new UsageError(`${command} takes nothing but -d DIR`);
}

function tokenize(args: readonly string[]) {
  const options = Object.fromEntries(
    optionTable.map((spec) => [spec.name, {
      type: spec.value ? "string" as const : "boolean" as const,
      ...(spec.short ? { short: spec.short } : {}),
    }]),
  );
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function match(tokens: ReturnType<typeof tokenize>, args: readonly string[]): Matched {
  const values = new Map<string, string>();
  const inputs: InputSource[] = [];
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      inputs.push(inputSource(token.value));
      continue;
    }
    const spec = specOf(token, args);
    const value = valueOf(token, spec);
    if (spec.name === "silent") values.delete("debug"); // The later of the two counts.
    if (spec.name === "debug") values.delete("silent");
    if (spec.name === "input") inputs.push(inputSource(value));
    values.set(spec.name, value);
  }
  if (values.has("stdin")) {
    if (inputs.length > 0) {
      throw new UsageError("--stdin and input files are mutually exclusive (use - among the files)");
    }
    inputs.push({ kind: "stdin" });
  }
  return { values, inputs };
}

function specOf(token: OptionToken, args: readonly string[]): OptionSpec {
  const spec = optionTable.find((candidate) => candidate.name === token.name);
  const written = args[token.index] ?? token.rawName;
  if (!spec) throw unknownOption(token, written);
  return spec;
}

function unknownOption(token: OptionToken, written: string): UsageError {
  const flags = optionTable.map((spec) => `--${spec.name}`);
  const asLong = written.startsWith("--") ? token.rawName : `-${written}`;
  const meant = nearest(asLong, flags);
  const name = written.startsWith("--") || meant ? written.split("=")[0] : token.rawName;
  return new UsageError(`unknown option ${name}${meant ? `, did you mean ${meant}?` : ""}`);
}

function valueOf(token: OptionToken, spec: OptionSpec): string {
  if (!spec.value) {
    if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
    return "";
  }
  const { value } = token;
  const { type, placeholder } = spec.value;
  if (value === undefined) throw new UsageError(`${token.rawName} needs ${placeholder}`);
  const isNumeric = type === "number" || type === "integer";
  if (
    !token.inlineValue && value.length > 1 && value.startsWith("-") && !(isNumeric && parseNumber(value) !== undefined)
  ) {
    const remedy = type === "path" ? `./${value}` : `--${spec.name}=${value}`;
    throw new UsageError(`${token.rawName} needs ${placeholder}, got the option ${value} (if you mean it: ${remedy})`);
  }
  if (value === "" && type === "path") throw new UsageError(`${token.rawName} needs ${placeholder}, got an empty one`);
  return value;
}

function inputSource(path: string): InputSource {
  if (path === "") throw new UsageError("an input file name is empty");
  return path === "-" ? { kind: "stdin" } : { kind: "file", path };
}

function transcribeOptions({ values, inputs }: Matched): TranscribeOptions {
  if (inputs.length === 0) throw new UsageError("no input: name a file, or - for standard input");
  if (inputs.filter((input) => input.kind === "stdin").length > 1) {
    throw new UsageError("standard input is named twice");
  }
  const text = (name: string) => values.get(name);
  const number = (name: string) => numberValue(specNamed(name), values.get(name)) as number;
  const choice = (name: string) => choiceValue(specNamed(name), values.get(name));
  if ((values.has("align") || values.has("aligner")) && values.has("stream")) {
    throw new UsageError("--align times words of whole recordings: not with --stream");
  }
  const batchless = values.has("batch") && ["low-memory", "stream"].find((name) => values.has(name));
  if (batchless) throw new UsageError(`--${batchless} decodes one segment at a time: not with --batch`);
  return {
    inputs,
    model: text("model"),
    threads: number("threads"),
    weights: choice("weights") as Weights,
    cache: !values.has("no-cache"),
    ...span(values),
    raw: rawSpec(values),
    language: languageValue(text("language") ?? ""),
    prompt: text("prompt") ?? "",
    skipSilence: values.has("skip-silence"),
    segmentSec: numberValue(specNamed("segment-sec"), text("segment-sec")) as number | "auto",
    searchSec: number("search-sec"),
    pastText: choice("past-text") === "yes",
    decodesMax: number("batch") < 8 ? number("batch") : undefined, // With all eight, one more waits to join.
    windowFrames: Math.floor(number("enc-window-sec") + 0.005) * 100, // Rounded to frames, then down to seconds.
    stream: streamChoice(values),
    ...formatChoice(values, inputs),
    align: values.has("align") || values.has("aligner"),
    aligner: text("aligner"),
    lowMemory: values.has("low-memory"),
    rules: rulesOf(values),
    paragraphMs: paragraphMs(values),
    output: outputPath(values),
    force: values.has("force"),
    withFilename: values.has("with-filename"),
    verbosity: values.has("silent") ? "silent" : values.has("debug") ? "debug" : "normal",
  };
}

function outputPath(values: ReadonlyMap<string, string>): string | undefined {
  const output = values.get("output");
  return output === "-" || output === "/dev/stdout" ? undefined : output;
}

/** Of -f, else of the extension of -o; undefined: plain text as it comes. */
function formatsOf(values: ReadonlyMap<string, string>, inputs: readonly InputSource[]): readonly Format[] | undefined {
  const given = values.get("format");
  const output = outputPath(values);
  if (given === undefined) {
    const meant = output === undefined ? undefined : formatOf(output);
    return meant === undefined || meant === "text" ? undefined : [meant];
  }
  const formats = [...new Set(given.toLowerCase().split(",").map((name) => name.trim()))].map((name) => {
    const format = formatNames.find((known) => known === (name === "txt" ? "text" : name));
    if (!format) throw new UsageError(`-f takes ${formatNames.join(", ")}, got '${name}'`);
    return format;
  });
  if (output !== undefined) return formats;
  if (formats.length > 1) throw new UsageError(`-f ${given} needs -o NAME: standard output takes one format`);
  if (inputs.length > 1 && !holdsSeveral(formats[0]!)) {
    throw new UsageError(`-f ${given} takes one input, got ${inputs.length} (-o FOLDER/ writes a file for each)`);
  }
  return formats[0] === "text" ? undefined : formats;
}

function rulesOf(values: ReadonlyMap<string, string>): LayoutRules {
  const style = values.get("style");
  const base = style === undefined ? undefined : styles[choiceValue(specNamed("style"), style) as StyleName];
  const number = (name: string, key: keyof LayoutRules, factor = 1) => {
    if (base && !values.has(name)) return base[key];
    return (numberValue(specNamed(name), values.get(name)) as number) * factor;
  };
  const rules: LayoutRules = {
    colsMax: number("max-cols", "colsMax"),
    linesMax: number("max-lines", "linesMax"),
    cueMsMin: number("min-cue-sec", "cueMsMin", 1000),
    cueMsMax: number("max-cue-sec", "cueMsMax", 1000),
    cpsMax: number("max-cps", "cpsMax"),
    gapMsMin: number("min-gap-ms", "gapMsMin"),
  };
  if (rules.cueMsMin > rules.cueMsMax) throw new UsageError("--min-cue-sec is more than --max-cue-sec");
  return rules;
}

function paragraphMs(values: ReadonlyMap<string, string>): number {
  return (numberValue(specNamed("paragraph-sec"), values.get("paragraph-sec")) as number) * 1000;
}

function specNamed(name: string): OptionSpec {
  const spec = optionTable.find((candidate) => candidate.name === name);
  if (!spec) throw new Error(`no option ${name} in the table`);
  return spec;
}

/** The number, one of the option's other words, or its default. */
function numberValue(spec: OptionSpec, given: string | undefined): number | string {
  const text = given ?? spec.default ?? "";
  const { numberMin = -Infinity, numberMax = Infinity, words = [], type } = spec.value!;
  const value = parseNumber(text);
  if (value === undefined || words.includes(String(value))) {
    const word = words.find((candidate) => candidate === (value === undefined ? text.toLowerCase() : String(value)));
    if (word !== undefined) return value ?? word;
  }
  const isWhole = type !== "integer" || Number.isInteger(value);
  if (value === undefined || value < numberMin || value > numberMax || !isWhole) throw wrongValue(spec, text);
  return value;
}

function choiceValue(spec: OptionSpec, given: string | undefined): string {
  const text = (given ?? spec.default ?? "").toLowerCase();
  if (!spec.value!.words!.includes(text)) throw wrongValue(spec, given ?? "");
  return text;
}

function wrongValue(spec: OptionSpec, given: string): UsageError {
  return new UsageError(`${optionFlag(spec)} must be ${valueRange(spec)}, got '${given}'`);
}

function languageValue(given: string): string {
  if (given === "" || /^(auto|detect)$/i.test(given.trim())) return "";
  const language = findLanguage(given);
  if (language === undefined) {
    throw new UsageError(`--language '${given}' is not one of ${languagesText()}`);
  }
  return language;
}

function span(values: ReadonlyMap<string, string>): Pick<TranscribeOptions, "fromSec" | "toSec"> {
  const [fromSec, toSec] = (["from", "to"] as const).map((name) => {
    const text = values.get(name);
    const seconds = text === undefined ? undefined : parseTime(text);
    if (text !== undefined && seconds === undefined) {
      throw new UsageError(`--${name} must be seconds or [hh:]mm:ss[.ms], got '${text}'`);
    }
    return seconds;
  });
  if (toSec !== undefined && toSec <= (fromSec ?? 0)) {
    throw new UsageError(
      `--to ${values.get("to")} is not after ${fromSec ? `--from ${values.get("from")}` : "the start"}`,
    );
  }
  return { fromSec, toSec };
}

/** Of the C program's options, these two do nothing without --stream. */
const onlyStreamed = ["live", "stream-chunk-sec", "endpoint-ms", "commit", "stream-rollback", "stream-unfixed-chunks"];

function streamChoice(values: ReadonlyMap<string, string>): StreamChoice | undefined {
  const number = (name: string) => numberValue(specNamed(name), values.get(name)) as number;
  const tokensMax = values.has("stream-max-new-tokens") ? number("stream-max-new-tokens") : -1;
  const rule = choiceValue(specNamed("commit"), values.get("commit"));
  if (!values.has("stream")) {
    const stray = onlyStreamed.find((name) => values.has(name));
    if (stray !== undefined) throw new UsageError(`--${stray} needs --stream`);
    return undefined;
  }
  if (values.has("commit") && rule === "agreement" && values.has("stream-rollback")) {
    throw new UsageError("--commit agreement and --stream-rollback are mutually exclusive");
  }
  const isRollback = rule === "rollback" || values.has("stream-rollback");
  const rollback = { tokens: number("stream-rollback"), unfixedChunks: number("stream-unfixed-chunks") };
  return {
    chunkSec: number("stream-chunk-sec"),
    endpointMs: number("endpoint-ms"),
    policy: isRollback ? { kind: "rollback", ...rollback } : { kind: "agreement" },
    tokensMax: tokensMax === -1 ? undefined : tokensMax,
    feedsPast: choiceValue(specNamed("past-text"), values.get("past-text")) !== "no",
    isLive: values.has("live"),
    monitor: values.has("monitor"),
  };
}

/** A stream has one format, of fewer; its text is what `format` says, and `formats` is for whole recordings. */
function formatChoice(
  values: ReadonlyMap<string, string>,
  inputs: readonly InputSource[],
): Pick<TranscribeOptions, "format" | "formats"> {
  const formats = formatsOf(values, inputs);
  if (!values.has("stream")) return { format: "text", formats };
  const format = streamFormats.find((known) => known === (formats?.[0] ?? "text"));
  if (format === undefined || (formats?.length ?? 0) > 1) {
    throw new UsageError(`-f of a stream is one of ${streamFormats.join(", ")}, got '${formats?.join()}'`);
  }
  if (format !== "text" && inputs.length > 1) {
    throw new UsageError(`-f ${format} takes one input, got ${inputs.length}`);
  }
  if (format !== "text" && values.has("with-filename")) {
    throw new UsageError(`-f ${format} and --with-filename are mutually exclusive`);
  }
  return { format, formats: undefined };
}

function rawSpec(values: ReadonlyMap<string, string>): RawLayout | undefined {
  const names = ["raw", "raw-format", "raw-rate", "raw-channels"];
  if (!names.some((name) => values.has(name))) return undefined;
  return {
    format: choiceValue(specNamed("raw-format"), values.get("raw-format")) as RawLayout["format"],
    rate: numberValue(specNamed("raw-rate"), values.get("raw-rate")) as number,
    channels: numberValue(specNamed("raw-channels"), values.get("raw-channels")) as number,
  };
}
