/** The harness itself, on programs that every system has: what it reports about a child must be true. */

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { files } from "../scripts/commands.ts";
import { projectRoot } from "./fixtures.ts";
import { fixedEnvironment, run, temporaryFolder } from "./harness.ts";

const shell = (script: string, options: Parameters<typeof run>[1] = {}) =>
  run(["-c", script], { executable: "/bin/sh", ...options });

test("both streams and the exit code come back", async () => {
  const result = await shell("cat; echo oops >&2; exit 3", { stdin: "in" });
  expect(result).toMatchObject({ stdout: "in", stderr: "oops\n", code: 3, signal: null });
  expect(result.peakBytes).toBeGreaterThan(0);
});

test("the environment is the fixed one plus the changes", async () => {
  process.env.QWEN_ASR_MODEL = "must not get through";
  const result = await shell('echo "$NO_COLOR $TZ $EXTRA ${QWEN_ASR_MODEL-unset} ${HOME-unset}"', {
    env: { EXTRA: "x", HOME: undefined },
  });
  delete process.env.QWEN_ASR_MODEL;
  expect(result.stdout).toBe("1 UTC x unset unset\n");
  expect(fixedEnvironment("/h").HOME).toBe("/h");
});

test("a signal is sent when its text comes, and reported", async () => {
  const result = await shell("echo ready; exec sleep 30", { signalWhen: { text: "ready", signal: "SIGTERM" } });
  expect(result).toMatchObject({ stdout: "ready\n", code: null, signal: "SIGTERM" });
});

test("a child that hangs is killed and what it wrote is shown", async () => {
  await expect(shell("echo stuck; exec sleep 30", { timeoutMs: 200 })).rejects.toThrow("stuck");
});

test("a temporary folder goes at the end of its block", () => {
  let path: string;
  {
    using folder = temporaryFolder();
    path = folder.path;
    expect(existsSync(path)).toBe(true);
  }
  expect(existsSync(path)).toBe(false);
});

test("what is skipped says what it needs: no test calls skipIf by itself", () => {
  const calls = files("{src,tests,scripts,bench}/**/*.test.ts").filter((path) =>
    /\.(skipIf|if|todoIf)\(/.test(readFileSync(join(projectRoot, path), "utf8")) && !path.endsWith("/harness.test.ts")
  );
  expect(calls).toEqual([]);
});
