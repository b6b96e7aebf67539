/**
 * The executable for Windows under Wine, as a user there meets it: drive letters, names that are not ASCII, pipes, NUL,
 * the cache and models in %LOCALAPPDATA%, Ctrl-C, a terminal. What it hears is compared with the executable of this
 * system.
 *
 *     scripts/release VERSION --only windows-x64
 *     node_modules/.bin/bun test ./tests/slow/windows.ts
 *
 * $QWEN_ASR_WINDOWS_EXE names another executable; bcryptprimitives.dll lies beside it where Wine has none of its own.
 */

import { afterAll, expect } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openHub } from "../../src/model/hub/fake_hub.ts";
import { clip, modelDir, projectRoot } from "../fixtures.ts";
import { run } from "../harness.ts";
import { testWhere } from "../support/where.ts";

const executable = process.env.QWEN_ASR_WINDOWS_EXE ??
  join(projectRoot, ".tools", "release", "windows-x64", "out", "qwen-asr.exe");
const wine = ["wine64", "/usr/lib/wine/wine64"].find((name) => Bun.which(name) !== null);
const testInWine = testWhere(wine !== undefined && existsSync(executable), `Wine and ${executable}`);

/** Everything that Windows has here: drive C, its registry, its users. */
const prefix = join(tmpdir(), `qwen-asr-wine-${process.getuid?.()}`);
const drive = join(prefix, "drive_c");
const environment = {
  ...{ PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: tmpdir(), LANG: "C.UTF-8", WINEPREFIX: prefix },
  ...{ WINEDEBUG: "-all", WINEDLLOVERRIDES: "mscoree,mshtml=", QWEN_ASR_THREADS: "1" },
};
const nano = windowsPath(modelDir());
const minutes = 60_000;

type Seen = { readonly code: number; readonly stdout: string; readonly stderr: string };
type Options = {
  readonly stdin?: Blob | ReadableStream<Uint8Array> | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
};

/** %LOCALAPPDATA%\\qwen-asr of the only user that is a person. */
function localFolder(): string {
  const [user] = readdirSync(join(drive, "users")).filter((name) => name !== "Public");
  return join(drive, "users", user!, "AppData", "Local", "qwen-asr");
}

const wineserver = ["wineserver", "/usr/lib/wine/wineserver"].find((name) => Bun.which(name) !== null);
afterAll(() => void (wineserver && Bun.spawnSync([wineserver, "-k"], { env: environment })));

/** A path of this system as Windows has it, on Wine's drive Z. */
function windowsPath(path: string): string {
  return `Z:${path.replaceAll("/", "\\")}`;
}

function start(args: readonly string[], { stdin, env, cwd }: Options = {}) {
  return Bun.spawn([wine!, executable, ...args], {
    ...{ env: { ...environment, ...env }, stdin: stdin ?? new Blob([]), stdout: "pipe", stderr: "pipe" },
    ...cwd !== undefined && { cwd },
  });
}

async function inWine(args: readonly string[], options: Options = {}): Promise<Seen> {
  const child = start(args, options);
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}

async function hears(args: readonly string[], options: Options = {}): Promise<string> {
  const { code, stdout, stderr } = await inWine([...args, "--silent"], options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

/** What this system's executable prints. */
async function here(args: readonly string[], options: Parameters<typeof run>[1] = {}): Promise<string> {
  const { code, stdout, stderr } = await run([...args, "--silent"], options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

testInWine("the demo model and the nano model at every precision hear what they hear here", async () => {
  const { stdout } = await inWine(["--version"]);
  expect(stdout).toMatch(/^qwen-asr \d+\.\d+\.\d+\n$/);
  for (const name of ["en-short", "zh-weather"]) {
    for (const weights of ["int8", "bf16", "int4"]) {
      const args = ["--weights", weights, "--no-cache", clip(name).wav];
      expect(await hears(["-d", "demo", ...args])).toBe(await here(["-d", "demo", ...args]));
    }
  }
  const args = ["--no-cache", "-d", "demo", "-f", "srt", "-S", "20", clip("en-45s").wav];
  expect(await hears(args)).toBe(await here(args));
}, 10 * minutes);

testInWine("drive letters, slashes of both kinds, spaces and names that are not ASCII", async () => {
  const folder = join(drive, "Übung 录音");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyFileSync(clip("en-short").wav, join(folder, "été – 天気.wav"));
  const says = await here(["-d", "demo", clip("en-short").wav]);
  for (
    const path of [
      "C:\\Übung 录音\\été – 天気.wav",
      "C:/Übung 录音/été – 天気.wav",
      "c:\\Übung 录音\\.\\été – 天気.wav",
    ]
  ) {
    expect(await hears(["-d", "demo", path])).toBe(says);
  }
  expect(await hears(["-d", "demo", "été – 天気.wav"], { cwd: folder })).toBe(says);
  const out = "C:\\Übung 录音\\neu ü.srt";
  await hears(["-d", "demo", "-o", out, "C:\\Übung 录音\\été – 天気.wav"]);
  expect(readFileSync(join(folder, "neu ü.srt"), "utf8")).toContain(says.trim());
  const again = await inWine(["-d", "demo", "-o", out, "C:\\Übung 录音\\été – 天気.wav"]);
  expect(again).toEqual({ code: 1, stdout: "", stderr: expect.stringContaining("--force") });
  const missing = await inWine(["-d", "demo", "C:\\Übung 录音\\fehlt.wav"]);
  expect(missing).toEqual({ code: 1, stdout: "", stderr: expect.stringContaining("C:\\Übung 录音\\fehlt.wav") });
  expect(missing.stderr.trimEnd().split("\n").length).toBeLessThan(3);
}, 10 * minutes);

testInWine("a folder, and texts beside its recordings", async () => {
  const folder = join(drive, "many");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "deeper"), { recursive: true });
  copyFileSync(clip("en-short").wav, join(folder, "one.wav"));
  copyFileSync(clip("en-digits").wav, join(folder, "deeper", "two.wav"));
  const rows = [{ id: "1", audio: "one.wav" }, { id: "2", audio: "deeper\\two.wav" }, { id: "3", audio: "none.wav" }];
  writeFileSync(join(folder, "rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\r\n`).join(""));
  const says = await Promise.all(["en-short", "en-digits"].map((name) => here(["-d", "demo", clip(name).wav])));

  for (
    const [name, cwd] of [["C:\\many", folder], [".\\many", drive], [".", folder], [
      "..\\..\\many",
      join(folder, "deeper"),
    ]]
  ) {
    rmSync(join(folder, "out"), { recursive: true, force: true });
    await hears(["-d", "demo", "--recursive", name!, "-o", "C:\\many\\out\\"], { cwd: cwd! });
    expect(readFileSync(join(folder, "out", "one.txt"), "utf8")).toBe(says[0]!);
    expect(readFileSync(join(folder, "out", "deeper", "two.txt"), "utf8")).toBe(says[1]!);
  }
  for (const pattern of ["C:\\many\\*\\t?o.wav", "C:\\m*\\**\\two.wav"]) {
    expect(await hears(["-d", "demo", pattern])).toBe(says[1]!);
  }
  const batch = await inWine(["batch", "-d", "demo", "C:\\many\\rows.jsonl", "-o", "C:\\many\\done.jsonl"]);
  expect(batch).toMatchObject({ code: 0, stderr: expect.stringContaining("none.wav: no such file") });
  const done = readFileSync(join(folder, "done.jsonl"), "utf8").trim().split("\n").map((row) => JSON.parse(row));
  expect(done.slice(0, 2).map(({ text }) => `${text}\n`)).toEqual(says);
  expect(done[2]).toMatchObject({ id: "3", error: { code: "audio" } });
}, 10 * minutes);

testInWine("a recording through a pipe, and a stream that comes slowly", async () => {
  const bytes = readFileSync(clip("en-weather").wav);
  expect(await hears(["-d", "demo", "-"], { stdin: bytes })).toBe(await here(["-d", "demo", clip("en-weather").wav]));
  const args = ["-d", "demo", "--stream", "--stdin"];
  const slowly = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (let at = 0; at < bytes.length; at += 32_000) {
        controller.enqueue(bytes.subarray(at, at + 32_000));
        await Bun.sleep(50);
      }
      controller.close();
    },
  });
  expect(await hears(args, { stdin: slowly })).toBe(await here(args, { stdin: bytes }));
  expect(await inWine(["-d", "demo", "-"])).toEqual({
    ...{ code: 1, stdout: "" },
    stderr: expect.stringMatching(/^.+\n$/),
  });
}, 10 * minutes);

testInWine("NUL takes output, and is no recording", async () => {
  expect(await hears(["-d", "demo", "-o", "NUL", clip("en-short").wav])).toBe("");
  const { code, stdout, stderr } = await inWine(["-d", "demo", "NUL"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("NUL");
}, 10 * minutes);

testInWine("packed weights are kept in %LOCALAPPDATA%, listed, verified, mended and cleared", async () => {
  const folder = join(localFolder(), "cache");
  rmSync(folder, { recursive: true, force: true });
  const args = ["-d", nano, clip("en-short").wav];
  const says = await here(["-d", modelDir(), clip("en-short").wav]);
  // Two at once: one packs, and the other waits for it.
  expect(await Promise.all([hears(args), hears(args)])).toEqual([says, says]);
  const [name, ...more] = readdirSync(folder);
  expect({ name, more }).toEqual({ name: expect.stringMatching(/^[0-9a-f]{16}\.packed$/), more: [] });
  const file = join(folder, name!);
  const built = readFileSync(file);

  const mapped = await inWine(["-d", nano, clip("en-short").wav]);
  expect(mapped.stdout).toBe(says);
  expect(mapped.stderr).not.toContain("acking");
  expect((await inWine(["cache", "list"])).stdout).toContain(`${name!.slice(0, 16)}  int8`);
  expect(await inWine(["cache", "verify"])).toEqual({
    code: 0,
    stdout: `${name!.slice(0, 16)}  undamaged\n`,
    stderr: "",
  });

  const damaged = Buffer.from(built);
  damaged[damaged.length - 100]! ^= 1;
  writeFileSync(file, damaged);
  const verified = await inWine(["cache", "verify"]);
  expect(verified.code).toBe(1);
  expect(verified.stdout).toContain("damaged: ");
  writeFileSync(file, built.subarray(0, 5000));
  writeFileSync(join(folder, `${name!.slice(0, 16)}.4294967.tmp`), "left by a crash");
  expect(await hears(args)).toBe(says);
  expect(readdirSync(folder)).toEqual([name!]);
  expect(readFileSync(file).equals(built)).toBe(true);

  expect((await inWine(["cache", "clear"])).stderr).toContain("1 file removed");
  expect(readdirSync(folder)).toEqual([]);
  expect(await hears(["--no-cache", ...args])).toBe(says);
  expect(readdirSync(folder)).toEqual([]);

  writeFileSync(join(drive, "no-folder"), "");
  const refused = await inWine(args, { env: { QWEN_ASR_CACHE: "C:\\no-folder" } });
  expect(refused).toEqual({ code: 0, stdout: says, stderr: expect.stringContaining("C:\\no-folder: is not a folder") });
}, 10 * minutes);

testInWine("a model is downloaded to %LOCALAPPDATA%, once, and opened by its name", async () => {
  const local = localFolder();
  for (const name of readdirSync(local)) {
    if (name !== "library" && name !== "cache") rmSync(join(local, name), { recursive: true });
  }
  const files = readdirSync(modelDir()).map((name) => [name, readFileSync(join(modelDir(), name))] as const);
  const hub = await openHub(Object.fromEntries(files));
  try {
    const env = { HF_ENDPOINT: hub.url, MODELSCOPE_ENDPOINT: "http://127.0.0.1:1" };
    const first = await inWine(["download", "small"], { env });
    expect(first).toEqual({ code: 0, stdout: expect.any(String), stderr: expect.any(String) });
    expect(hub.asked("model.safetensors").length).toBe(1);
    const found = readdirSync(local, { recursive: true }).map(String);
    expect(found.some((name) => name.endsWith("model.safetensors"))).toBe(true);
    expect(found.filter((name) => /part|tmp/.test(name))).toEqual([]);
    expect((await inWine(["download", "small"], { env })).code).toBe(0);
    expect(hub.asked("model.safetensors").length).toBe(1);
    expect(await hears(["-d", "small", clip("en-short").wav])).toBe(
      await here(["-d", modelDir(), clip("en-short").wav]),
    );
  } finally {
    await hub.close();
  }
}, 10 * minutes);

testInWine("words are timed as they are here", async () => {
  const text = join(drive, "text.txt");
  const says = await here(["-d", "demo", clip("words-en-1").wav]);
  writeFileSync(text, says.replaceAll("\n", "\r\n")); // As editors on Windows write it.
  const aligner = modelDir("nano-aligner");
  const wanted = await here(["align", "-d", aligner, "--text", text, clip("words-en-1").wav]);
  expect(wanted.trim().split("\n").length).toBeGreaterThan(2);
  const seen = await hears(["align", "-d", windowsPath(aligner), "--text", "C:\\text.txt", clip("words-en-1").wav]);
  expect(seen).toBe(wanted);
}, 10 * minutes);

testInWine("Ctrl-C in a terminal ends a stream, with what it has, and a server", async () => {
  const live = await onTerminal(["-d", "demo", "--stream", "--live", clip("en-45s").wav], "Model loaded");
  expect(live.code).toBe(130);
  expect(live.shown).toContain("Inference: ");
  expect((await onTerminal(["serve", "-d", "demo", "--port", "0"], "http://")).code).toBe(130);
}, 10 * minutes);

testInWine("a terminal shows what is not ASCII", async () => {
  const says = await here(["-d", "demo", clip("zh-weather").wav]);
  const { code, shown } = await onTerminal(["-d", "demo", "--silent", clip("zh-weather").wav]);
  expect(code).toBe(0);
  // deno-lint-ignore no-control-regex -- what moves the cursor.
  expect(shown.replaceAll(/\x1b\[[\d;?]*[A-Za-z]|\s/g, "")).toContain(says.replaceAll(/\s/g, ""));
}, 10 * minutes);

/** What a pseudo-terminal shows. Ctrl-C is typed once `until` is there, if it is given. */
async function onTerminal(args: readonly string[], until?: string): Promise<{ code: number; shown: string }> {
  let shown = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([wine!, executable, ...args], {
    env: { ...environment, TERM: "xterm" },
    terminal: {
      ...{ cols: 100, rows: 30 },
      data: (_terminal, data) => void (shown += decoder.decode(data, { stream: true })),
    },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), 4 * minutes);
  if (until !== undefined) {
    while (!shown.includes(until) && child.exitCode === null) await Bun.sleep(200);
    child.terminal!.write("\x03");
  }
  const code = await child.exited;
  clearTimeout(timer);
  return { code, shown };
}
