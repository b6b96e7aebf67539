/**
 * Parses a command line. In: its arguments. Out: a command, or a UsageError that names the argument. Pure: it does not
 * look at any file.
 *
 * Arguments are matched with the option table here, and their values are checked and read by options/choices.ts. Rules
 * about commands and their inputs are here, too.
 */

import { parseArgs } from "node:util";
import type { AudioSource } from "../audio/input.ts";
import { parseShard, type ShardChoice } from "../batch/shard.ts";
import type { Weights } from "../engine/engine.ts";
import { UsageError } from "../errors.ts";
import { findModel, modelNames, type OfficialModel } from "../model/catalog.ts";
import {
  Choices,
  formatList,
  type Given,
  hasViews,
  language,
  type LayoutOptions,
  layoutRules,
  paragraphMs,
  part,
  rawLayout,
  type RequestOptions,
  requestOptions,
  requestSpecs,
  speakerCount,
  textMarks,
  unknownOption,
  viewOptions,
  voiceChoice,
} from "../options/choices.ts";
import { anyCount, type SpeakerCount } from "../speakers/cluster.ts";
import { commandTexts } from "./help.ts";
import { type Shell, shells } from "./shells/surface.ts";
import { type JobOptions, jobOptions, joinedBy } from "../options/jobs.ts";
import {
  type CommandName,
  commandNames,
  type NamedCommand,
  type OptionSpec,
  optionTable,
  takes,
} from "../options/table.ts";
import { type ServeChoices, serveChoices } from "../options/serve_choices.ts";
import { nearest, parseNumber } from "../options/values.ts";
import { foreignExtension, type Format, formatOf, holdsSeveral } from "../output/formats.ts";
import type { MemoryLimit } from "../pipeline/memory_limit.ts";
import type { ViewOptions } from "../views/view.ts";
import type { VoiceChoice } from "../segment/voice.ts";
import { printable } from "../writer.ts";

/** An input that a command line can name. */
export type InputSource = Exclude<AudioSource, { kind: "stream" }> & {
  /** The folder of its outputs below that of -o; absent: none. */
  readonly folder?: string;
};

export type TranscribeOptions = RequestOptions & {
  readonly inputs: readonly InputSource[];
  /** The value of -d. */
  readonly model: string | undefined;
  /** 0: one thread per core. */
  readonly threads: number;
  readonly weights: Weights;
  readonly cache: boolean;
  /** Absent: what is free. */
  readonly memoryLimit?: MemoryLimit;
  /** Segments decoded at once; undefined: as many as is fastest. */
  readonly decodesMax: number | undefined;
  /** Print symbols for every step of a stream. */
  readonly monitor: boolean;
  /** The value of --aligner. */
  readonly aligner: string | undefined;
  /** Keep a single model in memory at a time. */
  readonly lowMemory: boolean;
  /** Of whole recordings. undefined: write the text as it comes, to standard output or to `output`. */
  readonly formats: readonly Format[] | undefined;
  /** undefined: standard output. */
  readonly output: string | undefined;
  readonly force: boolean;
  readonly jobs: JobOptions;
  readonly withFilename: boolean;
  /** How many speakers are told apart; undefined: none are. */
  readonly speakers: SpeakerCount | undefined;
  /** A folder with recordings of known voices. */
  readonly voices: string | undefined;
  /** A file that says what speakers are called; undefined: they keep their names. */
  readonly speakerNames: string | undefined;
  /** Inputs may be URLs. */
  readonly allowsUrl: boolean;
  /** A terminal shows the name of each of several inputs above its text. */
  readonly headings: boolean;
  /** Text known to be missing has an exit code of its own. */
  readonly isStrict: boolean;
  readonly verbosity: "silent" | "normal" | "debug";
};

/** What concerns how models are opened. */
type EngineOption = "model" | "threads" | "weights" | "cache" | "memoryLimit";

/** `qwen-asr align`: a recording and its text. `text` is a path, or "-" for standard input. */
export type AlignOptions = Omit<TranscribeOptions, "inputs"> & { readonly input: InputSource; readonly text: string };

/** `qwen-asr render`: transcripts (-f json or jsonl) in other formats. */
export type RenderOptions =
  & LayoutOptions
  & Pick<TranscribeOptions, "htmlAudio" | "inputs" | "output" | "force" | "headings" | "speakerNames">
  & {
    readonly formats: readonly Format[];
    /** undefined: the text stays as it is written. */
    readonly views: ViewOptions | undefined;
  };

/** `qwen-asr text`: plain text, line by line. */
export type TextOptions = Pick<TranscribeOptions, "views" | "cuePunctuation" | "language"> & {
  readonly input: InputSource;
};

/** `qwen-asr lint`: subtitle files, and the rules that they should follow. */
export type LintOptions = Pick<TranscribeOptions, "inputs" | "rules">;

/** `qwen-asr inspect`: a recording, and perhaps its transcript. */
export type InspectOptions =
  & Pick<TranscribeOptions, "fromSec" | "toSec" | "track" | "channel" | "decoder" | "raw" | "output" | "force">
  /** How subtitles of the transcript are laid out, which the picture shows. */
  & Pick<TranscribeOptions, "rules">
  & {
    readonly input: InputSource;
    /** A path; undefined: the file beside the recording, if there is one. */
    readonly transcript: string | undefined;
    readonly vad: VoiceChoice;
    /** Lists where speech is instead of drawing. */
    readonly json: boolean;
    /** Every frame's probability, too. */
    readonly probs: boolean;
  };

/** `qwen-asr eval`: recordings with what is said in them, two results, or who speaks when by two files. */
export type EvalOptions =
  | EvalRun
  | {
    readonly kind: "compare" | "speakers";
    readonly a: InputSource;
    readonly b: InputSource;
    readonly json: boolean;
    readonly output: string | undefined;
    readonly force: boolean;
  };

export type EvalRun = Omit<TranscribeOptions, "inputs"> & {
  readonly kind: "run";
  readonly manifest: InputSource;
  /** What was heard is in this folder; undefined: in the manifest, or it is decoded. */
  readonly transcripts: string | undefined;
  readonly json: boolean;
};

/** `qwen-asr batch`: a manifest of recordings, and which of its rows. */
export type BatchOptions = Omit<TranscribeOptions, "inputs"> & {
  readonly manifest: InputSource;
  readonly shard: ShardChoice;
  /** Nothing is transcribed. */
  readonly check: boolean;
  readonly failOnError: boolean;
  /** The options that concern a recording, as given for all rows. */
  readonly given: Given;
};

/** `qwen-asr download`. */
export type DownloadOptions = {
  /** undefined: the user is asked. */
  readonly model: OfficialModel | undefined;
  /** The value of --dir; undefined: the usual place. */
  readonly dir: string | undefined;
};

/** `qwen-asr serve`. */
export type ServeOptions =
  & Pick<
    TranscribeOptions,
    "model" | "threads" | "weights" | "cache" | "memoryLimit" | "align" | "aligner" | "lowMemory" | "verbosity"
  >
  & ServeChoices;

/** `qwen-asr info`: the model of a run. */
export type InfoOptions = Pick<TranscribeOptions, EngineOption> & {
  /** Also on a terminal. */
  readonly json: boolean;
};

/** `qwen-asr doctor`. */
export type DoctorOptions = InfoOptions & { readonly online: boolean };

const cacheActions = ["list", "clear", "verify"] as const;

/** `qwen-asr cache`: what to do with which files. Without names, all files are meant. */
export type CacheOptions = { readonly action: (typeof cacheActions)[number]; readonly names: readonly string[] };

export type Command =
  | { readonly kind: "align"; readonly options: AlignOptions }
  | { readonly kind: "transcribe"; readonly options: TranscribeOptions }
  | { readonly kind: "render"; readonly options: RenderOptions }
  | { readonly kind: "text"; readonly options: TextOptions }
  | { readonly kind: "lint"; readonly options: LintOptions }
  | { readonly kind: "inspect"; readonly options: InspectOptions }
  | { readonly kind: "eval"; readonly options: EvalOptions }
  | { readonly kind: "batch"; readonly options: BatchOptions }
  | { readonly kind: "download"; readonly options: DownloadOptions }
  | { readonly kind: "cache"; readonly options: CacheOptions }
  /** `model` is the value of -d. */
  | { readonly kind: "bench"; readonly model: string | undefined }
  | { readonly kind: "info"; readonly options: InfoOptions }
  | { readonly kind: "doctor"; readonly options: DoctorOptions }
  | { readonly kind: "serve"; readonly options: ServeOptions }
  | { readonly kind: "completions"; readonly shell: Shell }
  | { readonly kind: "man" }
  /** `command` is the one whose help is wanted; undefined: that of the program. */
  | { readonly kind: "help"; readonly long: boolean; readonly command: NamedCommand | undefined }
  | { readonly kind: "version" | "licenses" | "microphones" };

/** The command that may have been meant by a word that was taken for a file. */
export function meantCommand(word: string): string | undefined {
  return /^[a-z]{4,}$/.test(word) ? nearest(word, commandNames) : undefined;
}

/**
 * `args` are without the program's name. A command name counts only as the first word. If an option is repeated, its
 * last value counts; files, -i and options that are lists add up.
 */
export function parseCommandLine(args: readonly string[]): Command {
  if (args[0] === "help") return helpCommand(args.slice(1));
  const named = commandNames.find((name) => name === args[0]);
  const rest = named ? args.slice(1) : args;
  const tokens = tokenize(rest);
  const asked = tokens.find((token) => token.kind === "option" && ["help", "version", "licenses"].includes(token.name));
  if (asked?.kind === "option") {
    if (asked.name === "help") return { kind: "help", long: asked.rawName !== "-h", command: named };
    return { kind: asked.name === "version" ? "version" : "licenses" };
  }
  const command = named ?? "transcribe";
  const { values, words } = match(tokens, rest, command);
  const choices = new Choices(values, "argv", command);
  switch (command) {
    case "transcribe":
      if (choices.text("mic") === "list") return { kind: "microphones" };
      speakerCount(choices); // Before its inputs: where N is left out, one of them stands in its place.
      return { kind: command, options: transcribeOptions(choices, inputsOf(choices, words)) };
    case "align":
      return { kind: command, options: alignOptions(choices, inputsOf(choices, words)) };
    case "render":
      return {
        kind: command,
        options: renderOptions(choices, inputsOf(choices, words, "a transcript (JSON, JSON lines, SRT or WebVTT)")),
      };
    case "text":
      return { kind: command, options: plainTextOptions(choices, words) };
    case "lint":
      return {
        kind: command,
        options: { inputs: inputsOf(choices, words, "a subtitle file"), rules: layoutRules(choices) },
      };
    case "inspect":
      return { kind: command, options: inspectOptions(choices, inputsOf(choices, words, "a recording")) };
    case "eval":
      return { kind: command, options: evalOptions(choices, inputsOf(choices, words, "a manifest")) };
    case "batch":
      return { kind: command, options: batchOptions(choices, inputsOf(choices, words, "a manifest"), values) };
    case "download":
      return { kind: command, options: { model: modelNamed(words), dir: choices.text("dir") } };
    case "cache":
      return { kind: command, options: cacheOptions(words) };
    case "doctor":
      if (words.length > 0) throw new UsageError("doctor takes no file: -d DIR names the model");
      return {
        kind: command,
        options: { ...engineOptions(choices), json: choices.has("json"), online: choices.has("online") },
      };
    case "info":
      if (words.length > 0) throw new UsageError("info takes no file: -d DIR names the model");
      return { kind: command, options: { ...engineOptions(choices), json: choices.has("json") } };
    case "serve":
      if (words.length > 0) throw new UsageError("serve takes no file: its clients send them");
      return { kind: command, options: serveOptions(choices) };
    case "completions":
      return { kind: command, shell: shellNamed(words) };
    case "man":
      if (words.length > 0) throw new UsageError("man takes nothing: it prints one page for all commands");
      return { kind: command };
    case "bench":
      if (words.length > 0) throw new UsageError("bench takes nothing but -d DIR");
      return { kind: command, model: choices.text("model") };
  }
}

/** `qwen-asr help [COMMAND]`. */
function helpCommand([word, ...rest]: readonly string[]): Command {
  const command = commandNames.find((name) => name === word);
  if (word !== undefined && command === undefined || rest.length > 0) {
    const meant = nearest(word!, commandNames);
    throw new UsageError(`help takes one command: ${commandNames.join(", ")}${meant ? ` (${meant}?)` : ""}`);
  }
  return { kind: "help", long: true, command };
}

type OptionToken = {
  name: string;
  rawName: string;
  index: number;
  value?: string | undefined;
  inlineValue?: boolean | undefined;
};

function tokenize(args: readonly string[]) {
  const options = Object.fromEntries(
    optionTable.map((spec) => [spec.name, {
      type: spec.value ? "string" as const : "boolean" as const,
      ...(spec.short ? { short: spec.short } : {}),
    }]),
  );
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

/** The last value of each option ("" for switches), and the files and other words in their order. */
type Matched = { readonly values: ReadonlyMap<string, string>; readonly words: readonly string[] };

function match(tokens: ReturnType<typeof tokenize>, args: readonly string[], command: CommandName): Matched {
  const values = new Map<string, string>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      words.push(token.value);
      continue;
    }
    const spec = specOf(token, args[token.index] ?? token.rawName, command);
    const value = valueOf(token, spec);
    if (spec.overrides !== undefined) values.delete(spec.overrides);
    if (spec.name === "input") words.push(value);
    const before = spec.name in joinedBy ? values.get(spec.name) : undefined;
    values.set(spec.name, before === undefined ? value : `${before}${joinedBy[spec.name]}${value}`);
  }
  if (words.length > 0 && specs(command).some(({ name }) => name === "input")) values.set("input", words.at(-1)!);
  const format = extensionFormat(values, command);
  if (format !== undefined) values.set("format", format);
  return { values, words };
}

function specs(command: CommandName): OptionSpec[] {
  return optionTable.filter((spec) => takes(command, spec));
}

function specOf({ name, rawName }: OptionToken, written: string, command: CommandName): OptionSpec {
  const spec = optionTable.find((candidate) => candidate.name === name);
  if (!spec) {
    const isLong = written.startsWith("--");
    const meant = nearest(isLong ? rawName : `-${written}`, specs(command).map((known) => `--${known.name}`));
    throw unknownOption(isLong || meant ? written.split("=")[0]! : rawName, meant);
  }
  if (takes(command, spec)) return spec;
  if (command !== "transcribe") throw new UsageError(`${command} does not take --${name}`);
  throw new UsageError(`--${name} belongs to 'qwen-asr ${spec.commands?.join("' and 'qwen-asr ")}'`);
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
  if (value === "" && type === "path") throw new UsageError(`${token.rawName} needs ${placeholder}, got an empty text`);
  return value;
}

/** Without -f, the extension of -o is the format. That of plain text is none: the text is written as it comes. */
function extensionFormat(values: ReadonlyMap<string, string>, command: CommandName): Format | undefined {
  const output = values.get("output");
  if (output === undefined || values.has("format") || !specs(command).some(({ name }) => name === "format")) return;
  const foreign = command === "inspect" ? undefined : foreignExtension(output); // It draws pictures.
  if (foreign !== undefined) {
    const hint = "-f text writes text to a file of any name";
    throw new UsageError(`-o ${output}: .${foreign} files hold something else than a transcript`, hint);
  }
  const format = formatOf(output);
  return format === "text" ? undefined : format;
}

function inputsOf(choices: Choices, words: readonly string[], wanted?: string): InputSource[] {
  const microphone = choices.text("mic");
  if (microphone !== undefined && words.length > 0) throw new UsageError("--mic takes no other input");
  if (microphone !== undefined) return [{ kind: "stdin", microphone }];
  const inputs = choices.has("stdin") ? [inputSource("-")] : words.map(inputSource);
  if (choices.has("watch") && inputs.length > 0) throw new UsageError("--watch takes no other input");
  const isListed = choices.has("files-from") || choices.has("watch");
  if (inputs.length === 0 && !isListed) {
    throw new UsageError(
      wanted ? `${choices.command} needs ${wanted}` : "no input: name a file, or - for standard input",
    );
  }
  const readers = inputs.filter((input) => input.kind === "stdin").length;
  if (readers + Number(choices.text("files-from") === "-") > 1) {
    throw new UsageError("standard input is named twice");
  }
  return inputs;
}

function inputSource(path: string): InputSource {
  if (path === "") throw new UsageError("an input file name is empty");
  return path === "-" ? { kind: "stdin" } : { kind: "file", path };
}

function transcribeOptions(choices: Choices, inputs: readonly InputSource[]): TranscribeOptions {
  const request = requestOptions(choices);
  const isStream = request.stream !== undefined;
  if (isStream && request.format !== "text" && choices.has("with-filename")) {
    throw new UsageError(`-f ${request.format} and --with-filename are mutually exclusive`);
  }
  if (isStream) checkStream(request, inputs);
  const formats = isStream ? undefined : formatsOf(choices, inputs);
  const who = speakersOf(choices);
  if (formats?.join() === "rttm" && who.speakers === undefined && !request.splitChannels) {
    throw new UsageError("-f rttm needs --speakers, --voices or --split-channels");
  }
  return {
    ...request,
    formats,
    inputs,
    ...engineOptions(choices),
    decodesMax: choices.has("batch") ? choices.number("batch") : undefined,
    monitor: choices.has("monitor"),
    aligner: choices.text("aligner"),
    lowMemory: choices.has("low-memory"),
    output: outputPath(choices),
    force: choices.has("force"),
    jobs: jobOptions(choices),
    withFilename: choices.has("with-filename"),
    headings: !choices.has("no-filename"),
    ...who,
    allowsUrl: choices.has("allow-url"),
    isStrict: choices.has("strict"),
    verbosity: verbosity(choices),
  };
}

function speakersOf(choices: Choices): Pick<TranscribeOptions, "speakers" | "voices" | "speakerNames"> {
  const [voices, speakerNames] = [choices.text("voices"), namesFile(choices)];
  const speakers = speakerCount(choices) ?? (voices === undefined ? undefined : anyCount);
  const areChannels = choices.has("split-channels") || choices.command === "batch"; // A row may say so.
  if (speakerNames !== undefined && speakers === undefined && !areChannels) {
    throw new UsageError("--speaker-names needs --speakers, --voices or --split-channels");
  }
  return { speakers, voices, speakerNames };
}

function namesFile(choices: Choices): string | undefined {
  const path = choices.text("speaker-names");
  if (path === "-") throw new UsageError("--speaker-names takes a file, got standard input");
  return path;
}

function verbosity(choices: Choices): TranscribeOptions["verbosity"] {
  return choices.has("silent") ? "silent" : choices.has("debug") ? "debug" : "normal";
}

function serveOptions(choices: Choices): ServeOptions {
  return {
    ...engineOptions(choices),
    align: choices.has("align"),
    aligner: choices.text("aligner"),
    lowMemory: choices.has("low-memory"),
    verbosity: verbosity(choices),
    ...serveChoices(choices),
  };
}

function engineOptions(choices: Choices): Pick<TranscribeOptions, EngineOption> {
  const bytes = choices.bytes("max-ram");
  return {
    model: choices.text("model"),
    threads: choices.number("threads"),
    weights: choices.choice("weights") as Weights,
    cache: !choices.has("no-cache"),
    ...(bytes !== undefined && { memoryLimit: { bytes, isPrecisionFree: !choices.has("weights") } }),
  };
}

/** Cues of a stream are for one recording, and nothing may stand between them. Lines of jsonl name theirs. */
function checkStream({ format }: Pick<RequestOptions, "format">, inputs: readonly InputSource[]): void {
  if (format === "text" || format === "jsonl" || inputs.length <= 1) return;
  throw new UsageError(`-f ${format} takes one input, got ${inputs.length}`);
}

/** Of how many inputs there are, one format on standard output takes one. Also checked when folders are looked into. */
export function checkCount({ stream, format, formats, output, inputs }: TranscribeOptions): void {
  if (stream) checkStream({ format }, inputs);
  else if (formats && output === undefined) checkStdout(formats, formats[0]!, inputs);
}

function checkStdout(formats: readonly Format[], given: string, inputs: readonly InputSource[]): void {
  if (formats.length > 1) throw new UsageError(`-f ${given} needs -o NAME: standard output takes one format`);
  if (inputs.length > 1 && !holdsSeveral(formats[0]!)) {
    throw new UsageError(`-f ${given} takes one input, got ${inputs.length} (-o FOLDER/ writes a file for each)`);
  }
}

function outputPath(choices: Choices): string | undefined {
  const output = choices.text("output");
  return output === "-" || output === "/dev/stdout" ? undefined : output;
}

/** undefined: the text is written as it comes. */
function formatsOf(choices: Choices, inputs: readonly InputSource[]): readonly Format[] | undefined {
  const formats = formatList(choices) ?? (choices.has("timestamps") ? ["text" as const] : undefined);
  if (choices.has("timestamps") && !formats!.includes("text")) {
    throw new UsageError(
      `--timestamps is for text, not for ${formats!.join(",")}`,
      "-f text has a line per sentence with its times",
    );
  }
  if (formats === undefined || outputPath(choices) !== undefined) return formats;
  checkStdout(formats, choices.text("format")!, inputs);
  return formats[0] === "text" && !choices.has("timestamps") ? undefined : formats;
}

function alignOptions(choices: Choices, recordings: readonly InputSource[]): AlignOptions {
  const { inputs, ...options } = transcribeOptions(choices, recordings);
  if (inputs.length > 1) throw new UsageError("align takes one recording at a time");
  const [input] = inputs;
  const text = choices.text("text");
  if (text === undefined) throw new UsageError("align needs --text FILE (- for standard input)");
  if (text === "-" && input!.kind === "stdin") throw new UsageError("standard input is the recording and the text");
  return { ...options, aligner: options.aligner ?? options.model, input: input!, text };
}

function renderOptions(choices: Choices, inputs: readonly InputSource[]): RenderOptions {
  return {
    inputs,
    formats: formatsOf(choices, inputs) ?? ["text"],
    rules: layoutRules(choices),
    paragraphMs: paragraphMs(choices),
    timestamps: choices.has("timestamps"),
    forSpreadsheet: choices.has("spreadsheet"),
    views: hasViews(choices) ? viewOptions(choices) : undefined,
    speakerNames: namesFile(choices),
    ...textMarks(choices),
    output: outputPath(choices),
    force: choices.has("force"),
    headings: !choices.has("no-filename"),
  };
}

function plainTextOptions(choices: Choices, words: readonly string[]): TextOptions {
  if (words.length > 1) throw new UsageError(`text takes one file, got ${words.length}`);
  const { cuePunctuation } = textMarks(choices);
  const input = inputSource(words[0] ?? "-");
  return { views: viewOptions(choices), cuePunctuation, language: language(choices), input };
}

function inspectOptions(choices: Choices, inputs: readonly InputSource[]): InspectOptions {
  const [input, ...others] = inputs.toSorted((a, b) => Number(isTranscript(a)) - Number(isTranscript(b)));
  if (isTranscript(input!)) throw new UsageError("inspect needs a recording");
  const transcript = others[0];
  if (others.length > 1 || (transcript && !isTranscript(transcript))) {
    throw new UsageError("inspect takes one recording, and its transcript (.json or .jsonl)");
  }
  return {
    input: input!,
    transcript: transcript?.kind === "file" ? transcript.path : undefined,
    rules: layoutRules(choices),
    ...speechOptions(choices),
    ...part(choices),
    raw: rawLayout(choices),
    output: outputPath(choices),
    force: choices.has("force"),
  };
}

function speechOptions(choices: Choices): Pick<InspectOptions, "vad" | "json" | "probs"> {
  const json = choices.has("format");
  if (json && formatList(choices)?.join() !== "json") {
    throw new UsageError(`inspect draws, or takes -f json, got '${printable(choices.text("format")!)}'`);
  }
  const vad = voiceChoice(choices);
  const probs = choices.has("probs");
  if (probs && !json) throw new UsageError("--probs needs -f json");
  if (probs && vad.kind !== "neural") throw new UsageError("--probs are those of --vad neural");
  return { vad, json, probs };
}

function evalOptions(choices: Choices, inputs: readonly InputSource[]): EvalOptions {
  const output = outputPath(choices);
  const json = choices.has("json") || /\.json$/i.test(output ?? "");
  for (const [option, kind, what] of [["compare", "compare", "results"], ["rttm", "speakers", "files"]] as const) {
    if (!choices.has(option)) continue;
    const [a, b, ...more] = inputs;
    if (!b || more.length > 0) throw new UsageError(`eval --${option} takes two ${what}, got ${inputs.length}`);
    return { kind, a: a!, b, json, output, force: choices.has("force") };
  }
  const [manifest, ...more] = inputs;
  if (more.length > 0) throw new UsageError(`eval takes one manifest, got ${inputs.length} files`);
  const { inputs: _, ...options } = transcribeOptions(choices, []);
  return { ...options, kind: "run", manifest: manifest!, transcripts: choices.text("transcripts"), json };
}

function batchOptions(choices: Choices, inputs: readonly InputSource[], values: Given): BatchOptions {
  const [manifest, ...more] = inputs;
  if (more.length > 0) throw new UsageError(`batch takes one manifest, got ${inputs.length} files`);
  const { inputs: _, ...options } = transcribeOptions(choices, []);
  const ofRows = new Set(requestSpecs("batch").map(({ name }) => name));
  return {
    ...options,
    manifest: manifest!,
    shard: parseShard(choices.text("shard") ?? "0/1", choices.named("shard")),
    check: choices.has("check"),
    failOnError: choices.has("fail-on-error"),
    given: new Map([...values].filter(([name]) => ofRows.has(name) || name === "terms")),
  };
}

function isTranscript(input: InputSource): boolean {
  return input.kind === "file" && /\.jsonl?$/i.test(input.path);
}

function modelNamed(words: readonly string[]): OfficialModel | undefined {
  if (words.length > 1) throw new UsageError(`download: one model at a time: ${printable(words.join(" "))}`);
  const [name] = words;
  const model = name === undefined ? undefined : findModel(name);
  if (name === undefined || model) return model;
  throw new UsageError(`download: no model '${printable(name)}': ${modelNames}`);
}

function shellNamed(words: readonly string[]): Shell {
  const shell = shells.find((known) => words.length === 1 && known === words[0]);
  if (shell !== undefined) return shell;
  throw new UsageError(`completions takes ${commandTexts.completions.usage}, got '${printable(words.join(" "))}'`);
}

function cacheOptions([given, ...names]: readonly string[]): CacheOptions {
  const action = cacheActions.find((known) => known === given);
  if (action) return { action, names };
  throw new UsageError(given === undefined ? "cache: list, clear or verify?" : `cache: no '${printable(given)}'`);
}
