import { expect, test } from "bun:test";
import { fakeEngine, fakeParts } from "../../tests/support/fake_parts.ts";
import { fakeSpeakers } from "../../tests/support/fake_speakers.ts";
import { anyCount } from "../speakers/cluster.ts";
import { Stopped } from "../stop.ts";
import { openSpeakerFinder, type SpeakerPlan, speakerPlan } from "./speakers.ts";

const stop = new AbortController().signal;

/** People who take turns every ten seconds; the recordings of their voices are named after their lengths. */
async function opened(paths: readonly string[]) {
  const networks = fakeSpeakers();
  const parts = fakeParts(fakeEngine(() => ({ says: "" })), { openSpeakers: () => Promise.resolve(networks) });
  const voices = paths.map((path) => ({ name: path.replace(/^.*_|\.\w+$/g, ""), path }));
  const plan: SpeakerPlan = { count: anyCount, names: new Map([["anna", "Anna Meier"]]), voices };
  const told: string[] = [];
  const finder = await openSpeakerFinder(parts, plan, 1, stop, (line) => told.push(line)).catch(({ message }) =>
    message
  );
  return { finder, told, networks };
}

test("voices: names by likeness, then those of the file; too little speech, and several people, are told", async () => {
  const { finder, told } = await opened(["10s_anna.wav", "30s_ben.wav"]);
  expect(told).toEqual(["--voices 30s_ben.wav: 2 people speak in it; ben is who speaks longest, 20 s"]);
  const samples = {
    length: 20 * 16_000,
    read: (from: number, to: number) => Promise.resolve(new Float32Array(to - from)),
  };
  const { speakers } = await finder.find(samples, 0, stop);
  expect(speakers.map(({ name }: { name: string }) => name)).toEqual(["Anna Meier", "Speaker 2"]);
  expect(speakers[0].similarity).toBeCloseTo(1, 5);
});

test("a voice that tells nothing ends the run before it begins, and the networks with it", async () => {
  for (
    const [path, says] of [
      ["2s_anna.wav", "--voices 2s_anna.wav: has 2.0 s of speech, and a voice takes 3 s"],
      ["0s_anna.wav", "--voices 0s_anna.wav: nobody speaks in it"],
      ["bad_anna.wav", "bad_anna.wav: not a recording"],
    ] as const
  ) {
    const { finder, networks } = await opened([path]);
    expect({ path, says: finder, isClosed: networks.isClosed }).toEqual({ path, says, isClosed: true });
  }
});

test("a run that is stopped meanwhile is not begun", async () => {
  const stopped = new AbortController();
  const networks = fakeSpeakers(() => Promise.resolve(stopped.abort()));
  const parts = fakeParts(fakeEngine(() => ({ says: "" })), { openSpeakers: () => Promise.resolve(networks) });
  const plan = { count: anyCount, names: new Map(), voices: [{ name: "anna", path: "10s_anna.wav" }] };
  await expect(openSpeakerFinder(parts, plan, 1, stopped.signal, () => {})).rejects.toBeInstanceOf(Stopped);
  expect(networks.isClosed).toBe(true);
});

test("a plan: labels and names, no voices", async () => {
  const parts = { readText: () => Promise.resolve("left = Anna") };
  const plan = await speakerPlan(parts, { speakers: undefined, voices: undefined, speakerNames: "names.txt" });
  expect(plan).toEqual({ count: undefined, names: new Map([["left", "Anna"]]), voices: [] });
});
