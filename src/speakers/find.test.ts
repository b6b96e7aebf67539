import { expect, test } from "bun:test";
import { findSpeakers } from "./find.ts";
import { fakeNetworks, recordingOf } from "./fake_networks.ts";
import { namedTurns } from "./timeline.ts";

test("in whatever window, a voice has one number, in order of first speech; turns have their times", async () => {
  const asked: number[] = [];
  const source = recordingOf([[0, 2], [2, 3], [1, 4], [0, 20], [2, 5], [3, 6], [1, 3], [0, 30], [1, 7.5]]);
  const { turns, centres } = await findSpeakers(source, fakeNetworks(asked));
  expect(centres.length).toBe(3);
  expect(
    namedTurns(turns).map(({ speaker, startMs, endMs }) => {
      return [speaker, Math.round(startMs / 100) / 10, Math.round(endMs / 100) / 10];
    }),
  ).toEqual([
    ["Speaker 1", 2, 5],
    ["Speaker 2", 5, 9],
    ["Speaker 1", 29, 34],
    ["Speaker 3", 34, 40],
    ["Speaker 2", 40, 43],
    ["Speaker 2", 73, 80.5],
  ]);
  // Of sixteen windows, those between two with one voice or none are not asked about.
  expect(asked.reduce((sum, one) => sum + one)).toBeWithin(8, 16);
});

test("a window between two is asked about where somebody else speaks in its half of one of them", async () => {
  for (
    const [turns, windows] of [
      [[[1, 4], [2, 12], [1, 3.9]], 2], // Others speak in the far halves alone.
      [[[1, 7], [2, 9], [1, 3.9]], 3],
      [[[1, 4], [2, 9], [1, 6.9]], 3],
    ] as const
  ) {
    const asked: number[] = [];
    await findSpeakers(recordingOf(turns), fakeNetworks(asked));
    expect({ turns, windows: asked.reduce((sum, one) => sum + one) }).toEqual({ turns, windows });
  }
});

test("silence has no speakers, an empty recording neither", async () => {
  expect((await findSpeakers(recordingOf([[0, 12]]), fakeNetworks())).turns).toEqual([]);
  expect((await findSpeakers(recordingOf([]), fakeNetworks())).turns).toEqual([]);
});

test("whoever speaks to the end ends there, however long the recording is", async () => {
  for (let length = 4800; length < 180_000; length += 4801) {
    const { turns } = await findSpeakers(recordingOf([[1, length / 16_000]]), fakeNetworks());
    const endMs = Math.round(length / 16);
    expect(turns.at(-1)!.endMs).toBeWithin(endMs - 20, endMs + 1);
  }
});

test("a number that is given is met as far as there are voices; a stop ends it", async () => {
  const source = recordingOf([[1, 8], [2, 8], [3, 8]]);
  expect((await findSpeakers(source, fakeNetworks(), { min: 2, max: 2 })).centres.length).toBe(2);
  const stop = AbortSignal.abort(new Error("stopped"));
  expect(findSpeakers(source, fakeNetworks(), { min: 1, max: 9 }, stop)).rejects.toThrow("stopped");
});
