import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type FakeServer, fakeServer, form, sayingEngine } from "../../tests/support/fake_server.ts";
import { rangeOf } from "./job_sound.ts";
import { parseKeys } from "./keys.ts";

async function doneJob({ url }: FakeServer, recording: string, headers = {}): Promise<string> {
  const made = await fetch(`${url}/v1/jobs`, { method: "POST", body: form(recording), headers });
  const { id } = await made.json();
  await (await fetch(`${url}/v1/jobs/${id}/events`, { headers })).text();
  return id;
}

test.each([
  ["bytes=0-99", { from: 0, to: 100 }],
  ["bytes=50-", { from: 50, to: 1000 }],
  ["bytes=-10", { from: 990, to: 1000 }],
  ["bytes=-5000", { from: 0, to: 1000 }],
  ["bytes=900-5000", { from: 900, to: 1000 }],
  ["bytes=1000-", { from: 1000, to: 1000 }],
  [null, undefined],
  ["bytes=-", undefined],
  ["bytes=0-1,5-6", undefined],
  ["lines=1-2", undefined],
])("the range %p", (header, expected) => {
  expect(rangeOf(header, 1000)).toEqual(expected);
});

test("a job's recording is WAV, whole and in ranges, and goes with the job", async () => {
  await using server = await fakeServer(sayingEngine());
  const id = await doneJob(server, "2s");
  const ask = (what: string, headers = {}) => fetch(`${server.url}/v1/jobs/${id}/${what}`, { headers });
  const whole = await ask("audio");
  expect(whole.headers.get("content-type")).toBe("audio/wav");
  const bytes = new Uint8Array(await whole.arrayBuffer());
  expect([bytes.length, new TextDecoder().decode(bytes.subarray(0, 4))]).toEqual([44 + 2 * 32_000, "RIFF"]);
  const part = await ask("audio", { range: "bytes=44-143" });
  expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 44-143/64044"]);
  expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.subarray(44, 144));
  const beyond = await ask("audio", { range: "bytes=64044-" });
  expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */64044"]);
  const { seconds, peaks } = await (await ask("peaks")).json();
  expect([seconds, peaks.length]).toEqual([2, 40]);
  expect(peaks.every((peak: number) => 0 <= peak && peak <= 1)).toBeTrue();
  const path = join(server.settings.folder, "uploads", `${id}.wav`);
  expect(existsSync(path)).toBeTrue();
  await fetch(`${server.url}/v1/jobs/${id}`, { method: "DELETE" });
  expect(existsSync(path)).toBeFalse();
  expect((await ask("audio")).status).toBe(404);
});

test("all results are had at once", async () => {
  await using server = await fakeServer(sayingEngine());
  const ask = (format: string) => fetch(`${server.url}/v1/results?response_format=${format}`);
  expect((await ask("srt")).status).toBe(404);
  for (let count = 0; count < 2; count++) await doneJob(server, "1s");
  const reply = await ask("document");
  expect(reply.headers.get("content-type")).toBe("application/zip");
  const text = new TextDecoder("latin1").decode(await reply.arrayBuffer());
  expect(text.match(/talk(?: \(2\))?\.json/g)).toEqual(["talk.json", "talk (2).json", "talk.json", "talk (2).json"]);
});

test("nobody else hears it, and what was not kept is said to be gone", async () => {
  const keys = parseKeys("ann:secret-of-ann\nbob:secret-of-bob", "keys");
  await using server = await fakeServer(sayingEngine(), { keys, keepMs: 0 });
  const [ann, bob] = ["ann", "bob"].map((name) => ({ authorization: `Bearer secret-of-${name}` }));
  const id = await doneJob(server, "1s", ann);
  for (const what of ["audio", "peaks"]) {
    expect((await fetch(`${server.url}/v1/jobs/${id}/${what}`, { headers: bob! })).status).toBe(404);
    const asked = async () => (await fetch(`${server.url}/v1/jobs/${id}/${what}`, { headers: ann! })).status;
    let status = await asked(); // It goes right after the job is told to be done.
    for (let tries = 0; status === 200 && tries < 100; tries++, status = await asked()) await Bun.sleep(20);
    expect(status).toBe(410);
  }
});

test("a mended transcript is the result in every format; what is none is refused", async () => {
  await using server = await fakeServer(sayingEngine());
  const id = await doneJob(server, "2s");
  const result = (format: string) => fetch(`${server.url}/v1/jobs/${id}/result?response_format=${format}`);
  const lines = (await (await result("jsonl")).text()).trim().split("\n").map((line) => JSON.parse(line));
  const [{ type: _, ...head }, segment] = lines;
  const put = (body: unknown) =>
    fetch(`${server.url}/v1/jobs/${id}/result`, {
      ...{ method: "PUT", body: JSON.stringify(body), headers: { "content-type": "application/json" } },
    });
  const words = [{ text: "Good", start: 0.5, end: 0.7 }, { text: " morning.", start: 0.7, end: 1.5 }];
  const mended = { ...segment, text: "Good morning.", words };
  expect((await put({ ...head, complete: true, segments: [mended] })).status).toBe(200);
  expect(await (await result("srt")).text()).toContain("00:00:00,500 --> 00:00:01,500\nGood morning.\n");
  expect((await (await result("json")).json()).text).toBe("Good morning.");
  const corrected = { ...mended, text: "Good evening." };
  expect((await put({ ...head, complete: true, segments: [corrected] })).status).toBe(200);
  expect(await (await result("srt")).text()).toContain("00:00:00,500 --> 00:00:01,500\nGood evening.\n");
  expect((await put({ ...head, complete: true, segments: [mended] })).status).toBe(200);
  const wrong = await put({ ...head, complete: true, segments: [{ ...mended, end: -1 }] });
  expect([wrong.status, (await wrong.json()).error.message]).toEqual([400, expect.stringContaining("segments")]);
  expect((await put([])).status).toBe(400);
  expect((await (await result("json")).json()).text).toBe("Good morning.");
});
