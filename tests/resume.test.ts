/**
 * Runs that are killed and gone on with: whatever the moment, the files are the same byte for byte as those of a run
 * that nothing interrupted.
 */

import { expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executable, fixedEnvironment, folderIn, run, temporaryFolder } from "./harness.ts";
import { wav } from "./support/cli.ts";

const formats = "srt,json,jsonl,csv,vtt-words,ass,lrc,text";
const base = ["-d", "demo", "--silent", "-S", "2"];

const attempts = 4;

/**
 * Kills the run when its journals have `lines` lines. A run that was done before, since this process had to wait for a
 * processor, begins again in an empty folder. Returns false if that happens every time.
 */
async function killed(args: readonly string[], out: string, lines: number): Promise<boolean> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (await killedInTime(args, out, lines)) return true;
    for (const name of readdirSync(out)) rmSync(join(out, name));
  }
  return false;
}

async function killedInTime(args: readonly string[], out: string, lines: number): Promise<boolean> {
  using home = temporaryFolder();
  const child = Bun.spawn([executable(), ...args], {
    env: fixedEnvironment(home.path),
    ...{ stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  });
  while (child.exitCode === null && linesIn(out) < lines) await Bun.sleep(2);
  child.kill("SIGKILL");
  await child.exited;
  return child.signalCode === "SIGKILL";
}

/** A recording of minutes: one of seconds is heard before anybody can look at its journal. */
function longRecording(folder: string): string {
  const path = join(folder, "talk.wav");
  const [whole, copies] = [readFileSync(wav("en-45s")), 2];
  const [header, samples] = [whole.subarray(0, 44), whole.subarray(44)];
  header.writeUInt32LE(36 + copies * samples.length, 4);
  header.writeUInt32LE(copies * samples.length, 40);
  writeFileSync(path, Buffer.concat([header, ...Array.from({ length: copies }, () => samples)]));
  return path;
}

function linesIn(folder: string): number {
  const journals = readdirSync(folder).filter((name) => name.endsWith(".journal"));
  return journals.map((name) => readFileSync(join(folder, name), "latin1").split("\n").length - 1)
    .reduce((sum, count) => sum + count, 0);
}

function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !name.endsWith(".lock"));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

/** Both ways into a folder each; `args` get the folder's name and its last slash. */
async function expectSame(args: (out: string) => readonly string[], moments: readonly number[]): Promise<void> {
  using folder = temporaryFolder();
  const [whole, broken] = [folderIn(folder.path, "whole"), folderIn(folder.path, "broken")];
  const { code, stderr } = await run(args(`${whole}/`));
  expect(code).toBe(0);
  let kills = 0;
  for (const lines of moments) kills += Number(await killed([...args(`${broken}/`), "--resume"], broken, lines));
  expect(kills).toBeGreaterThan(0);
  const last = await run([...args(`${broken}/`), "--resume"]);
  expect({ code: last.code, stderr: last.stderr }).toEqual({ code, stderr });
  expect(contents(broken)).toEqual(contents(whole));
}

test("killed again and again: every format is the same", async () => {
  using folder = temporaryFolder();
  const recording = longRecording(folder.path);
  await expectSame((out) => [...base, "-f", formats, "-o", out, recording], [3, 15]);
});

test("channels apart, with an aligner and views", async () => {
  using folder = temporaryFolder();
  const stereo = join(folder.path, "call.raw");
  const [left, right] = ["words-en-1", "words-zh-3"].map((name) => {
    const bytes = readFileSync(wav(name));
    return new Int16Array(bytes.buffer.slice(bytes.byteOffset + 44, bytes.byteOffset + (bytes.length & ~1)));
  }) as [Int16Array, Int16Array];
  const frames = new Int16Array(2 * Math.max(left.length, right.length));
  left.forEach((sample, at) => frames[2 * at] = sample);
  right.forEach((sample, at) => frames[2 * at + 1] = sample);
  writeFileSync(stereo, frames);
  const options = ["--split-channels", "--aligner", "demo", "--itn", "--raw-channels", "2"];
  await expectSame((out) => [...base, ...options, "-f", "json,srt", "-o", out, stereo], [4, 9]);
});

test("several recordings in one file, and text as it comes", async () => {
  const inputs = ["words-en-2", "words-zh-0", "words-en-4"].map(wav);
  await expectSame((out) => [...base, "-f", "jsonl", "-o", `${out}all.jsonl`, ...inputs], [6]);
  await expectSame((out) => [...base, "--past-text", "yes", "-o", `${out}all.txt`, ...inputs], [5]);
});

test("what is resumed has to be the same; what is complete is left; a torn end is heard again", async () => {
  using folder = temporaryFolder();
  const [whole, cut] = [folderIn(folder.path, "whole"), folderIn(folder.path, "cut")];
  const recording = longRecording(folder.path);
  const line = (out: string, input = recording) => [...base, "-o", `${out}/talk.srt`, input];
  expect((await run(line(whole))).code).toBe(0);
  expect(await killed(line(cut), cut, 6)).toBe(true);

  const refused = async (args: readonly string[]) => {
    const { code, stderr } = await run([...args, "--resume"]);
    expect(code).toBe(1);
    return stderr;
  };
  expect(await refused(line(cut, wav("en-short")))).toContain("the interrupted run was of another recording");
  expect(await refused([...line(cut), "-S", "3", "--language", "en"])).toContain("options (language, segment-sec)");
  expect(await refused([...line(cut), "--weights", "bf16"])).toContain("of another model");

  appendFileSync(join(cut, ".talk.srt.journal"), `0a1b2c3d {"of":0,"side"${"\0".repeat(5000)}`);
  expect(await run([...line(cut), "--resume"])).toMatchObject({ code: 0, stderr: "" });
  expect(contents(cut)).toEqual(contents(whole));
  writeFileSync(join(whole, "talk.srt"), "as it was");
  const left = await run(["-d", "demo", "-S", "2", "-o", join(whole, "talk.srt"), recording, "--resume"]);
  expect(left).toMatchObject({ code: 0, stderr: "Complete, left as it is: 1 recording\n" });
  expect(contents(whole)).toEqual({ "talk.srt": "as it was" });
});

test("Ctrl-C says how to go on", async () => {
  using folder = temporaryFolder();
  const line = ["-d", "demo", "-S", "2", "-o", join(folder.path, "talk.json"), wav("en-45s")];
  const first = await run(line, { signalWhen: { text: "Language: English", signal: "SIGINT" } });
  expect(first.signal).toBe("SIGINT");
  expect(first.stderr).toContain("The same command with --resume goes on from here.");
  expect(existsSync(join(folder.path, "talk.part.json"))).toBe(true);
  expect((await run([...line, "--resume"])).code).toBe(0);
  expect((await run([...line.slice(0, 5), join(folder.path, "whole.json"), line.at(-1)!])).code).toBe(0);
  expect(readFileSync(join(folder.path, "talk.json"), "utf8")).toBe(
    readFileSync(join(folder.path, "whole.json"), "utf8"),
  );
  expect(readdirSync(folder.path).filter((name) => name.includes("journal") || name.includes("part"))).toEqual([]);
});
