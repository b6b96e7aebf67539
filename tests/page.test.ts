/** The server's page in a browser: the way that everybody takes. tests/slow/page.ts has the rest. */

import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { wav } from "./support/cli.ts";
import { hasChromium, openBrowser, openPage } from "./support/browser.ts";
import { served } from "./support/served.ts";
import { testWhere } from "./support/where.ts";

testWhere(hasChromium, "Chromium")("a file becomes text and subtitles, whatever it is called", async () => {
  const server = await served();
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
  expect(await server.stop()).toBe("SIGTERM");
});
