/**
 * `qwen-asr batch` at length: `bun tests/slow/batch_parallel.ts [files, rows]`, on Linux with GNU parallel.
 *
 * 500 files through GNU parallel, a tenth of them damaged, and processes killed at random: every good one right once,
 * every bad one named, the bytes of plain runs. Then 2,000 rows in one process, whose memory is watched: once the first
 * tenth has warmed it up, its least in the second half is at most 15 MB more than in the first. (What waits for
 * collection comes and goes, a leak stays: 15 MB are 15 kB a row.)
 * Exit 1 where this does not hold.
 */

import { join } from "node:path";
import { modelDir } from "../fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "../harness.ts";
import { expectPlainBytes, expectRows, makeManifest } from "../support/batches.ts";
import { leftIn, runParallel } from "../support/parallel.ts";
import { memoryOf } from "../support/process_memory.ts";

const shards = 8;
const kills = 30;
const growthMax = 15;

async function killed(count: number): Promise<boolean> {
  using folder = temporaryFolder();
  const expected = makeManifest(folder.path, count);
  const { code, kills: done, outputs } = await runParallel(folder.path, shards, kills);
  expectRows(folder.path, outputs, expected);
  await expectPlainBytes(folder.path, outputs);
  const left = leftIn(folder.path, outputs);
  console.log(`${count} files in ${shards} shards, ${done} killed: parallel exits with ${code}, the same bytes`);
  return code === 0 && done > 0 && left.length === 0;
}

async function flat(count: number): Promise<boolean> {
  using folder = temporaryFolder();
  makeManifest(folder.path, count);
  const args = ["batch", join(folder.path, "list.jsonl"), "-d", modelDir(), "--silent"];
  const child = Bun.spawn([executable(), ...args], { env: fixedEnvironment(folder.path), stderr: "ignore" });
  const resident: number[] = [];
  let rows = 0;
  for await (const chunk of child.stdout) {
    for (const byte of chunk) {
      if (byte !== 10 || ++rows % (count / 10) !== 0) continue;
      resident.push(memoryOf(child.pid) / 2 ** 20);
    }
  }
  const code = await child.exited;
  const known = resident.filter((megabytes) => megabytes > 0); // The last rows may come after the end.
  const warm = known.slice(1);
  const half = Math.floor(warm.length / 2);
  const growth = Math.min(...warm.slice(half)) - Math.min(...warm.slice(0, half));
  console.log(
    `${rows} rows, MB after each tenth: ${known.map(Math.round).join(" ")}; grows by ${growth.toFixed(0)} MB`,
  );
  return code === 0 && rows === count && known.length >= 9 && growth <= growthMax;
}

const [files, rows] = [Number(process.argv[2] ?? 500), Number(process.argv[3] ?? 2000)];
process.exitCode = await killed(files) && await flat(rows) ? 0 : 1;
