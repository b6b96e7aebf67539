/**
 * Runs dist/qwen-asr as a user would. In: arguments and options; the environment is fixed. Out: everything that the
 * child process wrote, and how it ended.
 *
 * A missing executable is an error, never a skipped test. Streams are read as bytes, so half a UTF-8 character shows.
 */

import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "./fixtures.ts";

export type RunOptions = {
  /** Bytes for stdin, a file to read it from, or a stream; "closed" (the default) is an empty one. */
  readonly stdin?: Uint8Array | string | Blob | ReadableStream<Uint8Array> | "closed";
  /** Variables on top of the fixed environment; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** After this time the child is killed and the run is rejected. */
  readonly timeoutMs?: number;
  /** The signal is sent once the text appears on stderr or stdout. */
  readonly signalWhen?: { readonly text: string; readonly signal: NodeJS.Signals };
  /** Another executable than dist/qwen-asr. */
  readonly executable?: string;
};

export type RunResult = {
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  /** Null if a signal ended the child. */
  readonly code: number | null;
  readonly signal: string | null;
  /** Largest resident set, in bytes. */
  readonly peakBytes: number;
  readonly elapsedMs: number;
  /** Time of processors, all threads together: what else the machine does changes it little. */
  readonly cpuMs: number;
};

/** The values of `QWEN_ASR_ISA` for processors of this kind, whether or not this one has them all. */
export const instructionSets = process.arch === "x64"
  ? ["generic", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16", "amx"]
  : ["generic", "neon", "dotprod", "i8mm"];

/** Those, and what stands for AMX on machines that do not have it: its tiles in plain code. */
export const instructionSetsAndPlain = [...instructionSets, "amx-plain"];

/** The path of the executable under test ($QWEN_ASR_EXE, else dist/qwen-asr). */
export function executable(): string {
  const path = process.env.QWEN_ASR_EXE ?? join(projectRoot, "dist", "qwen-asr");
  if (!existsSync(path)) throw new Error(`${path} is missing: run scripts/build`);
  return path;
}

/**
 * The environment of every run: English, UTC, no colour, no model, a home of its own. In tests, which run side by side,
 * also one computing thread where `-t` does not say otherwise, and packed weights that all runs share
 * (tests/support/tools.ts).
 */
export function fixedEnvironment(home: string): Record<string, string> {
  const { QWEN_ASR_TEST_CACHE: cache, QWEN_ASR_ISA: isa } = process.env;
  return {
    ...(isa ? { QWEN_ASR_ISA: isa } : {}), // A lower instruction set for all runs.
    ...(cache ? { QWEN_ASR_CACHE: cache, QWEN_ASR_THREADS: "1" } : {}),
    PATH: process.env.PATH ?? "/usr/bin:/bin",
    HOME: home,
    TMPDIR: tmpdir(),
    LANG: "C.UTF-8",
    TZ: "UTC",
    NO_COLOR: "1",
    TERM: "dumb",
  };
}

/** For a run with all threads, which packs weights itself and keeps them in its home. */
export const userDefaults = { QWEN_ASR_CACHE: undefined, QWEN_ASR_THREADS: undefined };

export async function run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  using home = temporaryFolder();
  const started = performance.now();
  const child = Bun.spawn([options.executable ?? executable(), ...args], {
    cwd: options.cwd ?? home.path,
    env: environment(home.path, options.env),
    stdin: stdinOf(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  const timeoutMs = options.timeoutMs ?? 60_000;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const watch = watcher(options.signalWhen, (signal) => child.kill(signal));
  const [stdoutBytes, stderrBytes] = await Promise.all([collect(child.stdout, watch), collect(child.stderr, watch)]);
  await child.exited;
  clearTimeout(timer);
  const stdout = new TextDecoder().decode(stdoutBytes);
  const stderr = new TextDecoder().decode(stderrBytes);
  if (timedOut) {
    throw new Error(
      `qwen-asr ${args.join(" ")}: still running after ${timeoutMs} ms\nstdout: ${stdout}\nstderr: ${stderr}`,
    );
  }
  const usage = child.resourceUsage();
  return {
    stdout,
    stderr,
    stdoutBytes,
    code: child.signalCode ? null : child.exitCode,
    signal: child.signalCode ? String(child.signalCode) : null,
    peakBytes: Number(usage?.maxRSS ?? 0),
    elapsedMs: performance.now() - started,
    cpuMs: Number(usage?.cpuTime.total ?? 0) / 1000,
  };
}

/** A folder of its own, gone (with whatever permissions it has by then) when the `using` block ends. */
export function temporaryFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "qwen-asr-test-"));
  return {
    path,
    [Symbol.dispose]() {
      if (existsSync(path)) chmodSync(path, 0o700);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Makes a folder inside another and returns its path. */
export function folderIn(parent: string, name: string): string {
  const path = join(parent, name);
  mkdirSync(path, { recursive: true });
  return path;
}

function environment(home: string, changes: RunOptions["env"]): Record<string, string> {
  const result: Record<string, string> = fixedEnvironment(home);
  for (const [name, value] of Object.entries(changes ?? {})) {
    if (value === undefined) delete result[name];
    else result[name] = value;
  }
  return result;
}

function stdinOf(stdin: RunOptions["stdin"]): Uint8Array | Blob | ReadableStream<Uint8Array> | "ignore" {
  if (stdin === undefined || stdin === "closed") return "ignore";
  return typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
}

/** Calls `send` once, when the text it waits for has come. */
function watcher(wait: RunOptions["signalWhen"], send: (signal: NodeJS.Signals) => void): (chunk: Uint8Array) => void {
  let seen = "";
  let sent = false;
  return (chunk) => {
    if (!wait || sent) return;
    seen += new TextDecoder().decode(chunk);
    if (!seen.includes(wait.text)) return;
    sent = true;
    send(wait.signal);
  };
}

async function collect(stream: ReadableStream<Uint8Array>, watch: (chunk: Uint8Array) => void): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    watch(chunk);
  }
  return Buffer.concat(chunks);
}
