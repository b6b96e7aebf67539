/** Runs commands for the scripts. Out: everything that they print, in order, and how they ended. */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const projectRoot: string = resolve(import.meta.dir, "..");

export type Outcome = { readonly output: string; readonly code: number; readonly elapsedMs: number };

/** Several times what the longest test takes: another program may have the machine. */
export const testMsMax = 3 * 60_000;

/** Runs a command in the project's folder, without stdin. After `timeoutMs` it fails and is killed with children. */
export async function runCommand(command: readonly string[], timeoutMs: number): Promise<Outcome> {
  const started = performance.now();
  const child = Bun.spawn([...command], {
    cwd: projectRoot,
    env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true, // A process group of its own, so that the children end with it.
  });
  const end = () => process.kill(-child.pid, "SIGKILL");
  const released = endWithUs(end);
  const timer = setTimeout(() => {
    output += `still running after ${timeoutMs / 1000} s: killed\n`;
    end();
  }, timeoutMs);
  let output = "";
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true });
    }
  };
  await Promise.all([collect(child.stdout), collect(child.stderr)]);
  const code = await child.exited;
  clearTimeout(timer);
  released();
  return { output, code, elapsedMs: performance.now() - started };
}

/** How to end each command that runs now. */
const running = new Set<() => void>();
const signals = ["SIGINT", "SIGTERM"] as const;

/** One handler for all commands: a signal ends every one of them, and us. */
function onSignal(signal: NodeJS.Signals): void {
  for (const end of running) end();
  process.exit(signal === "SIGINT" ? 130 : 143);
}

/** Calls `end` if a signal ends this process, until the returned function is called. */
export function endWithUs(end: () => void): () => void {
  if (running.size === 0) { for (const signal of signals) process.on(signal, onSignal); }
  running.add(end);
  return () => {
    running.delete(end);
    if (running.size === 0) { for (const signal of signals) process.off(signal, onSignal); }
  };
}

export function tool(name: "bun" | "deno"): string {
  return join(projectRoot, "node_modules", ".bin", name);
}

export const zig: string = join(projectRoot, "scripts", "zig");

/** The options of `zig build` for this machine, as scripts/setup wrote them. */
export function nativeOptions(): string[] {
  return readFileSync(join(projectRoot, ".tools", "native-options"), "utf8").trim().split("\n");
}

/** Files of the project that match, sorted, as ./paths. */
export function files(pattern: string): string[] {
  return [...new Bun.Glob(pattern).scanSync({ cwd: projectRoot })].sort().map((path) => `./${path}`);
}
