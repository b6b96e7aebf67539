/**
 * Two versions of the program on the same command lines: `bun tests/slow/against.ts OLD NEW [PART] [KEYS]`.
 *
 * OLD and NEW are executables; only lines that contain PART are run, and KEYS (with commas between) are numbers in JSON
 * that are meant to differ. Every line of the table below is run with both, on all clips of the fixtures (see
 * tests/fixtures.ts); standard output, standard error, exit code and the files that were written are compared. Times
 * and speeds are no difference, nor are the version of the program, and of the layout of its JSON. Prints a line for
 * every command and the first lines that differ; exit 1 where there are any.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { clips, modelDir } from "../fixtures.ts";
import { run, type RunOptions, temporaryFolder } from "../harness.ts";

type Line = {
  readonly args: readonly string[];
  /** Written to standard input: samples without a header. */
  readonly pipes?: string;
};

const [old = "", fresh = "", part = "", keys = ""] = process.argv.slice(2);
if (fresh === "") throw new Error("two executables, please: OLD NEW");

const wavs = clips().map(({ wav }) => wav);
const [asr, aligner] = [modelDir(), modelDir("nano-aligner")];
const timed = ["--align", "--aligner", aligner];
const formats = "text,json,jsonl,srt,vtt,tsv,lrc,csv";

/** "OUT" is a folder of the run's own. */
const table: readonly Line[] = [
  { args: ["-d", asr, ...wavs] },
  { args: ["-d", "demo", ...wavs] },
  { args: ["-d", asr, "--silent", "--with-filename", ...wavs] },
  { args: ["-d", asr, "-S", "10", "--debug", ...wavs] },
  { args: ["-d", asr, "-S", "7", "-W", "1", "--batch", "2", ...wavs] },
  { args: ["-d", asr, "--skip-silence", ...wavs] },
  { args: ["-d", asr, "--skip-silence", "-S", "5", "--debug", ...wavs] },
  { args: ["-d", asr, "--past-text", "yes", "-S", "10", "--debug", ...wavs] },
  { args: ["-d", asr, "--low-memory", "-S", "10", ...wavs] },
  { args: ["-d", asr, "--from", "1.5", "--to", "20", ...wavs] },
  { args: ["-d", asr, "--paragraph-sec", "0.5", "-S", "10", ...wavs] },
  { args: ["-d", asr, "-f", formats, "-o", "OUT/", ...wavs] },
  { args: ["-d", asr, "-f", formats, "--skip-silence", "-S", "10", "-o", "OUT/", ...wavs] },
  { args: ["-d", asr, "-f", "jsonl", ...wavs] },
  { args: ["-d", asr, "-f", "text,jsonl", "-o", "OUT/all", ...wavs] },
  { args: ["-d", asr, "-o", "OUT/all.txt", ...wavs] },
  { args: ["-d", asr, ...timed, ...wavs] },
  { args: ["-d", asr, ...timed, "-f", formats, "-o", "OUT/", ...wavs] },
  { args: ["-d", asr, ...timed, "-f", "json,srt", "-S", "10", "--skip-silence", "-o", "OUT/", ...wavs] },
  { args: ["-d", asr, ...timed, "-f", "json", "--low-memory", "--from", "2", "-o", "OUT/", ...wavs] },
  { args: ["-d", "demo", "--align", "-f", "json", "-o", "OUT/", ...wavs] },
  { args: ["-d", asr, "--stream", "--debug", ...wavs] },
  { args: ["-d", asr, "--stream", "-f", "jsonl", ...wavs] },
  ...clips().map(({ name, wav }): Line => ({ args: ["-d", asr, "--stdin", "--with-filename", name], pipes: wav }))
    .map(({ args, ...rest }) => ({ args: args.slice(0, -1), ...rest })),
  ...wavs.map((wav): Line => ({ args: ["-d", asr, "--stream", "-f", "srt", wav] })),
  ...wavs.map((wav): Line => ({ args: ["inspect", wav] })),
  ...clips().filter(({ text }) => /\w/.test(text)).map(({ wav }): Line => ({
    args: ["align", "--aligner", aligner, "--text", "TEXT", wav],
  })),
];

type Outcome = Readonly<Record<string, string>>;

/** What a run wrote, by name, without what differs from run to run. */
async function outcome(executable: string, line: Line): Promise<Outcome> {
  using folder = temporaryFolder();
  const text = join(folder.path, "text");
  const clip = clips().find(({ wav }) => wav === line.args.at(-1));
  if (clip) await Bun.write(text, clip.text);
  const out = join(folder.path, "out");
  await Bun.write(join(out, "keep"), "");
  const args = line.args.map((word) => word === "TEXT" ? text : word.replace(/^OUT(?=\/)/, out));
  const options: RunOptions = { executable, timeoutMs: 600_000 };
  const stdin = line.pipes === undefined ? {} : { stdin: readFileSync(line.pipes) };
  const { stdout, stderr, code } = await run(args, { ...options, ...stdin });
  const files = readdirSync(out).sort().map((name) => [name, steady(readFileSync(join(out, name), "utf8"))]);
  const lines = { code: String(code), stdout: steady(stdout), stderr: steady(stderr).replaceAll(folder.path, "") };
  return { ...lines, ...Object.fromEntries(files) };
}

function steady(text: string): string {
  const meant = new RegExp(`("(?:${keys.replaceAll(",", "|")})": ?)-?[\\d.]+`, "g");
  return (keys === "" ? text : text.replace(meant, "$1N"))
    .replace(/("version": ?)\d+/g, "$1N")
    .replace(/("program": ?"qwen-asr )[^"]*/g, "$1V")
    .replace(/\d+(\.\d+)? ?ms\b/g, "T ms")
    .replace(/\d+\.\d+ (?=tok\/s)/g, "T ")
    .replace(/(?<=processed in |of audio in )[\d.]+ s \([\d.]+x/g, "T s (Tx")
    .replace(/(?<=Packed weights: ).*/g, "P");
}

/** The first line of each part that differs, as it was and as it is. */
function differences(old: Outcome, fresh: Outcome): string[] {
  return [...new Set([...Object.keys(old), ...Object.keys(fresh)])].flatMap((name) => {
    const [before, after] = [old[name]?.split("\n"), fresh[name]?.split("\n")];
    if (!before || !after) return [`    ${name}: only in the ${before ? "old" : "new"}`];
    const at = before.findIndex((line, index) => line !== after[index]);
    if (at < 0 && before.length === after.length) return [];
    const where = at < 0 ? before.length : at;
    const [was, is] = [before[where] ?? "", after[where] ?? ""];
    const column = Math.max(0, [...was].findIndex((character, index) => character !== is[index]) - 60);
    const shown = (line: string) => line.slice(column, column + 160);
    return [`    ${name}:${where + 1}:${column + 1}`, `      - ${shown(was)}`, `      + ${shown(is)}`];
  });
}

let failed = 0;
for (const line of table) {
  const command = line.args.map((word) => wavs.includes(word) ? word.replace(/.*\//, "") : word).join(" ") +
    (line.pipes === undefined ? "" : ` < ${line.pipes.replace(/.*\//, "")}`);
  if (!command.includes(part)) continue;
  const found = differences(await outcome(resolve(old), line), await outcome(resolve(fresh), line));
  if (found.length > 0) failed++;
  console.log(
    [`${found.length > 0 ? "DIFFERS" : "same   "} ${command.slice(0, 100)}`, ...found.slice(0, 30)].join("\n"),
  );
}
console.log(`${failed} of the command lines differ`);
process.exitCode = failed > 0 ? 1 : 0;
