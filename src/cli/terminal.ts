/** The process's own streams and signals, taken over for one run. */

import { UserError } from "../errors.ts";
import type { StopReason } from "../stop.ts";
import { FdWriter, type TextWriter, writeReason } from "../writer.ts";

export type Terminal = {
  readonly stdout: TextWriter;
  readonly stderr: TextWriter;
  /** Aborted with a StopReason by a signal, a closed pipe or a full disk. */
  readonly stop: AbortSignal;
};

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/** Takes over the process's streams and signals. The first signal stops the run, the second ends the process. */
export function openTerminal(): Terminal {
  const controller = new AbortController();
  const stopFor = (reason: StopReason) => controller.abort(reason);
  for (const [signal, exitCode] of Object.entries(signals)) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(exitCode);
      stopFor({ exitCode });
    });
  }
  return {
    stdout: new FdWriter(1, (error) => stopFor(outputFailure(error))),
    stderr: new FdWriter(2, () => {}), // Nobody is left to tell.
    stop: controller.signal,
  };
}

/** A reader that has seen enough (`| head`) is no failure; a full disk is. */
function outputFailure(error: NodeJS.ErrnoException): StopReason {
  if (error.code === "EPIPE") return { exitCode: 0 };
  return { exitCode: 1, error: new UserError(`standard output: cannot write: ${writeReason(error)}`, 1) };
}
