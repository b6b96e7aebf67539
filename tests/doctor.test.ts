/** `qwen-asr doctor` in control groups of memory, real ones where this machine lets us make them. */

import { expect } from "bun:test";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executable, fixedEnvironment, temporaryFolder } from "./harness.ts";
import { testWhere } from "./support/where.ts";

/** Both kinds of control groups: the folder that groups are made in, and the file of the limit. */
const kinds = [
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes" },
  { root: "/sys/fs/cgroup", limit: "memory.max" },
] as const;

/** Makes a group with a limit; undefined where that may not be done. */
function group(bytes: number): { readonly folder: string; [Symbol.dispose](): void } | undefined {
  for (const { root, limit } of kinds) {
    const folder = join(root, `qwen-asr-test-${process.pid}-${bytes}`);
    try {
      mkdirSync(folder);
    } catch {
      continue;
    }
    if (existsSync(join(folder, limit))) {
      writeFileSync(join(folder, limit), String(bytes));
      return { folder, [Symbol.dispose]: () => rmdirSync(folder) };
    }
    rmdirSync(folder);
  }
  return undefined;
}

function canMakeGroups(): boolean {
  try {
    using made = group(3e9);
    return made !== undefined;
  } catch {
    return false;
  }
}

async function memoryIn(bytes: number) {
  using home = temporaryFolder();
  using made = group(bytes)!;
  const enter = `echo $$ > '${made.folder}/cgroup.procs' && exec '${executable()}' doctor --json`;
  const child = Bun.spawn(["sh", "-c", enter], { env: fixedEnvironment(home.path), stdout: "pipe", stderr: "inherit" });
  const { checks } = await new Response(child.stdout).json();
  expect(await child.exited).toBe(0);
  return checks.find(({ name }: { readonly name: string }) => name === "memory");
}

testWhere(canMakeGroups(), "control groups of memory")("in 2 GB and in 1 GB: what fits, and what to do", async () => {
  expect(await memoryIn(2e9)).toMatchObject({
    state: "ok",
    says: expect.stringMatching(/^2\.00 GB \(limit of a control group.*small fits, large fits with --weights int4/),
  });
  expect(await memoryIn(1e9)).toMatchObject({
    state: "note",
    says: expect.stringContaining("small fits with --weights int4, large does not fit"),
    advice: expect.stringMatching(/^add --max-ram (1|0\.99)G: int4, and short segments$/), // Whole pages.
  });
});
