import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { fakeTerminal, memoryWriter } from "../../../tests/support/fake_parts.ts";
import { parseCommandLine } from "../parse.ts";
import { type CacheParts, formatAge, manageCache } from "./cache.ts";
import { cacheFolder } from "../../model/cache_folder.ts";
import type { PackedFiles } from "../../engine/packed_files.ts";

let folder: string;
const nowMs = Date.now();
const first = "0123456789abcdef";
const second = "fedcba9876543210";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qwen-asr-cache-"));
});

afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
});

type Outcome = { code?: number; error?: string; exitCode?: number; stdout: string; stderr: string };

/** `args` is what follows the word cache. Paths of the run are shown as CACHE. */
async function run(args: string[], changes: Partial<CacheParts> = {}): Promise<Outcome> {
  const shown = (text: string) => text.replaceAll(folder, "CACHE");
  const [stdout, stderr] = [memoryWriter(), memoryWriter()];
  const { terminal } = fakeTerminal(stdout, stderr);
  const parts: CacheParts = { terminal, env: { QWEN_ASR_CACHE: folder }, packed, now: () => nowMs, ...changes };
  const ended: Partial<Outcome> = {};
  try {
    const command = parseCommandLine(["cache", ...args]);
    if (command.kind !== "cache") throw new Error(`a ${command.kind} command`);
    ended.code = await manageCache(parts, command.options);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    ended.error = shown(error.message);
    ended.exitCode = error.exitCode;
  }
  return { ...ended, stdout: shown(stdout.text()), stderr: shown(stderr.text()) };
}

function put(name: string, bytes: Uint8Array | string, ageMs = 0): void {
  writeFileSync(join(folder, name), bytes);
  utimesSync(join(folder, name), (nowMs - ageMs) / 1000, (nowMs - ageMs) / 1000);
}

/** What the library would say of the files of `fill`, by the first word in them. */
const packed: PackedFiles = {
  info: (path) => Promise.resolve(labels[wordOf(path)] && { ...labels[wordOf(path)]!, bytes: statSync(path).size }),
  verify: (path, stop) =>
    Promise.try(() => {
      stop.throwIfAborted();
      return wordOf(path) in labels ? undefined : `damaged: ${wordOf(path)}`;
    }),
};

const labels: Readonly<Record<string, { layout: string; model: string }>> = {
  first: { layout: "int8 signed 2", model: "models/test" },
  second: { layout: "int4 unsigned 2", model: "/models/a\u001b[2J" },
};

function wordOf(path: string): string {
  return readFileSync(path, "utf8").split("\0", 1)[0]!;
}

function fill(): void {
  put(`${first}.packed`, "first".padEnd(2_213_600, "\0"), 3 * 3_600_000);
  put(`${second}.packed`, "second".padEnd(16_393, "\0"), 60_000);
}

test("list shows what there is, and how much", async () => {
  fill();
  put(`${first}.${process.pid}.tmp`, "12345");
  put("notes.txt", "not ours");
  expect(await run(["list"])).toEqual({
    code: 0,
    stdout: `0123456789abcdef  underway         5 B      0 min  -
0123456789abcdef  int8 signed 2    2.21 MB  3 h    models/test
fedcba9876543210  int4 unsigned 2  16.4 kB  1 min  /models/a\\x1b[2J
`,
    stderr: "3 files, 2.23 MB in CACHE\n",
  });
});

test("an empty and a missing folder hold nothing", async () => {
  const nothing = { code: 0, stdout: "", stderr: "nothing in CACHE\n" };
  for (const action of ["list", "clear", "verify"]) expect(await run([action])).toEqual(nothing);
  const env = { QWEN_ASR_CACHE: join(folder, "none") };
  expect(await run(["list"], { env })).toEqual({ ...nothing, stderr: "nothing in CACHE/none\n" });
});

test("verify names what is damaged, and fails", async () => {
  fill();
  expect(await run(["verify"])).toEqual({
    code: 0,
    stdout: `${first}  undamaged\n${second}  undamaged\n`,
    stderr: "",
  });
  put(`${first}.packed`, "embedding");
  put(`${second}.packed`, "its header");
  expect(await run(["verify"])).toEqual({
    code: 1,
    stdout: `${first}  damaged: embedding\n${second}  damaged: its header\n`,
    stderr: `hint: qwen-asr cache clear ${first} ${second}; the next run packs anew\n`,
  });
  expect((await run(["list"])).stdout).toContain(`${second}  damaged`);
});

test("verify stops when interrupted", async () => {
  fill();
  const { terminal, interrupt } = fakeTerminal(memoryWriter(), memoryWriter());
  interrupt(143);
  expect(await run(["verify"], { terminal })).toEqual({ code: 143, stdout: "", stderr: "" });
});

test("clear removes everything of ours and nothing else", async () => {
  fill();
  put(`${first}.lock`, "");
  put(`${first}.999999999.tmp`, "left by a crash");
  put(`${second}.${process.pid}.tmp`, "its number belongs to another by now", 3_600_000);
  put("notes.txt", "not ours");
  mkdirSync(join(folder, `${"0".repeat(16)}.packed`));
  symlinkSync("notes.txt", join(folder, `${"1".repeat(16)}.packed`));
  const outcome = await run(["clear"]);
  expect(outcome).toEqual({ code: 0, stdout: "", stderr: "4 files removed, 2.23 MB in CACHE\n" });
  expect(readdirSync(folder).sort()).toEqual(["0000000000000000.packed", "1111111111111111.packed", "notes.txt"]);
});

test("clear leaves what is being packed", async () => {
  fill();
  put(`${first}.lock`, "");
  put(`${first}.${process.pid}.tmp`, "at work");
  const outcome = await run(["clear"]);
  expect(outcome.stderr).toBe(`${first}.${process.pid}.tmp stays: a process is packing it
2 files removed, 2.23 MB in CACHE
`);
  expect(readdirSync(folder).sort()).toEqual([`${first}.${process.pid}.tmp`, `${first}.lock`]);
});

test("names choose, and must exist", async () => {
  fill();
  expect((await run(["verify", second])).stdout).toBe(`${second}  undamaged\n`);
  expect((await run(["clear", `${second}.packed`])).stderr).toBe("1 file removed, 16.4 kB in CACHE\n");
  expect(existsSync(join(folder, `${first}.packed`))).toBe(true);
  expect(await run(["clear", "../x"])).toMatchObject({ error: "CACHE: no ../x in the cache", exitCode: 1 });
});

test("wrong command lines exit with 2", async () => {
  expect(await run([])).toMatchObject({ error: "cache: list, clear or verify?", exitCode: 2 });
  expect(await run(["drop\u001b"])).toMatchObject({ error: "cache: no 'drop\\x1b'", exitCode: 2 });
  expect(await run(["list", "--all"])).toMatchObject({ error: "unknown option --all", exitCode: 2 });
  expect(await run(["list", "--threads", "2"])).toMatchObject({ error: "cache does not take --threads", exitCode: 2 });
});

test("what cannot be read is an error that names it", async () => {
  writeFileSync(join(folder, "file"), "");
  const env = { QWEN_ASR_CACHE: join(folder, "file") };
  expect(await run(["list"], { env })).toMatchObject({ error: "CACHE/file: not a folder", exitCode: 1 });
  expect(await run(["list"], { env: {} })).toMatchObject({
    error: "no place for a cache: set QWEN_ASR_CACHE",
    exitCode: 1,
  });
});

test("the folder is the first that the environment names", () => {
  const all = { QWEN_ASR_CACHE: "/q", XDG_CACHE_HOME: "/x", HOME: "/h" };
  expect(cacheFolder(all, "linux")).toBe("/q");
  expect(cacheFolder({ ...all, QWEN_ASR_CACHE: "" }, "linux")).toBe("/x/qwen-asr");
  expect(cacheFolder({ XDG_CACHE_HOME: "x", HOME: "/h" }, "linux")).toBe("/h/.cache/qwen-asr");
  expect(cacheFolder({ HOME: "/h" }, "darwin")).toBe("/h/Library/Caches/qwen-asr");
  expect(cacheFolder({}, "linux")).toBeUndefined();
});

test("ages are in their largest unit", () => {
  const hour = 3_600_000;
  const ages = [-5, 59_999, 60_000, hour - 1, hour, 48 * hour - 1, 48 * hour].map(formatAge);
  expect(ages).toEqual(["0 min", "0 min", "1 min", "59 min", "1 h", "47 h", "2 days"]);
});
