/**
 * Tests that need what a machine may lack. Where it lacks it they are skipped, and their names end with what they
 * need: scripts/test reads it there and says it.
 */

import { describe, test } from "bun:test";

/** As `test`, where `isThere`. */
export function testWhere(isThere: boolean, needs: string) {
  return (name: string, run: () => void | Promise<unknown>, timeoutMs?: number): void =>
    isThere ? test(name, run, timeoutMs) : test.skip(`${name}: needs ${needs}`, run, timeoutMs);
}

/** As `test`, for long variants of what shorter tests show already; `scripts/test bun` runs them when asked. */
export const testThoroughly = testWhere(process.env.QWEN_ASR_TEST_THOROUGH === "1", "QWEN_ASR_TEST_THOROUGH=1");

/** As `describe`, where `isThere`. */
export function describeWhere(isThere: boolean, needs: string) {
  return (name: string, run: () => void): void =>
    isThere ? describe(name, run) : describe.skip(`${name}: needs ${needs}`, run);
}

export const isLinux: boolean = process.platform === "linux";
export const isRoot: boolean = process.getuid?.() === 0;
/** On the current PATH, to which tests/support/tools.ts adds; by default Bun.which reads the PATH of the start. */
export const ffmpeg: string | null = Bun.which("ffmpeg", { PATH: process.env.PATH ?? "" });
export const hasFfmpeg: boolean = ffmpeg !== null;
