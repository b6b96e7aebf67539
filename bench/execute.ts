/**
 * One run of an executable as a user starts it. In: its path, arguments, a home folder. Out: the text, what it wrote on
 * standard error, wall time, time to the first byte of text, and the largest resident set (VmHWM, from wait4; on Linux
 * it is never below that of this process at the start, some 60 MB).
 */

import { fixedEnvironment } from "../tests/harness.ts";

export type Execution = {
  readonly text: string;
  readonly stderr: string;
  readonly wallMs: number;
  /** Time from process start to the first byte on standard output; the wall time if there was none. */
  readonly firstTextMs: number;
  /** Time from process start to the line that says the model is loaded; undefined if there was none. */
  readonly loadedMs: number | undefined;
  readonly peakBytes: number;
};

const msMax = 20 * 60_000;

/** Throws if the program fails, with what it printed. */
export async function execute(executable: string, args: readonly string[], home: string): Promise<Execution> {
  const start = performance.now();
  const child = Bun.spawn([executable, ...args], {
    env: fixedEnvironment(home),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), msMax);
  let [firstTextMs, loadedMs]: (number | undefined)[] = [];
  const chunks: Uint8Array[] = [];
  const readText = async () => {
    for await (const chunk of child.stdout) {
      firstTextMs ??= performance.now() - start;
      chunks.push(chunk);
    }
  };
  let stderr = "";
  const readMessages = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) {
      stderr += decoder.decode(chunk, { stream: true });
      if (stderr.includes("Model loaded.")) loadedMs ??= performance.now() - start;
    }
  };
  await Promise.all([readText(), readMessages()]);
  const code = await child.exited;
  const wallMs = performance.now() - start;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${executable} ${args.join(" ")}: exit ${child.signalCode ?? code}\n${stderr}`);
  return {
    text: Buffer.concat(chunks).toString("utf8").trim(),
    stderr,
    wallMs,
    firstTextMs: firstTextMs ?? wallMs,
    loadedMs,
    peakBytes: Number(child.resourceUsage()?.maxRSS ?? 0),
  };
}
