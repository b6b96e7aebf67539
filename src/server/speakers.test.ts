import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { type FakeServer, fakeServer, form, sayingEngine } from "../../tests/support/fake_server.ts";
import { fakeSpeakers } from "../../tests/support/fake_speakers.ts";
import { remove, temporaryFolder } from "./folder.ts";
import type { ServerSettings } from "./host.ts";
import { SharedNetworks } from "./speakers.ts";

const path = "/v1/audio/transcriptions";

function speakingServer(changes: Partial<ServerSettings> = {}, open = fakeSpeakers): Promise<FakeServer> {
  const openSpeakers = () => Promise.resolve(open());
  return fakeServer(sayingEngine(), changes, { hasSpeakers: () => true, openSpeakers });
}

type Reference = readonly [name: string, recording: string];

function spoken(recording: string, fields: Record<string, string>, known: readonly Reference[] = []): FormData {
  const data = form(recording, fields);
  for (const [name, reference] of known) {
    data.append("known_speaker_names[]", name);
    data.append("known_speaker_references[]", reference);
  }
  return data;
}

async function ask({ url }: FakeServer, body: FormData): Promise<Response> {
  return await fetch(`${url}${path}`, { method: "POST", body });
}

function dataUrl(recording: string): string {
  return `data:audio/wav;base64,${Buffer.from(recording).toString("base64")}`;
}

type Diarized = { readonly segments: { readonly id: string; readonly start: number; readonly speaker: string }[] };

test("diarized_json calls speakers A and B, at the end and as events, and known ones by their names", async () => {
  await using server = await speakingServer();
  const diarized = { response_format: "diarized_json" };
  const reply = await (await ask(server, spoken("20s", diarized))).json() as Diarized;
  expect(reply).toMatchObject({ task: "transcribe", duration: 20, usage: { type: "duration", seconds: 20 } });
  expect(Object.keys(reply.segments[0]!)).toEqual(["type", "id", "start", "end", "text", "speaker"]);
  expect(reply.segments.map(({ id }) => id)).toEqual(reply.segments.map((_, index) => `seg_00${index + 1}`));
  for (const { start, speaker } of reply.segments) expect(speaker).toBe(start < 9.9 ? "A" : "B");
  const events = await (await ask(server, spoken("20s", { ...diarized, stream: "true" }))).text();
  const sent = [...events.matchAll(/^data: (.*text\.segment.*)$/gm)].map(([, json]) => JSON.parse(json!));
  expect(sent).toEqual(reply.segments);
  // Of a recording as short as a reference, the first of the two is the only one.
  const known = spoken("20s", diarized, [["B", `${dataUrl("5s").slice(0, -2)}\n${dataUrl("5s").slice(-2)}\n`]]);
  const named = await (await ask(server, known)).json() as Diarized;
  expect([...new Set(named.segments.map(({ speaker }) => speaker))]).toEqual(["B", "A"]);
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([]);
  expect(server.openReads()).toBe(0);
});

test("other formats say who speaks where that is asked for, and not else", async () => {
  await using server = await speakingServer();
  const speakers = { speakers: "1-3" };
  const text = await (await ask(server, spoken("20s", { ...speakers, response_format: "text" }))).text();
  expect(text).toMatch(/^Speaker 1: Hello.*\nSpeaker 2: .*\n$/);
  const vtt = await (await ask(server, spoken("20s", { ...speakers, response_format: "vtt" }))).text();
  expect(vtt).toContain("<v Speaker 2>");
  const verbose = { response_format: "verbose_json", "timestamp_granularities[]": "word" };
  const { words } = await (await ask(server, spoken("20s", { ...speakers, ...verbose }))).json();
  expect(words[0].speaker).toBe("Speaker 1");
  const whole = { ...speakers, response_format: "verbose_json" };
  const { segments } = await (await ask(server, spoken("20s", whole))).json();
  expect(segments[0]).toMatchObject({ speaker: "Speaker 1", no_speech_prob: 0.1 });
  const rttm = await (await ask(server, spoken("20s", { response_format: "rttm" }))).text();
  expect(rttm).toMatch(/^SPEAKER talk 1 0\.0.* Speaker_1 <NA> <NA>\nSPEAKER talk 1 9\.9.* Speaker_2 <NA> <NA>\n$/);
  const plain = await (await ask(server, spoken("20s", { speakers: "", response_format: "verbose_json" }))).text();
  expect(plain).not.toContain("speaker");
});

async function askAsr({ url }: FakeServer, query: string, recording = "20s"): Promise<Response> {
  const body = new FormData();
  body.append("audio_file", new File([recording], "talk.wav"));
  return await fetch(`${url}/asr?${query}`, { method: "POST", body });
}

test("/asr tells speakers apart and calls them as whisper-asr-webservice does, in every output", async () => {
  await using server = await speakingServer();
  const ask = async (query: string) => await (await askAsr(server, query)).text();
  const { language, segments } = JSON.parse(
    await ask("encode=True&task=transcribe&output=json&diarize=True&enable_diarization=True&max_speakers=3"),
  );
  expect([language, segments[0].speaker, segments.at(-1).speaker]).toEqual(["en", "SPEAKER_00", "SPEAKER_01"]);
  expect(segments[0].words[0]).toEqual({ word: "Hello", start: 0, end: expect.any(Number), speaker: "SPEAKER_00" });
  const labels = (text: string) =>
    text.split("\n").filter((line) => /\p{Ll}/u.test(line)).map((line) => line.slice(0, 14));
  const [one, two] = ["[SPEAKER_00]: ", "[SPEAKER_01]: "];
  expect(labels(await ask("diarize=true&min_speakers=2"))).toEqual([one, two]);
  // Every cue has its label.
  const srt = await ask("output=srt&diarize=1&min_speakers=2&max_speakers=2");
  expect(labels(srt)).toEqual([one, one, two, two]);
  expect(srt.match(/^\d+$/gm)).toEqual(["1", "2", "3", "4"]);
  expect(labels(await ask("output=vtt&diarize=true"))).toEqual([one, one, two, two]);
  expect(await ask("output=tsv&diarize=true")).toMatch(/^start\tend\ttext\tspeaker\n.*\tSPEAKER_00\n/);
  expect(await ask("output=json&diarize=false&min_speakers=2")).not.toContain("speaker");
});

test("what is wrong with the speakers of /asr is said in one line, and the parameter is named", async () => {
  await using server = await speakingServer();
  for (
    const [query, param, message] of [
      ["diarize=perhaps", "diarize", "diarize is true or false"],
      ["word_timestamps=maybe", "word_timestamps", "word_timestamps is true or false"],
      ["encode=raw", "encode", "encode is true or false"],
      ["diarize=true&min_speakers=two", "min_speakers", "min_speakers is a number from 1 to 99"],
      ["diarize=true&max_speakers=0", "max_speakers", "max_speakers is a number from 1 to 99"],
      ["diarize=true&max_speakers=1e9", "max_speakers", "max_speakers is a number from 1 to 99"],
      ["min_speakers=3&max_speakers=2", "min_speakers", "min_speakers is 3, more than max_speakers, which is 2"],
    ] as const
  ) {
    const response = await askAsr(server, query);
    expect([response.status, (await response.json()).error]).toEqual([
      400,
      expect.objectContaining({ param, message }),
    ]);
  }
});

test("a job keeps what known voices are like, also over the end of its server", async () => {
  const folder = await temporaryFolder();
  let asked = 0;
  const stuck = new Promise<void>(() => {});
  // The voice is heard, and then the recording is not.
  const first = await speakingServer({ folder }, () => fakeSpeakers(() => ++asked > 2 ? stuck : Promise.resolve()));
  const body = spoken("20s", { response_format: "diarized_json" }, [["Ann", dataUrl("5s")]]);
  const { id } = await (await fetch(`${first.url}/v1/jobs`, { method: "POST", body })).json();
  while (asked < 3) await Bun.sleep(5);
  await first.stop();
  await using server = await speakingServer({ folder });
  await (await fetch(`${server.url}/v1/jobs/${id}/events`)).text();
  const result = async (format: string) =>
    await (await fetch(`${server.url}/v1/jobs/${id}/result?response_format=${format}`)).text();
  expect(await result("srt")).toMatch(/Ann: Hello[^]*Speaker 2: /);
  const { speakers, turns, options } = JSON.parse(await result("document"));
  expect([speakers.map(({ name }: { name: string }) => name), options.speakers]).toEqual([
    ["Ann", "Speaker 2"],
    "auto",
  ]);
  expect(turns[1]).toEqual({ start: expect.closeTo(10, 0), end: expect.closeTo(20, 0), speaker: "Speaker 2" });
  expect(await result("diarized_json")).toMatch(/"speaker":"Ann"[^]*"speaker":"A"/);
  // A name that is given by hand is no letter of somebody else.
  const edited = (await result("document")).replaceAll('"Ann"', '"A"');
  const headers = { "content-type": "application/json" };
  const put = await fetch(`${server.url}/v1/jobs/${id}/result`, { method: "PUT", body: edited, headers });
  expect(put.status).toBe(200);
  expect(await result("diarized_json")).toMatch(/"speaker":"A"[^]*"speaker":"B"/);
  expect(await readdir(join(folder, "uploads"))).toEqual([id]);
  await remove(folder);
});

test("what is wrong with speakers is said in one line, and the field is named", async () => {
  await using server = await speakingServer({ uploadBytesMax: 2 ** 24 });
  const ann = (reference: string): Reference[] => [["Ann", reference]];
  const auto = { speakers: "auto" };
  const wrong: [FormData, number, string, string][] = [
    [spoken("5s", { speakers: "0" }), 400, "speakers", "speakers takes auto, a number from 1 to 99"],
    [spoken("5s", { speakers: "3-2", split_channels: "true" }), 400, "speakers", "speakers takes auto"],
    [spoken("5s", {}, ann(dataUrl("5s"))), 400, "known_speaker_names", "need response_format=diarized_json"],
    [spoken("5s", { ...auto, known_speaker_names: "Ann" }), 400, "known_speaker_references", "1 name and 0 references"],
    [spoken("5s", auto, ann("hello")), 400, "known_speaker_references", "[0] is no data URL"],
    [spoken("5s", auto, ann("data:audio/wav;base64,%")), 400, "known_speaker_references", "no data URL in base64"],
    [spoken("5s", auto, ann(dataUrl("bad"))), 400, "known_speaker_references", "[0]: not a recording"],
    [spoken("5s", auto, ann(dataUrl("1s"))), 400, "known_speaker_references", "[0] is 1.0 s long"],
    [spoken("5s", auto, ann(dataUrl("12s"))), 400, "known_speaker_references", "[0] is longer than 10 s"],
    [spoken("5s", auto, [["", dataUrl("5s")]]), 400, "known_speaker_names", "[0] is no name"],
    [spoken("5s", auto, [["A\u2028B", dataUrl("5s")]]), 400, "known_speaker_names", "[0] is no name"],
    [spoken("5s", auto, [["Speaker 1", dataUrl("5s")]]), 400, "known_speaker_names", "unknown speakers are called"],
    [
      spoken("5s", auto, [["Ann", dataUrl("5s")], ["Ann", dataUrl("5s")]]),
      ...[400, "known_speaker_names", "[1] is there twice"] as const,
    ],
    [
      spoken("5s", auto, [..."abcde"].map((name): Reference => [name, dataUrl("5s")])),
      ...[400, "known_speaker_references", "4 at most"] as const,
    ],
    [spoken("5s", auto, ann("x".repeat(9 * 2 ** 20))), 413, "known_speaker_references", "longer than 8 MiB"],
  ];
  for (const [body, status, param, message] of wrong) {
    const response = await ask(server, body);
    expect([response.status, (await response.json()).error]).toEqual([
      status,
      expect.objectContaining({ param, message: expect.stringContaining(message) }),
    ]);
  }
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([]);
});

test("a body of JSON has known voices of any size that a form has", async () => {
  await using server = await speakingServer({ uploadBytesMax: 2 ** 24 });
  const headers = { "content-type": "application/json" };
  const reply = async (fields: object) => {
    const body = JSON.stringify({ response_format: "diarized_json", input_audio: { data: btoa("20s") }, ...fields });
    const { error, segments } = await (await fetch(`${server.url}${path}`, { method: "POST", body, headers })).json();
    return error ?? [...new Set((segments as Diarized["segments"]).map(({ speaker }) => speaker))];
  };
  const long = `${dataUrl("5s")}${"\n".repeat(100_000)}`;
  const names = { known_speaker_names: ["Ann", "Ben"] };
  for (const references of [[long, long], [dataUrl("5s"), long], [long, dataUrl("5s")]]) {
    expect(await reply({ known_speaker_references: references, ...names })).toEqual(["Ann", "A"]);
    expect(
      await reply({ "known_speaker_references[]": references, "known_speaker_names[]": names.known_speaker_names }),
    )
      .toEqual(["Ann", "A"]);
  }
  expect(await reply({ known_speaker_references: long, known_speaker_names: "Ann" })).toEqual(["Ann", "A"]);
  const wrong = async (...references: unknown[]) => {
    return (await reply({ known_speaker_references: references, ...names })).message;
  };
  const none = { known_speaker_names: null, known_speaker_references: [], chunking_strategy: { type: "server_vad" } };
  expect(await reply(none)).toEqual(["A", "B"]);
  expect((await reply({ speakers: { min: 2 } })).message).toEndWith(`such as 2-4, got '{"min":2}'`);
  expect(await wrong(long)).toContain("2 names and 1 reference");
  expect(await wrong(long, "x".repeat(70_000))).toBe("known_speaker_references[1]: not a recording");
  expect(await wrong(long, null)).toBe("known_speaker_references[1] is no data URL");
  expect(await wrong("x".repeat(9 * 2 ** 20))).toBe("known_speaker_references[0] is longer than 8 MiB");
  expect(await wrong(1, 2, 3, 4, long)).toBe("known_speaker_references are 4 at most");
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([]);
});

test("a server without the networks, or with --low-memory, says so", async () => {
  for (
    const [settings, hasSpeakers, why] of [
      [{ lowMemory: true }, true, "--low-memory"],
      [{}, false, "no weights of the speaker networks"],
    ] as const
  ) {
    await using server = await fakeServer(sayingEngine(), settings, { hasSpeakers: () => hasSpeakers });
    const response = await ask(server, form("5s", { response_format: "diarized_json" }));
    const message = expect.stringContaining(why);
    expect(await response.json()).toMatchObject({ error: { message, param: "response_format", code: "no_speakers" } });
    expect(await (await fetch(`${server.url}/v1/info`)).json()).toMatchObject({ speakers: false });
  }
});

test("a client that leaves is not worked for, and the networks are closed with the server", async () => {
  let asked = 0;
  const waiting = Promise.withResolvers<void>();
  const networks = fakeSpeakers(() => (asked++, waiting.promise));
  const server = await speakingServer({}, () => networks);
  const gone = new AbortController();
  const body = spoken("90s", { response_format: "diarized_json" });
  const request = fetch(`${server.url}${path}`, { method: "POST", body, signal: gone.signal }).catch(() => "gone");
  while (asked === 0) await Bun.sleep(5);
  gone.abort();
  expect(await request).toBe("gone");
  // Its place is free at once, whatever the networks are at.
  while (!(await (await fetch(`${server.url}/metrics`)).text()).includes("requests_admitted 0\n")) await Bun.sleep(5);
  waiting.resolve();
  // What had begun ends: the windows of one minute, those between them, and their voices.
  while (asked < 3) await Bun.sleep(5);
  await server.stop();
  expect([asked, networks.isClosed, server.openReads()]).toEqual([3, true, 0]);
});

test("the networks are opened once, again after they have failed, and after they were closed", async () => {
  const opened: ReturnType<typeof fakeSpeakers>[] = [];
  let fails = true;
  const shared = new SharedNetworks({
    openSpeakers: () => {
      if (fails) return Promise.reject(new Error("no memory"));
      opened.push(fakeSpeakers());
      return Promise.resolve(opened.at(-1)!);
    },
  });
  await expect(shared.open()).rejects.toThrow("no memory");
  fails = false;
  const [one, same] = await Promise.all([shared.open(), shared.open()]);
  expect(same).toBe(one);
  one.close();
  const [two, also] = await Promise.all([shared.open(), shared.open()]);
  expect([also === two, opened.length]).toEqual([true, 2]);
  await shared.close();
  expect(two.isClosed).toBe(true);
  expect(await shared.open()).toBe(opened[2]!);
});
