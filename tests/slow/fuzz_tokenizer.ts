/**
 * Fuzzes the tokenizer (its files, then text of any bytes): builds zig/fuzz_tokenizer.zig in ReleaseSafe and runs it.
 * Exit code 0 when nothing broke.
 *
 *     bun tests/slow/fuzz_tokenizer.ts [sets of files, and texts = 1000000] [seed = 1]
 *
 * Needs Zig: $ZIG, else `zig` on the PATH.
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const [inputs = "1000000", seed = "1"] = process.argv.slice(2);
const command = ["run", "-OReleaseSafe", "-lc", "zig/fuzz_tokenizer.zig", "--", inputs, seed];
const run = spawnSync(process.env.ZIG ?? "zig", command, { cwd: root, stdio: "inherit" });
if (run.error) console.error(`fuzz_tokenizer: ${run.error.message}`);
process.exitCode = run.status ?? 1;
