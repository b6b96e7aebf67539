/** `qwen-asr serve` with the nano, on a free port, with a home of its own. */

import { modelDir } from "../fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "../harness.ts";

export type Served = {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly errors: () => string;
  /** Returns how it ended. */
  stop(signal?: NodeJS.Signals): Promise<string>;
};

/** A server of its own on a free port. */
export async function served(
  args: readonly string[] = [],
  env: Record<string, string> = {},
  model: string = modelDir(),
): Promise<Served> {
  return await started(["-d", model, ...args], env);
}

/** The same with the model that `args` say. */
export async function started(args: readonly string[], env: Record<string, string> = {}): Promise<Served> {
  const home = temporaryFolder();
  const child = Bun.spawn([executable(), "serve", "--port", "0", ...args], {
    ...{ cwd: home.path, env: { ...fixedEnvironment(home.path), ...env } },
    ...{ stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  });
  let errors = "";
  let listening = (_: number) => {};
  const port = new Promise<number>((resolve) => listening = resolve);
  const reading = (async () => {
    for await (const bytes of child.stderr) {
      errors += new TextDecoder().decode(bytes);
      const found = /Listening on https?:\/\/\S+:(\d+)\n/.exec(errors)?.[1];
      if (found !== undefined) listening(Number(found));
    }
  })();
  const open = await Promise.race([port, child.exited]);
  if (child.exitCode !== null) throw new Error(`the server ended: ${errors}`);
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    await child.exited;
    await reading;
    home[Symbol.dispose]();
    return String(child.signalCode ?? child.exitCode);
  };
  return { url: `http://127.0.0.1:${open}`, port: open, pid: child.pid, errors: () => errors, stop };
}
