/**
 * Loaded before the first test file (bunfig.toml), whose tests may take minutes; of several files, `--timeout` says so
 * for all. The ffmpeg that scripts/setup --tests brought goes on PATH, for the tests and what they start. One that is
 * installed comes first. And runs of the executable share packed weights.
 */

import { afterAll, setDefaultTimeout } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { testMsMax } from "../../scripts/commands.ts";

setDefaultTimeout(testMsMax);

const folder = resolve(import.meta.dir, "../../.tools/ffmpeg");
if (existsSync(join(folder, "ffmpeg"))) process.env.PATH = [process.env.PATH ?? "", folder].join(delimiter);

if (!process.env.QWEN_ASR_TEST_CACHE) {
  const cache = mkdtempSync(join(tmpdir(), "qwen-asr-test-cache-"));
  process.env.QWEN_ASR_TEST_CACHE = cache;
  afterAll(() => rmSync(cache, { recursive: true, force: true }));
}
