import { expect, test } from "bun:test";
import { fakeNetworks, recordingOf } from "./fake_networks.ts";
import { LiveSpeakers } from "./live.ts";
import { embeddingFloats } from "./networks.ts";

type Turns = Parameters<typeof recordingOf>[0];

/** "Speaker 1 0.0-2.0", for each turn of an utterance. */
async function heard(speakers: LiveSpeakers, turns: Turns): Promise<string[]> {
  const { read, length } = recordingOf(turns);
  const found = await speakers.hear(await read(0, length));
  return found.map(({ speaker, startMs, endMs }) => `${speaker} ${seconds(startMs)}-${seconds(endMs)}`);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

test("speakers keep their names over utterances, in order of first speech", async () => {
  const speakers = new LiveSpeakers(fakeNetworks());
  expect(await heard(speakers, [[2, 3]])).toEqual(["Speaker 1 0.0-3.0"]);
  expect(await heard(speakers, [[1, 3], [2, 4]])).toEqual(["Speaker 2 0.0-3.0", "Speaker 1 3.0-7.0"]);
  expect(await heard(speakers, [[0, 2]])).toEqual([]);
  expect(await heard(speakers, [[3, 2.5], [1, 14]])).toEqual(["Speaker 3 0.0-2.5", "Speaker 2 2.5-16.5"]);
  expect(await heard(speakers, [[2, 1]])).toEqual(["Speaker 1 0.0-1.0"]);
});

test("a word of a new voice founds no speaker, unless it is the first; nor does a voice too many", async () => {
  const speakers = new LiveSpeakers(fakeNetworks());
  expect(await heard(speakers, [[1, 1]])).toEqual(["Speaker 1 0.0-1.0"]);
  expect(await heard(speakers, [[2, 1]])).toEqual(["Speaker 1 0.0-1.0"]);
  const two = new LiveSpeakers(fakeNetworks(), { min: 2, max: 2 });
  for (const voice of [1, 2, 3]) await heard(two, [[voice, 4]]);
  expect((await heard(two, [[3, 4]]))[0]).toMatch(/^Speaker [12] /);
});

test("labels have other names, and known voices theirs, each once", async () => {
  const known = [2, 2].map((voice, index) => {
    const embedding = new Float32Array(embeddingFloats);
    embedding[voice] = 1;
    return { name: ["Ann", "Beth"][index]!, embedding };
  });
  const speakers = new LiveSpeakers(fakeNetworks(), undefined, new Map([["Speaker 1", "Carl"]]), known);
  expect(await heard(speakers, [[1, 3]])).toEqual(["Carl 0.0-3.0"]);
  expect(await heard(speakers, [[2, 3], [3, 3]])).toEqual(["Ann 0.0-3.0", "Speaker 3 3.0-6.0"]);
});
