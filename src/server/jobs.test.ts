import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fakeEngine } from "../../tests/support/fake_parts.ts";
import { type FakeServer, fakeServer, form, sayingEngine } from "../../tests/support/fake_server.ts";
import { ShortageError } from "../errors.ts";
import { remove, temporaryFolder } from "./folder.ts";
import { parseKeys } from "./keys.ts";
import { State } from "./state.ts";

type JobJson = {
  readonly id: string;
  readonly status: string;
  readonly audio_seconds?: number;
  readonly heard_seconds?: number;
  readonly error?: unknown;
};

async function create({ url }: FakeServer, recording: string, fields = {}, headers = {}): Promise<JobJson> {
  const response = await fetch(`${url}/v1/jobs`, { method: "POST", body: form(recording, fields), headers });
  expect(response.status).toBe(202);
  return await response.json();
}

async function ask({ url }: FakeServer, path: string, method = "GET", headers = {}): Promise<[number, string]> {
  const response = await fetch(`${url}/v1/jobs${path}`, { method, headers });
  return [response.status, await response.text()];
}

async function show(server: FakeServer, id: string): Promise<JobJson> {
  return JSON.parse((await ask(server, `/${id}`))[1]);
}

/** Waits for an event of the job whose text has this. */
async function untilEvent({ url }: FakeServer, id: string, text: string): Promise<string> {
  const response = await fetch(`${url}/v1/jobs/${id}/events`);
  let events = "";
  for await (const bytes of response.body!) {
    events += new TextDecoder().decode(bytes);
    if (events.includes(text)) break;
  }
  return events;
}

test("a job is heard while nobody waits, and its result has any format", async () => {
  await using server = await fakeServer(sayingEngine());
  const { id } = await create(server, "2s", { language: "en" });
  const events = await untilEvent(server, id, "transcript.text.done");
  expect(events).toContain('"text":"Hello there. All is well."');
  expect(await show(server, id)).toMatchObject({ id, status: "done", name: "talk.wav", audio_seconds: 2 });
  expect((await ask(server, `/${id}/result`))[1]).toContain('"text":"Hello there. All is well."');
  expect((await ask(server, `/${id}/result?response_format=srt`))[1]).toContain("Hello there. All is well.\n");
  const verbose = JSON.parse((await ask(server, `/${id}/result?response_format=verbose_json`))[1]);
  expect(verbose.segments[0].no_speech_prob).toBeCloseTo(0.1);
  expect(JSON.parse((await ask(server, ""))[1]).data).toHaveLength(1);
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([id]);
  expect((await ask(server, `/${id}`, "DELETE"))[0]).toBe(200);
  expect((await ask(server, `/${id}`))[0]).toBe(404);
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([]);
});

test("a job can fail, and can be cancelled", async () => {
  await using server = await fakeServer(sayingEngine("a ".repeat(1000), 10));
  const bad = await create(server, "bad");
  await untilEvent(server, bad.id, "event: error");
  expect(await show(server, bad.id)).toMatchObject({
    status: "failed",
    error: { message: "talk.wav: not a recording" },
  });
  expect((await ask(server, `/${bad.id}/result`))[0]).toBe(409);
  const slow = await create(server, "2s");
  await untilEvent(server, slow.id, "delta");
  const start = performance.now();
  expect((await ask(server, `/${slow.id}/cancel`, "POST"))[1]).toContain('"status":"cancelled"');
  expect(performance.now() - start).toBeLessThan(1000);
});

test("what is refused leaves nothing behind", async () => {
  await using server = await fakeServer(sayingEngine());
  for (const body of [form(""), form("2s", { language: "Klingon" }), form("2s", { align: "true" })]) {
    expect((await fetch(`${server.url}/v1/jobs`, { method: "POST", body })).status).toBe(400);
  }
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([]);
  expect(JSON.parse((await ask(server, ""))[1]).data).toEqual([]);
});

test("a recording is heard again with other options, whatever becomes of the first job", async () => {
  await using server = await fakeServer(sayingEngine("It is twenty two."));
  const first = await create(server, "2s");
  await untilEvent(server, first.id, "transcript.text.done");
  const again = async (id: string) => {
    const body = new FormData();
    for (const [name, value] of [["recording", id], ["itn", "true"]] as const) body.append(name, value);
    const reply = await fetch(`${server.url}/v1/jobs`, { method: "POST", body });
    return { ...await reply.json(), code: reply.status };
  };
  const second = await again(first.id);
  expect(second).toMatchObject({ code: 202, name: "talk.wav" });
  await ask(server, `/${first.id}`, "DELETE");
  expect(await untilEvent(server, second.id, "transcript.text.done")).toContain('"text":"It is 22."');
  expect((await again(first.id)).code).toBe(404);
  await Bun.file(join(server.settings.folder, "uploads", second.id)).delete();
  expect((await again(second.id)).code).toBe(410);
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([]);
});

test("who listens late gets the same text in fewer pieces", async () => {
  await using server = await fakeServer(sayingEngine("One two three four five six seven. Eight nine ten.", 30));
  const { id } = await create(server, "2s");
  const early = untilEvent(server, id, "transcript.text.done");
  await untilEvent(server, id, "six");
  const late = untilEvent(server, id, "transcript.text.done");
  const deltas = (events: string) => [...events.matchAll(/"delta":"([^"]*)"/g)].map(([, delta]) => delta);
  const [first, second] = [deltas(await early), deltas(await late)];
  expect(second.join("")).toBe(first.join(""));
  expect(first.length).toBeGreaterThan(second.length + 3);
});

test("a job that is cancelled keeps what was heard until then", async () => {
  let decodes = 0;
  const words = (count: number) => Array.from({ length: count }, (_, index) => `word${index}`).join(" ");
  // The first has as many words as half a minute may have; the others go on for longer than anybody waits.
  const engine = fakeEngine(() => {
    const [count, tokenDelayMs] = decodes++ < 1 ? [60, 1] : [2000, 50];
    return { says: `language English<asr_text>${words(count)}`, tokenDelayMs };
  });
  await using server = await fakeServer(engine);
  const { id } = await create(server, "90s", { segment_sec: "30" });
  await untilEvent(server, id, "job.progress");
  const [, cancelled] = await ask(server, `/${id}/cancel`, "POST");
  expect(JSON.parse(cancelled)).toMatchObject({ status: "cancelled", partial: true, audio_seconds: 90 });
  expect(JSON.parse(cancelled).heard_seconds).toBeWithin(20, 40);
  expect((await ask(server, `/${id}/result?response_format=text`))[1]).toStartWith("word0 word1 ");
  expect(JSON.parse((await ask(server, `/${id}/result?response_format=document`))[1]).complete).toBeFalse();
});

test("a job that fails keeps what was heard until then", async () => {
  const words = Array.from({ length: 60 }, (_, index) => `word${index}`).join(" ");
  let decodes = 0;
  const engine = fakeEngine(() => {
    if (decodes++ >= 1) throw new ShortageError("no memory for the KV cache");
    return { says: `language English<asr_text>${words}`, tokenDelayMs: 1 };
  });
  await using server = await fakeServer(engine);
  const { id } = await create(server, "90s", { segment_sec: "30" });
  await untilEvent(server, id, "event: error");
  const job = await show(server, id);
  expect(job).toMatchObject({ status: "failed", partial: true, error: { message: expect.stringContaining("memory") } });
  expect(job.heard_seconds).toBeWithin(20, 40);
  expect((await ask(server, `/${id}/result?response_format=text`))[1]).toStartWith("word0 word1 ");
  expect(JSON.parse((await ask(server, `/${id}/result?response_format=document`))[1]).complete).toBeFalse();
});

test("jobs are their owner's alone", async () => {
  const keys = parseKeys("ann:secret-of-ann\nbob:secret-of-bob", "keys");
  await using server = await fakeServer(sayingEngine(), { keys });
  const [ann, bob] = ["ann", "bob"].map((name) => ({ authorization: `Bearer secret-of-${name}` }));
  const { id } = await create(server, "1s", {}, ann);
  for (
    const [path, method] of [["", "GET"], ["", "DELETE"], ["/cancel", "POST"], ["/result", "GET"], ["/events", "GET"]]
  ) {
    expect((await ask(server, `/${id}${path}`, method, bob))[0]).toBe(404);
  }
  expect(JSON.parse((await ask(server, "", "GET", bob))[1]).data).toEqual([]);
  expect((await ask(server, `/${id}`, "GET", ann))[0]).toBe(200);
});

test("a job goes on with the next server where it was, and comes to the same", async () => {
  const folder = await temporaryFolder();
  /** What is said depends on the audio, so that a segment left out or repeated shows. */
  const engine = (tokenDelayMs: number) => {
    let count = 0;
    return fakeEngine(({ samples }) => ({
      ...{ says: `language English<asr_text>Part ${++count} of ${samples.length}.`, tokenDelayMs },
    }), { stepMax: 1 });
  };
  const fields = { response_format: "verbose_json", segment_sec: "5", search_sec: "0" };
  const first = await fakeServer(engine(30), { folder, drainMs: 0 });
  const { id } = await create(first, "30s", fields);
  await untilEvent(first, id, '"heard_seconds":10');
  await first.stop();
  const rest = engine(0);
  await using second = await fakeServer(rest, { folder });
  await untilEvent(second, id, "transcript.text.done");
  const text = JSON.parse((await ask(second, `/${id}/result`))[1]).text as string;
  expect(text.match(/Part/g)).toHaveLength(6);
  expect(rest.requests.length).toBeLessThan(5);
  expect(await show(second, id)).toMatchObject({ status: "done", audio_seconds: 30 });
  await second.stop();
  await using third = await fakeServer(engine(0), { folder });
  expect(JSON.parse((await ask(third, `/${id}/result`))[1]).text).toBe(text);
  await third.stop();
  await remove(folder);
});

test("one server has a state at a time, and what others left is removed", async () => {
  const folder = await temporaryFolder();
  using state = State.open(folder);
  await Bun.write(state.uploadPath("stray"), "x");
  state.removeStrays([]);
  expect(await readdir(join(folder, "uploads"))).toEqual([]);
  const script = `import { State } from ${JSON.stringify(join(import.meta.dir, "state.ts"))};
    try { State.open(${JSON.stringify(folder)}); } catch (error) { console.log(error.message); }`;
  const open = Bun.spawnSync([process.execPath, "-e", script]);
  expect(open.stdout.toString()).toBe(`${folder}: another server uses it\n`);
  await remove(folder);
});

test("with nothing kept, recordings go when they are heard; and what may be kept has a limit", async () => {
  await using server = await fakeServer(sayingEngine(), { keepMs: 0 });
  const { id } = await create(server, "2s");
  await untilEvent(server, id, "transcript.text.done");
  await Bun.sleep(20);
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([]);
  await using full = await fakeServer(sayingEngine(), { stateBytesMax: 1 });
  const refused = await fetch(`${full.url}/v1/jobs`, { method: "POST", body: form("1s") });
  expect(refused.status).toBe(507);
});
