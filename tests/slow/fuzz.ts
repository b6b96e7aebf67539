/**
 * Fuzzes what reads the files of strangers: the readers of checkpoints (safetensors, shard indexes, config.json) or
 * the tokenizer (its files, then text of any bytes). Builds zig/fuzz.zig in ReleaseSafe and runs it. Exit code 0 when
 * nothing broke.
 *
 *     bun tests/slow/fuzz.ts checkpoint|tokenizer [inputs = 1000000] [seed = 1]
 */

import { spawnSync } from "node:child_process";
import { projectRoot, zig } from "../../scripts/commands.ts";

const command = ["run", "-OReleaseSafe", "-lc", "zig/fuzz.zig", "--", ...process.argv.slice(2)];
process.exitCode = spawnSync(zig, command, { cwd: projectRoot, stdio: "inherit" }).status ?? 1;
