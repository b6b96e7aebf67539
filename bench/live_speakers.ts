/**
 * Who speaks in streams against who speaks in files: how wrong either is on made conversations, and what a stream's
 * labels cost. Usage: bench/live_speakers.ts FOLDER [SECONDS] [SEEDS]; each folder in FOLDER has WAV files of one
 * voice, 16 kHz mono. Prints a row for each conversation, then the means; time is the processor's, on one thread.
 *
 * The stream is a real one, cut at its pauses by the voice detector; its listener says one word of everything.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Listener } from "../src/engine/engine.ts";
import { diarizationRate, diarizationScore } from "../src/eval/diarization.ts";
import { SpectralJudge } from "../src/segment/has_voice.ts";
import { findSpeakers } from "../src/speakers/find.ts";
import { LiveSpeakers } from "../src/speakers/live.ts";
import type { SpeakerNetworks } from "../src/speakers/networks.ts";
import { namedTurns } from "../src/speakers/timeline.ts";
import type { SpeakerTurn } from "../src/speakers/turns.ts";
import { Stopper } from "../src/stop.ts";
import { runStream } from "../src/stream/stream.ts";
import { sampleRate } from "../src/units.ts";
import { projectRoot } from "../tests/fixtures.ts";
import { clipSamples, native } from "../tests/native.ts";
import { type Mixture, planMixture, render, speechOf, type Voice, voiceOf } from "../tests/support/mixtures.ts";

const [folder = "", seconds = "90", seeds = "2"] = process.argv.slice(2);
const library = native();
const speakers = library.openSpeakers(readFileSync(join(projectRoot, "zig-out/speakers.safetensors")), 1);
const networks: SpeakerNetworks = {
  segmentation: (samples) => Promise.resolve(library.speakersSegment(speakers, samples)),
  embed: (samples, voices) => Promise.resolve(library.speakersEmbed(speakers, samples, voices)),
};

async function voice(name: string): Promise<Voice> {
  const paths = readdirSync(join(folder, name)).sort().slice(0, 80).map((file) => join(folder, name, file));
  const vad = library.openVad();
  const clips = await Promise.all(paths.map((path) => clipSamples(path)));
  return voiceOf(name, clips, (samples) => speechOf(library.vadRun(vad, samples, true), 512));
}

const word = { id: 1, bytes: new TextEncoder().encode(" word"), logprob: 0 };
const costs = { promptTokens: 0, audioTokens: 0, generatedTokens: 1, encodeMs: 0, prefillMs: 0, decodeMs: 0 };
const listener: Listener = {
  hear: () =>
    Promise.resolve({
      ...{ ...costs, verifyMs: 0, draftTokens: 0, draftAccepted: 0, rowsReused: 0, positionsReused: 0 },
      ...{ tokens: [word], stop: "end" as const },
    }),
  close: () => Promise.resolve(),
};

type Streamed = { readonly turns: SpeakerTurn[]; readonly ms: number; readonly msMax: number };

async function streamed(mixture: Mixture): Promise<Streamed> {
  const live = new LiveSpeakers(networks);
  const turns: SpeakerTurn[] = [];
  let [at, ms, msMax] = [0, 0, 0];
  const timed = async (utterance: Float32Array) => {
    const before = process.cpuUsage();
    const found = await live.hear(utterance);
    const { user, system } = process.cpuUsage(before);
    const took = (user + system) / 1000;
    [ms, msMax] = [ms + took, Math.max(msMax, took)];
    return found;
  };
  const next = () => {
    const from = at;
    at = Math.min(mixture.length, from + sampleRate);
    return Promise.resolve(from === at ? undefined : render(mixture, from, at));
  };
  const vad = library.openVad();
  const detector = {
    ...{ frameSamples: 512, run: (samples: Float32Array, isLast: boolean) => library.vadRun(vad, samples, isLast) },
    close: () => {},
  };
  await runStream(
    { next },
    listener,
    {
      rules: { policy: { kind: "agreement" }, feedsPast: true, asrTextId: 0, isHeaderless: true },
      ...{ chunkSec: 2, endpointMs: 800, tokensMax: undefined, language: "English", startSec: 0, isLive: false },
      ...{ voiceJudge: () => new SpectralJudge(), voice: { detector, threshold: 0.5 }, speakers: timed },
    },
    new Stopper().stop,
    (event) => void (event.kind === "final" && turns.push(...event.turns ?? [])),
  );
  return { turns, ms, msMax };
}

const voices = await Promise.all(readdirSync(folder).sort().map(voice));
const rows: number[][] = [];
console.log(
  "voices  overlap  seed  file DER  stream DER  found in file  in stream  ms per s of sound  slowest final, ms",
);
for (const count of [1, 2, 3, 5]) {
  for (const hasOverlap of count === 1 ? [false] : [false, true]) {
    for (let seed = 1; seed <= Number(seeds); seed++) {
      const own = voices.map((_, index) => voices[(index + seed * 3) % voices.length]!).slice(0, count);
      const mixture = planMixture({ voices: own, seconds: Number(seconds), hasOverlap, seed: seed * 100 + count });
      const source = {
        length: mixture.length,
        read: (start: number, end: number) => Promise.resolve(render(mixture, start, end)),
      };
      const inFile = diarizationScore(mixture.turns, namedTurns((await findSpeakers(source, networks)).turns), 0);
      const { turns, ms, msMax } = await streamed(mixture);
      const inStream = diarizationScore(mixture.turns, turns, 0);
      const row = [inFile, inStream].map((score) => 100 * diarizationRate(score)!);
      rows.push([...row, ms / Number(seconds), msMax]);
      const found = [inFile, inStream].map((score) => score.speakers.hypothesis);
      console.log(
        [
          count,
          hasOverlap,
          seed,
          ...row.map((one) => one.toFixed(1)),
          ...found,
          (ms / Number(seconds)).toFixed(1),
          msMax.toFixed(0),
        ].join("\t"),
      );
    }
  }
}
const mean = (column: number) => rows.reduce((sum, row) => sum + row[column]!, 0) / rows.length;
console.log(
  `mean: file ${mean(0).toFixed(1)} %, stream ${mean(1).toFixed(1)} %, ${mean(2).toFixed(1)} ms per s of sound`,
);
