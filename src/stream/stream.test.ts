/** Tests of the pipeline, with a listener that reads words off the samples: every word comes out once, in order. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type FakeListener, fakeListener, fakeTag, speech, spoken, textOf } from "./fake_speech.ts";
import { everythingIsVoice } from "../../tests/support/fake_parts.ts";
import { Stopper } from "../stop.ts";
import { runStream, type StreamEvent, type StreamOptions, type StreamTotals } from "./stream.ts";
import type { UtteranceText } from "./text.ts";

const defaults: StreamOptions = {
  rules: {
    policy: { kind: "agreement" },
    ...{ feedsPast: true, asrTextId: fakeTag, isHeaderless: false },
  },
  ...{ chunkSec: 2, endpointMs: 800, tokensMax: undefined, language: "", startSec: 0, isLive: false },
  voiceJudge: everythingIsVoice,
};

type Run = {
  readonly text: string;
  readonly events: readonly StreamEvent[];
  readonly totals: StreamTotals;
  readonly listener: FakeListener;
};

type RunOptions = {
  readonly sizes?: readonly number[];
  readonly stop?: Stopper;
  readonly onEvent?: (event: StreamEvent) => void;
  readonly failAt?: number;
  /** Nothing comes for a while once so many samples were read. */
  readonly stallsAt?: readonly number[];
  readonly onResume?: (at: number) => void;
};

/** More than a stream waits for. */
const stallMs = 2300;

async function stream(samples: Float32Array, given: Partial<StreamOptions> = {}, run: RunOptions = {}): Promise<Run> {
  const { sizes = [4000], stop = new Stopper(), failAt = Infinity } = run;
  let [at, piece] = [0, 0];
  const stalls = [...run.stallsAt ?? []];
  const source = {
    next: (): Promise<Float32Array | undefined> => {
      if (at >= (stalls[0] ?? Infinity)) {
        stalls.shift();
        return Bun.sleep(stallMs).then(() => run.onResume?.(at)).then(source.next);
      }
      if (at >= failAt) return Promise.reject(new Error("the pipe broke"));
      if (at >= samples.length) return Promise.resolve(undefined);
      const size = sizes[piece++ % sizes.length]!;
      const block = samples.subarray(at, Math.min(at + size, stalls[0] ?? Infinity));
      at += block.length;
      return Promise.resolve(block);
    },
  };
  const events: StreamEvent[] = [];
  const listener = fakeListener();
  const totals = await runStream(source, listener, { ...defaults, ...given }, stop.stop, (event) => {
    events.push(event);
    run.onEvent?.(event);
  });
  const text = events.flatMap((event) => event.kind === "commit" ? [event.text] : []).join("");
  return { text, events, totals, listener };
}

/** Different words, so that a lost or doubled one shows, with the silence before each. */
function said(gaps: readonly number[], from = 0): { word: number; gap: number }[] {
  return gaps.map((gap, index) => ({ word: (from + index * 7) % 199, gap }));
}

const words = (list: readonly { readonly word: number }[]) => textOf(list.map(({ word }) => word));

describe("every word once, in order", () => {
  const gaps = fc.array(
    fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 960, max: 6000 }) }, {
      weight: 1,
      arbitrary: fc.integer({ min: 6000, max: 60_000 }),
    }),
    { minLength: 1, maxLength: 90 },
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 4 });
  const chunks = fc.constantFrom(0.3, 0.5, 1, 2, 3.7, 8);

  test("whatever the pauses, the pieces, the chunks and the end", async () => {
    const property = fc.asyncProperty(
      ...[gaps, sizes, chunks, fc.constantFrom(0, 300, 800), fc.boolean(), fc.nat(30_000)] as const,
      async (list, pieces, chunkSec, endpointMs, feedsPast, after) => {
        const spokenWords = said(list);
        const samples = speech(spokenWords, after);
        const rules = { ...defaults.rules, feedsPast };
        const { text, events, totals, listener } = await stream(samples, { rules, chunkSec, endpointMs }, {
          sizes: pieces.map((size) => Math.max(size, 200)),
        });
        expect(text).toBe(words(spokenWords));
        expect(totals.audioSec).toBeCloseTo(samples.length / 16_000, 9);
        expect(listener.heldMax()).toBeLessThanOrEqual(24 * 16_000);
        // Commits lie one after the other, each within its utterance.
        const commits = events.filter((event) => event.kind === "commit");
        for (const [index, { id, startMs, endMs }] of commits.entries()) {
          const final = events.find((event) => event.kind === "final" && event.id === id) as UtteranceText;
          expect(startMs).toBeGreaterThanOrEqual(commits[index - 1]?.endMs ?? 0);
          expect(endMs).toBeGreaterThanOrEqual(startMs);
          if (startMs === endMs) continue; // Nothing was heard since the last one.
          expect(startMs).toBeGreaterThanOrEqual(final.startMs);
          expect(endMs).toBeLessThanOrEqual(totals.audioSec * 1000 + 1);
        }
        // Finals say the same, utterance by utterance, in time.
        const finals = events.filter((event) => event.kind === "final");
        expect(finals.map((event) => event.text).join(" ")).toBe(text);
        expect(finals.map(({ id }) => id)).toEqual(finals.map((_, index) => index + 1));
        for (const [index, { startMs, endMs }] of finals.entries()) {
          expect(endMs).toBeGreaterThanOrEqual(startMs);
          if (index > 0) expect(startMs).toBeGreaterThanOrEqual(finals[index - 1]!.endMs);
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  test("the same requests whatever pieces the samples come in", async () => {
    const samples = speech(said([3000, 2000, 40_000, 1500, 2500, 2000, 1000, 2000]), 5000);
    const whole = await stream(samples, {}, { sizes: [samples.length] });
    for (const pieces of [[1, 777], [32_000], [163]]) {
      const { listener, events } = await stream(samples, {}, { sizes: pieces });
      expect(listener.requests).toEqual(whole.listener.requests);
      expect(events).toEqual(whole.events);
    }
  });

  test("five minutes without a pause: bounded steps, bounded memory", async () => {
    const spokenWords = said(new Array<number>(600).fill(1280));
    const { text, listener, events } = await stream(speech(spokenWords), {}, { sizes: [16_000] });
    expect(text).toBe(words(spokenWords));
    expect(listener.heldMax()).toBeLessThanOrEqual(24 * 16_000);
    expect(Math.max(...listener.requests.map(({ prefix }) => prefix.length))).toBeLessThan(120);
    expect(events.filter((event) => event.kind === "step" && event.step.isMoved).length).toBeGreaterThan(10);
  });
});

describe("what has no voice", () => {
  /** Words are louder than the noise here. */
  const voiceJudge = () => {
    let hasVoice = false;
    return {
      push: (samples: Float32Array) => void (hasVoice ||= samples.some((sample) => sample >= 0.1)),
      hasVoice: () => hasVoice,
    };
  };
  const noise = (seconds: number) => spoken(10, seconds * 16_000).map((sample) => sample / 2);

  test("is not decoded and says nothing, with and without pauses", async () => {
    for (const endpointMs of [0, 800]) {
      const { text, events, listener, totals } = await stream(noise(90), { voiceJudge, endpointMs });
      expect(text).toBe("");
      expect(listener.requests.length).toBe(0);
      expect(totals.hasVoice).toBeFalse();
      expect(events.map(({ kind }) => kind)).not.toContain("partial");
      expect(listener.heldMax()).toBe(0);
    }
  });

  test("does not cost the words that follow, nor those before", async () => {
    const spokenWords = said([20_000, 2000, 1500]);
    const [before, after] = [speech(spokenWords, 20_000), speech(said([20_000, 2000], 28), 20_000)];
    const samples = Float32Array.from([...before, ...noise(3), ...after]);
    const { text, totals } = await stream(samples, { voiceJudge });
    expect(text).toBe(`${words(spokenWords)} ${words(said([0, 0], 28))}`);
    expect(totals.hasVoice).toBeTrue();
    const late = await stream(Float32Array.from([...noise(40), ...before]), { voiceJudge });
    expect(late.text).toEndWith(words(spokenWords));
  });
});

describe("what costs nothing", () => {
  test("silence is not decoded, before, between and after", async () => {
    const silence = spoken(-1, 30 * 16_000);
    const { listener, text } = await stream(Float32Array.from([...silence, ...spoken(5), ...silence]));
    expect(text).toBe("w5");
    expect(listener.requests.length).toBeLessThanOrEqual(2);
    expect((await stream(silence)).listener.requests.length).toBe(0);
    expect((await stream(silence, { endpointMs: 0 })).listener.requests.length).toBe(0);
  });

  test("silence that closes nothing is heard until all is said, and no more", async () => {
    const samples = Float32Array.from([...speech(said([3000, 2000])), ...spoken(-1, 60 * 16_000)]);
    const { listener, text } = await stream(samples, { endpointMs: 0 });
    expect(text).toBe(words(said([3000, 2000])));
    expect(listener.requests.length).toBeLessThanOrEqual(7);
  });
});

describe("ends", () => {
  const spokenWords = said([3000, 2000, 1500, 2500, 2000, 1000, 2000, 3000, 4000, 1000, 2000]);
  const samples = speech(spokenWords);

  test("a source that fails: what came before is said, and the failure is told", async () => {
    const { text, totals } = await stream(samples, {}, { failAt: 40_000, sizes: [20_000] });
    expect(words(spokenWords)).toStartWith(text.split(" ").slice(0, -1).join(" "));
    expect(text.split(" ").length).toBeGreaterThan(3);
    expect(totals.failure).toEqual(new Error("the pipe broke"));
    expect(totals.audioSec).toBe(40_000 / 16_000);
  });

  test("a signal: what was read is heard in one step", async () => {
    const stop = new Stopper();
    const onEvent = ({ kind }: StreamEvent) => kind === "partial" && stop.drain();
    const { text, listener, totals } = await stream(samples, { chunkSec: 0.5 }, { stop, onEvent, sizes: [1000] });
    expect(words(spokenWords)).toStartWith(text.split(" ").slice(0, -1).join(" "));
    const partials = listener.requests.length;
    expect(partials).toBeLessThanOrEqual(3);
    expect(totals.audioSec).toBeGreaterThan(0.5);
  });

  test("a signal before anything", async () => {
    const stop = new Stopper();
    stop.drain();
    expect(await stream(samples, {}, { stop })).toMatchObject({ text: "" });
  });

  test("nobody reads on: no more is heard", async () => {
    const stop = new Stopper();
    const onEvent = ({ kind }: StreamEvent) => kind === "partial" && stop.drop();
    const { listener } = await stream(samples, { chunkSec: 0.5 }, { stop, onEvent });
    expect(listener.requests.length).toBeLessThanOrEqual(2);
  });

  test("a failing listener is no source that ended", async () => {
    const failing = { ...fakeListener(), hear: () => Promise.reject(new Error("no memory")) };
    const source = { next: () => Promise.resolve(spoken(3, 16_000)) };
    await expect(runStream(source, failing, defaults, new Stopper().stop, () => {})).rejects.toThrow(
      "no memory",
    );
  });
});

describe("limits and loops", () => {
  test("a step that hits its limit goes on in the next, and at the end", async () => {
    const spokenWords = said(new Array<number>(30).fill(960));
    const { text } = await stream(speech(spokenWords), { tokensMax: 2, chunkSec: 8 });
    expect(text).toBe(words(spokenWords));
  });

  test("the same loop twice: told, and its audio let go", async () => {
    const loop = { ...fakeListener() };
    const hear: FakeListener["hear"] = async (request) => ({
      ...await loop.hear(request),
      tokens: Array.from({ length: 40 }, () => ({ id: 11, bytes: new TextEncoder().encode(" ha"), logprob: -0.1 })),
      stop: "cap",
    });
    const events: StreamEvent[] = [];
    let left = 10;
    const source = { next: () => Promise.resolve(left-- > 0 ? spoken(3, 16_000) : undefined) };
    const rules = { ...defaults.rules, isHeaderless: true };
    await runStream(
      source,
      { ...loop, hear },
      { ...defaults, rules },
      new Stopper().stop,
      (event) => events.push(event),
    );
    expect(events.filter(({ kind }) => kind === "loss").length).toBeGreaterThan(0);
    const text = events.flatMap((event) => event.kind === "commit" ? [event.text] : []).join("");
    expect(text.split(" ").length).toBeLessThan(40);
  });
});

describe("live", () => {
  /** Ten words without a pause, one every 0.3 s and more; the fifth ends at `fifthEnd`. */
  const ten = said(new Array<number>(10).fill(2000));
  const samples = speech(ten, 4000);
  const fifthEnd = speech(ten.slice(0, 5)).length;

  /** What was committed when the source went on again, and all that came. */
  async function stalled(audio: Float32Array, stallsAt: readonly number[], given: Partial<StreamOptions> = {}) {
    let text = "";
    const resumed: string[] = [];
    const onEvent = (event: StreamEvent) => void (event.kind === "commit" && (text += event.text));
    const onResume = () => void resumed.push(text);
    const all = await stream(audio, { isLive: true, ...given }, { onEvent, onResume, stallsAt });
    const finals = all.events.filter((event) => event.kind === "final");
    return { resumed, text: all.text, finals, audioSec: all.totals.audioSec };
  }

  test.concurrent("a stall in mid-utterance: its words are final, what follows is another one", async () => {
    const { resumed, text, finals, audioSec } = await stalled(samples, [fifthEnd + 333]);
    expect({ resumed, text }).toEqual({ resumed: [words(ten.slice(0, 5))], text: words(ten) });
    expect(finals.map((event) => event.text)).toEqual([words(ten.slice(0, 5)), words(ten.slice(5))]);
    // The times are those of the samples: the wait is none of them.
    expect(finals[0]!.endMs).toBeWithin((fifthEnd - 400) / 16, (fifthEnd + 400) / 16);
    expect(finals[1]!.startMs).toBeWithin((fifthEnd + 1500) / 16, (fifthEnd + 2500) / 16);
    expect(audioSec).toBeCloseTo(samples.length / 16_000, 9);
  });

  test.concurrent("stalls after another, without pauses that count, and before the end", async () => {
    const places = [4, 8, 10].map((count) => speech(ten.slice(0, count)).length + 100);
    const { resumed, text, finals } = await stalled(samples, places, { endpointMs: 0 });
    expect(resumed).toEqual([4, 8, 10].map((count) => words(ten.slice(0, count))));
    expect(text).toBe(words(ten));
    expect(finals.map(({ startMs }) => startMs)).toEqual(
      [0, ...places.slice(0, 2)].map((place) => Math.round(place / 16)),
    );
  }, 3 * stallMs + 10_000);

  test.concurrent("stalls in silence change nothing; without --live nothing waits for a clock", async () => {
    const pause = Float32Array.from([...speech(ten.slice(0, 5), 20_000), ...speech(ten.slice(5), 20_000)]);
    const [live, steady] = await Promise.all([stalled(pause, [fifthEnd + 18_000]), stream(pause)]);
    expect(live.finals).toEqual(steady.events.filter((event) => event.kind === "final"));
    const patient = await stalled(samples, [fifthEnd + 333], { isLive: false });
    expect(patient.finals.map((event) => event.text)).toEqual([words(ten)]);
    expect(patient.resumed[0]!.length).toBeLessThan(words(ten.slice(0, 5)).length);
  });

  test("behind: several chunks in one step, the delay told, nothing dropped", async () => {
    const spokenWords = said(new Array<number>(40).fill(2000));
    const samples = speech(spokenWords);
    const run = { sizes: [samples.length] };
    const steady = await stream(samples, { endpointMs: 0 }, run);
    const { text, listener, events } = await stream(samples, { isLive: true, endpointMs: 0 }, run);
    expect(text).toBe(words(spokenWords));
    expect(listener.requests.length).toBeLessThan(steady.listener.requests.length);
    expect(events.filter(({ kind }) => kind === "delay").length).toBeGreaterThan(0);
    expect(steady.events.filter(({ kind }) => kind === "delay")).toEqual([]);
  });
});

test("events have the recording's times, and the words between them", async () => {
  const { events } = await stream(speech(said([16_000, 2000]), 32_000), { startSec: 10 });
  const final = events.find((event) => event.kind === "final");
  expect(final).toMatchObject({ id: 1, text: "w0 w7", language: "English" });
  expect(final!.startMs).toBeWithin(10_900, 11_100);
  expect(final!.endMs).toBeWithin(11_300, 11_500);
});

describe("who speaks", () => {
  const utterances = [...said([1600, 1600, 1600]), ...said([40_000, 1600], 50)];

  test("is asked of each utterance's own sound, and told in its final, by the recording's time", async () => {
    const heard: Float32Array[] = [];
    const speakers: StreamOptions["speakers"] = (samples) => {
      heard.push(samples);
      return Promise.resolve([{ speaker: `S${heard.length}`, startMs: 100, endMs: 300 }]);
    };
    const { events } = await stream(speech(utterances, 16_000), { speakers, startSec: 10 });
    const finals = events.filter((event) => event.kind === "final");
    expect(finals).toHaveLength(2);
    for (const [index, { startMs, endMs, turns }] of finals.entries()) {
      expect(turns).toEqual([{ speaker: `S${index + 1}`, startMs: startMs + 100, endMs: startMs + 300 }]);
      expect(heard[index]!.length / 16).toBeCloseTo(endMs - startMs, -1);
      expect(heard[index]!.slice(0, 400).some((sample) => sample !== 0)).toBe(true);
    }
  });

  test("a long utterance is asked in parts; a failure ends the stream", async () => {
    let asked = 0;
    const speakers: StreamOptions["speakers"] = ({ length }) => {
      expect(length).toBeLessThanOrEqual(24 * 16_000);
      asked++;
      return Promise.resolve([{ speaker: "S", startMs: 0, endMs: 100 }]);
    };
    const { events } = await stream(speech(said(Array.from({ length: 200 }, () => 1200)), 16_000), { speakers });
    const finals = events.filter((event) => event.kind === "final");
    expect([finals.length > 1, asked]).toEqual([true, finals.length]);
    const failing = () => Promise.reject(new Error("no memory"));
    await expect(stream(speech(utterances, 16_000), { speakers: failing })).rejects.toThrow("no memory");
  });
});
