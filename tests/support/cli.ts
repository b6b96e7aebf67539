/**
 * Shared by the black-box tests: runs of the executable with the nano, and the form that every rejection must have.
 *
 * In: arguments and a RunResult. Out: an assertion that failed, or nothing.
 */

import { expect } from "bun:test";
import { clip, modelDir } from "../fixtures.ts";
import { run, type RunOptions, type RunResult } from "../harness.ts";

/** A run with the nano of the fixtures. */
export function qwen(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(["-d", modelDir(), ...args], options);
}

export function wav(name: string): string {
  return clip(name).wav;
}

export function lines(text: string): string[] {
  return text.split("\n").slice(0, -1);
}

const refusalCpuMsMax = 10_000;

/**
 * Expects a rejection: nothing on stdout, one line that says what is wrong, at most one that says what to do, no stack
 * trace, and soon.
 */
export function expectRefusal(result: RunResult, code: number, says: RegExp | string): void {
  const [first = "", ...rest] = lines(result.stderr);
  expect({ code: result.code, stdout: result.stdout, line: first }).toEqual({
    code,
    stdout: "",
    line: expect.stringMatching(says),
  });
  expect(first).toStartWith("qwen-asr: ");
  const advice = code === 2 ? "try 'qwen-asr --help'" : "hint: ";
  expect(rest.filter((line) => !line.startsWith(advice))).toEqual([]);
  expect(rest.length).toBeLessThanOrEqual(1);
  expectNoStack(result);
  expect(result.cpuMs).toBeWithin(1, refusalCpuMsMax); // One that waits is ended by run's own limit.
}

export function expectNoStack({ stderr }: RunResult): void {
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toContain("internal error");
}

/** `command` in a shell where "$0" is the executable and "$1", "$2" ... are `args`. */
export function shell(executable: string, command: string, args: readonly string[], options: RunOptions = {}) {
  return run(["-c", command, executable, ...args], { ...options, executable: "/bin/sh" });
}
