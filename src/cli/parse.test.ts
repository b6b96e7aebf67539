/** Tests of the command line: what every option means, what every mistake is called. */

import { expect, test } from "bun:test";
import { UsageError } from "../errors.ts";
import { findModel } from "../model/catalog.ts";
import { commandNames } from "../options/table.ts";
import { parseCommandLine, type TranscribeOptions } from "./parse.ts";

function optionsOf(line: string | readonly string[]): TranscribeOptions {
  const command = parseCommandLine(typeof line === "string" ? line.split(" ").filter(Boolean) : line);
  if (command.kind !== "transcribe") throw new Error(`a ${command.kind} command`);
  return command.options;
}

function refusal(line: string | readonly string[]): string {
  try {
    optionsOf(line);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error(`no error for ${line}`);
}

test("defaults", () => {
  expect(optionsOf("a.wav")).toEqual({
    inputs: [{ kind: "file", path: "a.wav" }],
    model: undefined,
    threads: 0,
    weights: "int8",
    cache: true,
    fromSec: undefined,
    toSec: undefined,
    track: undefined,
    channel: undefined,
    decoder: "auto",
    splitChannels: false,
    speakers: undefined,
    voices: undefined,
    speakerNames: undefined,
    raw: undefined,
    language: "",
    prompt: "",
    skipSilence: false,
    vad: { kind: "neural", rule: { threshold: 0.5, minSpeechMs: 100, minSilenceMs: 300, padMs: 100 } },
    segmentSec: "auto",
    searchSec: 3,
    pastText: false,
    decodesMax: undefined,
    windowFrames: 800,
    align: false,
    aligner: undefined,
    lowMemory: false,
    formats: undefined,
    rules: { colsMax: 42, linesMax: 2, cueMsMin: 1000, cueMsMax: 7000, cpsMax: 20, gapMsMin: 83 },
    paragraphMs: 0,
    timestamps: false,
    views: { itn: "off", script: "asis", cjkSpace: "keep", digitWidth: undefined, terms: undefined },
    cuePunctuation: "keep",
    doubtBelow: undefined,
    speakerLabels: "auto",
    htmlAudio: "link",
    forSpreadsheet: false,
    output: undefined,
    force: false,
    jobs: {
      ...{ recursive: false, include: [], exclude: [], filesFrom: undefined, skipExisting: false, resume: false },
      ...{ summary: undefined, retryFailed: false, watch: undefined },
    },
    withFilename: false,
    headings: true,
    allowsUrl: false,
    isStrict: false,
    stream: undefined,
    format: "text",
    monitor: false,
    verbosity: "normal",
  });
});

test("inputs of many files: patterns add up, and a list may take the place of names", () => {
  expect(optionsOf("--recursive a --include *.wav --include=a,b --exclude old").jobs).toMatchObject({
    ...{
      recursive: true,
      include: ["*.wav", "a,b"],
      exclude: ["old"],
      filesFrom: undefined,
      skipExisting: false,
      resume: false,
    },
  });
  expect(optionsOf("--files-from list")).toMatchObject({ inputs: [], jobs: { filesFrom: "list" } });
  expect(optionsOf("--watch in")).toMatchObject({ inputs: [], jobs: { watch: "in" } });
  expect(refusal("--watch in a.wav")).toBe("--watch takes no other input");
  expect(refusal("- --files-from -")).toBe("standard input is named twice");
});

test("views of text: numbers, script by option or by the language's region, and what render makes of them", () => {
  const views = (line: string) => optionsOf(line).views;
  expect(views("a.wav --itn")).toMatchObject({ itn: "on", script: "asis" });
  expect(views("a.wav --itn-all --cjk-space add --digit-width HALF")).toEqual({
    ...{ itn: "all", script: "asis", cjkSpace: "add", digitWidth: "half", terms: undefined },
  });
  expect(views("a.wav --language zh-TW").script).toBe("twp");
  expect(views("a.wav --language zh_HK.UTF-8").script).toBe("hk");
  expect(views("a.wav --language zh-Hans").script).toBe("cn");
  expect(views("a.wav --language zh").script).toBe("asis");
  expect(views("a.wav --language zh-TW --script tw").script).toBe("tw");
  expect(views("a.wav --language zh-TW --script asis").script).toBe("asis");
  expect(optionsOf("a.wav --mark-doubt -1.5")).toMatchObject({ doubtBelow: -1.5 });
  expect(refusal("a.wav --mark-doubt 1")).toBe("--mark-doubt must be -100 to 0, got '1'");
  expect(views("a.wav --terms names.txt").terms).toBe("names.txt");
  expect(refusal("a.wav --terms -")).toBe("--terms takes a file, got standard input");
  expect(refusal("a.wav --script zh")).toBe("--script must be asis, cn, tw, twp, hk or hkp, got 'zh'");
  const render = (line: string) => {
    const command = parseCommandLine(`render ${line}`.split(" "));
    return command.kind === "render" ? command.options.views : "another command";
  };
  expect(render("a.json")).toBeUndefined();
  expect(render("a.json --script asis")).toEqual(views("a.wav"));
});

test("inspect draws a picture where -o names one", () => {
  expect(parseCommandLine(["inspect", "talk.wav", "-o", "talk.svg"])).toMatchObject({
    options: { output: "talk.svg" },
  });
});

test("text: one file or standard input", () => {
  const text = (line: string) => parseCommandLine(["text", ...line.split(" ").filter(Boolean)]);
  expect(text("")).toMatchObject({ kind: "text", options: { input: { kind: "stdin" }, language: "" } });
  expect(text("--itn a.txt --language yue-HK")).toMatchObject({
    options: { input: { kind: "file", path: "a.txt" }, language: "Cantonese", views: { itn: "on", script: "hk" } },
  });
  expect(() => text("a b")).toThrow("text takes one file, got 2");
});

test("every option of the C program's offline mode", () => {
  const line = "-d m -i a.wav -t 2 -S 20 -W 1.5 --language german --prompt Names --skip-silence --past-text YES " +
    "--enc-window-sec 2.5 --silent";
  expect(optionsOf(line)).toMatchObject({
    inputs: [{ kind: "file", path: "a.wav" }],
    model: "m",
    threads: 2,
    segmentSec: 20,
    searchSec: 1.5,
    language: "German",
    prompt: "Names",
    skipSilence: true,
    pastText: true,
    windowFrames: 200,
    verbosity: "silent",
  });
});

test("the ways to write options", () => {
  const cases: [string | string[], Partial<TranscribeOptions>][] = [
    ["--segment-sec=30 a", { segmentSec: 30 }],
    ["-S30 a", { segmentSec: 30 }],
    ["-S 0 a", { segmentSec: 0 }],
    ["-S AUTO a", { segmentSec: "auto" }],
    ["-S 10 -S 20 a", { segmentSec: 20 }],
    ["--language=yue a", { language: "Cantonese" }],
    ["--language auto a", { language: "" }],
    [["--language", "", "a"], { language: "" }],
    [["--prompt=-x", "a"], { prompt: "-x" }],
    [["--prompt", "", "a"], { prompt: "" }],
    ["--silent --debug a", { verbosity: "debug" }],
    ["--debug --silent a", { verbosity: "silent" }],
    ["-o - a", { output: undefined }],
    ["-o out.txt --force --with-filename a", { output: "out.txt", force: true, withFilename: true }],
    ["--from 1:30 --to 2:00.5 a", { fromSec: 90, toSec: 120.5 }],
    ["--raw a", { raw: { format: "s16le", rate: 16_000, channels: 1 } }],
    ["--raw-rate 8000 --raw-format MULAW a", { raw: { format: "mulaw", rate: 8000, channels: 1 } }],
    ["--enc-window-sec 8 a", { windowFrames: 800 }],
    ["--enc-window-sec 1.999 a", { windowFrames: 200 }],
    ["--enc-window-sec 1.99 a", { windowFrames: 100 }],
  ];
  for (const [line, expected] of cases) expect(optionsOf(line)).toMatchObject(expected);
});

test("inputs: files in order, - and --stdin, -- before odd names", () => {
  const paths = (line: string) =>
    optionsOf(line).inputs.map((input) => (input.kind === "file" ? input.path : "<stdin>"));
  expect(paths("a -i b c --input=d")).toEqual(["a", "b", "c", "d"]);
  expect(paths("a - b")).toEqual(["a", "<stdin>", "b"]);
  expect(paths("-i - b")).toEqual(["<stdin>", "b"]);
  expect(paths("--stdin")).toEqual(["<stdin>"]);
  expect(paths("-- --silent -x")).toEqual(["--silent", "-x"]);
  expect(paths("./-")).toEqual(["./-"]);
});

test("other commands", () => {
  expect(parseCommandLine(["-h"])).toEqual({ kind: "help", long: false, command: undefined });
  expect(parseCommandLine(["--bogus", "--help"])).toEqual({ kind: "help", long: true, command: undefined });
  expect(parseCommandLine(["download", "small", "-h"])).toEqual({ kind: "help", long: false, command: "download" });
  expect(parseCommandLine(["a.wav", "-V"])).toEqual({ kind: "version" });
  expect(parseCommandLine(["--licenses"])).toEqual({ kind: "licenses" });
  expect(parseCommandLine(["download", "small", "--dir", "x"]))
    .toEqual({ kind: "download", options: { model: findModel("small"), dir: "x" } });
  expect(parseCommandLine(["cache", "clear", "a", "b"]))
    .toEqual({ kind: "cache", options: { action: "clear", names: ["a", "b"] } });
  expect(parseCommandLine(["info", "--model=demo", "-t1", "--json"])).toEqual({
    kind: "info",
    options: { model: "demo", threads: 1, weights: "int8", cache: true, json: true },
  });
  for (const name of ["render", "bench", "info"] as const) {
    expect(parseCommandLine(["help", name])).toEqual({ kind: "help", long: true, command: name });
  }
  expect(parseCommandLine(["help"])).toEqual({ kind: "help", long: true, command: undefined });
  expect(refusal("help rendr")).toEndWith("(render?)");
  expect(optionsOf("-- --help").inputs).toEqual([{ kind: "file", path: "--help" }]);
});

test("a command counts as the first word alone; ./align, -- align and -i align are files", () => {
  for (const name of commandNames) {
    const file = { kind: "file" as const, path: name };
    for (const line of [["--", name], ["-i", name], ["-t", "1", name], ["a.wav", name]]) {
      expect(optionsOf(line).inputs).toContainEqual(file);
    }
    expect(optionsOf([`./${name}`]).inputs).toEqual([{ kind: "file", path: `./${name}` }]);
  }
  expect(optionsOf("words").inputs).toEqual([{ kind: "file", path: "words" }]);
});

test("mistakes get one line that names them", () => {
  const lines: (string | string[])[] = [
    "",
    "--langauge en a",
    "--bogus a",
    "-x a",
    "-silent a",
    "-i --silent",
    "-i -x",
    "--prompt -x a",
    "a -i",
    ["-i", ""],
    ["a", ""],
    ["-d", "", "a"],
    "--silent=yes a",
    "-S 0.5 a",
    "-S -5 a",
    "-S 10s a",
    "-W inf a",
    "-t 1.5 a",
    "-t -1 a",
    "--enc-window-sec 9 a",
    "--past-text maybe a",
    "--raw-rate 0 a",
    "--from abc a",
    "--from 10 --to 10 a",
    "--to 0 a",
    "--stdin -i a",
    "a --stdin",
    "- -",
    "--stream --stream-max-new-tokens 0 a",
    "--stream --stream-chunk-sec 0.2 a",
    "--stream --endpoint-ms 50 a",
    "--stream --stream-rollback -1 a",
    "--stream --commit agreement --stream-rollback 3 a",
    "--stream --commit soon a",
    "--live a",
    "--speakers 0 a",
    "--speakers a.wav",
    "-f rttm a",
    "--speakers 2 --speaker-names - a",
    "--speakers 5-2 a",
    "--speakers 1- a",
    "--speaker-names n a",
    "--voices v --low-memory a",
    "--endpoint-ms 0 a",
    "-f json --stream a",
    "-f x --stream a",
    "-f srt --stream a b",
    "-f vtt --stream --with-filename a",
  ];
  const messages = lines.map((line) => `${JSON.stringify(line)}: ${refusal(line)}`).join("\n");
  expect(messages).toMatchInlineSnapshot(`
    """: no input: name a file, or - for standard input
    "--langauge en a": unknown option --langauge, did you mean --language?
    "--bogus a": unknown option --bogus
    "-x a": unknown option -x
    "-silent a": unknown option -silent, did you mean --silent?
    "-i --silent": -i needs FILE, got the option --silent (if you mean it: ./--silent)
    "-i -x": -i needs FILE, got the option -x (if you mean it: ./-x)
    "--prompt -x a": --prompt needs TEXT, got the option -x (if you mean it: --prompt=-x)
    "a -i": -i needs FILE
    ["-i",""]: -i needs FILE, got an empty text
    ["a",""]: an input file name is empty
    ["-d","","a"]: -d needs DIR, got an empty text
    "--silent=yes a": --silent takes no value
    "-S 0.5 a": -S must be 0, auto or 1 to 86400 seconds, got '0.5'
    "-S -5 a": -S must be 0, auto or 1 to 86400 seconds, got '-5'
    "-S 10s a": -S must be 0, auto or 1 to 86400 seconds, got '10s'
    "-W inf a": -W must be 0 to 3600 seconds, got 'inf'
    "-t 1.5 a": -t must be 0 to 256, a whole number, got '1.5'
    "-t -1 a": -t must be 0 to 256, got '-1'
    "--enc-window-sec 9 a": --enc-window-sec must be 1 to 8 seconds, got '9'
    "--past-text maybe a": --past-text must be yes, no or auto, got 'maybe'
    "--raw-rate 0 a": --raw-rate must be 1000 to 768000 Hz, got '0'
    "--from abc a": --from must be seconds or [hh:]mm:ss[.ms], got 'abc'
    "--from 10 --to 10 a": --to 10 is not after --from 10
    "--to 0 a": --to 0 is not after the start
    "--stdin -i a": --stdin and input files are mutually exclusive (use - among the files)
    "a --stdin": --stdin and input files are mutually exclusive (use - among the files)
    "- -": standard input is named twice
    "--stream --stream-max-new-tokens 0 a": --stream-max-new-tokens must be -1 or 1 to 4096, got '0'
    "--stream --stream-chunk-sec 0.2 a": --stream-chunk-sec must be 0.3 to 8 seconds, got '0.2'
    "--stream --endpoint-ms 50 a": --endpoint-ms must be 0 or 100 to 60000 ms, got '50'
    "--stream --stream-rollback -1 a": --stream-rollback must be 0 to 100, got '-1'
    "--stream --commit agreement --stream-rollback 3 a": --commit agreement and --stream-rollback are mutually exclusive
    "--stream --commit soon a": --commit must be agreement or rollback, got 'soon'
    "--live a": --live needs --stream
    "--speakers 0 a": --speakers takes auto, a number from 1 to 99 or a range such as 2-4, got '0'
    "--speakers a.wav": --speakers takes auto, a number from 1 to 99 or a range such as 2-4, got 'a.wav'
    "-f rttm a": -f rttm needs --speakers, --voices or --split-channels
    "--speakers 2 --speaker-names - a": --speaker-names takes a file, got standard input
    "--speakers 5-2 a": --speakers takes auto, a number from 1 to 99 or a range such as 2-4, got '5-2'
    "--speakers 1- a": --speakers takes auto, a number from 1 to 99 or a range such as 2-4, got '1-'
    "--speaker-names n a": --speaker-names needs --speakers, --voices or --split-channels
    "--voices v --low-memory a": --voices and --low-memory are mutually exclusive
    "--endpoint-ms 0 a": --endpoint-ms needs --stream
    "-f json --stream a": -f of a stream is one of text, jsonl, srt, vtt, got 'json'
    "-f x --stream a": -f takes text, json, jsonl, srt, vtt, tsv, lrc, csv, vtt-words, ass, html, md, rttm, got 'x'
    "-f srt --stream a b": -f srt takes one input, got 2
    "-f vtt --stream --with-filename a": -f vtt and --with-filename are mutually exclusive"
    `);
  expect(refusal("--raw-format mp3 a")).toMatch(/^--raw-format must be u8, s16le, .*, alaw or mulaw, got 'mp3'$/);
  for (const unknown of ["tlh", "de-", "C.UTF-8", "zh-wuu"]) {
    expect(refusal(`--language ${unknown} a`)).toStartWith(`--language '${unknown}' is not one of Chinese (zh),`);
  }
  expect(refusal("--language klingon a")).toStartWith("--language 'klingon' is not one of Chinese (zh), English (en),");
});

test("formats: a list, the extension of -o, or none", () => {
  const formats = (line: string) => optionsOf(line).formats?.join(" ");
  expect(formats("a.wav")).toBeUndefined();
  expect(formats("-f text a.wav")).toBeUndefined();
  expect(formats("-o a.txt a.wav")).toBeUndefined();
  expect(formats("-o a.srt a.wav")).toBe("srt");
  expect(formats("-f SRT,txt,srt -o a a.wav")).toBe("srt text");
  expect(formats("-f srt -f vtt -o a a.wav")).toBe("srt vtt");
  expect(formats("-f srt a.wav --format=json,srt -o a -fvtt")).toBe("srt json vtt");
  for (const name of ["a.txt", "a.log", "a", "a.2024", "notes.old"]) {
    expect(formats(`--output=${name} a.wav`)).toBeUndefined();
  }
  for (const name of ["a.docx", "a.PNG", "a.pdf", "a.mp3", "a.ssa", "a.htm"]) {
    expect(() => formats(`-o ${name} a.wav`)).toThrow("files hold something else than a transcript");
    expect(formats(`-f text -o ${name} a.wav`)).toBe("text");
  }
  expect(formats("-f jsonl a.wav b.wav")).toBe("jsonl");
});

test("layout rules: defaults, a style, and what is said beside it", () => {
  expect(optionsOf("--style broadcast a.wav").rules).toMatchObject({ colsMax: 37, cpsMax: 17, gapMsMin: 80 });
  expect(optionsOf("--max-cols 30 --style netflix --min-gap-ms 0 a.wav").rules).toMatchObject({
    scripts: { japanese: { colsMax: 30, cpsMax: 8 } },
    colsMax: 30,
    linesMax: 2,
    cueMsMin: 833,
    cueMsMax: 7000,
    cpsMax: 20,
    gapMsMin: 0,
  });
  expect(optionsOf("--paragraph-sec 1.5 a.wav").paragraphMs).toBe(1500);
});

test("times in text are for text", () => {
  for (const line of ["--timestamps -f srt a.wav", "--timestamps -f json,vtt -o a a.wav"]) {
    expect(refusal(line)).toStartWith("--timestamps is for text, not for ");
  }
  expect(optionsOf("--timestamps a.wav").timestamps).toBe(true);
  expect(optionsOf("--timestamps -f text,srt -o x a.wav").timestamps).toBe(true);
});

test("render, lint, inspect: their options, and no others", () => {
  expect(parseCommandLine(["render", "x.json", "-f", "srt", "--max-lines", "1"])).toMatchObject({
    kind: "render",
    options: { formats: ["srt"], output: undefined, rules: { linesMax: 1 } },
  });
  expect(parseCommandLine(["inspect", "x.json", "x.wav"])).toMatchObject({
    kind: "inspect",
    options: { input: { path: "x.wav" }, transcript: "x.json" },
  });
  const messages = [
    "render",
    "lint -f srt x.srt",
    "inspect a.wav b.wav",
    "inspect a.json b.json",
    "render x.json -f srt,vtt",
    "render x.json y.json -f srt",
    "lint --min-cue-sec 8 x.srt",
    "-f srt,docx a.wav",
    "-f , a.wav",
    "--style cinema a.wav",
    "--paragraph-sec 0.1 a.wav",
  ].map(refusal);
  expect(messages.join("\n")).toMatchInlineSnapshot(`
    "render needs a transcript (JSON, JSON lines, SRT or WebVTT)
    lint does not take --format
    inspect takes one recording, and its transcript (.json or .jsonl)
    inspect needs a recording
    -f srt,vtt needs -o NAME: standard output takes one format
    -f srt takes one input, got 2 (-o FOLDER/ writes a file for each)
    --min-cue-sec is more than --max-cue-sec
    -f takes text, json, jsonl, srt, vtt, tsv, lrc, csv, vtt-words, ass, html, md, rttm, got 'docx'
    -f takes text, json, jsonl, srt, vtt, tsv, lrc, csv, vtt-words, ass, html, md, rttm, got ''
    --style must be netflix, youtube or broadcast, got 'cinema'
    --paragraph-sec must be 0 or 0.2 to 3600 seconds, got '0.1'"
  `);
});

test("what a stream is asked for", () => {
  const streamOf = (line: string) => optionsOf(`--stream ${line} a`).stream;
  expect(optionsOf("a").stream).toBeUndefined();
  expect(streamOf("")).toEqual({
    chunkSec: 2,
    endpointMs: 800,
    policy: { kind: "agreement" },
    tokensMax: undefined,
    feedsPast: true,
    isLive: false,
  });
  expect(streamOf("--past-text no --live --stream-max-new-tokens 40 --endpoint-ms 0")).toMatchObject({
    ...{ feedsPast: false, isLive: true, tokensMax: 40, endpointMs: 0 },
  });
  expect(optionsOf("--stream --monitor a").monitor).toBe(true);
  expect(streamOf("--past-text yes --stream-max-new-tokens -1")).toMatchObject({
    feedsPast: true,
    tokensMax: undefined,
  });
  expect(streamOf("--commit rollback")?.policy).toEqual({ kind: "rollback", tokens: 5, unfixedChunks: 2 });
  expect(streamOf("--stream-rollback 3 --stream-unfixed-chunks 4")?.policy)
    .toEqual({ kind: "rollback", tokens: 3, unfixedChunks: 4 });
  expect(streamOf("--stream-unfixed-chunks 4")?.policy).toEqual({ kind: "agreement" });
  expect(optionsOf("--stream -f jsonl -").format).toBe("jsonl");
  // These two do nothing without --stream, as in the C program.
  expect(optionsOf("--monitor --stream-max-new-tokens 8 a").stream).toBeUndefined();
});

test("--batch: eight are the most; without it, what is good for speed", () => {
  expect(optionsOf("--batch 3 a").decodesMax).toBe(3);
  expect(optionsOf("a").decodesMax).toBeUndefined();
  expect(refusal("--batch 9 a")).toBe("--batch must be 1 to 8 segments, got '9'");
  expect(refusal("--batch 2 --low-memory a")).toBe(
    "--low-memory decodes one segment at a time and cannot be combined with --batch",
  );
  expect(refusal("--batch 2 --stream a")).toBe(
    "--stream decodes one segment at a time and cannot be combined with --batch",
  );
});
