/**
 * How much of a processor do the speaker networks take, for each second of sound? In: a clip, and optionally a model
 * that transcribes the same. Out: a line per network in milliseconds of processor time per second of sound, and their
 * share of the transcription's. Processor time, not the clock: other programs may run beside it.
 *
 *     bun bench/speakers.ts [-t N] [--runs N] [--clip NAME] [-d ASR_DIR --weights int8]
 *
 * Segmentation is of windows of 10 s, every 10 s; with steps of 5 s it takes twice that. Voices are embedded 5 s at a
 * time. The best of the runs counts.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { speakerWindow } from "../src/engine/speakers.ts";
import { sampleRate } from "../src/units.ts";
import { clip, projectRoot } from "../tests/fixtures.ts";
import { executable } from "../tests/harness.ts";
import { clipSamples, native } from "../tests/native.ts";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    threads: { type: "string", short: "t", default: "2" },
    runs: { type: "string", default: "5" },
    clip: { type: "string", default: "en-45s" },
    model: { type: "string", short: "d" },
    weights: { type: "string", default: "int8" },
  },
});

const samples = await clipSamples(clip(values.clip).wav);
const seconds = samples.length / sampleRate;
const voiceSamples = 5 * sampleRate;

/** Milliseconds of processor time, user and system, of all threads: the least of the runs. */
function least(run: () => void): number {
  let best = Infinity;
  for (let i = 0; i < Number(values.runs); i++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

function transcription(model: string): number {
  const command = [executable(), "-d", model, "-t", values.threads, "--weights", values.weights, "-S", "30"];
  let best = Infinity;
  for (let i = 0; i < Math.min(2, Number(values.runs)); i++) {
    const { exitCode, resourceUsage } = Bun.spawnSync([...command, "-i", clip(values.clip).wav]);
    if (exitCode !== 0) throw new Error(`${command.join(" ")}: exit code ${exitCode}`);
    best = Math.min(best, Number(resourceUsage.cpuTime.total) / 1000);
  }
  return best;
}

const weights = new Uint8Array(readFileSync(join(projectRoot, "zig-out/speakers.safetensors")));
const speakers = native().openSpeakers(weights, Number(values.threads));
const windows = new Float32Array(Math.ceil(samples.length / speakerWindow) * speakerWindow);
windows.set(samples);
const voices = Array.from({ length: Math.floor(samples.length / voiceSamples) }, (_, i) => [
  { start: i * voiceSamples, end: (i + 1) * voiceSamples },
]);
const found = {
  segmentation: least(() => native().speakersSegment(speakers, windows)) / (windows.length / sampleRate),
  voices: least(() => native().speakersEmbed(speakers, samples, voices)) / (voices.length * voiceSamples / sampleRate),
};
const whole = values.model === undefined ? undefined : transcription(values.model) / seconds;
for (const [name, ms] of Object.entries(found)) {
  const share = whole === undefined ? "" : `, ${(100 * ms / whole).toFixed(2)} % of the transcription's`;
  console.log(`${name}: ${ms.toFixed(2)} ms of processor time per second of sound${share}`);
}
if (whole !== undefined) console.log(`transcription: ${whole.toFixed(1)} ms`);
native().closeSpeakers(speakers);
