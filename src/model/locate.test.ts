/** Tests of which model a run uses, and of the message if there is none. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ModelError, UsageError } from "../errors.ts";
import { dataFolder, shellWord, systemEnvironment } from "./folders.ts";
import { cacheFolder } from "./cache_folder.ts";
import { locateModel } from "./locate.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "qwen-asr-locate-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Makes a folder with these files, each empty. */
function folder(path: string, ...files: string[]): string {
  const whole = join(home, path);
  mkdirSync(whole, { recursive: true });
  for (const file of files) writeFileSync(join(whole, file), "");
  return whole;
}

async function failure(dir: string | undefined, env: Record<string, string> = {}): Promise<ModelError> {
  const error = await locateModel(dir, env).then(() => undefined, (error) => error);
  expect(error).toBeInstanceOf(ModelError);
  expect(error.exitCode).toBe(3);
  expect(error.message).not.toContain("\n");
  return error;
}

const whole = ["config.json", "model.safetensors", "vocab.json"];

test("nothing anywhere, and not even a home: one line with the command", async () => {
  const line = "no model: run 'qwen-asr download small' (1.9 GB), or try '-d demo'";
  expect((await failure(undefined)).message).toBe(line);
  expect((await failure(undefined, { HOME: home })).message).toBe(line);
  expect((await failure(undefined, { HOME: "", QWEN_ASR_MODEL: "" })).message).toBe(line);
});

test("a downloaded model: small before large, a whole one before an unfinished one", async () => {
  const env = { QWEN_ASR_HOME: home };
  const large = folder("models/large", ...whole);
  expect(await locateModel(undefined, env)).toEqual({ kind: "folder", path: large });
  const small = folder("models/small", ...whole, ".download");
  expect(await locateModel(undefined, env)).toEqual({ kind: "folder", path: large });
  rmSync(join(small, ".download"));
  expect(await locateModel(undefined, env)).toEqual({ kind: "folder", path: small });
  expect(await locateModel("large", env)).toEqual({ kind: "folder", path: large });
});

test("the aligner is never taken for a transcriber", async () => {
  folder("models/aligner", ...whole);
  expect((await failure(undefined, { QWEN_ASR_HOME: home })).message).toStartWith("no model:");
  expect((await failure("aligner", { QWEN_ASR_HOME: home })).message).toContain("cannot transcribe");
});

test("$QWEN_ASR_MODEL takes what -d takes, and -d wins", async () => {
  const mine = folder("mine", ...whole);
  expect(await locateModel(undefined, { QWEN_ASR_MODEL: mine })).toEqual({ kind: "folder", path: mine });
  expect(await locateModel(undefined, { QWEN_ASR_MODEL: "demo" })).toEqual({ kind: "demo" });
  expect(await locateModel("demo", { QWEN_ASR_MODEL: mine })).toEqual({ kind: "demo" });
  expect((await failure(undefined, { QWEN_ASR_MODEL: "large" })).message).toBe(
    "QWEN_ASR_MODEL large: not downloaded: run 'qwen-asr download large' (4.7 GB)",
  );
});

test("reserved names are names, ./small is a folder", async () => {
  folder("small", ...whole);
  const before = process.cwd();
  process.chdir(home);
  try {
    const error = await failure("small");
    expect(error.message).toBe("-d small: not downloaded: run 'qwen-asr download small' (1.9 GB)");
    expect(error.hint).toBe("the folder here of that name is '-d ./small'");
    expect(await locateModel("./small", {})).toEqual({ kind: "folder", path: "./small" });
  } finally {
    process.chdir(before);
  }
  expect(locateModel("", {})).rejects.toBeInstanceOf(UsageError);
});

test("folders that are no models say why", async () => {
  expect((await failure(join(home, "nowhere"))).message).toBe(
    `${join(home, "nowhere")}: no such model folder (and not one of small, large, demo)`,
  );
  const file = join(folder("f", "model.safetensors"), "model.safetensors");
  expect((await failure(file)).message).toContain("a model is a folder, this is not one");
  expect((await failure(folder("a"))).message).toEndWith("not a model: no config.json");
  expect((await failure(folder("b", "config.json"))).message).toContain("no weights");
  expect((await failure(folder("c", ...whole, "x.safetensors.part"))).message).toContain("download is not finished");
  const env = { QWEN_ASR_HOME: home };
  folder("models/small", "config.json");
  expect((await failure("small", env)).message).toEndWith(": run 'qwen-asr download small'");
  expect((await failure(undefined, env)).message).toContain("no weights");
});

test("an unfinished download elsewhere says how to go on there", async () => {
  const dir = folder("it's here", "config.json", "model.safetensors.part", ".download");
  writeFileSync(join(dir, ".download"), JSON.stringify({ model: "large", files: [] }));
  const advice = `: run 'qwen-asr download large --dir '${dir.replace("'", `'\\''`)}'' to continue`;
  expect((await failure(dir)).message).toEndWith(advice);
  writeFileSync(join(dir, ".download"), "damaged");
  expect((await failure(dir)).message).toEndWith("not finished (there are .part files)");
});

test("the data folder follows the environment and the system's custom", () => {
  expect(dataFolder({ QWEN_ASR_HOME: "here", HOME: "/h" })).toBe(resolve("here"));
  expect(dataFolder({ XDG_DATA_HOME: "/x", HOME: "/h" }, "linux")).toBe("/x/qwen-asr");
  expect(dataFolder({ XDG_DATA_HOME: "relative", HOME: "/h" }, "linux")).toBe("/h/.local/share/qwen-asr");
  expect(dataFolder({ HOME: "/h" }, "darwin")).toBe("/h/Library/Application Support/qwen-asr");
  expect(dataFolder({ LOCALAPPDATA: "/l", HOME: "/h" }, "win32")).toBe("/l/qwen-asr");
  expect(cacheFolder({ LOCALAPPDATA: "/l", HOME: "/h" }, "win32")).toBe("/l/qwen-asr/cache");
  expect(dataFolder({}, "linux")).toBeUndefined();
});

test("shell words are quoted where they must be", () => {
  expect(["a/b-1.x", "a b", "it's", "", "-x"].map(shellWord)).toEqual(["a/b-1.x", "'a b'", `'it'\\''s'`, "''", "'-x'"]);
});

test("without HOME the user database is asked, and a user who is not in it is no crash", () => {
  expect(systemEnvironment({ HOME: "/h" }, () => "/other").HOME).toBe("/h");
  expect(systemEnvironment({ A: "1" }, () => "/other")).toEqual({ A: "1", HOME: "/other" });
  const nobody = () => {
    throw Object.assign(new Error("uv_os_homedir"), { code: "ENOENT" });
  };
  expect(systemEnvironment({ HOME: "" }, nobody)).toEqual({ HOME: "" });
});

test("an empty folder is no download", async () => {
  folder("models/small", ".lock");
  expect((await failure(undefined, { QWEN_ASR_HOME: home })).message).toStartWith("no model: run");
  expect((await failure("small", { QWEN_ASR_HOME: home })).message).toContain("-d small: not downloaded");
});

test("a downloaded file that has lost bytes, or is gone", async () => {
  const dir = folder("models/small", ...whole);
  const files = whole.map((name) => ({ name, size: 0, hash: "sha256:0" }));
  const mark = (...more: unknown[]) =>
    writeFileSync(join(dir, ".complete"), JSON.stringify({ model: "small", files: [...files, ...more] }));
  mark();
  expect(await locateModel("small", { QWEN_ASR_HOME: home })).toEqual({ kind: "folder", path: dir });
  mark({ name: "extra.safetensors", size: 3, hash: "" });
  const advice = "extra.safetensors: is missing: run 'qwen-asr download small' to continue";
  expect((await failure("small", { QWEN_ASR_HOME: home })).message).toEndWith(advice);
  writeFileSync(join(dir, "extra.safetensors"), "x");
  expect((await failure(dir)).message).toContain(
    "extra.safetensors: 1 bytes instead of 3: run 'qwen-asr download small",
  );
  mark({ name: "../../elsewhere", size: 3, hash: "" }); // Not ours: no name of ours leads out of the folder.
  expect(await locateModel("small", { QWEN_ASR_HOME: home })).toEqual({ kind: "folder", path: dir });
});

test("a clone without its large files", async () => {
  const dir = folder("clone", ...whole);
  writeFileSync(join(dir, "model.safetensors"), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  expect((await failure(dir)).message).toEndWith(
    "a Git LFS pointer, not the weights: run 'git lfs pull' in that folder",
  );
});
