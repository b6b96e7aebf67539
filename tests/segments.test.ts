/** Long recordings through the executable: cut at pauses, every sentence once and in order; others do not fit. */

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { characterErrors, distance, type Errors, normalise, rate, sum } from "../bench/cer.ts";
import { type Clip, clip, hasClip } from "./fixtures.ts";
import { temporaryFolder } from "./harness.ts";
import { expectRefusal, lines, qwen, wav } from "./support/cli.ts";
import { testWhere } from "./support/where.ts";

const cerMax = 0.08;
const runs = [["zh-30s", "10"], ["en-45s", "10"], ["en-120s", "10"], ["en-120s", "30"]] as const;

/** The sentences of a transcript, letters only. */
function sentencesOf(text: string): string[] {
  return text.split(/(?<=[.?!。？！])/).map((sentence) => normalise(sentence)).filter((sentence) => sentence !== "");
}

/** From 0 for equal texts to 1 for texts with nothing in common. */
function unlike(a: string, b: string): number {
  return distance([...a], [...b]) / Math.max(a.length, b.length, 1);
}

const sameMax = 0.25; // "Sarah brings" heard as "Seven brings" is 0.17; two different sentences here are 0.4 and more.

type Aligned = { readonly missing: string[]; readonly extra: string[] };

/**
 * Compares a text with the truth by the longest common subsequence of like sentences. Returns the sentences of the
 * truth that are missing, and those that the truth does not have at that place (said twice, or out of order).
 */
function align(truth: readonly string[], said: readonly string[]): Aligned {
  const best = Array.from({ length: truth.length + 1 }, () => new Array<number>(said.length + 1).fill(0));
  const like = (i: number, j: number) => unlike(truth[i]!, said[j]!) <= sameMax;
  for (let i = truth.length - 1; i >= 0; i--) {
    for (let j = said.length - 1; j >= 0; j--) {
      const both = like(i, j) ? best[i + 1]![j + 1]! + 1 : 0;
      best[i]![j] = Math.max(both, best[i + 1]![j]!, best[i]![j + 1]!);
    }
  }
  const result: Aligned = { missing: [], extra: [] };
  let [i, j] = [0, 0];
  while (i < truth.length && j < said.length) {
    if (like(i, j) && best[i]![j] === best[i + 1]![j + 1]! + 1) [i, j] = [i + 1, j + 1];
    else if (best[i + 1]![j]! >= best[i]![j + 1]!) result.missing.push(truth[i++]!);
    else result.extra.push(said[j++]!);
  }
  return { missing: [...result.missing, ...truth.slice(i)], extra: [...result.extra, ...said.slice(j)] };
}

async function transcript({ wav }: Clip, ...args: string[]): Promise<string> {
  const result = await qwen(["--silent", "--weights", "bf16", ...args, wav]);
  expect(result).toMatchObject({ code: 0, stderr: "" });
  return result.stdout.trimEnd();
}

describe("sentences", () => {
  const errors = new Map<string, Errors>();
  for (const [name, segmentSec] of runs) {
    testWhere(hasClip(name), `the clip ${name}`)(`${name} -S ${segmentSec}`, async () => {
      const truth = clip(name);
      // In pieces of 30 s, more than the nano was trained for, where it errs depends on where they begin.
      const vad = segmentSec === "30" ? ["--vad", "energy"] : [];
      const said = await transcript(truth, "-S", segmentSec, ...vad);
      const found = characterErrors(truth.text, said);
      errors.set(`${name} ${segmentSec}`, found);
      console.log(`${name} -S ${segmentSec}: CER ${(100 * rate(found)).toFixed(1)} %`);
      const sentences = truth.sentences.map(({ text }) => normalise(text));
      const { missing, extra } = align(sentences, sentencesOf(said));
      // The nano itself errs on three sentences in pieces of 27 s; cutting loses and repeats none of them.
      if (segmentSec !== "30") expect({ missing, extra }).toEqual({ missing: [], extra: [] });
      // A sentence that was said once must not come out twice.
      for (const one of sentences) {
        const times = (all: readonly string[]) => all.filter((other) => other === one).length;
        expect(times(sentencesOf(said))).toBeLessThanOrEqual(times(sentences));
      }
      // Sentences that are in both are in the same order.
      const both = sentencesOf(said).filter((one) => sentences.includes(one));
      expect(both).toEqual(sentences.filter((one) => both.includes(one)));
    });
  }

  for (const segmentSec of ["10", "30"]) {
    test(`CER over the three clips, en-120s with -S ${segmentSec}`, () => {
      const wanted = ["zh-30s 10", "en-45s 10", `en-120s ${segmentSec}`].filter((run) => hasClip(run.split(" ")[0]!));
      const found = wanted.map((run) => errors.get(run)!);
      console.log(`over all, en-120s with -S ${segmentSec}: CER ${(100 * rate(sum(found))).toFixed(1)} %`);
      expect(rate(sum(found))).toBeLessThanOrEqual(cerMax);
    });
  }

  test("the comparison itself notices what is lost, repeated and swapped", () => {
    const truth = ["we go to berlin", "the number is one", "where is the door", "my window is old"];
    expect(align(truth, truth)).toEqual({ missing: [], extra: [] });
    expect(align(truth, [truth[0]!, truth[2]!, truth[3]!]).missing).toEqual([truth[1]!]);
    expect(align(truth, [truth[0]!, truth[1]!, truth[1]!, truth[2]!, truth[3]!]).extra).toEqual([truth[1]!]);
    expect(align(truth, [truth[1]!, truth[0]!, truth[2]!, truth[3]!]).missing.length).toBe(1);
  });
});

describe("options", () => {
  test("Chinese segments are joined without a space, English ones with one", async () => {
    if (hasClip("zh-30s")) expect(await transcript(clip("zh-30s"), "-S", "10")).not.toMatch(/\s/);
    const english = await transcript(clip("en-45s"), "-S", "10");
    expect(english).not.toMatch(/[.?!]\S| {2}/);
  });

  test("--past-text yes", async () => {
    const truth = clip("en-45s");
    const said = await transcript(truth, "-S", "10", "--past-text", "yes");
    // The nano was not trained to continue a text, so little is expected of it: a transcript without repetition.
    expect(rate(characterErrors(truth.text, said))).toBeLessThan(0.5);
    const sentences = sentencesOf(said);
    expect(new Set(sentences).size).toBe(sentences.length);
  });

  test("--skip-silence says what it skipped, and loses no sentence", async () => {
    const truth = clip("en-45s");
    const result = await qwen(["-S", "10", "--skip-silence", truth.wav]);
    expect(result.stderr).toMatch(
      /^Silence skip: used \d+\.\d%, skipped \d+\.\d% \(\d+ -> \d+ samples\)$/m,
    );
    expect(rate(characterErrors(truth.text, result.stdout))).toBeLessThanOrEqual(cerMax);
    expect(result.stderr).toContain(`Audio: ${truth.seconds.toFixed(1)} s processed`);
  });

  test("-S 10 and a -W wider than the segments", async () => {
    const truth = clip("en-45s");
    const said = await transcript(truth, "-S", "6", "-W", "100");
    expect(rate(characterErrors(truth.text, said))).toBeLessThanOrEqual(0.15);
  });
});

describe("long recordings", () => {
  /** Zero samples, 16 kHz, as raw bytes in a file. */
  function silence(folder: string, seconds: number): string {
    const path = join(folder, "silence.raw");
    writeFileSync(path, new Uint8Array(seconds * 32_000));
    return path;
  }

  test("-S auto: whole up to two minutes, then segments and one line", async () => {
    using folder = temporaryFolder();
    const whole = await qwen(["--raw", silence(folder.path, 119)]);
    expect(whole.code).toBe(0);
    expect(whole.stderr).not.toContain("segments");
    const cut = await qwen(["--raw", silence(folder.path, 130)]);
    expect(cut.code).toBe(0);
    const notices = lines(cut.stderr).filter((line) => line.includes("segments"));
    expect(notices).toEqual([
      expect.stringMatching(/^130 s of audio: cut at pauses into [45] segments of about 30 s \(-S 0 keeps it whole\)$/),
    ]);
    expect((await qwen(["--silent", "--raw", silence(folder.path, 130)])).stderr).toBe("");
  });

  test("-S 0 is refused where the model cannot hold it, with the remedy", async () => {
    using folder = temporaryFolder();
    // 65,536 positions at 13 rows a second and the text they may carry are about 40 minutes.
    const result = await qwen(["--silent", "-S", "0", "--raw", silence(folder.path, 2700)]);
    expectRefusal(result, 1, /2700 s of audio in one piece needs \d+ (positions|MiB)/);
    expect(result.stderr).toMatch(/^hint: cut it at pauses: -S 30/m);
  });

  test("ten minutes of silence are cut and soon done", async () => {
    using folder = temporaryFolder();
    const result = await qwen(["--raw", "-S", "20", "--skip-silence", wav("silence-3s"), silence(folder.path, 600)]);
    expect(result.code).toBe(0);
    expect(result.stdout.replaceAll("\n", "").length).toBeLessThan(200);
    expect(result.cpuMs).toBeWithin(1, 15_000);
  });
});
