/**
 * Recordings and texts that people's tools make and programs stumble over: ../shared/cases, where it is there.
 *
 * In: a row per case: arguments, and what standard output and standard error must say. Skipped, by name, without the
 * folder, and rows that need ffmpeg without that.
 */

import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { projectRoot } from "./fixtures.ts";
import { run } from "./harness.ts";
import { describeWhere, hasFfmpeg, testWhere } from "./support/where.ts";

const folder = process.env.QWEN_ASR_CASES ?? resolve(projectRoot, "..", "shared", "cases");
const hasCases = existsSync(folder);

type Row = {
  /** Relative to the folder of cases, and what is run on it: "@" stands for the file's path. */
  readonly file: string;
  readonly args?: readonly string[];
  /** The file goes in through standard input. */
  readonly piped?: true;
  readonly needsFfmpeg?: true;
  readonly code?: number;
  readonly stdout: string | RegExp;
  /** Of standard error without the lines that every run prints. */
  readonly stderr?: string | RegExp;
};

const shortText = "Please open the old door.\n";

const punctuated = join(folder, "12-align-line-of-punctuation", "lines.txt");

const rows: readonly Row[] = [
  {
    file: "01-audio-starts-late/off7.mkv",
    args: ["-f", "srt", "@"],
    needsFfmpeg: true,
    stdout: /^1\n00:00:07,[1-4]\d\d --> 00:00:0[89],\d\d\d\nPlease open the old door\.\n/,
  },
  {
    file: "01-audio-starts-late/off7.mkv",
    args: ["--from", "6", "--to", "9", "@"],
    needsFfmpeg: true,
    stdout: /^Please open the (old|new) door\.\n$/, // A second of silence more makes it unsure.
  },
  { file: "01-audio-starts-late/off7.mkv", args: ["--to", "6", "@"], needsFfmpeg: true, stdout: "\n" },
  {
    file: "02-gap-in-audio/gap.mkv",
    args: ["-f", "srt", "@"],
    needsFfmpeg: true,
    stdout: /00:00:1[1-5],\d\d\d --> 00:00:1[2-6],/,
  },
  ...["zero-1s.wav", "one-sample.wav"].flatMap((name) => {
    const row = {
      file: `03-forced-language-in-silence/${name}`,
      stdout: /^\n?$/,
      stderr: /: holds no voice, so there is no text\n$/,
    };
    const forced = ["--language", "English"];
    return [
      row,
      { ...row, args: [...forced, "@"] },
      { ...row, args: [...forced, "-f", "srt", "@"], stdout: "" },
      { ...row, args: [...forced, "--stream", "--stdin"], piped: true as const },
    ];
  }),
  {
    file: "04-wav-longer-than-its-header/stale-header.wav",
    stdout: shortText,
    stderr: "qwen-asr: @: WAV holds 1.9 s, not the 1.0 s in its header: all is read\n",
  },
  ...["begins-mid-frame.mp3", "begins-mid-packet.ts", "camcorder.m2ts", "x.ac3", "zeros-first.mp3"].flatMap((name) => {
    const row = { file: `06-ffmpeg-plays-it-we-refuse/${name}`, needsFfmpeg: true, stdout: /\S/, stderr: "" } as const;
    return [row, { ...row, piped: true as const, args: ["-"] }];
  }),
  {
    file: "07-five-one-film/film.mkv",
    needsFfmpeg: true,
    stdout:
      "Today is Sunday, November second. It will be cloudy and cold in the north. The train to London leaves at " +
      "eleven fifteen. Please close the old lamp.\n",
    stderr: "",
  },
  {
    file: "08-second-track-is-the-default/two.mkv",
    needsFfmpeg: true,
    stdout: /^Today is Sunday, November second\./,
    stderr: "qwen-asr: @: has 2 audio tracks: 1 chi, 2 eng (default); 2 is read (--track N|LANG)\n",
  },
  {
    file: "08-second-track-is-the-default/two.mkv",
    args: ["--track", "zh", "@"],
    needsFfmpeg: true,
    stdout: "今天台湾多云。气温二十三度，有风。\n",
    stderr: "",
  },
  {
    file: "09-render-empty-segment/emptied-middle.json",
    args: ["render", "-f", "tsv", "@"],
    stdout: "start\tend\ttext\n0\t2000\tHello there.\n4000\t6000\tGood bye.\n",
    stderr: "",
  },
  ...["text", "srt", "vtt", "lrc", "tsv", "csv"].map((format) => ({
    file: "10-render-ignores-corrected-text/edited.json",
    args: ["render", "-f", format, "@"],
    stdout: /^(?![^]*November)[^]*December\s+third\./,
    stderr: "qwen-asr: @: the text of 1 segment was corrected: new words take the times of the old\n",
  })),
  {
    file: "11-channels-in-antiphase/anti.wav",
    stdout: shortText,
    stderr: "qwen-asr: @: left and right are in antiphase and cancel out (for 1.7 s): the left one alone is read\n",
  },
  ...[
    ["tsv", /\n\d+\t1280\t.*\n1280\t1280\t\.\.\.\n1280\t/] as const,
    ["lrc", /\n\[00:01\.28\]\.\.\.\n\[00:01\.28\]the/] as const,
    ["srt", /open\.\.\.\n\n2\n00:00:01,280 /] as const,
  ].map(([format, stdout]) => ({
    file: "12-align-line-of-punctuation/en-short.wav",
    args: ["align", "--silent", "-d", "demo", "-f", format, "--text", punctuated, "@"],
    stdout,
  })),
  {
    file: "13-size-off-by-44/off44.wav",
    stdout: shortText,
    stderr: "qwen-asr: @: WAV data size counts the 44 bytes of its header too; nothing is missing\n",
  },
  {
    file: "14-not-pcm-hides-why/e_ext_nullguid.wav",
    code: 1,
    stdout: "",
    stderr: /^qwen-asr: @: WAV holds audio of the unknown sub-format 0{32}\nhint: .*\n$/,
  },
  {
    file: "14-not-pcm-hides-why/p_bits0_pcm.wav",
    code: 1,
    stdout: "",
    stderr: /^qwen-asr: @: WAV has 0 bits per PCM sample, not 1 to 32\nhint: .*\n$/,
  },
  ...[["dc-1000.wav", "3.1"], ["dc-3000.wav", "9.2"]].flatMap(([name, percent]) => {
    const row = {
      file: `19-dc-offset/${name}`,
      stdout: "Today is Sunday, November second. It will be cloudy and cold in the north.\n",
      stderr: new RegExp(`: has a DC offset of ${percent} % of full scale, which is removed\\n$`),
    };
    return [row, { ...row, args: ["-"], piped: true as const }];
  }),
];

describeWhere(hasCases, "the folder of cases ($QWEN_ASR_CASES)")("shared/cases", () => {
  for (const row of rows) {
    const { file, args = ["@"], piped, needsFfmpeg, code = 0, stdout, stderr } = row;
    const name = `${piped ? "piped " : ""}${file}${row.args ? ` ${row.args.join(" ")}` : ""}`;
    testWhere(needsFfmpeg !== true || hasFfmpeg, "ffmpeg")(name, async () => {
      const path = join(folder, file);
      const words = args.map((arg) => arg === "@" ? path : arg);
      const all = ["align", "render"].includes(words[0]!) ? words : ["-d", "demo", ...words];
      const result = await run(all, piped ? { stdin: Bun.file(path) } : {});
      const said = ownLines(result.stderr).replaceAll(path, "@");
      if (stderr !== undefined) expect(said).toEqual(stringOr(stderr));
      expect(result.stdout).toEqual(stringOr(stdout));
      expect(result.code).toBe(code);
    });
  }
});

function stringOr(expected: string | RegExp): string {
  return typeof expected === "string" ? expected : expect.stringMatching(expected) as unknown as string;
}

/** The lines that are about this recording: messages and hints, of which most runs have none. */
function ownLines(stderr: string): string {
  return stderr.split(/(?<=\n)/).filter((line) => /^(qwen-asr: |hint: )/.test(line)).join("");
}
