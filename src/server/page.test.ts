import { expect, test } from "bun:test";
import { join } from "node:path";
import { symlink } from "node:fs/promises";
import { fakeServer, form, sayingEngine } from "../../tests/support/fake_server.ts";
import { remove, temporaryFolder } from "./folder.ts";
import { parseKeys } from "./keys.ts";

test("the page is there without a key, and its files are named by what is in them", async () => {
  await using server = await fakeServer(sayingEngine(), { keys: parseKeys("ann:secret-of-ann", "keys") });
  const page = await fetch(server.url);
  const html = await page.text();
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(page.headers.get("content-security-policy")).toMatch(/default-src 'self';.*frame-ancestors 'none'/);
  expect(page.headers.get("x-content-type-options")).toBe("nosniff");
  const [name] = /page\/app-[0-9a-f]{16}\.js/.exec(html)!;
  const script = await fetch(`${server.url}/${name}`);
  expect(script.headers.get("cache-control")).toContain("immutable");
  expect([await script.text(), script.headers.get("content-type")]).toEqual(["1", "text/javascript; charset=utf-8"]);
  const again = await fetch(server.url, { headers: { "if-none-match": page.headers.get("etag")! } });
  expect(again.status).toBe(304);
  for (const other of ["page/app.js", "page/index.html", "page/..%2findex.html", "page/app-0000000000000000.js"]) {
    expect((await fetch(`${server.url}/${other}`)).status).toBe(404);
  }
});

test("other pages show it in a frame where they may, and no others", async () => {
  const headers = async (frameAncestors: string[]) => {
    await using server = await fakeServer(sayingEngine(), { frameAncestors });
    const reply = await fetch(server.url);
    const policy = /frame-ancestors ([^;]*)/.exec(reply.headers.get("content-security-policy")!)?.[1];
    return [policy, reply.headers.get("x-frame-options")];
  };
  expect(await headers([])).toEqual(["'none'", "DENY"]);
  expect(await headers(["https://a.example", "https://b.example"])).toEqual([
    "https://a.example https://b.example",
    null,
  ]);
});

test("a transcript as a page has no part in the server's origin", async () => {
  await using server = await fakeServer(sayingEngine());
  const body = form("2s", { response_format: "html" });
  const reply = await fetch(`${server.url}/v1/audio/transcriptions`, { method: "POST", body });
  expect(reply.headers.get("content-type")).toStartWith("text/html");
  expect(reply.headers.get("content-security-policy")).toBe("sandbox allow-scripts");
});

test("a key becomes a cookie, which the API takes until it is given up", async () => {
  await using server = await fakeServer(sayingEngine(), { keys: parseKeys("ann:secret-of-ann", "keys") });
  const info = (headers = {}) => fetch(`${server.url}/v1/info`, { headers });
  expect((await info()).status).toBe(401);
  const json = { "content-type": "application/json" };
  const post = (path: string, body: string, headers: Record<string, string> = json) =>
    fetch(server.url + path, { method: "POST", body, headers });
  const reply = await post("/login", '{"key": "secret-of-ann"}');
  expect(reply.status).toBe(200);
  const [cookie] = reply.headers.get("set-cookie")!.split(";");
  expect(cookie).toStartWith(`qwen_asr_${server.port}=ann.`);
  expect(await (await info({ cookie })).json()).toMatchObject({ owner: "ann", keys: true, samples: ["english.opus"] });
  expect((await info({ cookie, authorization: "Bearer wrong" })).status).toBe(401);
  const out = await post("/logout", "", { cookie: cookie! });
  expect(out.headers.get("set-cookie")).toStartWith(`qwen_asr_${server.port}=; Path=/; Max-Age=0`);
  expect((await post("/login", '{"key": "secret-of-ann"}', { ...json, origin: "https://evil.example" })).status).toBe(
    403,
  );
  expect((await post("/login", "key=secret-of-ann", { "content-type": "text/plain" })).status).toBe(415);
  expect((await post("/login", "{")).status).toBe(400);
  expect((await post("/login", JSON.stringify({ key: "x".repeat(10_000) }))).status).toBe(413);
  expect(server.lines.join("\n")).not.toContain("secret-of-ann");
});

test("keys are not to be guessed", async () => {
  await using server = await fakeServer(sayingEngine(), { keys: parseKeys("ann:secret-of-ann", "keys") });
  const guess = async (key: string) => {
    const headers = { "content-type": "application/json" };
    return (await fetch(`${server.url}/login`, { method: "POST", body: JSON.stringify({ key }), headers })).status;
  };
  for (let count = 0; count < 9; count++) expect(await guess(`guess-${count}`)).toBe(401);
  expect(await guess("secret-of-an")).toBe(401);
  expect(await guess("secret-of-ann")).toBe(429);
});

test("samples are the program's and those of a folder, and nothing beside it", async () => {
  const folder = await temporaryFolder();
  await Bun.write(join(folder, "ours.wav"), "2s");
  await Bun.write(join(folder, ".hidden"), "no");
  await symlink("/etc/hostname", join(folder, "elsewhere"));
  await using server = await fakeServer(sayingEngine(), { samplesFolder: folder });
  const { samples } = await (await fetch(`${server.url}/v1/info`)).json();
  expect(samples).toEqual(["ours.wav", "english.opus"]);
  const get = async (name: string) => {
    const reply = await fetch(`${server.url}/v1/samples/${name}`);
    return [reply.status, reply.status === 200 && await reply.text()];
  };
  expect(await get("ours.wav")).toEqual([200, "2s"]);
  expect(await get("english.opus")).toEqual([200, "5s"]);
  for (const name of [".hidden", "elsewhere", "..%2fx", "uploads", "%2fetc%2fhostname"]) {
    expect(await get(name)).toEqual([404, false]);
  }
  await remove(folder);
});
