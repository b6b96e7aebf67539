/** `serve --download` against a hub of this machine, and `serve --health`, through the executable. */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openHub } from "../src/model/hub/fake_hub.ts";
import { modelDir } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { wav } from "./support/cli.ts";
import { started } from "./support/served.ts";

const text = "Please open the old door.";

/** The nano, as a hub has it. */
function nanoFiles(): Record<string, Buffer> {
  return Object.fromEntries(readdirSync(modelDir()).map((name) => [name, readFileSync(join(modelDir(), name))]));
}

async function transcribed(url: string): Promise<string> {
  const body = new FormData();
  body.append("file", new File([readFileSync(wav("en-short"))], "talk.wav"));
  const reply = await fetch(`${url}/v1/audio/transcriptions`, { method: "POST", body });
  return (await reply.json()).text;
}

/** What the page asks until `isRight`; a server that changes its model does not answer. */
async function info(url: string, isRight: (info: Record<string, unknown>) => boolean) {
  for (let tries = 0; tries < 600; tries++, await Bun.sleep(100)) {
    const reply = await fetch(`${url}/v1/info`).catch(() => undefined);
    const body = reply?.ok ? await reply.json() : undefined;
    if (body && isRight(body)) return body;
  }
  throw new Error("the server does not come to it");
}

test(
  "the demo model serves until the model is there, then that; jobs stay; the next start fetches nothing",
  async () => {
    using home = temporaryFolder();
    const hub = await openHub(nanoFiles());
    const gate = Promise.withResolvers<void>();
    let refusals = 1;
    hub.overrides.push(({ path, socket }) => {
      if (!path.endsWith("/model.safetensors") || refusals < 0) return false;
      if (refusals-- > 0) return socket.destroy(), true;
      gate.promise.then(() => socket.destroy()); // The next try gets it.
      return true;
    });
    const env = { HF_ENDPOINT: hub.url, MODELSCOPE_ENDPOINT: hub.url, QWEN_ASR_HOME: join(home.path, "data") };
    const server = await started(["--download", "small"], env);
    const before = await info(server.url, ({ download }) => Number((download as Bytes)?.bytes_done) > 0);
    expect(before).toMatchObject({ demo: true, download: { model: "small" } });
    expect(before.download.bytes_done).toBeLessThan(before.download.bytes_total);
    expect(await transcribed(server.url)).toBe(text);
    const body = new FormData();
    body.append("file", new File([readFileSync(wav("en-short"))], "kept.wav"));
    const { id } = await (await fetch(`${server.url}/v1/jobs`, { method: "POST", body })).json();
    gate.resolve();
    const after = await info(server.url, ({ demo }) => demo === false);
    expect(after.download).toBeUndefined();
    expect(await transcribed(server.url)).toBe(text);
    expect(await (await fetch(`${server.url}/v1/jobs/${id}`)).json()).toMatchObject({ name: "kept.wav" });
    expect(await server.stop()).toBe("SIGTERM");
    expect(server.errors()).toMatch(
      /demo model[^]*Listening[^]*model\.safetensors: [^]*checked\n[^]*Loading model[^]*Listening/,
    );
    const asked = hub.requests.length;
    const again = await started(["--download", "small"], env);
    expect(await info(again.url, () => true)).toMatchObject({ demo: false });
    expect(await again.stop()).toBe("SIGTERM");
    await hub.close();
    expect(hub.requests.length).toBe(asked);
  },
);

type Bytes = { readonly bytes_done: number } | undefined;

test("without a hub the demo model goes on and says why", async () => {
  using home = temporaryFolder();
  const nowhere = "http://127.0.0.1:1";
  const env = { HF_ENDPOINT: nowhere, MODELSCOPE_ENDPOINT: nowhere, QWEN_ASR_HOME: join(home.path, "data") };
  const server = await started(["--download", "small"], env);
  const { download } = await info(server.url, ({ download }) => (download as { error?: string }).error !== undefined);
  expect(download).toMatchObject({ model: "small", error: expect.stringContaining("127.0.0.1:1: ") });
  expect(await transcribed(server.url)).toBe(text);
  expect(await server.stop()).toBe("SIGTERM");
  expect(server.errors()).toContain("trying again in 60 s\n");
});

test("--health: exit 0 for a server that runs, else 1 and one line", async () => {
  const server = await started(["-d", "demo", "--host", "0.0.0.0", "--no-auth"]);
  const port = String(server.port);
  expect(await run(["serve", "--health", "--host", "0.0.0.0", "--port", port])).toMatchObject({ code: 0, stderr: "" });
  await server.stop();
  expect(await run(["serve", "--health", "--port", port])).toMatchObject({
    ...{ code: 1, stdout: "", stderr: `qwen-asr: http://127.0.0.1:${port}: nothing answers there\n` },
  });
});

test("--download takes no -d, and needs an aligner that is there for --align", async () => {
  const both = await run(["serve", "--download", "small", "-d", "demo"]);
  expect(both.code).toBe(2);
  const align = await run(["serve", "--download", "small", "--aligner", "aligner"]);
  expect(align).toMatchObject({
    code: 3,
    stderr: expect.stringContaining("no aligner: run 'qwen-asr download aligner'"),
  });
});
