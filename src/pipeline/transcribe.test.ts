/** Tests of the offline pipeline: segments, joins, past text, loops, with an engine that says a script. */

import { expect, test } from "bun:test";
import { everythingIsVoice, type FakeAnswer, fakeEngine } from "../../tests/support/fake_parts.ts";
import type { DecodeRequest, DecodeResult, Engine } from "../engine/engine.ts";
import { samplesInMemory } from "../audio/sample_store.ts";
import { Recording } from "../segment/recording.ts";
import { allSpeech } from "../segment/speech.ts";
import type { TranscribeEvent } from "./events.ts";
import { nothingCovered } from "../document/audit.ts";
import type { TranscribeRequest } from "./decoding.ts";
import { transcribe } from "./transcribe.ts";

const rate = 16_000;
/** What a request is made of here: samples in memory. */
type Request = Omit<TranscribeRequest, "recording"> & { readonly samples: Float32Array };

const requestOf = ({ samples, ...rest }: Request): TranscribeRequest => ({
  ...{ recording: Recording.of(samplesInMemory(samples)), ...rest },
});

const base: Request = {
  samples: new Float32Array(10 * rate),
  startSec: 0,
  segmentSec: "auto",
  searchSec: 3,
  windowFrames: 800,
  language: "",
  prompt: "",
  skipSilence: false,
  pastText: false,
  wholeSecMax: 120,
  cutSec: 30,
  memoryBytes: undefined,
  voiceJudge: everythingIsVoice,
};

/** Transcribes with an engine that gives one answer after the other. */
async function run(request: Partial<Request>, answers: readonly (FakeAnswer | string)[]) {
  let turn = 0;
  const engine = fakeEngine(() => {
    const answer = answers[turn++];
    if (answer === undefined) throw new Error("one decode too many");
    return typeof answer === "string" ? { says: answer } : answer;
  });
  const events: TranscribeEvent[] = [];
  const stop = new AbortController();
  const result = await transcribe(
    requestOf({ ...base, ...request }),
    engine,
    stop.signal,
    (event) => events.push(event),
  );
  const of = (kind: TranscribeEvent["kind"]) =>
    events.filter((event) => event.kind === kind)
      .filter((event) => event.kind !== "submitted" && event.kind !== "progress")
      .map((event) =>
        "text" in event ? event.text : "name" in event ? event.name : "segment" in event ? event.segment.text : ""
      );
  expect(of("text").join("")).toBe(result.text); // What was shown is what is returned, always.
  expect(of("segment").join("")).toBe(result.text);
  for (const event of events) {
    if (event.kind !== "segment") continue;
    expect(event.segment.tokens.map(({ text }) => text).join("")).toBe(event.segment.text);
  }
  expect(turn).toBe(answers.length);
  return { result, events, of, requests: engine.requests };
}

const en = (text: string) => `language English<asr_text>${text}`;
const zh = (text: string) => `language Chinese<asr_text>${text}`;
const seconds = (count: number) => new Float32Array(count * rate);

test("one piece: text word by word, language before it, times added up", async () => {
  const { result, events } = await run({}, [en(" Hello big world. ")]);
  expect(result).toEqual({
    text: "Hello big world.",
    languages: ["English"],
    textTokens: 4,
    encodeMs: 100,
    decodeMs: 100,
    audioSec: 10,
    stopped: false,
    unvoiced: undefined,
    audit: { gaps: [], speechSec: 0, saidSec: 0 },
  });
  expect(events.filter((event) => !["debug", "segment", "submitted", "progress"].includes(event.kind))).toEqual([
    { kind: "language", name: "English" },
    { kind: "text", text: "Hello" },
    { kind: "text", text: " big" },
    { kind: "text", text: " world." },
  ]);
});

test("what the engine is asked", async () => {
  const { requests } = await run({ language: "German", prompt: "Zoë", windowFrames: 400 }, ["Ja."]);
  expect(requests).toEqual([{
    samples: base.samples,
    windowFrames: 400,
    context: "Zoë",
    language: "German",
    pastText: "",
    tokensMax: 208,
  }]);
});

test("a forced language is the text's, and the text starts at the first token", async () => {
  const { result, of } = await run({ language: "German" }, ["Ja, gut."]);
  expect(result).toMatchObject({ text: "Ja, gut.", languages: ["German"], textTokens: 2 });
  expect(of("language")).toEqual(["German"]);
});

test("a language that the model named has a probability, one that was given has none", async () => {
  const probabilities = async (language: string, says: string) => {
    const { events } = await run({ language }, [says]);
    return events.flatMap((event) => event.kind === "segment" ? [event.segment.languageProbability] : []);
  };
  expect(await probabilities("", en("Hello."))).toEqual([Math.exp(-0.1)]); // One token, and "language" before it.
  expect(await probabilities("German", "Ja.")).toEqual([undefined]);
  expect(await probabilities("", "No header at all.")).toEqual([undefined]);
});

test("segments: in order, joined by what the scripts ask for, language when it changes", async () => {
  const answers = [en("One."), en("Two."), zh("三。"), zh("四"), zh("五"), "language None<asr_text>", en("Six")];
  const { result, of, requests } = await run({ samples: seconds(70), segmentSec: 10, searchSec: 0 }, answers);
  expect(result.text).toBe("One. Two. 三。四五 Six");
  expect(of("language")).toEqual(["English", "Chinese", "English"]);
  expect(result.languages).toEqual(["English", "Chinese", "English"]);
  expect(requests.map((request) => request.samples.length)).toEqual(Array(7).fill(10 * rate));
});

test("--skip-silence shortens what is decoded, not what is counted", async () => {
  const { result, of, requests } = await run({ samples: seconds(10), skipSilence: true }, [en("Hm.")]);
  expect(requests[0]!.samples.length).toBe(9600);
  expect(result.audioSec).toBe(10);
  expect(of("notice")).toEqual(["Silence skip: used 6.0%, skipped 94.0% (160000 -> 9600 samples)"]);
});

test("places are told in the recording's own time", async () => {
  const samples = Float32Array.from({ length: 30 * rate }, (_, i) => (i < 5 * rate || i > 20 * rate ? Math.sin(i) : 0));
  const { of } = await run({ samples, skipSilence: true, startSec: 60, segmentSec: 10, searchSec: 0 }, [
    en("a"),
    { says: en("b"), stop: "cap" },
  ]);
  expect(of("loss")[0]).toMatch(
    /^segment 2 of 2, 84\.\d to 90\.0 s: stopped after \d+ tokens, more than speech takes$/,
  );
});

/** Sound of so many seconds that is quietest in its middle, and a little less in the middle of its halves. */
function halving(count: number): Float32Array {
  const samples = seconds(count).fill(0.1);
  for (const [at, level] of [[1, 0.01], [2, 0], [3, 0.01]] as const) {
    samples.fill(level, ((at * count) / 4 - 0.1) * rate, ((at * count) / 4 + 0.1) * rate);
  }
  return samples;
}

test("a loop that no cut mends is cut short, reported, and the next segment goes on", async () => {
  const loop = en(`Well,${" you know,".repeat(100)}`);
  const answers = [loop, en("Bye."), ...Array(6).fill(loop)];
  const samples = new Float32Array([...halving(10), ...seconds(10)]);
  const { result, of, requests } = await run({ samples, segmentSec: 10, searchSec: 0 }, answers);
  const lengths = requests.slice(2).map(({ samples }) => samples.length / rate);
  expect(lengths[0]! + lengths[3]!).toBe(10);
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(20); // Halves, and their halves.
  expect(result.text).toBe("Well, you know, you know, you know, you Bye.");
  expect(of("loss")).toEqual(["segment 1 of 2, 0.0 to 10.0 s: repetition loop after 44 tokens, stopped there"]);
});

test("a loop is mended by other cuts: what was shown stays, and goes on with what the parts say", async () => {
  const loop = en(`Well,${" you know,".repeat(100)}`);
  const answers = [loop, en("Bye."), en("Well, you know, it was late."), en("So we left.")];
  const { of, events, requests } = await run({ samples: seconds(20), segmentSec: 10, searchSec: 0 }, answers);
  expect(of("segment")).toEqual(["Well, you know, it was late. So we left.", " Bye."]);
  expect(of("text").slice(0, 3)).toEqual(["Well,", " you", " know,"]); // As they came.
  expect(of("loss")).toEqual([]);
  expect(of("notice")).toEqual([
    "segment 1 of 2, 0.0 to 10.0 s: the model repeated itself; heard again in shorter parts",
  ]);
  const segments = events.flatMap((event) => event.kind === "segment" ? [event.segment] : []);
  expect(segments.map(({ stop, repaired }) => [stop, repaired])).toEqual([["end", "cuts"], ["end", undefined]]);
  expect(requests.slice(2).map(({ samples }) => samples.length).reduce((a, b) => a + b)).toBe(10 * rate);
});

test("what loops in every part is heard without context, and what is left of a loop is told", async () => {
  const loop = en(`Well,${" you know,".repeat(100)}`);
  const say = ({ context, samples }: DecodeRequest) => {
    const isWhole = samples.length > 4.5 * rate;
    return { says: isWhole || context !== "" ? loop : en("All is well.") };
  };
  const engine = fakeEngine(say);
  const events: TranscribeEvent[] = [];
  const request = requestOf({ ...base, samples: halving(8), prompt: "Names" });
  const { text } = await transcribe(request, engine, new AbortController().signal, (event) => events.push(event));
  expect(text).toBe("Well, you know, All is well. All is well. All is well."); // Three words stand for three.
  expect(events.flatMap((event) => event.kind === "segment" ? [event.segment.repaired] : [])).toEqual(["context"]);
  expect(engine.requests.filter(({ context }) => context === "").length).toBe(4);
  const half = await run({ samples: halving(10) }, [loop, en("Well, that is half of it."), loop, loop, loop]);
  expect(half.result.text).toStartWith("Well, you know, half of it. Well, you know, you know,");
  expect(half.of("loss").length).toBe(1);
});

test("repetition that was said stands, and costs one more hearing at most", async () => {
  const line = "We will we will rock you.";
  const song = en(Array(6).fill(line).join(" "));
  const stands = await run({}, [song, en(Array(3).fill(line).join(" ")), en(Array(3).fill(line).join(" "))]);
  expect(stands.result.text).toBe(Array(6).fill(line).join(" "));
  expect(stands.of("notice")).toEqual([]);
  const invented = await run({}, [song, en(line), en("So it goes.")]);
  expect(invented.result.text).toBe(`${line} So it goes.`);
  for (
    const said of ["No, no, no, no.", "one two three four five six seven eight nine ten", "000 000", "Ha ha ha ha ha"]
  ) {
    expect((await run({}, [en(said)])).result.text).toBe(said);
  }
  const short = await run({ samples: seconds(2) }, [song]); // Too short to be cut.
  expect(short.result.text).toBe(Array(6).fill(line).join(" "));
});

test("stopped: what is known stays, but nothing after the gap", async () => {
  const { result } = await run({ samples: seconds(20), segmentSec: 10, searchSec: 0 }, [
    { says: en("Half a"), stop: "cancelled" },
    { says: en("Later."), stop: "cancelled" },
  ]);
  expect(result).toMatchObject({ text: "Half a", stopped: true, audioSec: 0 });
});

/** An engine whose decodes say and end what the test tells them to, in any order. */
function heldEngine() {
  const base = fakeEngine(() => ({ says: en("") }));
  const running: { say(text: string): void; end(stop?: DecodeResult["stop"]): void; fail(): void }[] = [];
  const cancelled = { count: 0 };
  const engine: Engine = {
    ...base,
    decode: (_, onToken, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<DecodeResult>();
      const counts = { promptTokens: 1, audioTokens: 1, generatedTokens: 1, encodeMs: 1, prefillMs: 1, decodeMs: 1 };
      let id = 1000;
      onToken({ id: base.info.asrTextId, bytes: new Uint8Array(), logprob: 0 });
      running.push({
        say: (text) => onToken({ id: id++, bytes: new TextEncoder().encode(text), logprob: 0 }),
        end: (stop = "end") => resolve({ stop, ...counts }),
        fail: () => reject(new Error("no memory left")),
      });
      signal?.addEventListener("abort", () => {
        cancelled.count++;
        resolve({ stop: "cancelled", ...counts });
      });
      return promise;
    },
  };
  return { engine, running, cancelled };
}

/** Until all that can happen by itself has happened. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 1));

test("segments decode together; text comes in order, the first one's at once", async () => {
  const { engine, running } = heldEngine();
  const shown: string[] = [];
  const request = { ...base, samples: seconds(30), segmentSec: 10, searchSec: 0 };
  const done = transcribe(requestOf(request), engine, new AbortController().signal, (event) => {
    if (event.kind === "text") shown.push(event.text);
  });
  await settled();
  expect(running.length).toBe(3);
  running[1]!.say("Two.");
  running[1]!.end();
  running[0]!.say("One");
  expect(shown).toEqual(["One"]);
  running[2]!.say("Thr");
  running[0]!.say(" more.");
  running[0]!.end();
  await Bun.sleep(1);
  expect(shown).toEqual(["One", " more.", " Two.", " Thr"]);
  running[2]!.say("ee.");
  running[2]!.end();
  expect(await done).toMatchObject({ text: "One more. Two. Three.", stopped: false, encodeMs: 3, decodeMs: 6 });
});

test("one that fails ends the others, and the run", async () => {
  const { engine, running, cancelled } = heldEngine();
  const request = { ...base, samples: seconds(30), segmentSec: 10, searchSec: 0 };
  const done = transcribe(requestOf(request), engine, new AbortController().signal, () => {});
  await settled();
  running[1]!.fail();
  running[0]!.end();
  expect(done).rejects.toThrow("no memory left");
  await done.catch(() => {});
  expect(cancelled.count).toBe(3); // Those that are over have no use for it.
});

test("as many at a time as share a step, and one; all are cancelled with the run", async () => {
  for (const [decodesMax, most] of [[undefined, 9], [3, 3]] as const) {
    const { engine, running, cancelled } = heldEngine();
    const request = { ...base, samples: seconds(200), segmentSec: 10, searchSec: 0, ...(decodesMax && { decodesMax }) };
    const stop = new AbortController();
    const done = transcribe(requestOf(request), engine, stop.signal, () => {});
    await settled();
    expect(running.length).toBe(most);
    stop.abort();
    expect(await done).toMatchObject({ stopped: true });
    expect([running.length, cancelled.count]).toEqual([most, most]);
  }
});

test("past text: given from the second segment on, text shown when a segment is done", async () => {
  const long = (name: string) => Array.from({ length: 20 }, (_, i) => `${name}${i}`).join(" ");
  const { result, of, requests } = await run(
    { samples: seconds(30), segmentSec: 10, searchSec: 0, pastText: true },
    [en(long("a")), long("b"), long("c")],
  );
  expect(requests.map((request) => request.pastText)).toEqual(["", long("a"), `${long("a")} ${long("b")}`]);
  expect(of("text")).toEqual([long("a"), ` ${long("b")}`, ` ${long("c")}`]);
  expect(result.languages).toEqual(["English"]);
});

test("past text is capped at a word", async () => {
  const long = Array.from({ length: 400 }, (_, i) => `word${i}`).join(" ");
  const answers = [{ says: en(long) }, { says: Array.from({ length: 60 }, (_, i) => `b${i}`).join(" ") }];
  const { requests } = await run({ samples: seconds(60), segmentSec: 30, searchSec: 0, pastText: true }, answers);
  const pastText = requests[1]!.pastText;
  expect(long).toEndWith(pastText);
  expect(pastText).toStartWith("word");
  expect(pastText.length).toBeGreaterThan(780);
  expect(pastText.length).toBeLessThanOrEqual(800);
});

test("past text: a collapsed segment is decoded again without it; after two it is off", async () => {
  const long = (name: string) => Array.from({ length: 20 }, (_, i) => `${name}${i}`).join(" ");
  const answers = [en(long("a")), "", en(long("b")), "too short", en(long("c")), en(long("d"))];
  const { result, requests } = await run(
    { samples: seconds(40), segmentSec: 10, searchSec: 0, pastText: true },
    answers,
  );
  expect(requests.map((request) => request.pastText !== "")).toEqual([false, true, false, true, false, false]);
  expect(result.text).toBe(["a", "b", "c", "d"].map(long).join(" "));
  expect(result.textTokens).toBe(82);
});

test("past text: saying the same again is a collapse, a loop too", async () => {
  const long = (name: string) => Array.from({ length: 20 }, (_, i) => `${name}${i}`).join(" ");
  for (const collapsed of [long("a"), " no".repeat(90)]) {
    const { result, of } = await run({ samples: seconds(20), segmentSec: 10, searchSec: 0, pastText: true }, [
      en(long("a")),
      collapsed,
      en(long("b")),
    ]);
    expect(result.text).toBe(`${long("a")} ${long("b")}`);
    expect(of("loss")).toEqual([]);
  }
});

test("a segment whose text calls for another context is decoded again, with past text too", async () => {
  const later = { tokens: 10, of: (text: string) => text.includes("Kathrin") ? "Kathryn" : undefined };
  const request = { samples: seconds(21), segmentSec: 7, searchSec: 0, later };
  const { result, requests } = await run(request, [en("One."), en("Kathrin two."), en("Three."), en("Kathryn two.")]);
  expect(result.text).toBe("One. Kathryn two. Three.");
  expect(requests.map(({ context }) => context)).toEqual(["", "", "", "Kathryn"]);
  const broken = await run({ later }, [en("Kathrin."), en("")]);
  expect(broken.result.text).toBe("Kathrin.");
  const past = await run({ ...request, pastText: true }, [
    ...[
      en("One, and more of it."),
      "Kathrin two, and more of it.",
      "Kathryn two, and more of it.",
      "Three, and so on and on.",
    ],
  ]);
  expect(past.result.text).toContain("Kathryn two");
  expect(past.result.text).not.toContain("Kathrin two");
});

/** Finds a voice in such samples. */
const judgeOf = (isVoice: (sample: number) => boolean) => () => {
  let hasVoice = false;
  return {
    push: (samples: Float32Array) => void (hasVoice ||= samples.some(isVoice)),
    hasVoice: () => hasVoice,
  };
};
const loudIsVoice = judgeOf((sample) => sample !== 0);

/** Segments of 10 s, one for each letter: "v" with a voice. */
const voiced = (kinds: string): Partial<Request> => ({
  samples: Float32Array.from(
    { length: kinds.length * 10 * rate },
    (_, i) => kinds[Math.floor(i / rate / 10)] === "v" ? 0.1 : 0,
  ),
  ...{ segmentSec: 10, searchSec: 0, voiceJudge: loudIsVoice, startSec: 60 },
});

test("segments without a voice are not decoded, and are told", async () => {
  const { result, of, events } = await run(voiced("-v-v"), [en("One."), en("Two.")]);
  expect(result).toMatchObject({ text: "One. Two.", audioSec: 40, stopped: false });
  expect(result.unvoiced).toBe(
    "no voice, so no text, in segment 1 of 4, 60.0 to 70.0 s; segment 3 of 4, 80.0 to 90.0 s",
  );
  expect(of("segment")).toEqual(["One.", " Two."]);
  expect(events.filter((event) => event.kind === "progress").length).toBe(4);
  expect((await run(voiced("-----v"), [en("One.")])).result.unvoiced).toEndWith("; and 2 more");
});

test("a text that ends long before the speech is completed by its parts, and a slow speaker is believed", async () => {
  const map = { ...allSpeech(20 * rate), noSpeech: () => 0.1 };
  const said = async (first: string, second: string) => {
    const engine = fakeEngine(({ samples }) => {
      const isFirst = samples[0] === 0.5;
      return { says: en(samples.length > 15 * rate ? "One here." : isFirst ? first : second) };
    });
    const samples = Float32Array.from({ length: 20 * rate }, (_, i) => i < 5 * rate ? 0.5 : 0.1);
    const recording = Recording.of(samplesInMemory(samples), Promise.resolve(map));
    const events: TranscribeEvent[] = [];
    const request = { ...requestOf({ ...base, samples }), recording };
    const { text } = await transcribe(request, engine, new AbortController().signal, (one) => events.push(one));
    const notices = events.flatMap((event) => event.kind === "notice" ? [event.text] : []);
    const repaired = events.flatMap((event) => event.kind === "segment" ? [event.segment.repaired] : []);
    return { text, repaired, notices, decodes: engine.requests.length };
  };
  expect(await said("One here.", "Two three and so on.")).toEqual({
    text: "One here. Two three and so on.",
    repaired: ["cuts"],
    notices: ["0.0 to 20.0 s: the model stopped early; heard again in shorter parts"],
    decodes: 3,
  });
  expect(await said("One", "here.")).toEqual({ text: "One here.", repaired: [undefined], notices: [], decodes: 3 });
});

test("noise beside speech is not decoded: the segment is of what is left, except with -S 0", async () => {
  const samples = Float32Array.from({ length: 20 * rate }, (_, i) => i < 5 * rate || i >= 15 * rate ? 0.9 : 0.1);
  const unvoiced = [{ start: 6 * rate, end: 14 * rate }];
  const recording = Recording.of(samplesInMemory(samples), Promise.resolve({ ...allSpeech(20 * rate), unvoiced }));
  const heard = async (segmentSec: number | "auto") => {
    const engine = fakeEngine(() => ({ says: en("One. Two.") }));
    const events: TranscribeEvent[] = [];
    const request = { ...requestOf({ ...base, segmentSec, voiceJudge: judgeOf((sample) => sample > 0.5) }), recording };
    const { audioSec } = await transcribe(request, engine, new AbortController().signal, (one) => events.push(one));
    const ranges = events.flatMap((event) => event.kind === "segment" ? event.segment.ranges : []);
    return [audioSec, engine.requests.map(({ samples }) => samples.length / rate), ranges];
  };
  const ranges = [{ start: 0, end: 6 * rate }, { start: 14 * rate, end: 20 * rate }];
  expect(await heard("auto")).toEqual([20, [12], ranges]);
  expect(await heard(0)).toEqual([20, [20], [{ start: 0, end: 20 * rate }]]);
});

test("without any voice there is no text, whatever the language", async () => {
  for (const language of ["", "English"]) {
    const { result, events } = await run({ ...voiced("--"), language }, []);
    expect(result).toMatchObject({ text: "", languages: [], unvoiced: "holds no voice, so there is no text" });
    expect(events.map(({ kind }) => kind)).not.toContain("language");
  }
});

test("past text: a segment without a voice is no collapse", async () => {
  const long = (name: string) => Array.from({ length: 20 }, (_, i) => `${name}${i}`).join(" ");
  const answers = [en(long("a")), en(long("b"))];
  const { result, requests } = await run({ ...voiced("v--v"), pastText: true }, answers);
  expect(requests.map((request) => request.pastText)).toEqual(["", long("a")]);
  expect(result.text).toBe(`${long("a")} language English${long("b")}`);
});

test("an abort between segments ends the run", async () => {
  const stop = new AbortController();
  const requests: DecodeRequest[] = [];
  const engine = fakeEngine((request) => {
    requests.push(request);
    return { says: en("One.") };
  });
  const request = { ...base, samples: seconds(30), segmentSec: 10, searchSec: 0 };
  const result = await transcribe(requestOf(request), engine, stop.signal, (event) => {
    if (event.kind === "text") stop.abort();
  });
  expect(result).toMatchObject({ text: "One.", stopped: true, audioSec: 10 });
  expect(requests.length).toBe(1);
});

test("segments: where they are in the recording, their tokens and the language", async () => {
  const { events } = await run({ samples: seconds(30), segmentSec: 10, searchSec: 0 }, [
    en(" One two."),
    zh(""),
    zh("\u4e09"),
  ]);
  expect(events.flatMap((event) => event.kind === "segment" ? [event.segment] : [])).toEqual([
    {
      ranges: [{ start: 0, end: 10 * rate }],
      text: "One two.",
      language: "English",
      languageProbability: Math.exp(-0.1),
      tokens: [{ text: "One", logprob: -0.1 }, { text: " two.", logprob: -0.1 }],
      stop: "end",
    },
    {
      ranges: [{ start: 20 * rate, end: 30 * rate }],
      text: " \u4e09",
      language: "Chinese",
      languageProbability: Math.exp(-0.1),
      tokens: [{ text: " \u4e09", logprob: -0.1 }],
      stop: "end",
    },
  ]);
});

test("segments of audio whose silences were skipped are ranges of the recording", async () => {
  const samples = seconds(20);
  const voice = (from: number, to: number) => {
    for (let i = from * rate; i < to * rate; i++) samples[i] = i % 20 < 10 ? 0.3 : -0.3;
  };
  voice(0, 4);
  voice(10, 14);
  voice(16, 20);
  const answers = [en("a"), en("b"), en("c")];
  const { events } = await run({ samples, skipSilence: true, segmentSec: 5, searchSec: 0 }, answers);
  const ranges = events.flatMap((event) => event.kind === "segment" ? event.segment.ranges : []);
  expect(ranges[0]!.start).toBe(0);
  expect(ranges.at(-1)!.end).toBe(20 * rate);
  for (const [index, range] of ranges.entries()) {
    expect(range.end).toBeGreaterThan(range.start);
    expect(range.start).toBeGreaterThanOrEqual(ranges[index - 1]?.end ?? 0);
  }
  const kept = ranges.reduce((sum, { start, end }) => sum + end - start, 0) / rate;
  expect(kept).toBeGreaterThan(13);
  expect(kept).toBeLessThan(14.5);
});

/** Says what the middle of a segment tells it to: languages, silence, and what past text breaks. */
function placedEngine() {
  const says = ["English|a", "Chinese|\u4e09", "None|", "English|c", "Chinese|\u4e94"];
  return fakeEngine(({ samples, pastText }) => {
    const [language, word] = says[Math.round(samples[samples.length >> 1]! * 1e4) % says.length]!.split("|") as [
      string,
      string,
    ];
    const words = word === "" ? "" : Array.from({ length: 20 }, (_, i) => `${word}${i}`).join(" ");
    if (pastText === "") return { says: `language ${language}<asr_text>${words}` };
    return { says: word === "c" ? "" : `${words} after ${pastText.slice(-9)}` };
  });
}

/** Different everywhere, with silences: what is said depends on where it is. */
const placed = Float32Array.from(
  { length: 75 * rate },
  (_, i) => i % (9 * rate) > 7 * rate ? 0 : ((i % 9973) + 1) / 1e4,
);

/** The text in one, and what else the events say of it: pieces of text come as decodes happen to end. */
function told(events: readonly TranscribeEvent[]) {
  const text = events.map((event) => event.kind === "text" ? event.text : "").join("");
  return { text, rest: events.filter(({ kind }) => ["segment", "language", "progress"].includes(kind)) };
}

for (const pastText of [false, true]) {
  for (const skipSilence of [false, true]) {
    test(`an interrupted run goes on as if nothing had happened (${pastText}, ${skipSilence})`, async () => {
      const request = { ...base, samples: placed, segmentSec: 10, searchSec: 3, pastText, skipSilence };
      const whole: TranscribeEvent[] = [];
      const { signal } = new AbortController();
      const uninterrupted = await transcribe(requestOf(request), placedEngine(), signal, (event) => whole.push(event));
      const ends = whole.flatMap((event, index) => event.kind === "progress" ? [{ index, ...event }] : []);
      expect(ends.length).toBeGreaterThan(5);
      for (const { index, progress } of ends) {
        const text = whole.slice(0, index).map((event) => event.kind === "segment" ? event.segment.text : "").join("");
        const resume = structuredClone({ text, progress });
        const rest: TranscribeEvent[] = [];
        const resumed = await transcribe(
          requestOf({ ...request, resume }),
          placedEngine(),
          signal,
          (event) => rest.push(event),
        );
        expect(resumed).toEqual(uninterrupted);
        expect(told(rest)).toEqual(told(whole.slice(index + 1)));
      }
    });
  }
}

test("an interrupted run tells the same of loops, mended ones, gaps and noise", async () => {
  const kinds = ["fine", "loop", "empty", "stuck", "fine", "empty", "noise"];
  const samples = Float32Array.from({ length: 70 * rate }, (_, i) => (1 + Math.floor(i / rate / 10)) / 10);
  const engine = () =>
    fakeEngine(({ samples }) => {
      const kind = kinds[Math.round(samples[samples.length >> 1]! * 10) - 1]!;
      const isLoop = kind === "stuck" || kind === "loop" && samples.length > 6 * rate;
      return isLoop ? { says: en(" and so on".repeat(99)) } : { says: kind === "empty" ? en("") : en("All is well.") };
    });
  const request = { ...base, samples, segmentSec: 10, searchSec: 0, voiceJudge: judgeOf((sample) => sample < 0.65) };
  const { signal } = new AbortController();
  const whole: TranscribeEvent[] = [];
  const uninterrupted = await transcribe(requestOf(request), engine(), signal, (event) => whole.push(event));
  expect(uninterrupted.unvoiced).toBe("no voice, so no text, in segment 7 of 7, 60.0 to 70.0 s");
  const gaps = [[20, 30], [50, 70]].map(([from, to]) => ({ startMs: from! * 1000, endMs: to! * 1000 }));
  expect(uninterrupted.audit).toEqual({ gaps, speechSec: 70, saidSec: 40 }); // By its level, noise is speech.
  const segments = whole.flatMap((event) => event.kind === "segment" ? [event.segment] : []);
  expect(segments.map(({ stop, repaired = "" }) => `${stop} ${repaired}`)).toEqual([
    ...["end ", "end cuts", "loop ", "end "],
  ]);
  for (const [index, event] of whole.entries()) {
    if (event.kind !== "progress") continue;
    const text = whole.slice(0, index).map((event) => event.kind === "segment" ? event.segment.text : "").join("");
    const resume = structuredClone({ text, progress: event.progress });
    const rest: TranscribeEvent[] = [];
    const resumed = await transcribe(requestOf({ ...request, resume }), engine(), signal, (one) => rest.push(one));
    expect(resumed).toEqual(uninterrupted);
    expect(told(rest)).toEqual(told(whole.slice(index + 1)));
  }
});

test("a run cannot go on from where this recording has no cut", async () => {
  const costs = { textTokens: 0, encodeMs: 0, decodeMs: 0 };
  const progress = { heardSamples: 5, languages: [], collapses: 0, coverage: nothingCovered, ...costs };
  await expect(run({ segmentSec: 5, searchSec: 0, resume: { text: "", progress } }, [])).rejects.toThrow(
    "cannot go on",
  );
});
