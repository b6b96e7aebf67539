import { connect } from "node:net";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { fakeEngine } from "../../tests/support/fake_parts.ts";
import { readDocument } from "../document/json.ts";
import { schemaErrors } from "../document/schema_fixture.ts";
import { readHtml, textsOf } from "../output/html_fixture.ts";
import { fakeServer, form, sayingEngine } from "../../tests/support/fake_server.ts";
import { parseKeys } from "./keys.ts";

const path = "/v1/audio/transcriptions";

async function post(url: string, body: FormData, headers: Record<string, string> = {}) {
  return await fetch(`${url}${path}`, { method: "POST", body, headers });
}

/** Resolves when so many requests are there. */
async function admitted(url: string, count: number): Promise<void> {
  for (let text = ""; !text.includes(`qwen_asr_requests_admitted ${count}\n`);) {
    text = await (await fetch(`${url}/metrics`)).text();
  }
}

/** What a server answers to bytes; the connection is closed when it has said as much, or nothing more comes. */
function raw(port: number, request: string, until = /\r\n\r\n/): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    socket.setTimeout(5000, () => socket.destroy());
    socket.on("data", (bytes) => until.test(answer += bytes) && socket.destroy());
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

test("a recording becomes text, with and without /v1", async () => {
  await using server = await fakeServer(sayingEngine());
  for (const prefix of ["/v1", "", "/v1/v1"]) {
    const response = await fetch(`${server.url}${prefix}/audio/transcriptions`, { method: "POST", body: form("2s") });
    expect(await response.json()).toEqual({
      text: "Hello there. All is well.",
      usage: { type: "duration", seconds: 2 },
    });
  }
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([]);
});

test("verbose_json has every field of Whisper's, and words only where they are asked for", async () => {
  await using server = await fakeServer(sayingEngine());
  const ask = async (granularity?: string) => {
    const fields = {
      response_format: "verbose_json",
      ...(granularity && { "timestamp_granularities[]": granularity }),
    };
    return await (await post(server.url, form("2s", fields))).json();
  };
  const whole = await ask();
  expect(whole).toMatchObject({
    task: "transcribe",
    language: "english",
    duration: 2,
    text: "Hello there. All is well.",
  });
  expect(whole.words).toBeUndefined();
  expect(whole.segments.map((segment: { text: string }) => segment.text)).toEqual(["Hello there.", " All is well."]);
  for (
    const key of ["id", "seek", "start", "end", "temperature", "avg_logprob", "compression_ratio", "no_speech_prob"]
  ) {
    for (const segment of whole.segments) expect(segment[key]).toBeNumber();
  }
  expect(whole.segments[0].tokens).toEqual([]);
  const words = await ask("word");
  expect(words.segments).toBeUndefined();
  expect(words.words.map(({ word }: { word: string }) => word)).toEqual(["Hello", "there.", "All", "is", "well."]);
});

test("events come while it decodes, with their names", async () => {
  await using server = await fakeServer(sayingEngine("One two three.", 20));
  const response = await post(server.url, form("2s", { stream: "true", response_format: "verbose_json" }));
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  const events: {
    readonly type: string;
    readonly delta?: string;
    readonly segments?: unknown[];
    readonly text?: string;
  }[] = [];
  let held = "";
  let isEarly = false;
  for await (const bytes of response.body!) {
    held += new TextDecoder().decode(bytes);
    isEarly ||= !held.includes("transcript.text.done");
  }
  for (const block of held.split("\n\n").filter(Boolean)) {
    const [name, data] = block.split("\n");
    events.push(JSON.parse(data!.slice("data: ".length)));
    expect(name).toBe(`event: ${events.at(-1)!.type}`);
  }
  expect(isEarly).toBeTrue();
  expect(events.map(({ delta = "" }) => delta).join("")).toBe("One two three.");
  expect(events.at(-1)).toMatchObject({ type: "transcript.text.done", text: "One two three." });
  expect(events.at(-1)!.segments).toHaveLength(1);
  expect(server.lines.at(-1)).toMatch(
    new RegExp(` POST /v1/audio/transcriptions 200 0\\.\\d+s audio=2\\.0s bytes=${held.length}$`),
  );
});

test("the log says when and how a reply of events ended, also where it failed or the client left", async () => {
  const engine = fakeEngine(({ context }) => {
    if (context === "fail") throw new Error("broken");
    return slow;
  });
  const slow = { says: "language English<asr_text>One two three four five.", tokenDelayMs: 100 };
  await using server = await fakeServer(engine);
  const failed = await (await post(server.url, form("1s", { stream: "true", prompt: "fail" }))).text();
  expect(failed).toContain('event: error\ndata: {"type":"error","error":{"message":"internal error"');
  const [internal, line] = server.lines;
  expect(internal).toContain("internal error: ");
  expect(line).toMatch(/ 500 \d\.\d+s audio=1\.0s bytes=\d+$/);
  const gone = new AbortController();
  const body = form("1s", { stream: "true" });
  const response = await fetch(server.url + path, { method: "POST", body, signal: gone.signal });
  for await (const _ of response.body!) {
    expect(server.lines).toHaveLength(2); // Not before it is over.
    break;
  }
  gone.abort();
  while (server.lines.length < 3) await Bun.sleep(5);
  expect(server.lines[2]).toMatch(/ 499 \d\.\d+s audio=1\.0s bytes=\d+$/);
});

test("failures have OpenAI's shape, and do not tell where files lie", async () => {
  await using server = await fakeServer(sayingEngine());
  const bad = await post(server.url, form("bad"));
  expect(bad.status).toBe(400);
  const body = await bad.json();
  expect(body.error).toEqual({
    message: "talk.wav: not a recording",
    type: "invalid_request_error",
    param: "file",
    code: "invalid_file",
  });
  const none = new FormData();
  none.append("model", "x");
  expect((await (await post(server.url, none)).json()).error.code).toBe("missing_required_parameter");
  const json = await fetch(server.url + path, { method: "POST", body: "{}" });
  expect(json.status).toBe(415);
  expect((await fetch(`${server.url}/v1/nothing`)).status).toBe(404);
  const get = await fetch(server.url + path);
  expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
  expect((await post(server.url, form("9s", { align: "true" }))).status).toBe(400);
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([]);
});

test("uploads and recordings have limits", async () => {
  await using server = await fakeServer(sayingEngine(), { uploadBytesMax: 10_000, audioSecMax: 5 });
  const large = await post(server.url, form("x".repeat(20_000)));
  expect([large.status, (await large.json()).error.code]).toEqual([413, "file_too_large"]);
  const long = await post(server.url, form("6s"));
  expect([long.status, (await long.json()).error.code]).toEqual([413, "audio_too_long"]);
  const field = await post(server.url, form("1s", { prompt: "y".repeat(9000) }));
  expect(field.status).toBe(200);
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n` +
    "Content-Type: multipart/form-data; boundary=b\r\n\r\n";
  const part = '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n';
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const answer = await raw(server.port, head + chunk(part) + chunk("z".repeat(9000)).repeat(3), /file_too_large/);
  expect(answer).toStartWith("HTTP/1.1 413");
  expect(answer.toLowerCase()).toContain("connection: close"); // The rest is not waited for.
  expect(await readdir(join(server.settings.folder, "uploads"))).toEqual([]);
});

test("keys are needed but for health, and are nowhere in the log", async () => {
  const keys = parseKeys("ann:secret-of-ann\nbob:secret-of-bob", "keys");
  await using server = await fakeServer(sayingEngine(), { keys });
  for (const route of ["/healthz", "/readyz", "/health"]) {
    expect(await (await fetch(server.url + route)).text()).toBe("OK");
  }
  expect((await fetch(`${server.url}/v1/models`)).status).toBe(401);
  const wrong = await post(server.url, form("1s"), { authorization: "Bearer secret-of-eve" });
  expect([wrong.status, (await wrong.json()).error.code]).toEqual([401, "invalid_api_key"]);
  expect((await post(server.url, form("1s"), { authorization: "Bearer secret-of-ann" })).status).toBe(200);
  expect(server.lines.join("\n")).not.toContain("secret");
  expect(server.lines.at(-1)).toContain("POST /v1/audio/transcriptions 200");
  expect(server.lines.at(-1)).toContain("key=ann");
});

test("other names and other pages are refused", async () => {
  await using server = await fakeServer(sayingEngine(), { origins: ["https://app.example"] });
  const host = await raw(server.port, "GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  expect(host).toStartWith("HTTP/1.1 403");
  const evil = await post(server.url, form("1s"), { origin: "https://evil.example" });
  expect([evil.status, evil.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  const ours = await post(server.url, form("1s"), { origin: "https://app.example" });
  expect([ours.status, ours.headers.get("access-control-allow-origin")]).toEqual([200, "https://app.example"]);
  const asked = {
    method: "OPTIONS",
    headers: { origin: "https://app.example", "access-control-request-method": "POST" },
  };
  expect((await fetch(server.url + path, asked)).status).toBe(204);
});

test("when too many wait, the next is told to come again", async () => {
  await using server = await fakeServer(sayingEngine("One two three four five.", 20), { queueMax: 2 });
  const both = [post(server.url, form("1s")), post(server.url, form("1s"))];
  await admitted(server.url, 2);
  const third = await post(server.url, form("1s"));
  expect([third.status, Number(third.headers.get("retry-after")) >= 1]).toEqual([429, true]);
  expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
});

test("of long recordings that wait, none is kept read", async () => {
  await using server = await fakeServer(sayingEngine("a ".repeat(10), 5), { queueMax: 99 });
  const asked = Array.from({ length: 16 }, () => post(server.url, form("61s")));
  let [most, isOver] = [0, false];
  const all = Promise.all(asked).finally(() => isOver = true);
  while (!isOver) {
    most = Math.max(most, server.openReads());
    await Bun.sleep(2);
  }
  const texts = await Promise.all((await all).map(async (reply) => (await reply.json()).text));
  expect(new Set(texts).size).toBe(1);
  expect(most).toBeGreaterThan(4);
  expect(most).toBeLessThan(14); // Eight are heard, and two are read at a time.
  expect(server.openReads()).toBe(0);
});

test("what nobody waits for stops", async () => {
  const engine = sayingEngine("a ".repeat(500), 10);
  await using server = await fakeServer(engine, { queueMax: 1 });
  for (const stream of ["false", "true"]) {
    const gone = new AbortController();
    const asked = fetch(server.url + path, { method: "POST", body: form("1s", { stream }), signal: gone.signal });
    if (stream === "true") await asked;
    else await admitted(server.url, 1);
    gone.abort();
    await asked.then((response) => response.text()).catch(() => {});
    let status = 429;
    for (let tries = 0; status === 429 && tries < 100; tries++) {
      await Bun.sleep(10);
      const next = new AbortController();
      const response = await fetch(server.url + path, {
        ...{ method: "POST", body: form("bad"), signal: next.signal },
      });
      status = response.status;
    }
    expect(status).toBe(400);
  }
});

test("at the end, running requests have their time, and then no more", async () => {
  const server = await fakeServer(sayingEngine("One two three.", 10), { drainMs: 5000 });
  const asked = post(server.url, form("1s"));
  await admitted(server.url, 1);
  const stopped = server.stop();
  expect((await asked).status).toBe(200);
  await stopped;
  const slow = await fakeServer(sayingEngine("a ".repeat(500), 10), { drainMs: 20 });
  const cut = post(slow.url, form("1s")).then(({ status }) => status, () => "closed");
  await admitted(slow.url, 1);
  const start = performance.now();
  await slow.stop();
  expect(performance.now() - start).toBeLessThan(2000);
  expect([503, "closed"]).toContain(await cut);
});

test("JSON with input_audio is a form, too", async () => {
  await using server = await fakeServer(sayingEngine());
  const ask = async (body: unknown) => {
    const headers = { "content-type": "application/json" };
    return await fetch(server.url + path, { method: "POST", body: JSON.stringify(body), headers });
  };
  const input_audio = { data: btoa("3s"), format: "wav" };
  const response = await ask({ model: "any", input_audio, response_format: "verbose_json", language: "en" });
  expect(await response.json()).toMatchObject({ duration: 3, text: "Hello there. All is well." });
  const bad = await ask({ input_audio: { data: btoa("x"), format: "webm" } });
  expect((await bad.json()).error.message).toBe("audio.webm: not a recording");
  expect((await ask({ model: "any" })).status).toBe(400);
  expect((await ask([])).status).toBe(400);
});

test("what the model cannot do is said", async () => {
  await using server = await fakeServer(sayingEngine());
  const response = await fetch(`${server.url}/v1/audio/translations`, { method: "POST", body: form("1s") });
  expect([response.status, (await response.json()).error.code]).toEqual([501, "not_implemented"]);
  const aligned = await fetch(`${server.url}/v1/audio/alignments`, { method: "POST", body: form("1s", { text: "a" }) });
  expect([aligned.status, (await aligned.json()).error.code]).toEqual([400, "no_aligner"]);
});

test("/asr and /detect-language answer as whisper-asr-webservice does", async () => {
  const keys = parseKeys("ann:secret-of-ann", "keys");
  await using server = await fakeServer(sayingEngine(), { keys });
  const ask = async (where: string) => {
    const body = new FormData();
    body.append("audio_file", new File(["2s"], "audio"));
    return await fetch(`${server.url}${where}`, { method: "POST", body });
  };
  const srt = await ask("/asr?task=transcribe&language=en&output=srt&encode=true&key=secret-of-ann");
  expect(srt.status).toBe(200);
  expect(await srt.text()).toMatch(/^1\n00:00:00,000 --> 00:00:01,\d{3}\nHello there. All is well.\n\n$/);
  const language = await ask("/detect-language?key=secret-of-ann");
  expect(await language.json()).toEqual({ detected_language: "english", language_code: "en" });
  expect((await ask("/asr?output=srt")).status).toBe(401);
  expect((await ask("/asr?task=translate&key=secret-of-ann")).status).toBe(501);
  expect((await ask("/asr?output=docx&key=secret-of-ann")).status).toBe(400);
  expect(server.lines.join("\n")).not.toContain("secret");
});

test("metrics count requests and recordings", async () => {
  await using server = await fakeServer(sayingEngine());
  await post(server.url, form("2s"));
  await post(server.url, form("bad"));
  const text = await (await fetch(`${server.url}/metrics`)).text();
  expect(text).toContain('qwen_asr_requests_total{endpoint="/v1/audio/transcriptions",status="400"} 1\n');
  expect(text).toContain("qwen_asr_audio_seconds_total 2\n");
  expect(text).toContain('qwen_asr_recording_seconds_bucket{le="+Inf"} 1\n');
  for (const line of text.trim().split("\n")) expect(line).toMatch(/^(# TYPE \w+ \w+|\w+(\{[^}]*\})? [\d.e+-]+)$/);
});

test("whoever guesses keys is slowed down, by the address that a trusted proxy names", async () => {
  const keys = parseKeys("ann:secret-of-ann", "keys");
  await using server = await fakeServer(sayingEngine(), { keys, trustsProxy: true });
  const ask = async (key: string, address: string) => {
    const headers = { authorization: `Bearer ${key}`, "x-forwarded-for": `6.6.6.6, ${address}` };
    return (await fetch(`${server.url}/v1/models`, { headers })).status;
  };
  for (let count = 0; count < 10; count++) expect(await ask(`guess-${count}`, "1.2.3.4")).toBe(401);
  expect(await ask("secret-of-ann", "1.2.3.4")).toBe(429);
  expect(await ask("secret-of-ann", "1.2.3.5")).toBe(200);
  expect(server.lines.at(-1)).toContain(" 1.2.3.5 GET /v1/models 200");
});

test("idle models are closed, and opened by the next request", async () => {
  const engine = sayingEngine();
  await using server = await fakeServer(engine, { unloadMs: 20 });
  while (!engine.isClosed()) await Bun.sleep(5);
  expect((await post(server.url, form("1s"))).status).toBe(200);
});

test("a page, Markdown and the program's own JSON are as the command line writes them", async () => {
  await using server = await fakeServer(sayingEngine());
  const ask = async (format: string, fields: Record<string, string> = {}) => {
    const response = await post(server.url, form("2s", { response_format: format, ...fields }));
    return { type: response.headers.get("content-type"), body: await response.text() };
  };
  const page = await ask("html");
  expect(page.type).toBe("text/html; charset=utf-8");
  const elements = readHtml(page.body);
  const shown = textsOf(elements.filter(({ path }) => path.includes("main")), "say");
  expect(shown.join(" ")).toBe("Hello there. All is well.");
  expect(elements.find(({ tag }) => tag === "audio")!.attributes["src"]).toBe("talk.wav");
  expect(await ask("md")).toEqual({
    type: "text/markdown; charset=utf-8",
    body: "# talk.wav\n\n`0:00` Hello there. All is well.\n",
  });
  const { body } = await ask("document");
  expect(schemaErrors(JSON.parse(body))).toEqual([]);
  expect(readDocument(body, "it")).toMatchObject({ isComplete: true, gaps: [], source: { name: "talk.wav" } });
  const cues = JSON.parse((await ask("cues", { max_cols: "12", max_lines: "1" })).body).segments;
  expect(cues.every(({ cue }: { cue?: boolean }) => cue)).toBeTrue();
  expect(cues.map(({ text }: { text: string }) => text)).toEqual(["Hello there.", " All is well."]);
  expect((await ask("csv", { spreadsheet: "true" })).body).toBe((await ask("csv")).body);
});
