/**
 * A recording of hours needs hardly more memory than one of ten minutes: `bun tests/slow/memory.ts [HOURS] [ARGS]`.
 *
 * Clips of the fixtures, one after the other, make a WAV of ten minutes and one of HOURS (3 by default) in a temporary
 * folder. Both are transcribed with ARGS (by default twice: to text, and with -f srt, by the demo model), and the
 * peak of each process's memory (VmHWM of Linux) is printed; exit 1 where they are more than 80 MB apart.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { clips } from "../fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "../harness.ts";
import { clipSamples } from "../native.ts";
import { memoryOf } from "../support/process_memory.ts";
import { wavHeader } from "../../src/audio/wav_header.ts";

const sampleRate = 16_000;
const apartMax = 80e6;
const shortSec = 600;

/** Samples of all clips that have speech, as 16-bit numbers. */
async function speech(): Promise<Int16Array> {
  const names = clips().filter(({ text }) => text !== "").map(({ wav }) => wav);
  const samples = await Promise.all(names.map((wav) => clipSamples(wav)));
  return Int16Array.from(samples.flatMap((one) => [...one]), (value) => Math.round(value * 32_768));
}

function makeWav(path: string, samples: Int16Array, seconds: number): void {
  const file = openSync(path, "w");
  let left = seconds * sampleRate;
  writeSync(file, wavHeader(2 * left));
  while (left > 0) left -= writeSync(file, samples.subarray(0, left)) / 2;
  closeSync(file);
}

type Peak = { readonly bytes: number; readonly seconds: number; readonly written: number };

async function measure(args: readonly string[], home: string): Promise<Peak> {
  const started = performance.now();
  const child = Bun.spawn([executable(), ...args], {
    ...{ env: fixedEnvironment(home), stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  });
  let bytes = 0;
  const timer = setInterval(() => bytes = Math.max(bytes, memoryOf(child.pid, "peak")), 100);
  const written = (await new Response(child.stdout).bytes()).length;
  const code = await child.exited;
  clearInterval(timer);
  if (code !== 0) throw new Error(`${args.join(" ")}: exit code ${code}`);
  return { bytes, seconds: (performance.now() - started) / 1000, written };
}

const [hours = "3", ...given] = process.argv.slice(2);
const runs = given.length > 0 ? [given] : [["-d", "demo", "--silent"], ["-d", "demo", "--silent", "-f", "srt"]];
using folder = temporaryFolder();
const samples = await speech();
const lengths = [shortSec, Number(hours) * 3600];
for (const seconds of lengths) makeWav(join(folder.path, `${seconds}.wav`), samples, seconds);
for (const args of runs) {
  const peaks: number[] = [];
  for (const seconds of lengths) {
    const peak = await measure([...args, join(folder.path, `${seconds}.wav`)], folder.path);
    peaks.push(peak.bytes);
    const [mb, took] = [(peak.bytes / 1e6).toFixed(0), peak.seconds.toFixed(0)];
    console.log(`${args.join(" ")}: ${seconds} s of audio: at most ${mb} MB, ${took} s, ${peak.written} bytes out`);
  }
  const apart = peaks[1]! - peaks[0]!;
  console.log(`${(apart / 1e6).toFixed(0)} MB apart${apart > apartMax ? ": TOO MUCH" : ""}`);
  if (apart > apartMax) process.exitCode = 1;
}
