/** `qwen-asr download` against hubs of our own that misbehave in every way seen or feared. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { fakeTerminal, memoryWriter } from "../../../tests/support/fake_parts.ts";
import { parseCommandLine } from "../parse.ts";
import { downloadModel, type DownloadParts } from "./download.ts";
import type { DownloadHost } from "../../model/hub/download_io.ts";
import {
  type FakeHub,
  fakeRevision,
  gitHash,
  modelFiles,
  openHub,
  send,
  sendHead,
  sendThenDrop,
} from "../../model/hub/fake_hub.ts";
import { sha256, treeOf } from "../../model/hub/fake_hub.ts";
import { redirectTarget } from "../../model/hub/http.ts";
import { locateModel } from "../../model/locate.ts";

// A proxy of the machine that runs the tests must not see them.
process.env.NO_PROXY = process.env.no_proxy = "127.0.0.1";

let home: string;
let face: FakeHub;
let scope: FakeHub;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "qwen-asr-download-"));
  face = await openHub();
  scope = await openHub();
});

afterEach(async () => {
  await Promise.all([face.close(), scope.close()]);
  rmSync(home, { recursive: true, force: true });
});

const modelDir = () => join(home, "models", "small");
const weights = modelFiles()["model.safetensors"]!;

type Outcome = { code: number | undefined; error: UserError | undefined; stdout: string; stderr: string };

/** No silence of a loaded machine is that long; tests of silence are impatient. */
const patient = { stallMs: 5000, listStallMs: 5000, retriesMax: 3, listRetriesMax: 1, retryBaseMs: 1 };
const impatient = { ...patient, stallMs: 300, listStallMs: 300 };

type Changes = Partial<DownloadHost> & {
  readonly env?: Record<string, string>;
  readonly parts?: Partial<DownloadParts>;
};

/** `args` is what follows the word download. */
async function run(args: string[], { env, parts: changed, ...changes }: Changes = {}): Promise<Outcome> {
  const [stdout, stderr] = [memoryWriter(), memoryWriter()];
  const parts: DownloadParts = {
    terminal: fakeTerminal(stdout, stderr).terminal,
    env: env ?? { QWEN_ASR_HOME: home, HF_ENDPOINT: face.url, MODELSCOPE_ENDPOINT: scope.url },
    download: {
      isTerminal: false,
      isInteractive: false,
      lines: () => typed(),
      freeBytes: () => Promise.resolve(1e12),
      limits: patient,
      ...changes,
    },
    ...changed,
  };
  const ended: Pick<Outcome, "code" | "error"> = { code: undefined, error: undefined };
  try {
    const command = parseCommandLine(["download", ...args]);
    if (command.kind !== "download") throw new Error(`a ${command.kind} command`);
    ended.code = await downloadModel(parts, command.options);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    ended.error = error;
    ended.code = error.exitCode;
  }
  return { ...ended, stdout: stdout.text(), stderr: stderr.text() };
}

async function* typed(...lines: string[]): AsyncGenerator<string> {
  yield* lines;
}

/** Answers the nth requests for the weights with these, the others as usual. */
function onWeights(hub: FakeHub, ...answers: ((request: FakeHub["requests"][number]) => boolean)[]): void {
  hub.overrides.push((request) => request.path.endsWith("/model.safetensors") && (answers.shift()?.(request) ?? false));
}

function expectWhole(outcome: Outcome): void {
  expect({ code: outcome.code, message: outcome.error?.message }).toEqual({ code: 0, message: undefined });
  expect(readdirSync(modelDir()).sort()).toEqual(
    [".complete", "config.json", "merges.txt", "model.safetensors", "vocab.json"],
  );
  expect(readFileSync(join(modelDir(), "model.safetensors")).equals(weights)).toBe(true);
}

function expectFailure(outcome: Outcome, message: string | RegExp, code = 1): void {
  expect(outcome.error?.message).toMatch(message);
  expect(outcome.error?.message).not.toContain("\n");
  expect(outcome.code).toBe(code);
}

test("fetches the needed files, checks them, and says how to go on", async () => {
  const outcome = await run(["small"]);
  expectWhole(outcome);
  expect(outcome.stdout).toBe(`${modelDir()}\n`);
  expect(outcome.stderr).toContain("model.safetensors: 300 kB, checked\n");
  expect(outcome.stderr).toEndWith("now run: qwen-asr -d small talk.wav\n");
  expect(await locateModel("small", { QWEN_ASR_HOME: home })).toEqual({ kind: "folder", path: modelDir() });
  const marker = JSON.parse(readFileSync(join(modelDir(), ".complete"), "utf8"));
  expect(marker.revision).toBe(fakeRevision);
  expect(marker.files).toContainEqual({ name: "model.safetensors", size: 300_000, hash: `sha256:${sha256(weights)}` });
  expect(scope.requests).toEqual([]);
  expect(face.asked("model.safetensors")[0]!.path).toContain(`/resolve/${fakeRevision}/`);
});

test("a second run says that all is there and asks nobody", async () => {
  await run(["small"]);
  face.requests.length = 0;
  const outcome = await run(["small"]);
  expectWhole(outcome);
  expect(outcome.stderr).toContain("already complete");
  expect(face.requests).toEqual([]);
});

test("a complete model whose file is gone is repaired", async () => {
  await run(["small"]);
  rmSync(join(modelDir(), "vocab.json"));
  face.requests.length = 0;
  expectWhole(await run(["small"]));
  expect(face.asked("vocab.json").length).toBe(1);
  expect(face.asked("model.safetensors")).toEqual([]);
});

test("a run that died just before its end is brought to it", async () => {
  await run(["small"]);
  writeFileSync(join(modelDir(), ".download"), readFileSync(join(modelDir(), ".complete")));
  expectWhole(await run(["small"]));
  expect(face.asked("model.safetensors").length).toBe(1);
});

test("--dir: a folder of one's own, with a command that names it", async () => {
  const dir = join(home, "my models");
  const outcome = await run(["large", "--dir", dir]);
  expect(outcome.code).toBe(0);
  expect(outcome.stdout).toBe(`${dir}\n`);
  expect(outcome.stderr).toContain(`now run: qwen-asr -d '${dir}' talk.wav\n`);
  expect(face.requests[0]!.path).toBe("/api/models/Qwen/Qwen3-ASR-1.7B");
  expectFailure(await run(["small", "--dir", dir]), "the model large is in there");
});

test("files that no download made are not replaced, the right ones are used", async () => {
  mkdirSync(modelDir(), { recursive: true });
  writeFileSync(join(modelDir(), "config.json"), "mine");
  expectFailure(await run(["small"]), "config.json: there is another file of this name");
  expect(readFileSync(join(modelDir(), "config.json"), "utf8")).toBe("mine");
  expect(existsSync(join(modelDir(), ".download"))).toBe(false);
  rmSync(join(modelDir(), "config.json"));
  writeFileSync(join(modelDir(), "model.safetensors"), weights);
  expectWhole(await run(["small"]));
  expect(face.asked("model.safetensors")).toEqual([]);
});

test("dropped connections are resumed with ranges", async () => {
  const drop = (request: FakeHub["requests"][number]) => sendThenDrop(request, weights, 30_000);
  onWeights(face, drop, drop, drop, drop, drop, drop); // More than retriesMax: progress counts anew.
  const outcome = await run(["small"]);
  expectWhole(outcome);
  const ranges = face.ranges("model.safetensors");
  expect(ranges.length).toBe(7);
  expect(ranges[0]).toBe("");
  expect(ranges[6]).toBe("bytes=180000-");
  expect(outcome.stderr).toContain("trying again");
});

test("a part of an earlier run is used", async () => {
  mkdirSync(modelDir(), { recursive: true });
  writeFileSync(join(modelDir(), "model.safetensors.part"), weights.subarray(0, 123_456));
  expectWhole(await run(["small"]));
  expect(face.ranges("model.safetensors")).toEqual(["bytes=123456-"]);
});

test("a part that is already whole needs only its check", async () => {
  mkdirSync(modelDir(), { recursive: true });
  writeFileSync(join(modelDir(), "model.safetensors.part"), weights);
  expectWhole(await run(["small"]));
  expect(face.asked("model.safetensors")).toEqual([]);
});

test("a part of another version, or too long, is started over", async () => {
  for (const part of [Buffer.alloc(1000, 1), Buffer.alloc(300_000, 1), Buffer.alloc(400_000, 1)]) {
    rmSync(modelDir(), { recursive: true, force: true });
    mkdirSync(modelDir(), { recursive: true });
    writeFileSync(join(modelDir(), "model.safetensors.part"), part);
    expectWhole(await run(["small"]));
  }
});

test("a part that is a link is not followed", async () => {
  mkdirSync(modelDir(), { recursive: true });
  writeFileSync(join(home, "precious"), "precious");
  symlinkSync(join(home, "precious"), join(modelDir(), "model.safetensors.part"));
  expectFailure(await run(["small"]), "model.safetensors.part: in the way, and a link");
  expect(readFileSync(join(home, "precious"), "utf8")).toBe("precious");
});

test("a server that ignores ranges gets asked for all of it", async () => {
  const whole = (request: FakeHub["requests"][number]) => send(request, 200, {}, weights);
  onWeights(face, (request) => sendThenDrop(request, weights, 100_000), whole);
  expectWhole(await run(["small"]));
});

test("a server that ignores ranges and always drops is given up", async () => {
  face.overrides.push((request) => {
    if (!request.path.endsWith("/model.safetensors")) return false;
    delete (request.headers as Record<string, string>).range;
    return sendThenDrop(request, weights, 100_000);
  });
  const outcome = await run(["small"]);
  expectWhole(outcome); // From the other hub.
  expect(face.asked("model.safetensors").length).toBe(4);
  expect(scope.asked("model.safetensors")[0]!.headers.range).toBe("bytes=100000-");
});

test("another range than asked for starts over", async () => {
  const other = (request: FakeHub["requests"][number]) =>
    send(request, 206, { "content-range": "bytes 5-299999/300000" }, weights.subarray(5));
  onWeights(face, (request) => sendThenDrop(request, weights, 100_000), other);
  expectWhole(await run(["small"]));
  expect(face.ranges("model.safetensors")).toEqual(
    ["", "bytes=100000-", ""],
  );
});

test("wrong bytes once: fetched again", async () => {
  onWeights(face, (request) => send(request, 200, {}, Buffer.alloc(300_000, 7)));
  const outcome = await run(["small"]);
  expectWhole(outcome);
  expect(outcome.stderr).toContain("starting this file over");
  expect(scope.requests).toEqual([]);
});

test("wrong bytes always: the other hub; wrong there too: both named, with hashes", async () => {
  const wrong = Buffer.alloc(300_000, 7);
  const always = (request: FakeHub["requests"][number]) =>
    request.path.endsWith("/model.safetensors") && send(request, 200, {}, wrong);
  face.overrides.push(always);
  const fallback = await run(["small"]);
  expectWhole(fallback);
  expect(face.asked("model.safetensors").length).toBe(2);
  expect(fallback.stderr).toContain("; trying 127.0.0.1:");
  rmSync(modelDir(), { recursive: true });
  scope.overrides.push(always);
  const failure = await run(["small"]);
  const hashes = `model.safetensors: wrong bytes: expected sha256 ${sha256(weights)}, got ${sha256(wrong)}`;
  expectFailure(failure, hashes);
  expect(failure.error!.hint).toContain("run the same command again");
  expect(existsSync(join(modelDir(), "model.safetensors"))).toBe(false);
  expect(existsSync(join(modelDir(), "model.safetensors.part"))).toBe(false);
  const located = locateModel("small", { QWEN_ASR_HOME: home });
  expect(located).rejects.toThrow("its download is not finished: run 'qwen-asr download small' to continue");
});

test("wrong bytes of a file in git are found", async () => {
  face.overrides.push((request) => request.path.endsWith("/vocab.json") && send(request, 200, {}, "[]"));
  scope.overrides.push((request) => send(request, 404));
  expectFailure(await run(["small"]), `vocab.json: wrong bytes: expected git-sha1 ${gitHash(Buffer.from("{}"))}, got`);
});

test("wrong sizes: shorter, longer, and longer without saying so", async () => {
  const longer = Buffer.concat([weights, Buffer.from("more")]);
  for (
    const answer of [
      (request: FakeHub["requests"][number]) => send(request, 200, {}, weights.subarray(9)),
      (request: FakeHub["requests"][number]) => send(request, 200, {}, longer),
      (request: FakeHub["requests"][number]) => {
        sendHead(request, 200, {});
        request.socket.end(longer);
        return true;
      },
    ]
  ) {
    rmSync(modelDir(), { recursive: true, force: true });
    face.overrides.length = 0;
    onWeights(face, answer);
    expectWhole(await run(["small"]));
    onWeights(face, answer, answer);
    rmSync(modelDir(), { recursive: true });
    const outcome = await run(["small"], {
      env: { QWEN_ASR_HOME: home, HF_ENDPOINT: face.url, MODELSCOPE_ENDPOINT: "http://127.0.0.1:1" },
    });
    expectFailure(outcome, /expected/);
  }
});

test("silence counts as a drop", async () => {
  onWeights(face, (request) => {
    sendHead(request, 200, { "content-length": weights.length });
    return request.socket.write(weights.subarray(0, 1000));
  }, () => true);
  const outcome = await run(["small"], { limits: impatient });
  expectWhole(outcome);
  expect(outcome.stderr).toContain("nothing came for 0.3 s; trying again");
});

test("busy and failing servers are asked again, after the time they name", async () => {
  onWeights(face, (request) => send(request, 500), (request) => send(request, 429, { "retry-after": 1 }));
  const started = performance.now();
  const outcome = await run(["small"]);
  expectWhole(outcome);
  expect(performance.now() - started).toBeGreaterThanOrEqual(990);
  expect(outcome.stderr).toContain("fails (500)");
  expect(outcome.stderr).toContain("is busy (429)");
});

test("a hub without the model, without permission, or with nonsense: the other one", async () => {
  const answers: [string, (request: FakeHub["requests"][number]) => boolean][] = [
    ["(404)", (request) => send(request, 404)],
    ["HF_TOKEN", (request) => send(request, 401)],
    ["fails (500)", (request) => send(request, 500)],
    ["not JSON", (request) => send(request, 200, {}, "<html>")],
    ["does not name a revision", (request) => send(request, 200, {}, "[1]")],
    ["nothing came", () => true],
    ["answers 418", (request) => send(request, 418)],
    ["redirects to nowhere", (request) => send(request, 302)],
    ["not an http or https address", (request) => send(request, 302, { location: "file:///etc/passwd" })],
    ["more than 10 redirects", (request) => send(request, 302, { location: request.path })],
  ];
  for (const [reason, answer] of answers) {
    rmSync(modelDir(), { recursive: true, force: true });
    face.overrides.splice(0, 1, answer);
    const outcome = await run(["small"], { limits: reason === "nothing came" ? impatient : patient });
    expectWhole(outcome);
    expect(outcome.stderr).toContain(reason);
    expect(JSON.parse(readFileSync(join(modelDir(), ".complete"), "utf8")).revision).toBe("master");
  }
});

test("file lists that are hostile or not of a model are refused", async () => {
  const tree = treeOf(face.files);
  const bad: [string, unknown][] = [
    ["unsafe name", [...tree, { type: "file", path: "../../evil.safetensors", size: 1, oid: "1".repeat(40) }]],
    ["unsafe name", [...tree, { type: "file", path: "/etc/passwd", size: 1, oid: "1".repeat(40) }]],
    ["unsafe name", [...tree, { type: "file", path: "a\\b.safetensors", size: 1, oid: "1".repeat(40) }]],
    ["unsafe name", [...tree, { type: "file", path: 7 }]],
    ["twice", [...tree, { ...tree.at(-1), path: "MODEL.safetensors" }]],
    ["the size 1e+30", tree.map((entry) => entry.path === "vocab.json" ? { ...entry, size: 1e30 } : entry)],
    ["the size -1", tree.map((entry) => entry.path === "vocab.json" ? { ...entry, size: -1 } : entry)],
    ["more than any known model", [
      ...tree,
      ...["a", "b"].map((name) => ({
        path: `${name}.safetensors`,
        lfs: { oid: "1".repeat(64), size: 2e10 },
      })),
    ]],
    ["10001 entries", Array.from({ length: 10_001 }, () => ({ type: "file", path: "x" }))],
    ["lacks the config.json, weights, tokenizer", []],
    ["not a list", { error: "no" }],
  ];
  for (const [reason, list] of bad) {
    rmSync(modelDir(), { recursive: true, force: true });
    face.overrides.splice(
      0,
      1,
      (request) => request.path.includes("/tree/") && send(request, 200, {}, JSON.stringify(list)),
    );
    const outcome = await run(["small"]);
    expectWhole(outcome);
    expect(outcome.stderr).toContain(reason);
  }
  expect(readdirSync(home)).toEqual(["models"]);
});

test("files in folders of the list are left alone", async () => {
  const nested = { type: "file", path: "original/config.json", size: 3, oid: "1".repeat(40) };
  face.overrides.push((request) =>
    request.path.includes("/tree/") && send(request, 200, {}, JSON.stringify([...treeOf(face.files), nested]))
  );
  expectWhole(await run(["small"]));
});

test("a list in pages is read to its end", async () => {
  const tree = treeOf(face.files);
  face.overrides.push((request) => {
    if (!request.path.includes("/tree/")) return false;
    if (request.path.endsWith("&cursor=a%3D%3D")) return send(request, 200, {}, JSON.stringify(tree.slice(3)));
    const link = `<http://elsewhere.invalid/api?cursor=a%3D%3D>; rel="next"`;
    return send(request, 200, { link }, JSON.stringify(tree.slice(0, 3)));
  });
  expectWhole(await run(["small"]));
});

test("hashes that the list leaves out come from the file's own headers", async () => {
  const bare = treeOf(face.files).map(({ type, path }) => ({ type, path }));
  face.overrides.push((request) => request.path.includes("/tree/") && send(request, 200, {}, JSON.stringify(bare)));
  face.overrides.push((request) => {
    if (request.method !== "HEAD") return false;
    const file = face.files.get(request.path.split("/").at(-1)!)!;
    if (!request.path.endsWith(".safetensors")) {
      return send(request, 200, { etag: `"${gitHash(file)}"`, "content-length": file.length });
    }
    const linked = { "x-linked-etag": `"${sha256(file)}"`, "x-linked-size": file.length };
    return send(request, 302, { ...linked, location: "http://127.0.0.1:1/never" });
  });
  expectWhole(await run(["small"]));
  rmSync(modelDir(), { recursive: true });
  face.overrides.splice(1, 1, (request) => request.method === "HEAD" && send(request, 200));
  const outcome = await run(["small"]);
  expectWhole(outcome);
  expect(outcome.stderr).toContain("gives no hash for config.json");
});

test("redirects are followed, the token stays with its hub", async () => {
  const storage = await openHub();
  onWeights(
    face,
    (request) =>
      send(request, 307, { location: `${new URL(request.path, face.url).pathname}`.replace("/Qwen/", "/moved/") }),
    (request) => send(request, 302, { location: `${storage.url}/x/resolve/y/model.safetensors` }),
  );
  const env = { QWEN_ASR_HOME: home, HF_ENDPOINT: `${face.url}/`, MODELSCOPE_ENDPOINT: scope.url, HF_TOKEN: "secret" };
  expectWhole(await run(["small"], { env }));
  expect(face.requests.every((request) => request.headers.authorization === "Bearer secret")).toBe(true);
  expect(storage.asked("model.safetensors").length).toBe(1);
  expect(storage.requests[0]!.headers.authorization).toBeUndefined();
  await storage.close();
});

test("the other hub never sees the token", async () => {
  face.overrides.push((request) => send(request, 403));
  const env = { QWEN_ASR_HOME: home, HF_ENDPOINT: face.url, MODELSCOPE_ENDPOINT: scope.url, HF_TOKEN: "secret" };
  expectWhole(await run(["small"], { env }));
  expect(scope.requests.some((request) => "authorization" in request.headers)).toBe(false);
});

test("both hubs out of reach: one line with both reasons", async () => {
  const env = { QWEN_ASR_HOME: home, HF_ENDPOINT: "http://127.0.0.1:1", MODELSCOPE_ENDPOINT: "http://127.0.0.1:2" };
  const outcome = await run(["small"], { env });
  expectFailure(outcome, /^download small: 127\.0\.0\.1:1: connection refused .*; 127\.0\.0\.1:2: connection refused/);
  expectFailure(await run(["small"], { env: { ...env, HF_ENDPOINT: "ftp://x" } }), "HF_ENDPOINT: not an http or https");
});

test("too little space is told before anything is fetched", async () => {
  mkdirSync(modelDir(), { recursive: true });
  writeFileSync(join(modelDir(), "model.safetensors.part"), weights.subarray(0, 200_000));
  const outcome = await run(["small"], { freeBytes: () => Promise.resolve(50_000) });
  expectFailure(outcome, "not enough space: 100 kB are needed, 50.0 kB are free");
  expect(face.requests.some((request) => request.path.includes("/resolve/"))).toBe(false);
  expectWhole(await run(["small"], { freeBytes: () => Promise.resolve(100_100) }));
});

test("two at once: the second is turned away; a lock left by a crash is not in the way", async () => {
  let begun = () => {};
  const isBegun = new Promise<void>((resolve) => begun = resolve);
  let goOn = () => {};
  face.overrides.push((request) => {
    if (!request.path.endsWith("/model.safetensors")) return false;
    goOn = () => void send(request, 200, {}, weights);
    begun();
    return true;
  });
  const first = run(["small"]);
  await isBegun;
  const second = await run(["small"]);
  expectFailure(second, `process ${process.pid} is downloading into it`);
  goOn();
  expectWhole(await first);
  const locks = [{ pid: 2 ** 30, started: "1" }];
  if (existsSync("/proc/self/stat")) locks.push({ pid: process.pid, started: "1" }); // The number is used again.
  for (const lock of locks) {
    rmSync(join(modelDir(), ".complete"));
    writeFileSync(join(modelDir(), ".lock"), JSON.stringify(lock));
    expectWhole(await run(["small"]));
  }
});

test("an interrupt keeps what came and says how to go on", async () => {
  const [stdout, stderr] = [memoryWriter(), memoryWriter()];
  const { terminal, interrupt } = fakeTerminal(stdout, stderr);
  onWeights(face, (request) => {
    sendHead(request, 200, { "content-length": weights.length });
    return request.socket.write(weights.subarray(0, 50_000), () => setTimeout(() => interrupt(130), 50));
  });
  const outcome = await run(["small"], { parts: { terminal } });
  expect(outcome.code).toBe(130);
  expect(stderr.text()).toEndWith(
    "\nstopped; what has been fetched is kept: run 'qwen-asr download small' to continue\n",
  );
  expect(readdirSync(modelDir())).not.toContain(".lock");
  expect(locateModel(undefined, { QWEN_ASR_HOME: home })).rejects.toThrow("not finished");
  expectWhole(await run(["small"]));
  expect(face.asked("model.safetensors")[1]!.headers.range).toBe("bytes=50000-");
});

test("on a terminal: one line, rewritten", async () => {
  const outcome = await run(["small"], { isTerminal: true });
  expectWhole(outcome);
  expect(outcome.stderr).toMatch(/\rsmall: 100 %, 300 kB of 300 kB/);
  expect(outcome.stderr).not.toContain("checked\nvocab");
});

test("without a name: a person is asked, a script is told", async () => {
  expectFailure(await run([]), "download: which model? small, large or aligner", 2);
  const outcome = await run([], { isInteractive: true, lines: () => typed("what?", " Aligner ") });
  expect(outcome.code).toBe(0);
  expect(outcome.stderr).toContain("2  large    4.7 GB  Apache-2.0");
  expect(outcome.stdout).toBe(`${join(home, "models", "aligner")}\n`);
  expect(outcome.stderr).toContain("now run: qwen-asr --align talk.wav\n");
  expectFailure(await run([], { isInteractive: true }), "no model was chosen", 2);
  const nonsense = () => typed("0", "4", "", "small");
  expectFailure(await run([], { isInteractive: true, lines: nonsense }), "no model was chosen", 2);
  expectWhole(await run([], { isInteractive: true, lines: () => typed("1") }));
});

test("wrong command lines", async () => {
  expectFailure(await run(["medium"]), "no model 'medium': small, large or aligner", 2);
  expectFailure(await run(["small", "large"]), "one model at a time", 2);
  expectFailure(await run(["small", "--dri", "x"]), "unknown option --dri, did you mean --dir?", 2);
  expectFailure(await run(["small", "--dir"]), "--dir needs DIR", 2);
  expectFailure(await run(["small", "--dir="]), "--dir needs DIR, got an empty text", 2);
});

test("no home: told only where a place is needed", async () => {
  const env = { HF_ENDPOINT: face.url, MODELSCOPE_ENDPOINT: scope.url };
  expectFailure(await run(["small"], { env }), "no place to store models: set QWEN_ASR_HOME");
  const outcome = await run(["small", "--dir", modelDir()], { env });
  expectWhole(outcome);
});

test("a place that cannot be written is named", async () => {
  writeFileSync(join(home, "file"), "");
  expectFailure(await run(["small", "--dir", join(home, "file")]), /file: in the way, and not a folder/);
  expectFailure(await run(["small", "--dir", join(home, "file", "x")]), /x: part of the path is not a folder/);
});

test("an encrypted hub may not redirect to plain http, a plain one may", () => {
  const from = new URL("https://hub.example/a/b");
  expect(() => redirectTarget("http://cdn.example/x", from, false)).toThrow("without encryption");
  expect(redirectTarget("../x", from, false).href).toBe("https://hub.example/x");
  expect(redirectTarget("//cdn.example/x", from, false).href).toBe("https://cdn.example/x");
  expect(redirectTarget("http://cdn.example/x", new URL("http://127.0.0.1:1/"), true).href).toBe(
    "http://cdn.example/x",
  );
  expect(() => redirectTarget("data:,x", from, true)).toThrow("not an http or https address");
});

test("the real process: Ctrl-C in the middle, then killed, then to the end", async () => {
  const at = (path: string) => JSON.stringify(join(import.meta.dir, path));
  const script = `import { createProgram } from ${at("../program.ts")};
    import { openTerminal } from ${at("../terminal.ts")};
    import { downloadHost } from ${at("../../model/hub/download_io.ts")};
    const program = createProgram({ terminal: openTerminal(), env: process.env, download: downloadHost() });
    process.exit(await program(["download", ...process.argv.slice(1)]));`;
  const env = { QWEN_ASR_HOME: home, HF_ENDPOINT: face.url, MODELSCOPE_ENDPOINT: scope.url, NO_PROXY: "127.0.0.1" };
  const start = () => Bun.spawn([process.execPath, "-e", script, "small"], { env, stdout: "pipe", stderr: "pipe" });
  let child: ReturnType<typeof start> | undefined;
  const stopBy = (signal: NodeJS.Signals, count: number) => (request: FakeHub["requests"][number]) => {
    const rest = weights.length - Number(request.headers.range?.match(/\d+/)?.[0] ?? 0);
    if (rest < weights.length) {
      sendHead(request, 206, {
        "content-length": rest,
        "content-range": `bytes ${weights.length - rest}-299999/300000`,
      });
    } else sendHead(request, 200, { "content-length": rest });
    const part = weights.subarray(weights.length - rest).subarray(0, count);
    return request.socket.write(part, () => setTimeout(() => child?.kill(signal), 100));
  };
  onWeights(face, stopBy("SIGINT", 50_000), stopBy("SIGKILL", 50_000));
  child = start();
  expect(await new Response(child.stderr).text()).toContain("run 'qwen-asr download small' to continue\n");
  expect(await child.exited).toBe(130);
  child = start();
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  expect(readdirSync(modelDir())).toContain(".lock");
  child = start();
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect(stderr).toContain("all files checked");
  expect(stdout).toBe(`${modelDir()}\n`);
  expect(await child.exited).toBe(0);
  expect(readFileSync(join(modelDir(), "model.safetensors")).equals(weights)).toBe(true);
  const ranges = face.ranges("model.safetensors");
  expect(ranges).toEqual(["", "bytes=50000-", "bytes=100000-"]);
});

test("another revision leaves no weights of the old one", async () => {
  face.files.set("model-00001-of-00001.safetensors", Buffer.from("old"));
  await run(["small"]);
  face.files.delete("model-00001-of-00001.safetensors");
  writeFileSync(join(modelDir(), "config.json"), "damaged");
  expectWhole(await run(["small"]));
});

test("a signed address that has run out: a new one is asked for", async () => {
  let refusals = 1;
  scope.overrides.push((request) => request.path.startsWith("/signed/") && refusals-- > 0 && send(request, 403));
  scope.overrides.push((request) => request.path.startsWith("/signed/") && send(request, 200, {}, weights));
  face.overrides.push((request) =>
    request.path.endsWith("/model.safetensors") && send(request, 302, { location: `${scope.url}/signed/x` })
  );
  const env = { QWEN_ASR_HOME: home, HF_ENDPOINT: face.url, MODELSCOPE_ENDPOINT: "http://127.0.0.1:1" };
  expectWhole(await run(["small"], { env }));
  expect(face.asked("model.safetensors").length).toBe(2);
});

test("ModelScope says in an answer of status 200 what is wrong", async () => {
  face.overrides.push((request) => send(request, 404));
  scope.overrides.push((request) => send(request, 200, {}, '{"Code":10010205001,"Message":"no such\\nmodel"}'));
  expectFailure(await run(["small"]), 'no such\\nmodel"');
});
