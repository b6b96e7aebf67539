import { expect, test } from "bun:test";
import { samplesInMemory } from "../audio/sample_store.ts";
import { Recording } from "../segment/recording.ts";
import { allSpeech } from "../segment/speech.ts";
import { fakeSpeakers } from "../../tests/support/fake_speakers.ts";
import { anyCount } from "../speakers/cluster.ts";
import { Stopped } from "../stop.ts";
import { hearVoice, SpeakerFinder, SpeakerSearch } from "./speakers.ts";

const stop = new AbortController().signal;

/** Two people take turns every ten seconds. */
function recordingOf(seconds: number) {
  return { length: seconds * 16_000, read: (from: number, to: number) => Promise.resolve(new Float32Array(to - from)) };
}

test("who sounds like somebody known has the name, and who does too, but less, is told", async () => {
  const embedding = Float32Array.from({ length: 192 }, (_, at) => at === 0 ? 0.8 : at === 1 ? 0.6 : 0);
  const known = [{ name: "anna", embedding }];
  const names = new Map([["anna", "Anna"], ["Speaker 2", "Ben"]]);
  const told: string[] = [];
  const finder = new SpeakerFinder(fakeSpeakers(), anyCount, names, known);
  const who = await finder.find(recordingOf(30), 5000, stop, (line) => told.push(line));
  expect(who.speakers.map(({ name, similarity }) => [name, similarity?.toFixed(2)])).toEqual([
    ["Anna", "0.80"],
    ["Ben", undefined],
  ]);
  expect(who.turns[0]).toMatchObject({ speaker: "Anna", startMs: 5000 });
  expect(told).toEqual([
    "Speaker 2 sounds like anna too (0.60), but less so than another speaker (0.80), and keeps the number",
  ]);
});

test("what is surely no voice is no speaker, whatever the networks hear in it", async () => {
  const unvoiced = [{ start: 0, end: 10.2 * 16_000 }, { start: 12 * 16_000, end: 13 * 16_000 }];
  const speech = Promise.resolve({ ...allSpeech(30 * 16_000), unvoiced });
  const recording = Recording.of(samplesInMemory(new Float32Array(30 * 16_000)), speech);
  const who = await new SpeakerFinder(fakeSpeakers(), anyCount, new Map()).find(recording, 0, stop);
  expect(who.turns.map(({ speaker, startMs }) => [speaker, Math.round(startMs / 1000)])).toEqual([
    ["Speaker 1", 10],
    ["Speaker 2", 20],
  ]);
});

test("a search that is ended has what it found, and does not wait for what it has not", async () => {
  const who = { speakers: [], turns: [] };
  const done = new SpeakerSearch(() => Promise.resolve(who), stop);
  expect(await done.found).toBe(who);
  expect(await done.end()).toBe(who);
  let given: AbortSignal | undefined;
  const endless = new SpeakerSearch((signal) => (given = signal, new Promise(() => {})), stop);
  expect(await endless.end()).toBeUndefined();
  expect(given?.aborted).toBe(true);
  expect(endless.found).rejects.toThrow(Stopped);
});

test("labels are not names of others", async () => {
  const voice = await hearVoice(recordingOf(10), fakeSpeakers(), stop);
  const known = [{ name: "Speaker 2", embedding: voice!.embedding }];
  const { speakers } = await new SpeakerFinder(fakeSpeakers(), anyCount, new Map(), known).find(
    recordingOf(30),
    0,
    stop,
  );
  expect(speakers.map(({ name }) => name)).toEqual(["Speaker 2", "Speaker 3"]);
});

test("hearVoice: of who speaks longest; of nobody, nothing", async () => {
  const heard = await hearVoice(recordingOf(30), fakeSpeakers(), stop);
  expect(heard).toMatchObject({ voicesCount: 2 });
  expect(heard!.seconds).toBeCloseTo(20, 0);
  expect(heard!.embedding[0]).toBeCloseTo(1, 5);
  expect(await hearVoice(recordingOf(0), fakeSpeakers(), stop)).toBeUndefined();
});
