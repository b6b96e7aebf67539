/** Makes the help texts and the table in docs/reference.md from the option table. Pure. */

import { languagesText } from "../text/languages.ts";
import { modelTable } from "../model/catalog.ts";
import { type NamedCommand, optionFlag, type OptionSpec, optionTable, takes, valueRange } from "../options/table.ts";

const columns = 79;
const groupWidth = 12;
const flagsWidth = 24;
/** What a help of a command is no longer than, if its options can be told shorter. */
const screenLines = 36;
/** The most that a command's help may have; own options beyond it are only named. */
const helpLinesMax = 40;
/** An option that so few commands have belongs to them. */
const ownCommandsMax = 2;

const usage = `Usage: qwen-asr [options] FILE...           "-" reads standard input
       qwen-asr serve|batch|align|render|text|lint|inspect|eval|download|cache
       qwen-asr bench|info|doctor|completions|man|help [COMMAND]
`;

/** The text of `-h`, which fits on one screen. */
export function shortHelp(): string {
  const rows = optionTable.filter((spec) => !spec.rare).map((spec, index, all) => {
    const label = all[index - 1]?.group === spec.group ? "" : spec.group;
    return label.padEnd(groupWidth) + flags(spec).padEnd(flagsWidth) + spec.help;
  });
  return `qwen-asr - speech to text on this machine, with Qwen3-ASR\n\n${usage}\n${rows.join("\n")}\n`;
}

/** The text of `--help`, with all options. */
export function longHelp(): string {
  const text = `qwen-asr - speech to text on this machine, with Qwen3-ASR\n\n${usage}\n${optionsText(optionTable)}\n`;
  return text + wrap(`Languages: ${languagesText()}.`, "") + closingSections;
}

/**
 * The text of `qwen-asr align --help`, which fits on one screen: a command and the options that it takes. Where these
 * are many, the rare ones are only named, but for those that few other commands have.
 */
export function commandHelp(command: NamedCommand): string {
  const { usage, about, notes = "" } = commandTexts[command];
  const options = optionTable.filter((spec) => takes(command, spec));
  const text = (rare: readonly OptionSpec[]) => {
    const rows = options.filter((spec) => !rare.includes(spec));
    const names = rare.map((spec) => `--${spec.name}${spec.value ? ` ${spec.value.placeholder}` : ""}`).join(", ");
    const also = rare.length > 0 ? `\n${wrap(`Also: ${names}.`, "")}` : "";
    const more = options.length > 1 ? "\nqwen-asr --help says more of each option.\n" : "";
    return `Usage: qwen-asr ${command} ${usage}\n\n${about}\n${optionRows(rows, command)}${also}${notes}${more}`;
  };
  const whole = text([]);
  if (whole.split("\n").length <= screenLines) return whole;
  const isShared = ({ commands = [] }: OptionSpec) => commands.length > ownCommandsMax;
  const rare = options.filter((spec) => spec.rare);
  const [named, own] = [rare.filter(isShared), rare.filter((spec) => !isShared(spec))];
  while (own.length > 0 && text(named).trimEnd().split("\n").length > helpLinesMax) named.push(own.pop()!);
  return text(named);
}

/** A line per option, their meanings below each other. */
function optionRows(specs: readonly OptionSpec[], command: NamedCommand): string {
  const width = Math.max(...specs.map((spec) => flags(spec).length)) + 1;
  return specs.map((spec) => `  ${flags(spec).padEnd(width)} ${spec.helpOf?.[command] ?? spec.help}\n`).join("");
}

function optionsText(specs: readonly OptionSpec[]): string {
  const groups = [...new Set(specs.map((spec) => spec.group))].map((group) => {
    const options = specs.filter((spec) => spec.group === group);
    return `${group}:\n${options.map(longEntry).join("")}`;
  });
  return groups.join("\n");
}

export type CommandText = { readonly usage: string; readonly about: string; readonly notes?: string };

/** In `usage`, words with | between them are what the command takes first; FILE and MANIFEST are files. */
export const commandTexts: Readonly<Record<NamedCommand, CommandText>> = {
  align: {
    usage: "--text FILE [options] FILE",
    about: `Finds when each word of a known text is spoken, and prints a line per word:
start and end in seconds, and the word. -f writes other formats. The text may
be SRT or WebVTT.
`,
  },
  render: {
    usage: "[options] FILE...",
    about: `Writes transcripts (-f json or jsonl), SRT or WebVTT in another format or
layout, without decoding again. "-" reads standard input.
`,
  },
  text: {
    usage: "[options] [FILE]",
    about: `Writes plain text as the text options would write a transcript: line by line,
each as soon as it is read. UTF-8; without FILE, or with "-", standard input.
Without --language, the script of a line decides what is done with it.
`,
  },
  lint: {
    usage: "[options] FILE...",
    about: `Lists what makes SRT and WebVTT files hard to read, one line per finding. The
exit code is 1 if there is any.
`,
  },
  inspect: {
    usage: "[options] FILE [TRANSCRIPT]",
    about: `Draws a recording: loudness, where speech is, and the words of its transcript,
if one is named or lies beside it (talk.json beside talk.wav). With -f json it
lists where speech is.
`,
  },
  eval: {
    usage: "[options] MANIFEST.tsv | --compare A.json B.json",
    about: `Measures what is heard against what is said: word and character error rates
per file and in all, with 95 % intervals. A row of the manifest is a recording
(relative to the manifest), its text, and perhaps its language, separated by
tabs; a fourth column "hypothesis" has what was heard, so that no model is
needed. docs/eval.md says what counts as an error.
`,
    notes: `
Exit codes: 0 done, 1 a row could not be measured (the others were), 2 wrong
command line, 3 no model, 130 interrupted.
`,
  },
  batch: {
    usage: "[options] MANIFEST.jsonl [-o OUT.jsonl]",
    about: `Transcribes the recordings of a manifest: a line of JSON in for each, a line
out, in the same order, also for one that fails. A row is {"id": "a", "audio":
"a.wav"}, with the audio relative to the manifest, and may have options of its
own: "language": "de", "from": 90, "align": true. With -o, a killed run goes on
where it was when the same command is run again. docs/batch.md has examples
for GNU parallel, Slurm, Spark and Kubernetes.
`,
    notes: `
Exit codes: 0 every row is written, 1 it cannot be (or a row has an error, with
--fail-on-error), 2 wrong command line (or a bad row, with --check), 3 no
model, 75 too little memory or disk: run it again, 130 interrupted.
`,
  },
  bench: {
    usage: "[-d DIR]",
    about: `Measures how fast this machine is with a model, and which -t to choose. Takes
about a minute and needs no recording.
`,
  },
  info: {
    usage: "[-d DIR] [-t N] [--weights NAME] [--json]",
    about: `Says what a run with these options uses: model, weights and where they are
kept, threads, kernels, memory. In a pipe it is JSON. Without a model it lists
what is installed, and where.
`,
  },
  doctor: {
    usage: "[-d DIR] [-t N] [--weights NAME] [--online] [--json]",
    about: `Looks at all that a run depends on, and says what to do about what is wrong:
processor and kernels, threads, memory and their limits, models and whether
their files are whole, cache, decoders, disk, speed. What it prints can be
pasted into a report; your home folder is written ~. It reads every downloaded
model, which takes seconds.
`,
    notes: `
Exit codes: 0 nothing stops a run, 1 something does, 2 wrong command line,
3 the model of -d cannot be used.
`,
  },
  serve: {
    usage: "[options]",
    about: `Serves OpenAI's API for transcription, with the model of -d, to programs of
this machine: http://127.0.0.1:8080/v1. docs/server.md says more.
`,
    notes: `
Exit codes: 1 port in use, 2 wrong usage, 3 no model, 130 SIGINT, 143 SIGTERM
`,
  },
  download: {
    usage: "small|large|aligner [--dir DIR]",
    about: `Fetches an official model, checks the hash of every file, and prints its
folder. If it is interrupted, run it again to continue.

${modelTable()}`,
    notes: `
Environment:
  QWEN_ASR_HOME        the data folder; models go into its folder "models".
                       Otherwise $XDG_DATA_HOME/qwen-asr or
                       ~/.local/share/qwen-asr, on macOS
                       ~/Library/Application Support/qwen-asr, on Windows
                       %LOCALAPPDATA%\\qwen-asr
  HF_ENDPOINT          another address for Hugging Face, which is asked first
  HF_TOKEN             sent to that address only
  MODELSCOPE_ENDPOINT  another address for ModelScope, which is asked second
  HTTPS_PROXY          a proxy for both

Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted.
`,
  },
  cache: {
    usage: "list|clear|verify [NAME...]",
    about: `Weights are packed once per model and precision, into files that later runs
only map. They can be made again at any time.

  list     the files: name, precision and arrangement, size, age, model
  clear    removes all files, or those named; a running program keeps what it
           uses, and the space is free when it ends
  verify   reads the files and compares them with their checksums

`,
    notes: `
Environment:
  QWEN_ASR_CACHE   the folder. Otherwise $XDG_CACHE_HOME/qwen-asr or
                   ~/.cache/qwen-asr, on macOS ~/Library/Caches/qwen-asr

Exit codes: 0 done, 1 something is damaged or cannot be read or removed,
2 wrong command line, 130 interrupted.
`,
  },
  completions: {
    usage: "bash|zsh|fish|powershell",
    about: `Prints a script that completes commands, options, values and files.

  bash        qwen-asr completions bash \\
                > ~/.local/share/bash-completion/completions/qwen-asr
  zsh         qwen-asr completions zsh > FOLDER/_qwen-asr, a folder of $fpath
  fish        qwen-asr completions fish \\
                > ~/.config/fish/completions/qwen-asr.fish
  powershell  qwen-asr completions powershell >> $PROFILE
`,
  },
  man: {
    usage: "[--help]",
    about: `Prints the manual page: qwen-asr man | man -l -, or in a folder of man pages
as man1/qwen-asr.1.
`,
  },
};

/** What follows the options in --help: a paragraph, and sections with a heading each. */
export const closingSections = `
The text goes to standard output as it is decoded, one paragraph per file.
Everything else goes to standard error. Each command has a help of its own:
qwen-asr align --help. A command counts only as the first word; a file of such
a name is written ./align.

Examples:
  qwen-asr download small                  fetch the 0.6B model (1.9 GB), once
  qwen-asr talk.wav                        print what was said
  qwen-asr -o talk.txt --language de talk.mp3
  qwen-asr --with-filename *.wav > all.txt
  ffmpeg -v error -i film.mkv -f wav - | qwen-asr -
  arecord -f S16_LE -r 16000 -d 10 | qwen-asr --stdin
  qwen-asr align --text speech.txt speech.wav      time every word
  qwen-asr -f srt,json -o film film.mkv    film.srt and film.json
  qwen-asr render film.json -f vtt --max-cols 32 -o film.vtt
  qwen-asr text --script twp talk.txt      Traditional as in Taiwan
  qwen-asr lint film.srt                   what makes it hard to read
  qwen-asr inspect talk.wav -o talk.svg    what was heard, as a picture
  qwen-asr eval test.tsv -o small.json     how many words are heard wrong
  qwen-asr batch list.jsonl -o out.jsonl   thousands of files, a row each
  qwen-asr --mic default                   a microphone, until Ctrl-C
  qwen-asr --prompt @names.txt --from 1:30 --to 2:00 meeting.wav

Exit codes:
  0   done
  1   a file could not be read or transcribed; the others were
  2   the command line is wrong
  3   the model is missing or cannot be used
  4   with --strict: text is missing; without, this is 0
  75  of batch: too little memory or disk, or another run is at it; repeat it
  130, 143, 129  ended by SIGINT, SIGTERM or SIGHUP; what was known is printed

Environment:
  QWEN_ASR_MODEL  default for -d
  QWEN_ASR_ALIGNER
                  default for --aligner
  QWEN_ASR_HOME   where downloaded models are kept
  QWEN_ASR_CACHE  where packed weights are kept
  QWEN_ASR_THREADS
                  default for -t
  QWEN_ASR_ISA    use a lower instruction set: generic, avx2, avxvnni, avx512,
                  avx512vnni, avx512bf16, amx, neon, dotprod, i8mm
  QWEN_STREAM_NO_ENC_CACHE
                  1: a stream computes everything anew at every step
  HF_ENDPOINT, HF_TOKEN, MODELSCOPE_ENDPOINT
                  where \`qwen-asr download\` looks, and a token for the first
`;

/** The table in docs/reference.md: a row of Markdown per option. */
export function optionsMarkdown(): string {
  const rows = optionTable.map((spec) => {
    const cells = [`\`${flags(spec).trim()}\``, spec.help + (spec.more ? `. ${spec.more}` : ""), spec.default ?? ""];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return ["| option | meaning | default |", "|---|---|---|", ...rows, ""].join("\n");
}

/** "-t, --threads N"; options without a short form are indented by its width. */
function flags(spec: OptionSpec): string {
  const names = spec.short ? `${optionFlag(spec)}, --${spec.name}` : `    --${spec.name}`;
  return spec.value ? `${names} ${spec.value.placeholder}` : names;
}

function longEntry(spec: OptionSpec): string {
  return `  ${flags(spec)}\n${wrap(longText(spec), " ".repeat(10))}`;
}

/** All there is to say about an option. */
export function longText(spec: OptionSpec): string {
  const range = valueRange(spec);
  const notes = [
    `${spec.help}.`,
    spec.more,
    range && spec.value?.type !== "choice" || spec.name === "raw-format" ? `Takes ${range}.` : undefined,
    spec.default === undefined ? undefined : `[default: ${spec.default}]`,
  ];
  return notes.filter(Boolean).join(" ");
}

/** Breaks a text into lines of at most 79 columns, each starting with `indent`. */
function wrap(text: string, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > columns) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, indent + line, ""].join("\n");
}
