/**
 * The process's own streams and signals, taken over for one run, and how the process ends when they ended it early.
 *
 * A run that a signal stopped ends by that signal once everything is written: a shell that sees an exit code instead
 * takes Ctrl-C for handled and goes on with its loop.
 */

import { fstatSync, readFileSync } from "node:fs";
import { UserError } from "../errors.ts";
import { type Stop, Stopper } from "../stop.ts";
import { folded } from "./fold.ts";
import { FdWriter, type TextWriter, Turns, writeReason } from "../writer.ts";

export type Terminal = {
  readonly stdout: TextWriter;
  readonly stderr: TextWriter;
  /** Whether people read standard output. */
  readonly isWatched?: boolean;
  /** A signal drains the run; a closed pipe or a full disk drops it. */
  readonly stop: Stop;
  /** How the program ends because of what stopped it first; undefined while nothing has. */
  ending(): Ending | undefined;
  /** The width of the terminal; absent if standard output is none. */
  readonly columns?: number;
  /** The terminal that standard error is, where a line can be drawn over; absent: it is none. */
  readonly status?: { columns(): number | undefined };
  /** The terminal that standard output is; absent if it is none, or one of unknown size. */
  readonly screen?: Screen;
};

/** What a terminal can do. Its size may change at any time. */
export type Screen = {
  columns(): number;
  rows(): number;
  /** Whether what was written can be written over. */
  readonly redraws: boolean;
  /** Whether text can be made dim. */
  readonly dims: boolean;
};

export type Ending = { readonly exitCode: number; readonly error?: UserError };

/** What a shell says of a process that they ended. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof signals;

/** Takes over the process's streams and signals. The first signal stops the run, the second ends the process. */
export function openTerminal(): Terminal {
  const stopper = new Stopper();
  let ending: Ending | undefined;
  for (const signal of Object.keys(signals) as Signal[]) {
    if (signal === "SIGHUP" && ignoresHangup()) continue;
    process.on(signal, () => {
      const exitCode = signals[signal];
      if (ending) endProcess(exitCode);
      ending = { exitCode };
      stopper.drain();
    });
  }
  const onFailure = (error: NodeJS.ErrnoException) => {
    ending ??= outputFailure(error);
    stopper.drop();
  };
  const turns = isOnePlace() ? new Turns() : undefined;
  const screen = openScreen();
  return {
    stdout: wasClosed(1) ? refusing(onFailure) : new FdWriter(1, onFailure, turns),
    stderr: inRows(new FdWriter(2, () => {}, turns)), // Nobody is left to tell.
    isWatched: Boolean(process.stdout.isTTY),
    stop: stopper.stop,
    ending: () => ending,
    ...(process.stdout.columns ? { columns: process.stdout.columns } : {}),
    ...(screen ? { screen } : {}),
    ...(process.stderr.isTTY && (process.env.TERM ?? "dumb") !== "dumb" && {
      status: { columns: () => process.stderr.columns },
    }),
  };
}

/** Messages in rows that break between words, on a terminal; what is drawn over is made to fit already. */
function inRows(out: TextWriter): TextWriter {
  if (!process.stderr.isTTY) return out;
  // deno-lint-ignore no-control-regex
  const isDrawn = (text: string) => /[\r\x1b]/.test(text);
  return {
    write: (text) => out.write(isDrawn(text) ? text : folded(text, process.stderr.columns)),
    drained: () => out.drained(),
  };
}

/** Whether standard output and standard error are one terminal, file or pipe (`2>&1`). */
function isOnePlace(): boolean {
  if (process.stdout.isTTY && process.stderr.isTTY) return true;
  try {
    const [out, messages] = [fstatSync(1), fstatSync(2)];
    return out.ino === messages.ino && out.dev === messages.dev && !out.isCharacterDevice();
  } catch {
    return false; // One of them is closed.
  }
}

function openScreen(): Screen | undefined {
  const { stdout, env } = process;
  if (!stdout.isTTY) return undefined;
  const [columns, rows] = stdout.getWindowSize();
  if (columns <= 0 || rows <= 0) return undefined;
  const redraws = (env.TERM ?? "dumb") !== "dumb";
  return {
    columns: () => stdout.getWindowSize()[0] || columns,
    rows: () => stdout.getWindowSize()[1] || rows,
    redraws,
    dims: redraws && (env.NO_COLOR ?? "") === "",
  };
}

/**
 * Whether the process was started without this stream (`>&-`). The runtime then opens /dev/null in its place, and as
 * nothing inherited is closed on exec, that flag tells it from a /dev/null that somebody asked for.
 */
function wasClosed(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
    const closeOnExec = 0o2000000;
    return (Number.parseInt(flags, 8) & closeOnExec) !== 0;
  } catch {
    return false; // Systems without /proc do not say.
  }
}

/** Stands for a stream that is closed: the first text for it is a failure. */
function refusing(onFailure: (error: NodeJS.ErrnoException) => void): TextWriter {
  const error: NodeJS.ErrnoException = Object.assign(new Error("it is closed"), { code: "EBADF" });
  return { write: (text) => text === "" || onFailure(error), drained: () => Promise.resolve() };
}

/** Ends the process as its exit code says: by a signal where that is what stopped it. */
export function endProcess(exitCode: number): never {
  const signal = (Object.keys(signals) as Signal[]).find((name) => signals[name] === exitCode);
  if (signal && process.platform !== "win32") { // Windows knows no end by a signal, only its code.
    process.removeAllListeners(signal); // The system's own handler is back.
    process.kill(process.pid, signal);
  }
  process.exit(exitCode); // Where there was no signal, or the process was started with it ignored.
}

/** Whether the process was started to outlive its terminal, as `nohup` does: then it keeps on. */
function ignoresHangup(): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
    return (BigInt(`0x${mask}`) & 1n) !== 0n;
  } catch {
    // Systems without /proc do not say; under nohup no output goes to the terminal.
    return !process.stdout.isTTY && !process.stderr.isTTY;
  }
}

/** The exit code of a command that has come to its end. Throws the error of an output that failed. */
export function exitCode(terminal: Terminal, hasFailed: boolean, isDoubtful = false): number {
  const ending = terminal.ending();
  if (ending?.error) throw ending.error;
  return ending?.exitCode ?? (hasFailed ? 1 : isDoubtful ? 4 : 0);
}

/** A reader that has seen enough (`| head`) is no failure; a full disk is. */
function outputFailure(error: NodeJS.ErrnoException): Ending {
  if (error.code === "EPIPE") return { exitCode: 0 };
  const message = `standard output: cannot write: ${writeReason(error)}`;
  return { exitCode: 1, error: new UserError(message, 1, undefined, { cause: error }) };
}
