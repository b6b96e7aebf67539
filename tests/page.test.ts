/** The server's page in a browser: the way that everybody takes. tests/slow/page.ts has the rest. And what it asks. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { modelDir } from "./fixtures.ts";
import { wav } from "./support/cli.ts";
import { hasChromium, openBrowser, openPage } from "./support/browser.ts";
import { type Served, served } from "./support/served.ts";
import { testWhere } from "./support/where.ts";

let server: Served;
beforeAll(async () => {
  server = await served(["--aligner", modelDir("nano-aligner")]);
});
afterAll(async () => {
  expect(await server.stop()).toBe("SIGTERM");
  expect(server.errors()).not.toContain("internal error");
});

test("a stretch of a job's recording is aligned with a text, in the times of the whole", async () => {
  const form = new FormData();
  form.append("file", new File([readFileSync(wav("en-weather"))], "talk.wav"));
  const { id } = await (await fetch(`${server.url}/v1/jobs`, { method: "POST", body: form })).json();
  const align = async (span: Record<string, unknown>) => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify(span);
    const reply = await fetch(`${server.url}/v1/jobs/${id}/align`, { method: "POST", body, headers });
    return { status: reply.status, ...await reply.json() };
  };
  const { words } = await align({ start: 8, end: 10.4, text: "Please close the old window.", language: "English" });
  expect(words.map(({ text }: { text: string }) => text.trim())).toEqual(["Please", "close", "the", "old", "window."]);
  for (const { start, end } of words) expect(8 <= start && start < end && end <= 10.43).toBeTrue();
  for (const wrong of [{ start: 20, end: 21 }, { start: 2, end: 1 }, { start: 0, end: 9, text: "..." }]) {
    expect((await align({ text: "Please", ...wrong })).status).toBe(400);
  }
  await fetch(`${server.url}/v1/jobs/${id}`, { method: "DELETE" });
});

/** Browsers start slowly where others run. */
const browserMsMax = 60_000;

testWhere(hasChromium, "Chromium")("a file becomes text and subtitles, whatever it is called", async () => {
  await using browser = await openBrowser();
  const { page, problems } = await openPage(browser, server.url);
  const name = `<img src=x onerror=alert(1)>"'&amp; 录音.wav`;
  const buffer = readFileSync(wav("en-short"));
  await page.setInputFiles("input[multiple]", { name, mimeType: "audio/wav", buffer });
  const save = page.getByRole("link", { name: "Save subtitles (SRT)" });
  await save.waitFor();
  expect(await page.locator(".job h2").textContent()).toBe(name);
  await page.locator(".say", { hasText: /^Please open the old door\.$/ }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), save.click()]);
  const srt = await Bun.file(await download.path()).text();
  expect(srt).toMatch(/^1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\nPlease open the old door\.\n\n$/);
  expect(await page.locator(".cues").textContent()).toBe(srt);
  await page.reload();
  await page.locator(".say", { hasText: "Please open the old door." }).waitFor();
  expect(problems).toEqual([]);
}, browserMsMax);
