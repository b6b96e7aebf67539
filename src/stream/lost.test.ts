/** Tests of what a stream says of text that is missing: speech without text, limits and loops, each with its place. */

import { expect, test } from "bun:test";
import { everythingIsVoice } from "../../tests/support/fake_parts.ts";
import type { DecodeToken, Listener } from "../engine/engine.ts";
import { defaultRules } from "../subtitles/rules.ts";
import { Stopper } from "../stop.ts";
import { streamWriter } from "./captions.ts";
import { fakeListener, fakeTag, fakeToken, speech, spoken } from "./fake_speech.ts";
import { runStream, type StreamEvent, type StreamOptions } from "./stream.ts";

const options: StreamOptions = {
  rules: { policy: { kind: "agreement" }, feedsPast: true, asrTextId: fakeTag, isHeaderless: false },
  ...{ chunkSec: 2, endpointMs: 800, tokensMax: undefined, language: "", startSec: 60, isLive: false },
  voiceJudge: everythingIsVoice,
};

const rate = 16_000;
const [first, lost, last] = [3, 100, 5];
/** A second of a word that is heard, 2 s of one whose text is lost, and another one; pauses between. */
const samples = Float32Array.from([
  ...spoken(-1, rate),
  ...spoken(first, rate),
  ...spoken(-1, 3 * rate),
  ...spoken(lost, 2 * rate),
  ...spoken(-1, 3 * rate),
  ...spoken(last, rate),
  ...spoken(-1, 2 * rate),
]);

async function stream(audio: Float32Array, hear: Listener["hear"], given: Partial<StreamOptions> = {}) {
  const blocks = [audio.subarray(0, audio.length / 2), audio.subarray(audio.length / 2)];
  const events: StreamEvent[] = [];
  const source = { next: () => Promise.resolve(blocks.shift()) };
  const listener = { hear, close: () => Promise.resolve() };
  const onEvent = (event: StreamEvent) => void events.push(event);
  const totals = await runStream(source, listener, { ...options, ...given }, new Stopper().stop, onEvent);
  return { events, totals };
}

/** Says nothing of the audio if the last word in it is the lost one. */
function losing(): Listener["hear"] {
  const listener = fakeListener();
  return async (request) => {
    const result = await listener.hear(request);
    const isLost = result.tokens.at(-1)?.id === 10 + lost;
    return isLost ? { ...result, tokens: [1, 3, fakeTag].map((id) => fakeToken(id)) } : result;
  };
}

test("an utterance that got no text is a gap, told where it is known", async () => {
  const { events, totals } = await stream(samples, losing());
  const gaps = events.filter((event) => event.kind === "gap");
  expect(gaps.length).toBe(1);
  expect(gaps[0]!.startMs).toBeWithin(64_800, 65_100);
  expect(gaps[0]!.endMs).toBeWithin(66_900, 67_300);
  expect(totals.audit.gaps).toEqual(gaps.map(({ startMs, endMs }) => ({ startMs, endMs })));
  const texts = events.flatMap((event) => event.kind === "final" ? [event.text] : []);
  expect(texts.filter((text) => text !== "")).toEqual([`w${first}`, `w${last}`]);
  const after = events.slice(events.indexOf(gaps[0]!));
  expect(after.some((event) => event.kind === "final" && event.text === `w${last}`)).toBe(true); // Not only at the end.
  const writer = streamWriter("jsonl", {
    ...{ file: "a.wav", rules: defaultRules, paragraphMs: 0, runsOn: false, cuePunctuation: "keep" },
  });
  const { startMs, endMs } = gaps[0]!;
  expect(JSON.parse(writer.write(gaps[0]!))).toEqual({ type: "gap", file: "a.wav", start_ms: startMs, end_ms: endMs });
});

test("where everything has text there is no gap, and noise is none", async () => {
  const whole = await stream(samples, fakeListener().hear);
  expect(whole.events.filter(({ kind }) => kind === "gap")).toEqual([]);
  expect(whole.totals.audit).toMatchObject({ gaps: [] });
  expect(whole.totals.audit.saidSec).toBeGreaterThan(3.9);
  const noVoice = () => ({ push: () => {}, hasVoice: () => false });
  const noise = await stream(samples, losing(), { voiceJudge: noVoice });
  expect(noise.totals.audit).toEqual({ gaps: [], speechSec: 0, saidSec: 0 });
});

const endless = (tokens: readonly DecodeToken[]): Listener["hear"] => {
  const listener = fakeListener();
  return async (request) => ({ ...await listener.hear(request), tokens, stop: "cap" });
};

test("the final text of an utterance says what ended it", async () => {
  const audio = speech([{ word: 3, gap: 2000 }], 2 * rate);
  const header = [1, 2, fakeTag].map((id) => fakeToken(id));
  const counting = Array.from({ length: 60 }, (_, i) => fakeToken(20 + i));
  const capped = await stream(audio, endless([...header, ...counting]), { endpointMs: 800 });
  expect(capped.events.findLast((event) => event.kind === "final")).toMatchObject({ isTruncated: true });
  expect(capped.events.find(({ kind }) => kind === "loss")).toMatchObject({
    text: expect.stringMatching(/^60\.\d to 6[01]\.\d s: stopped after 63 tokens/),
  });
  const circles = Array.from({ length: 60 }, () => fakeToken(20));
  const looped = await stream(audio, endless([...header, ...circles]));
  expect(looped.events.findLast((event) => event.kind === "final")).toMatchObject({ isLooped: true });
  expect(looped.events.find(({ kind }) => kind === "loss")).toMatchObject({
    text: expect.stringContaining("repetition loop"),
  });
});

test("what goes round in circles is heard again in two parts, and is not lost", async () => {
  const words = [3, 5, 8, 13, 21, 34, 55, 89, 100, 120];
  const audio = speech(words.map((word) => ({ word, gap: 2400 })), 2 * rate);
  const header = [1, 2, fakeTag].map((id) => fakeToken(id));
  /** Says all words, except that more than three seconds of them make it repeat one without end. */
  const circling = (): Listener["hear"] => {
    const listener = fakeListener();
    let held = 0;
    return async (request) => {
      held = Math.max(0, held - request.forget) + request.samples.length;
      const result = await listener.hear(request);
      if (held < 3.2 * rate) return result;
      const tokens = [
        ...(request.prefix.length === 0 ? header : []),
        ...Array.from({ length: 60 }, () => fakeToken(20)),
      ];
      return { ...result, tokens };
    };
  };
  const { events, totals } = await stream(audio, circling());
  const finals = events.flatMap((event) => event.kind === "final" ? [event] : []);
  expect(finals.map(({ text }) => text).join(" ")).toBe(words.map((word) => `w${word}`).join(" "));
  expect(finals.some(({ repaired }) => repaired === "cuts")).toBe(true);
  expect(finals.every(({ isLooped }) => !isLooped)).toBe(true);
  expect(events.filter(({ kind }) => kind === "loss")).toEqual([]);
  expect(events.find(({ kind }) => kind === "notice")).toMatchObject({
    text: expect.stringMatching(/^6\d\.\d to 6\d\.\d s: the model repeated itself; heard again in shorter parts/),
  });
  expect(totals.audit.gaps).toEqual([]);
});

test("who speaks at once after a long utterance whose text ended early is heard from the start", async () => {
  /** Stops after five words, though more are said; hears what begins anew. */
  const stopping = (): Listener["hear"] => {
    const listener = fakeListener();
    return async (request) => {
      const result = await listener.hear(request);
      const isNew = request.prefix.length === 0;
      return { ...result, tokens: result.tokens.slice(0, isNew ? 8 : 0) };
    };
  };
  // At 22 s the utterance is moved to the quietest place since, in the silence after its last word. It ends 0.8 s after
  // that word, and the next one could begin there: before what is held.
  const long = speech(Array.from({ length: 80 }, (_, index) => ({ word: index * 7 % 199, gap: 1280 })));
  const next = [...spoken(-1, 0.85 * rate), ...spoken(7), ...spoken(-1, 2 * rate)];
  const { events } = await stream(Float32Array.from([...long.subarray(0, 21.6 * rate), ...next]), stopping());
  expect(events.findLast((event) => event.kind === "final")).toMatchObject({ text: "w7" });
});
