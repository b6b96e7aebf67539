/**
 * Shared by the tests of `qwen-asr batch` under schedulers: a manifest with damaged recordings, processes killed at
 * random, and what must come out all the same.
 */

import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clip, modelDir } from "../fixtures.ts";
import { run } from "../harness.ts";

/** What a row must come to: the text of its clip, or an error that names the file. */
export type ExpectedRow = { readonly id: string; readonly text: string | undefined };

const clips = ["en-short", "en-subsecond", "en-digits", "en-subsecond"] as const;
const damages = [
  (path: string) => writeFileSync(path, "this is no recording\n"),
  (path: string) => writeFileSync(path, new Uint8Array(100)),
  (path: string) => writeFileSync(path, readFileSync(clip("en-short").wav).subarray(0, 30)),
  () => {}, // It is missing.
];

/** Makes a manifest of `count` rows in `folder`: every tenth recording is damaged, one way or another. */
export function makeManifest(folder: string, count: number): ExpectedRow[] {
  for (const name of clips) {
    if (!existsSync(join(folder, `${name}.wav`))) symlinkSync(clip(name).wav, join(folder, `${name}.wav`));
  }
  const rows = Array.from({ length: count }, (_, k) => {
    const id = `row ${k}`;
    if (k % 10 === 7) {
      const audio = `damaged-${k}.wav`;
      damages[Math.floor(k / 10) % damages.length]!(join(folder, audio));
      return { id, audio, text: undefined };
    }
    const name = clips[k % clips.length]!;
    return { id, audio: `${name}.wav`, text: clip(name).text };
  });
  const lines = rows.map(({ id, audio }) => `${JSON.stringify({ id, audio })}\n`);
  writeFileSync(join(folder, "list.jsonl"), lines.join(""));
  return rows.map(({ id, text }) => ({ id, text }));
}

type Row = {
  readonly id: string;
  readonly audio: string;
  readonly text?: string;
  readonly error?: { message: string };
};

/** Expects every good recording right and once, and every damaged one named, whatever the shards. */
export function expectRows(folder: string, outputs: readonly string[], expected: readonly ExpectedRow[]): void {
  const rows = outputs.flatMap((name) =>
    readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line) as Row)
  );
  const found = new Map(rows.map((row) => [row.id, row]));
  expect(rows.length).toBe(expected.length);
  expect(found.size).toBe(expected.length);
  for (const { id, text } of expected) {
    const row = found.get(id)!;
    expect([id, row.text]).toEqual([id, text!]);
    if (text === undefined) {
      expect(row).toMatchObject({ audio: `damaged-${id.slice(4)}.wav`, error: { code: "audio" } });
    }
  }
  expect(readdirSync(folder).filter((name) => name.includes(".part."))).toEqual([]);
}

/** The processes of this machine that run `batch` on this folder's manifest, by their command lines. */
function batchProcesses(folder: string): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return args[0]!.endsWith("qwen-asr") && args[1] === "batch" && args.some((arg) => arg.startsWith(`${folder}/`));
    } catch {
      return false; // It has ended.
    }
  });
}

/** Kills such processes at random until `isOver`: each `kills` times at most in all, when rows have been written. */
export async function killAtRandom(folder: string, kills: number, isOver: () => boolean): Promise<number> {
  let done = 0;
  while (!isOver() && done < kills) {
    await Bun.sleep(20 + Math.random() * 100); // A fast machine is done in a second.
    const written = readdirSync(folder).filter((name) => name.includes(".part."));
    const pids = batchProcesses(folder);
    if (pids.length === 0 || !written.some((name) => readFileSync(join(folder, name)).length > 0)) continue;
    try {
      process.kill(pids[Math.floor(Math.random() * pids.length)]!, "SIGKILL");
      done++;
    } catch {
      // It has ended by itself.
    }
  }
  return done;
}

/** Expects the output of these shards to be what a plain run of the same shard prints, byte for byte. */
export async function expectPlainBytes(
  folder: string,
  outputs: readonly string[],
  which: readonly number[] = outputs.map((_, index) => index),
): Promise<void> {
  for (const index of which) {
    const name = outputs[index]!;
    const shard = `${index}/${outputs.length}`;
    const plain = await run(["batch", join(folder, "list.jsonl"), "-d", modelDir(), "--shard", shard, "--silent"]);
    expect(plain.stdout === readFileSync(join(folder, name), "utf8") ? "the same" : `${name} differs`).toBe("the same");
  }
}
