/** Tests of free memory and processors under control groups, and of prompt files. */

import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError, UsageError } from "./errors.ts";
import { availableMemory, loadPrompt, machineParts, readTextFile, usableProcessors } from "./system.ts";

const reader = (files: Record<string, string>) => (path: string) => files[path];
const meminfo = { "/proc/meminfo": "MemTotal: 100 kB\nMemAvailable:    5000 kB\n" };

test("available memory: the least of the system and every control group above us", () => {
  const group = "/sys/fs/cgroup";
  expect(availableMemory(reader(meminfo))).toBe(5000 * 1024);
  const v2 = {
    ...meminfo,
    "/proc/self/cgroup": "0::/user/me\n",
    [`${group}/memory.max`]: "max\n",
    [`${group}/memory.current`]: "1\n",
    [`${group}/user/memory.max`]: "1000000\n",
    [`${group}/user/memory.current`]: "900000\n",
    [`${group}/user/memory.stat`]: "anon 5\ninactive_file 50000\nactive_file 3\n",
    [`${group}/user/me/memory.max`]: "2000000\n",
    [`${group}/user/me/memory.current`]: "800000\n",
  };
  expect(availableMemory(reader(v2))).toBe(150_000);
  const v1 = {
    ...meminfo,
    "/proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n",
    [`${group}/memory/memory.limit_in_bytes`]: "300000\n",
    [`${group}/memory/memory.usage_in_bytes`]: "400000\n",
  };
  expect(availableMemory(reader(v1))).toBe(0);
  expect(availableMemory(reader({}))).toBeGreaterThan(0);
  expect(availableMemory()).toBeGreaterThan(1 << 20);
});

test("processors: the affinity mask, or the smallest quota of every control group above us", () => {
  const group = "/sys/fs/cgroup";
  const v2 = (own: string, above = "max 100000") => ({
    "/proc/self/cgroup": "0::/user/me\n",
    [`${group}/user/cpu.max`]: `${above}\n`,
    [`${group}/user/me/cpu.max`]: `${own}\n`,
  });
  const v1 = (quota: string) => ({
    "/proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n",
    [`${group}/cpu/cpu.cfs_quota_us`]: `${quota}\n`,
    [`${group}/cpu/cpu.cfs_period_us`]: "100000\n",
  });
  for (
    const [files, allowed, usable] of [
      [{}, 8, 8],
      [v2("max 100000"), 8, 8],
      [v2("150000 100000"), 8, 2],
      [v2("800000 100000", "300000 100000"), 8, 3],
      [v2("800000 100000"), 2, 2],
      [v2("1000 100000"), 4, 1],
      [v1("-1"), 8, 8],
      [v1("250000"), 8, 3],
    ] as [Record<string, string>, number, number][]
  ) expect(usableProcessors(reader(files), allowed)).toBe(usable);
  expect(usableProcessors()).toBeGreaterThanOrEqual(1);
});

test("free bytes: those of the folder above what is not there yet; none where nothing may be written", async () => {
  const folder = await mkdtemp(join(tmpdir(), "free-"));
  const { freeBytes } = machineParts;
  expect(await freeBytes(join(folder, "a/b"))).toBeGreaterThan(0);
  expect(await freeBytes("/proc/self/status/x")).toBeUndefined();
  await rm(folder, { recursive: true });
});

test("loadPrompt: text, @file, @@", async () => {
  const folder = await mkdtemp(join(tmpdir(), "prompt-"));
  try {
    const path = join(folder, "names.txt");
    await writeFile(path, "Zoe\u0308, 王小明\r\n\n");
    expect(await loadPrompt(`@${path}`)).toBe("Zo\u00eb, 王小明");
    expect(await loadPrompt("Zoe\u0308")).toBe("Zo\u00eb");
    expect(await loadPrompt("@@home")).toBe("@home");
    expect(await loadPrompt("")).toBe("");
    await writeFile(path, new Uint8Array([0x41, 0xff]));
    for (const bad of [`@${path}`, "@", `@${folder}`, `@${folder}/nothing`]) {
      expect(loadPrompt(bad)).rejects.toBeInstanceOf(UsageError);
    }
    await writeFile(path, new Uint8Array(70_000));
    expect(loadPrompt(`@${path}`)).rejects.toThrow("more than 65536 bytes");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a text without an end is told, files and folders as well", async () => {
  const refusals = { "/dev/zero": "is larger than 256 MiB", "/dev": "is a folder", "/dev/none/x": "no such file" };
  for (const [path, reason] of Object.entries(refusals)) {
    await expect(readTextFile(path)).rejects.toThrow(new InputError(`${path}: ${reason}`));
  }
  expect(await readTextFile("/dev/null")).toBe("");
});
