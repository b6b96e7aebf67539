/**
 * --max-ram against a full-size model: the peak of a first run, which packs, and of one that maps what was packed.
 *
 *     node_modules/.bin/bun tests/slow/max_ram.ts DIR [SIZE...]      by default 1.2G and 1G; DIR: 0.6B or a stand-in
 */

import { parseSize } from "../../src/options/values.ts";
import { clip } from "../fixtures.ts";
import { run, temporaryFolder, userDefaults } from "../harness.ts";

const [dir, ...given] = process.argv.slice(2);
if (dir === undefined) throw new Error("which model folder?");
let isWithin = true;
for (const size of given.length > 0 ? given : ["1.2G", "1G"]) {
  using cache = temporaryFolder();
  for (const pass of ["packs", "maps"]) {
    const args = ["-d", dir, "--max-ram", size, "-S", "20", clip("en-45s").wav];
    const env = { ...userDefaults, QWEN_ASR_CACHE: cache.path };
    const { code, stderr, peakBytes } = await run(args, { env, timeoutMs: 30 * 60_000 });
    const passed = code === 0 && peakBytes <= parseSize(size)!;
    isWithin &&= passed;
    console.log(`${passed ? "ok    " : "FAILED"} --max-ram ${size} ${pass}: ${(peakBytes / 1e6).toFixed(0)} MB`);
    if (code !== 0) console.log(stderr);
  }
}
process.exitCode = isWithin ? 0 : 1;
