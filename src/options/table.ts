/**
 * The commands and options of `qwen-asr`, in one table. Command lines, form fields and manifests are read by it, and
 * the help texts and docs/reference.md are made from it. Data, and functions that put it into words.
 */

import { RATE_MAX_HZ, RATE_MIN_HZ } from "../audio/limits.ts";
import { SAMPLE_FORMATS } from "../audio/pcm.ts";
import { RAW_DEFAULT } from "../audio/raw.ts";
import { formatNames } from "../output/formats.ts";
import { languageNames } from "../text/languages.ts";
import { auditOptions } from "./audit_options.ts";
import { batchOptions } from "./batch_options.ts";
import { cueOptions } from "./cue_options.ts";
import { audioOptions } from "./audio_options.ts";
import { evalOptions } from "./eval_options.ts";
import { inputOptions } from "./job_options.ts";
import { pageOptions } from "./page_options.ts";
import { memoryOptions } from "./memory_options.ts";
import { speakerOptions } from "./speaker_options.ts";
import { serveOptions } from "./serve_options.ts";
import { textOptions } from "./text_options.ts";
import { vadOptions } from "./vad_options.ts";

/** The named commands. A name counts only as the first word; a file of that name can be written as ./align. */
export const commandNames = [
  "align",
  "render",
  "text",
  "lint",
  "inspect",
  "eval",
  "batch",
  "download",
  "cache",
  "bench",
  "info",
  "doctor",
  "serve",
  "completions",
  "man",
] as const;

export type NamedCommand = (typeof commandNames)[number];

/** A command line without a named command transcribes its files. */
export type CommandName = NamedCommand | "transcribe";

export type OptionGroup =
  | "Model"
  | "Input"
  | "Speech"
  | "Long audio"
  | "Streaming"
  | "Words"
  | "Text"
  | "Evaluation"
  | "Batch"
  | "Output"
  | "Server"
  | "Other";

/** What a value must look like. A number lies between `numberMin` and `numberMax` or is one of the `words`. */
export type ValueType = "text" | "path" | "number" | "integer" | "choice" | "time" | "size";

export type OptionSpec = {
  readonly name: string;
  readonly short?: string;
  readonly group: OptionGroup;
  /** Absent: a switch without a value. */
  readonly value?: {
    readonly placeholder: string;
    readonly type: ValueType;
    readonly numberMin?: number;
    readonly numberMax?: number;
    readonly unit?: string;
    /** The choices, or the words that are allowed besides numbers. */
    readonly words?: readonly string[];
    /** What a shell offers where other texts, or paths, are right as well. */
    readonly offers?: readonly string[];
  };
  /** Shown in the help, and read like a value that was given. */
  readonly default?: string;
  /** At most 43 characters, for `-h` and the table of docs/reference.md. */
  readonly help: string;
  /** The same where a command means something else. */
  readonly helpOf?: Partial<Readonly<Record<CommandName, string>>>;
  /** Further sentences for `--help`. */
  readonly more?: string;
  /** Shown only in the long help. */
  readonly rare?: boolean;
  /** The commands that take the option; absent: only transcription does. */
  readonly commands?: readonly CommandName[];
  /** The option concerns a single recording, so a form or a row of a manifest may have it. */
  readonly perRequest?: boolean;
  /** A switch that this option sets as well. */
  readonly implies?: string;
  /** An option without which this one is an error. */
  readonly needs?: string;
  /** An option that this one cancels if it comes later. */
  readonly overrides?: string;
  readonly excludes?: readonly Exclusion[];
};

/** An option that cannot be combined with the one in whose row it is. */
export type Exclusion = {
  readonly option: string;
  /** If set, only this value of that option is excluded. */
  readonly value?: string;
  /** If set, the rule holds only for this command. */
  readonly command?: CommandName;
  /** The message; {name} is replaced by the option as the user writes it. */
  readonly says?: string;
};

const everyCommand: readonly CommandName[] = ["transcribe", ...commandNames];
const onAudio: readonly CommandName[] = ["transcribe", "align", "inspect", "batch"];
const onText: readonly CommandName[] = ["transcribe", "align", "render"];
const onSides: readonly CommandName[] = ["transcribe", "batch"];
const onFiles: readonly CommandName[] = ["transcribe", "align", "render", "inspect", "eval", "batch"];
const onDecoding: readonly CommandName[] = ["transcribe", "eval", "batch"];
const onWords: readonly CommandName[] = ["transcribe", "align", "batch"];
const withModel: readonly CommandName[] = ["transcribe", "align", "eval", "batch"];

export const optionTable: readonly OptionSpec[] = [
  {
    name: "model",
    short: "d",
    group: "Model",
    value: { placeholder: "DIR", type: "path", offers: ["small", "large", "demo"] },
    help: "model folder, or small|large|demo",
    more: "small and large are the models that `qwen-asr download` fetches; demo is a tiny one inside this program. " +
      "Without -d: $QWEN_ASR_MODEL, otherwise a downloaded model, small before large.",
    commands: [...withModel, "serve", "bench", "info", "doctor"],
    excludes: [{
      option: "aligner",
      command: "align",
      says: "{model} and {aligner} mean the same here: give only one",
    }],
  },
  {
    name: "threads",
    short: "t",
    group: "Model",
    value: { placeholder: "N", type: "integer", numberMin: 0, numberMax: 256 },
    default: "0",
    help: "CPU threads; 0: one per physical core",
    more: "Where cores differ, the fast ones count. Never more than the processors that this process may use.",
    commands: [...withModel, "serve", "info", "doctor"],
  },
  {
    name: "weights",
    group: "Model",
    value: { placeholder: "NAME", type: "choice", words: ["bf16", "int8", "int4"] },
    default: "int8",
    help: "weight precision: bf16|int8|int4",
    more: "int8 rounds weights to 8 bits in blocks of 32: two to three times as fast. bf16 uses them as they are. " +
      "int4 keeps most of the decoder at 4 bits: faster, less accurate.",
    rare: true,
    commands: [...withModel, "serve", "info", "doctor"],
  },
  ...memoryOptions,
  {
    name: "dir",
    group: "Model",
    value: { placeholder: "DIR", type: "path" },
    help: "where `qwen-asr download` puts the model",
    rare: true,
    commands: ["download"],
  },
  {
    name: "no-cache",
    group: "Model",
    help: "pack the weights in memory on every run",
    more: "Otherwise they are packed once and kept in a file; `qwen-asr cache` lists and clears these files.",
    rare: true,
    commands: [...withModel, "serve", "info", "doctor"],
  },
  {
    name: "json",
    group: "Model",
    help: "print JSON",
    more: "`info` and `doctor` print it also without this if standard output is not a terminal.",
    rare: true,
    commands: ["info", "doctor", "eval"],
  },
  {
    name: "input",
    short: "i",
    group: "Input",
    value: { placeholder: "FILE", type: "path" },
    help: "same as FILE; may be repeated",
    more: "WAV, MP3, AAC (M4A, MP4), FLAC, Ogg and WebM are decoded here, other formats by ffmpeg if it is installed.",
    commands: ["transcribe", "align", "render", "text", "lint", "inspect", "eval"],
  },
  {
    name: "stdin",
    group: "Input",
    help: 'read standard input, same as "-"',
    more: "WAV and other file formats are recognised; anything else is raw s16le, 16 kHz, mono.",
    commands: ["transcribe", "align"],
    excludes: [{
      option: "input",
      says: "{stdin} and input files are mutually exclusive (use - among the files)",
    }],
  },
  {
    name: "from",
    group: "Input",
    value: { placeholder: "TIME", type: "time" },
    help: "start at TIME: seconds or [hh:]mm:ss[.ms]",
    commands: onAudio,
    perRequest: true,
  },
  {
    name: "to",
    group: "Input",
    value: { placeholder: "TIME", type: "time" },
    help: "stop at TIME",
    commands: onAudio,
    perRequest: true,
  },
  {
    name: "track",
    group: "Input",
    value: { placeholder: "N|LANG", type: "text" },
    help: "audio track of a film: number or language",
    more: "By default, the track that players choose. If there are several, a message lists them.",
    rare: true,
    commands: onAudio,
    perRequest: true,
  },
  ...audioOptions,
  {
    name: "channel",
    group: "Input",
    value: { placeholder: "NAME", type: "integer", numberMin: 1, numberMax: 64, words: ["left", "right", "mix"] },
    default: "mix",
    help: "channel to read: left|right|N|mix",
    more: "left and right are 1 and 2. mix reads all channels as one.",
    rare: true,
    commands: onAudio,
    perRequest: true,
  },
  {
    name: "split-channels",
    group: "Input",
    help: "hear each channel for itself: left, right",
    more: "For calls with a voice on each side: a line of text per turn, in order of time, and the speaker in JSON. " +
      "More than two channels are called 1, 2 and so on. The text comes when all are heard. Implies --skip-silence.",
    rare: true,
    commands: onSides,
    perRequest: true,
    implies: "skip-silence",
    excludes: [{ option: "channel" }, { option: "stream" }, { option: "low-memory" }],
  },
  {
    name: "raw",
    group: "Input",
    help: "input is raw samples without a header",
    rare: true,
    commands: onAudio,
    perRequest: true,
  },
  {
    name: "raw-format",
    group: "Input",
    value: { placeholder: "NAME", type: "choice", words: SAMPLE_FORMATS },
    default: RAW_DEFAULT.format,
    help: "sample format; implies --raw",
    rare: true,
    commands: onAudio,
    perRequest: true,
    implies: "raw",
  },
  {
    name: "raw-rate",
    group: "Input",
    value: { placeholder: "HZ", type: "integer", numberMin: RATE_MIN_HZ, numberMax: RATE_MAX_HZ, unit: "Hz" },
    default: String(RAW_DEFAULT.rate),
    help: "sample rate; implies --raw",
    rare: true,
    commands: onAudio,
    perRequest: true,
    implies: "raw",
  },
  {
    name: "raw-channels",
    group: "Input",
    value: { placeholder: "N", type: "integer", numberMin: 1, numberMax: 64 },
    default: "1",
    help: "number of channels; implies --raw",
    rare: true,
    commands: onAudio,
    perRequest: true,
    implies: "raw",
  },
  ...inputOptions,
  {
    name: "language",
    group: "Speech",
    value: { placeholder: "NAME", type: "text", offers: languageNames },
    default: "detect",
    help: "spoken language, name or ISO code",
    more: "A script or region of Chinese sets --script: zh-TW and zh-Hant twp, zh-HK hk, zh-CN and zh-Hans cn.",
    commands: [...withModel, "text"],
    perRequest: true,
  },
  {
    name: "prompt",
    group: "Speech",
    value: { placeholder: "TEXT", type: "text" },
    help: "names and terms to expect; @FILE reads them",
    more: "A leading @@ stands for one @.",
    commands: onDecoding,
    perRequest: true,
  },
  {
    name: "skip-silence",
    group: "Speech",
    help: "shorten silences before decoding",
    commands: onDecoding,
    perRequest: true,
    excludes: [{ option: "vad", value: "off" }],
  },
  ...vadOptions,
  {
    name: "segment-sec",
    short: "S",
    group: "Long audio",
    value: {
      placeholder: "SEC",
      type: "number",
      numberMin: 1,
      numberMax: 86_400,
      unit: "seconds",
      words: ["0", "auto"],
    },
    default: "auto",
    help: "cut at pauses about every SEC; 0: never",
    more: "auto keeps audio up to 120 s whole and cuts longer audio about every 30 s.",
    commands: onDecoding,
    perRequest: true,
  },
  {
    name: "search-sec",
    short: "W",
    group: "Long audio",
    value: { placeholder: "SEC", type: "number", numberMin: 0, numberMax: 3600, unit: "seconds" },
    default: "3",
    help: "how far around a cut to look for a pause",
    more: "At most half of -S is used.",
    rare: true,
    commands: onDecoding,
    perRequest: true,
  },
  {
    name: "past-text",
    group: "Long audio",
    value: { placeholder: "WHEN", type: "choice", words: ["yes", "no", "auto"] },
    default: "auto",
    help: "give the model earlier text: yes|no|auto",
    more: "auto means no, and yes for a stream. With yes, text appears segment by segment.",
    rare: true,
    commands: onDecoding,
    perRequest: true,
  },
  {
    name: "batch",
    group: "Long audio",
    value: { placeholder: "N", type: "integer", numberMin: 1, numberMax: 8, unit: "segments" },
    default: "8",
    help: "segments decoded at once, across files",
    more:
      "One pass over the weights serves all of them. The text is the same for any number; 1 needs the least memory.",
    rare: true,
    commands: onDecoding,
    excludes: [
      { option: "low-memory", says: "{low-memory} decodes one segment at a time and cannot be combined with {batch}" },
      { option: "stream", says: "{stream} decodes one segment at a time and cannot be combined with {batch}" },
    ],
  },
  {
    name: "enc-window-sec",
    group: "Long audio",
    value: { placeholder: "SEC", type: "number", numberMin: 1, numberMax: 8, unit: "seconds" },
    default: "8",
    help: "encoder attention window, 1 to 8",
    more: "Whole seconds; a fraction is dropped.",
    rare: true,
    commands: onDecoding,
    perRequest: true,
  },
  {
    name: "stream",
    group: "Streaming",
    help: "print text while the audio arrives",
    more:
      "A line per utterance, from a file or a live pipe. With --silent, a file gives the text that it gives without " +
      "--stream.",
    perRequest: true,
  },
  {
    name: "live",
    group: "Streaming",
    help: "catch up when decoding falls behind",
    more: "Several chunks are then processed in one step, so the text may depend on the machine's speed. No audio is " +
      "dropped. If the source sends nothing for 2 s, the utterance ends, so that its words do not wait.",
    rare: true,
    perRequest: true,
    needs: "stream",
  },
  {
    name: "stream-chunk-sec",
    group: "Streaming",
    value: { placeholder: "SEC", type: "number", numberMin: 0.3, numberMax: 8, unit: "seconds" },
    default: "2",
    help: "new audio per step",
    rare: true,
    perRequest: true,
    needs: "stream",
  },
  {
    name: "endpoint-ms",
    group: "Streaming",
    value: { placeholder: "MS", type: "integer", numberMin: 100, numberMax: 60_000, words: ["0"], unit: "ms" },
    default: "800",
    help: "pause that ends an utterance; 0: never",
    rare: true,
    perRequest: true,
    needs: "stream",
    excludes: [{ option: "vad", value: "off", says: "{vad} off finds no pauses, so {endpoint-ms} has no use" }],
  },
  {
    name: "commit",
    group: "Streaming",
    value: { placeholder: "RULE", type: "choice", words: ["agreement", "rollback"] },
    default: "agreement",
    help: "when text becomes final: agreement|rollback",
    more:
      "agreement: when two steps in a row agree. rollback: all but the last tokens, as in the C program; sooner, but " +
      "wrong more often.",
    rare: true,
    perRequest: true,
    needs: "stream",
  },
  {
    name: "stream-rollback",
    group: "Streaming",
    value: { placeholder: "N", type: "integer", numberMin: 0, numberMax: 100 },
    default: "5",
    help: "tokens kept open; implies rollback",
    rare: true,
    perRequest: true,
    needs: "stream",
    excludes: [{
      option: "commit",
      value: "agreement",
      says: "{commit} agreement and {stream-rollback} are mutually exclusive",
    }],
  },
  {
    name: "stream-unfixed-chunks",
    group: "Streaming",
    value: { placeholder: "N", type: "integer", numberMin: 0, numberMax: 100 },
    default: "2",
    help: "chunks before rollback commits any text",
    rare: true,
    perRequest: true,
    needs: "stream",
  },
  {
    name: "stream-max-new-tokens",
    group: "Streaming",
    value: { placeholder: "N", type: "integer", numberMin: 1, numberMax: 4096, words: ["-1"] },
    help: "most new tokens per step",
    more: "By default, and with -1: 32, more for chunks above 2 s.",
    rare: true,
    perRequest: true,
  },
  {
    name: "monitor",
    group: "Streaming",
    help: "show every step on standard error",
    more: "▶ encoded, · prompt processed, ▪ decoded (▸ above 30 ms per token), ⟳ old audio dropped, ! loop cut.",
    rare: true,
  },
  {
    name: "align",
    group: "Words",
    help: "time every word with the forced aligner",
    more: "Prints one line per word: start and end in seconds, and the word. `qwen-asr download aligner` fetches the " +
      "model.",
    commands: onWords,
    perRequest: true,
    excludes: [{
      option: "stream",
      says: "{align} times the words of whole recordings and cannot be combined with {stream}",
    }],
  },
  {
    name: "aligner",
    group: "Words",
    value: { placeholder: "DIR", type: "path", offers: ["demo"] },
    help: "aligner folder, or demo; implies --align",
    more: "Otherwise $QWEN_ASR_ALIGNER, then the downloaded one; demo is a tiny one inside this program.",
    rare: true,
    commands: [...onWords, "serve"],
    implies: "align",
  },
  {
    name: "low-memory",
    group: "Words",
    help: "one model and one segment at a time",
    more: "With --align, words are timed after the transcriber is unloaded. Slower by the models' loading time.",
    commands: ["transcribe", "serve"],
    rare: true,
  },
  {
    name: "text",
    group: "Words",
    value: { placeholder: "FILE", type: "path" },
    help: "transcript to align (`qwen-asr align`)",
    more: '"-" reads standard input. UTF-8; each line becomes a segment.',
    rare: true,
    commands: ["align"],
  },
  ...textOptions,
  ...evalOptions,
  ...batchOptions,
  {
    name: "format",
    short: "f",
    group: "Output",
    value: { placeholder: "LIST", type: "text", offers: formatNames },
    default: "text",
    help: "text|json|jsonl|srt|vtt|csv|html|md",
    helpOf: { inspect: "json: where speech is, and no picture" },
    more: "Also tsv, lrc, vtt-words (WebVTT with the time of every word) and ass (words change colour as they are " +
      "said). html is a page with a player, md Markdown, rttm who speaks when. Several with commas or repeated: " +
      "-f srt,json -o talk writes " +
      "talk.srt and talk.json, and the text on standard output. Without -f, the extension of -o decides. A stream " +
      "takes one of text, jsonl (one object per line: partial, commit or final), srt and vtt (cues as utterances " +
      "end). inspect takes json: where speech is.",
    commands: [...onText, "inspect"],
    perRequest: true,
  },
  {
    name: "output",
    short: "o",
    group: "Output",
    value: { placeholder: "FILE", type: "path" },
    default: "-",
    help: 'write to FILE; "-": standard output',
    more: "A folder gets one file per input and format. Beside other formats than text alone, the text is " +
      "printed. Files are updated during the run, valid at all times, and named talk.part.srt until the recording is " +
      "complete.",
    commands: onFiles,
  },
  { name: "force", group: "Output", help: "let -o overwrite a file", rare: true, commands: onFiles },
  {
    name: "paragraph-sec",
    group: "Output",
    value: { placeholder: "SEC", type: "number", numberMin: 0.2, numberMax: 3600, unit: "seconds", words: ["0"] },
    default: "0",
    help: "pause that starts a paragraph; 0: never",
    more:
      "Within a sentence, the pause must be three times as long. Text then appears segment by segment. In a stream, " +
      "it is a pause between utterances.",
    rare: true,
    commands: onText,
    perRequest: true,
  },
  {
    name: "timestamps",
    group: "Output",
    help: "text with times, a line per sentence",
    more: "As whisper.cpp prints: [00:01:23.400 --> 00:01:27.100] text.",
    commands: onText,
    perRequest: true,
    excludes: [{ option: "stream" }, { option: "with-filename" }, { option: "paragraph-sec" }],
  },
  ...cueOptions,
  ...pageOptions,
  {
    name: "with-filename",
    group: "Output",
    help: "put the file name before its text",
    rare: true,
    excludes: [{ option: "no-filename" }],
  },
  {
    name: "no-filename",
    group: "Output",
    help: "no file name above each text on a terminal",
    more: "Pipes and files never get one.",
    rare: true,
    commands: ["transcribe", "render"],
  },
  {
    name: "silent",
    group: "Output",
    help: "print the text at the end; no messages",
    helpOf: { serve: "no messages" },
    more: "Errors are still reported, and so is text known to be incomplete.",
    commands: [...withModel, "serve"],
    overrides: "debug",
  },
  {
    name: "debug",
    group: "Output",
    help: "print more on standard error",
    rare: true,
    commands: everyCommand,
    overrides: "silent",
  },
  ...speakerOptions,
  ...auditOptions,
  ...serveOptions,
  {
    name: "help",
    short: "h",
    group: "Other",
    help: "-h: this page, --help: everything",
    helpOf: Object.fromEntries(commandNames.map((name) => [name, "this page"])),
    commands: everyCommand,
  },
  { name: "version", short: "V", group: "Other", help: "print the version", commands: everyCommand },
  { name: "licenses", group: "Other", help: "print licences and notices", rare: true, commands: everyCommand },
];

/** The row of an option. The name must exist. */
export function specNamed(name: string): OptionSpec {
  const spec = optionTable.find((candidate) => candidate.name === name);
  if (!spec) throw new Error(`no option ${name} in the table`);
  return spec;
}

export function takes(command: CommandName, { commands = ["transcribe"] }: OptionSpec): boolean {
  return commands.includes(command);
}

/** The option as a user writes it: "-S" if there is a short form, "--stdin" otherwise. */
export function optionFlag(spec: OptionSpec): string {
  return spec.short ? `-${spec.short}` : `--${spec.name}`;
}

/** "1 to 8 seconds", "yes, no or auto", "0, auto or 1 to 86400 seconds": the values that an option takes. */
export function valueRange(spec: OptionSpec): string {
  const value = spec.value;
  if (!value) return "";
  const words = [...(value.words ?? [])];
  if (value.numberMin !== undefined) {
    words.push(`${value.numberMin} to ${value.numberMax}${value.unit ? ` ${value.unit}` : ""}`);
  }
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${words.at(-1)}` : words.join("");
}
