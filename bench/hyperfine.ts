/**
 * Whole programs, timed by hyperfine. In: commands. Out: times, and hyperfine's own export of all of them.
 *
 * hyperfine makes all runs of a command before it starts with the next; on a machine whose speed changes within
 * seconds that compares moments, not programs. So it is asked for one run at a time, programs take turns, every other
 * round in the opposite order, and the exports are merged.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endWithUs } from "../scripts/commands.ts";
import { fixedEnvironment } from "../tests/harness.ts";
import { median } from "./stats.ts";

/** What one command's runs came to: hyperfine's JSON, in seconds. */
export type Timing = {
  readonly command: string;
  readonly mean: number;
  readonly stddev: number | null;
  readonly median: number;
  readonly user: number;
  readonly system: number;
  readonly min: number;
  readonly max: number;
  readonly times: readonly number[];
  readonly exit_codes: readonly (number | null)[];
};

/** One run of a command. */
export type TimedRun = {
  readonly timing: Timing;
  readonly wallMs: number;
  /** What it wrote on standard output, trimmed. */
  readonly text: string;
  /** The largest resident set, hyperfine's own few megabytes included. */
  readonly peakBytes: number;
};

const msMax = 20 * 60_000;

/** Throws an error of one line that says how to install hyperfine where it is missing. */
export function findHyperfine(path: string = process.env.PATH ?? ""): string {
  const found = Bun.which("hyperfine", { PATH: path });
  if (found) return found;
  throw new Error(`hyperfine, which times whole programs, is missing: ${installCommand(path)}`);
}

function installCommand(path: string): string {
  const has = (name: string) => Bun.which(name, { PATH: path }) !== null;
  if (has("brew")) return "brew install hyperfine";
  if (has("apt-get")) return "sudo apt-get install hyperfine";
  if (has("dnf")) return "sudo dnf install hyperfine";
  if (has("pacman")) return "sudo pacman -S hyperfine";
  return "cargo install --locked hyperfine";
}

/** One run of a command line, which is split as a shell does, but started without one. Throws if it fails. */
export async function timeOnce(hyperfine: string, command: string, home: string): Promise<TimedRun> {
  const folder = mkdtempSync(join(tmpdir(), "qwen-asr-bench-"));
  const [exported, output] = [join(folder, "export.json"), join(folder, "output.txt")];
  try {
    const flags = ["--shell=none", "--style=none", "--runs=1", `--output=${output}`, `--export-json=${exported}`];
    const child = Bun.spawn([hyperfine, ...flags, "--", command], {
      env: fixedEnvironment(home),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      detached: true, // A process group of its own, so that what it times ends with it.
    });
    const end = () => process.kill(-child.pid, "SIGKILL");
    const timer = setTimeout(end, msMax);
    const released = endWithUs(end);
    const stderr = await new Response(child.stderr).text();
    const code = await child.exited;
    clearTimeout(timer);
    released();
    if (code !== 0) throw new Error(`${command}: ${stderr.replace(/^Error: /, "").split("\n")[0]}`);
    const timing = (JSON.parse(readFileSync(exported, "utf8")) as { results: Timing[] }).results[0]!;
    return {
      timing,
      wallMs: timing.times[0]! * 1000,
      text: readFileSync(output, "utf8").trim(),
      peakBytes: Number(child.resourceUsage()?.maxRSS ?? 0),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The indexes of `count` programs in the order of a round: forwards and backwards in turn. */
export function orderOf(round: number, count: number): number[] {
  const forwards = Array.from({ length: count }, (_, index) => index);
  return round % 2 === 0 ? forwards : forwards.reverse();
}

/** What hyperfine would have exported had it made all runs of each command at once; commands in order of appearance. */
export function mergeExports(timings: readonly Timing[]): { readonly results: Timing[] } {
  const commands = Map.groupBy(timings, ({ command }) => command);
  return { results: [...commands.values()].map(merged) };
}

function merged(parts: readonly Timing[]): Timing {
  const times = parts.flatMap((part) => part.times);
  // The means of processor times are of as many runs as each part has.
  const meanOf = (value: (part: Timing) => number) =>
    parts.reduce((sum, part) => sum + value(part) * part.times.length, 0) / times.length;
  const mean = meanOf((part) => part.mean);
  const squares = times.reduce((sum, time) => sum + (time - mean) ** 2, 0);
  return {
    command: parts[0]!.command,
    mean,
    stddev: times.length > 1 ? Math.sqrt(squares / (times.length - 1)) : null,
    median: median(times),
    user: meanOf((part) => part.user),
    system: meanOf((part) => part.system),
    min: Math.min(...times),
    max: Math.max(...times),
    times,
    exit_codes: parts.flatMap((part) => part.exit_codes),
  };
}

/** What a command template may name in braces. */
export type Places = {
  readonly model: string;
  readonly clip: string;
  readonly threads: string;
  /** Seconds of -S. */
  readonly segment: string;
  readonly weights: string;
};

const placeNames: readonly string[] = ["model", "clip", "threads", "segment", "weights"] satisfies (keyof Places)[];

/** Another version of qwen-asr, or the C program, whose flags are the same. */
const pathFlags = "-d {model} -t {threads} -S {segment} -i {clip}";

/**
 * A template of --against: a command line with at least {clip} in it, or the path of an executable with our own flags.
 * Throws an error of one line at a name that is unknown.
 */
export function commandTemplate(given: string): string {
  for (const [place, name] of given.matchAll(/\{(\w*)\}/g)) {
    if (!placeNames.includes(name!)) {
      throw new Error(`--against: ${place}: known are ${placeNames.map((known) => `{${known}}`).join(", ")}`);
    }
  }
  if (given.trim() === "") throw new Error("--against: a command, or the path of an executable");
  if (given.includes("{clip}")) return given;
  if (/\{\w+\}/.test(given)) throw new Error(`--against ${given}: {clip} is missing`);
  return `${quoted(given)} ${pathFlags}`;
}

export function fillTemplate(template: string, places: Places): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => quoted(places[name as keyof Places]));
}

/** A word of a command line as shells read it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
