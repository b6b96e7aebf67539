/** The options of `qwen-asr`: one table that feeds the parser, both helps and docs/reference.md. Data only. */

import { styleNames } from "../subtitles/rules.ts";

export type OptionGroup =
  | "Model"
  | "Input"
  | "Speech"
  | "Long audio"
  | "Streaming"
  | "Words"
  | "Output"
  | "Other";

/** What a value must look like. Numbers take `numberMin` to `numberMax` and the `words`. */
export type ValueType = "text" | "path" | "number" | "integer" | "choice" | "time";

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
    /** Choices, or words a number option takes besides numbers. */
    readonly words?: readonly string[];
  };
  /** As shown; the parser reads it too. */
  readonly default?: string;
  /** At most 43 characters, for `-h` and the table of docs/reference.md. */
  readonly help: string;
  /** Further sentences for `--help`. */
  readonly more?: string;
  /** Options that cannot be given along with it. */
  readonly excludes?: readonly string[];
  /** Only in the long help. */
  readonly rare?: boolean;
};

/** As ffmpeg names them; src/audio/pcm.ts reads them. */
// deno-fmt-ignore
export const rawFormats = [
  "u8", "s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f16le", "f16be", "f32le", "f32be", "f64le", "f64be",
  "alaw", "mulaw",
] as const;

export const optionTable: readonly OptionSpec[] = [
  {
    name: "model",
    short: "d",
    group: "Model",
    value: { placeholder: "DIR", type: "path" },
    help: "folder of the model, or small|large|demo",
    more: "small and large are the models that `qwen-asr download` fetches; demo is a tiny one inside this program. " +
      "Without -d: $QWEN_ASR_MODEL, else a downloaded model, small before large.",
  },
  {
    name: "threads",
    short: "t",
    group: "Model",
    value: { placeholder: "N", type: "integer", numberMin: 0, numberMax: 256 },
    default: "0",
    help: "CPU threads, 0: one per physical core",
    more: "Never more than the container allows.",
  },
  {
    name: "weights",
    group: "Model",
    value: { placeholder: "NAME", type: "choice", words: ["bf16", "int8", "int4"] },
    default: "int8",
    help: "precision of weights: bf16|int8|int4",
    more:
      "int8 rounds them to 8 bits in blocks of 32: two to three times as fast as bf16, which uses them as they are. " +
      "int4 keeps most of the decoder at 4 bits: faster, less accurate.",
    rare: true,
  },
  {
    name: "no-cache",
    group: "Model",
    help: "pack the weights in memory at every start",
    more: "By default they are packed once and kept in a file; `qwen-asr cache` lists and clears these files.",
    rare: true,
  },
  {
    name: "input",
    short: "i",
    group: "Input",
    value: { placeholder: "FILE", type: "path" },
    help: "the same as FILE; may be repeated",
    excludes: ["stdin"],
    more: "WAV is read directly, other formats through ffmpeg, if it is installed.",
  },
  {
    name: "stdin",
    group: "Input",
    help: 'read standard input, the same as "-"',
    more: "WAV and other files are recognised; anything else is taken as raw s16le, 16 kHz, mono.",
  },
  {
    name: "from",
    group: "Input",
    value: { placeholder: "TIME", type: "time" },
    help: "start here: seconds or [hh:]mm:ss[.ms]",
  },
  {
    name: "to",
    group: "Input",
    value: { placeholder: "TIME", type: "time" },
    help: "end here",
  },
  {
    name: "raw",
    group: "Input",
    help: "the input is samples without a header",
    rare: true,
  },
  {
    name: "raw-format",
    group: "Input",
    value: { placeholder: "NAME", type: "choice", words: rawFormats },
    default: "s16le",
    help: "format of the samples; implies --raw",
    rare: true,
  },
  {
    name: "raw-rate",
    group: "Input",
    value: { placeholder: "HZ", type: "integer", numberMin: 1000, numberMax: 768_000, unit: "Hz" },
    default: "16000",
    help: "sample rate of the input; implies --raw",
    rare: true,
  },
  {
    name: "raw-channels",
    group: "Input",
    value: { placeholder: "N", type: "integer", numberMin: 1, numberMax: 64 },
    default: "1",
    help: "channels of the input; implies --raw",
    rare: true,
  },
  {
    name: "language",
    group: "Speech",
    value: { placeholder: "NAME", type: "text" },
    default: "detect",
    help: "language of the speech, name or ISO code",
  },
  {
    name: "prompt",
    group: "Speech",
    value: { placeholder: "TEXT", type: "text" },
    help: "names and terms to expect; @FILE reads them",
    more: "@@ at the start stands for one @.",
  },
  {
    name: "skip-silence",
    group: "Speech",
    help: "shorten silences before decoding",
  },
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
  },
  {
    name: "past-text",
    group: "Long audio",
    value: { placeholder: "WHEN", type: "choice", words: ["yes", "no", "auto"] },
    default: "auto",
    help: "show the model the text so far: yes|no|auto",
    more: "auto means no, and yes for a stream. With yes, the text appears segment by segment.",
    rare: true,
  },
  {
    name: "batch",
    group: "Long audio",
    value: { placeholder: "N", type: "integer", numberMin: 1, numberMax: 8, unit: "segments" },
    default: "8",
    help: "segments decoded at a time, across files",
    more: "One pass over the weights serves all of them. The text is the same with any number; 1 needs least memory.",
    excludes: ["low-memory", "stream"],
    rare: true,
  },
  {
    name: "enc-window-sec",
    group: "Long audio",
    value: { placeholder: "SEC", type: "number", numberMin: 1, numberMax: 8, unit: "seconds" },
    default: "8",
    help: "attention window of the encoder, 1 to 8",
    more: "Whole seconds; a fraction is dropped.",
    rare: true,
  },
  {
    name: "stream",
    group: "Streaming",
    help: "print the text while the audio arrives",
    more: "From a file or a live pipe. With -i and --silent, the text is the same as without --stream.",
  },
  {
    name: "live",
    group: "Streaming",
    help: "catch up if decoding falls behind",
    more:
      "Several chunks are then decoded in one step, so the text may depend on the machine's speed. Nothing is dropped.",
    rare: true,
  },
  {
    name: "stream-chunk-sec",
    group: "Streaming",
    value: { placeholder: "SEC", type: "number", numberMin: 0.3, numberMax: 8, unit: "seconds" },
    default: "2",
    help: "new audio per step",
    rare: true,
  },
  {
    name: "endpoint-ms",
    group: "Streaming",
    value: { placeholder: "MS", type: "integer", numberMin: 100, numberMax: 60_000, words: ["0"], unit: "ms" },
    default: "800",
    help: "pause that ends an utterance; 0: none does",
    rare: true,
  },
  {
    name: "commit",
    group: "Streaming",
    value: { placeholder: "RULE", type: "choice", words: ["agreement", "rollback"] },
    default: "agreement",
    help: "when text is final: agreement|rollback",
    more: "agreement: when two steps in a row agree. rollback: everything but the last tokens, as in the C program; " +
      "sooner, but wrong more often.",
    rare: true,
  },
  {
    name: "stream-rollback",
    group: "Streaming",
    value: { placeholder: "N", type: "integer", numberMin: 0, numberMax: 100 },
    default: "5",
    help: "tokens kept open; implies rollback",
    rare: true,
  },
  {
    name: "stream-unfixed-chunks",
    group: "Streaming",
    value: { placeholder: "N", type: "integer", numberMin: 0, numberMax: 100 },
    default: "2",
    help: "chunks before rollback commits anything",
    rare: true,
  },
  {
    name: "stream-max-new-tokens",
    group: "Streaming",
    value: { placeholder: "N", type: "integer", numberMin: 1, numberMax: 4096, words: ["-1"] },
    help: "most new tokens per step",
    more: "By default, or with -1: 32, and more for chunks above 2 s.",
    rare: true,
  },
  {
    name: "monitor",
    group: "Streaming",
    help: "show every step on standard error",
    more: "▶ encoded, · prompt taken in, ▪ decoded (▸ above 30 ms per token), ⟳ old audio dropped, ! loop cut.",
    rare: true,
  },
  {
    name: "align",
    group: "Words",
    help: "print when each word is spoken",
    more: "A line per word: start and end in seconds, and the word. `qwen-asr download aligner` fetches the model.",
  },
  {
    name: "aligner",
    group: "Words",
    value: { placeholder: "DIR", type: "path" },
    help: "aligner's folder, or demo; implies --align",
    more: "By default $QWEN_ASR_ALIGNER, else the downloaded one; demo is a tiny one inside this program.",
    rare: true,
  },
  {
    name: "low-memory",
    group: "Words",
    help: "one model and one segment at a time",
    more:
      "With --align, the transcriber's memory is given back before words are timed. Models then start more than once.",
    rare: true,
  },
  {
    name: "text",
    group: "Words",
    value: { placeholder: "FILE", type: "path" },
    help: "for `qwen-asr align`: the spoken text",
    more: '"-" reads standard input. UTF-8; each line becomes a segment.',
    rare: true,
  },
  {
    name: "format",
    short: "f",
    group: "Output",
    value: { placeholder: "LIST", type: "text" },
    default: "text",
    help: "text|json|jsonl|srt|vtt|tsv|lrc|csv",
    more: "Several with commas: -f srt,json -o talk writes talk.srt and talk.json, and the text to standard output. " +
      "Without -f, the extension of -o decides. A stream takes one of text, jsonl (an object per line: partial, " +
      "commit or final), srt and vtt (cues when an utterance ends).",
  },
  {
    name: "output",
    short: "o",
    group: "Output",
    value: { placeholder: "FILE", type: "path" },
    default: "-",
    help: 'write to FILE; "-": standard output',
    more: "A folder gets a file per input and format. Files are updated during the run and valid at all times.",
  },
  { name: "force", group: "Output", help: "let -o replace an existing file", rare: true },
  {
    name: "paragraph-sec",
    group: "Output",
    value: { placeholder: "SEC", type: "number", numberMin: 0.2, numberMax: 3600, unit: "seconds", words: ["0"] },
    default: "0",
    help: "pause that begins a paragraph; 0: none does",
    more: "Within a sentence it has to be three times as long. The text then appears segment by segment.",
    rare: true,
  },
  {
    name: "style",
    group: "Output",
    value: { placeholder: "NAME", type: "choice", words: styleNames },
    help: "subtitle rules: netflix|youtube|broadcast",
    more:
      "Individual options override it. youtube: 40 columns, at most 6 s, no gap. broadcast: 37 columns, 17 columns a " +
      "second, gaps of 80 ms. netflix: at least 833 ms.",
    rare: true,
  },
  {
    name: "max-cols",
    group: "Output",
    value: { placeholder: "N", type: "integer", numberMin: 8, numberMax: 200, unit: "columns" },
    default: "42",
    help: "columns per line; full-width ones count 2",
    rare: true,
  },
  {
    name: "max-lines",
    group: "Output",
    value: { placeholder: "N", type: "integer", numberMin: 1, numberMax: 4, unit: "lines" },
    default: "2",
    help: "lines per cue",
    rare: true,
  },
  {
    name: "min-cue-sec",
    group: "Output",
    value: { placeholder: "SEC", type: "number", numberMin: 0, numberMax: 10, unit: "seconds" },
    default: "1",
    help: "shortest cue duration",
    rare: true,
  },
  {
    name: "max-cue-sec",
    group: "Output",
    value: { placeholder: "SEC", type: "number", numberMin: 1, numberMax: 60, unit: "seconds" },
    default: "7",
    help: "longest cue duration",
    rare: true,
  },
  {
    name: "max-cps",
    group: "Output",
    value: { placeholder: "N", type: "number", numberMin: 5, numberMax: 100, unit: "columns a second" },
    default: "20",
    help: "fastest reading speed; 85 % is aimed at",
    rare: true,
  },
  {
    name: "min-gap-ms",
    group: "Output",
    value: { placeholder: "MS", type: "integer", numberMin: 0, numberMax: 1000, unit: "ms" },
    default: "83",
    help: "shortest gap between two cues",
    rare: true,
  },
  { name: "with-filename", group: "Output", help: "print the file name before its text", rare: true },
  {
    name: "silent",
    group: "Output",
    help: "print only the text, at the end, and errors",
    more: "A text that is known to be incomplete counts as an error.",
  },
  { name: "debug", group: "Output", help: "print details on standard error", rare: true },
  { name: "help", short: "h", group: "Other", help: "-h: this page, --help: everything" },
  { name: "version", short: "V", group: "Other", help: "print the version" },
  { name: "licenses", group: "Other", help: "print licences and notices", rare: true },
];

/** As a user would write it: "-S" where there is a short form, else "--stdin". */
export function optionFlag(spec: OptionSpec): string {
  return spec.short ? `-${spec.short}` : `--${spec.name}`;
}

/** "1 to 8 seconds", "yes, no or auto", "0, auto or 1 to 86400 seconds": what a value may be. */
export function valueRange(spec: OptionSpec): string {
  const value = spec.value;
  if (!value) return "";
  const words = [...(value.words ?? [])];
  if (value.numberMin !== undefined) {
    words.push(`${value.numberMin} to ${value.numberMax}${value.unit ? ` ${value.unit}` : ""}`);
  }
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${words.at(-1)}` : words.join("");
}
