/** The process's own streams and signals, taken over for one run, and the exit code of a run that they ended early. */

import { UserError } from "../errors.ts";
import { type Stop, Stopper } from "../stop.ts";
import { FdWriter, type TextWriter, writeReason } from "../writer.ts";

export type Terminal = {
  readonly stdout: TextWriter;
  readonly stderr: TextWriter;
  /** A signal drains the run; a closed pipe or a full disk drops it. */
  readonly stop: Stop;
  /** How the program ends because of what stopped it first; undefined while nothing has. */
  ending(): Ending | undefined;
};

export type Ending = { readonly exitCode: number; readonly error?: UserError };

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/** Takes over the process's streams and signals. The first signal stops the run, the second ends the process. */
export function openTerminal(): Terminal {
  const stopper = new Stopper();
  let ending: Ending | undefined;
  for (const [signal, exitCode] of Object.entries(signals)) {
    process.on(signal, () => {
      if (ending) process.exit(exitCode);
      ending = { exitCode };
      stopper.drain();
    });
  }
  const onFailure = (error: NodeJS.ErrnoException) => {
    ending ??= outputFailure(error);
    stopper.drop();
  };
  return {
    stdout: new FdWriter(1, onFailure),
    stderr: new FdWriter(2, () => {}), // Nobody is left to tell.
    stop: stopper.stop,
    ending: () => ending,
  };
}

/** The exit code of a command that has come to its end. Throws the error of an output that failed. */
export function exitCode(terminal: Terminal, hasFailed: boolean): number {
  const ending = terminal.ending();
  if (ending?.error) throw ending.error;
  return ending?.exitCode ?? (hasFailed ? 1 : 0);
}

/** A reader that has seen enough (`| head`) is no failure; a full disk is. */
function outputFailure(error: NodeJS.ErrnoException): Ending {
  if (error.code === "EPIPE") return { exitCode: 0 };
  return { exitCode: 1, error: new UserError(`standard output: cannot write: ${writeReason(error)}`, 1) };
}
