/**
 * Exported pages and the editor of subtitles in Chromium. In: a folder for pictures, or none. Out: a line for each
 * thing that was tried, and exit code 1 where one is not as it should be. Without Chromium, nothing is tried.
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Locator, Page } from "playwright-core";
import { clip } from "../fixtures.ts";
import { readHtml } from "../../src/output/html_fixture.ts";
import { run, temporaryFolder } from "../harness.ts";
import { hasChromium, openBrowser, openPage } from "../support/browser.ts";
import { qwen } from "../support/cli.ts";
import { seededRandom } from "../support/random.ts";
import { served } from "../support/served.ts";

const pictures = process.argv[2] === undefined ? undefined : resolve(process.argv[2]);
const hostile = `</script><script>window.hit = 1</script><img src=x onerror="window.hit = 2">`;

/** What is pressed in the editor at random. */
const keys = [
  ...["Enter", "Control+Enter", "Control+Enter", "Home", "End", "Backspace", "Delete", "Alt+ArrowDown", "Alt+ArrowUp"],
  ...["ArrowLeft", "ArrowRight", "Escape", "Control+a", "w", "Space", "Tab", "Control+z", "Control+Shift+z"],
];

type Tried = { readonly name: string; readonly act: (browser: Browser, folder: string) => Promise<void> };

const all: readonly Tried[] = [
  { name: "a linked recording plays, words are marked, clicks and keys go there", act: playLinked },
  { name: "an embedded recording plays, alone", act: playEmbedded },
  { name: "a page without its recording says so, and takes a file", act: playChosen },
  { name: "hostile texts and names are shown, not run", act: showHostile },
  { name: "without scripts the text is there", act: readPlain },
  { name: "light, dark, phone, paper: nothing is cut off", act: takePictures },
  { name: "subtitles are edited, undone, timed again, and saved as they are shown", act: edit },
  { name: "any keys in the editor: the server has what is shown, and all can be undone", act: press },
];

if (!hasChromium) console.log("skipped: no Chromium");
else await tryAll();

async function tryAll(): Promise<void> {
  using folder = temporaryFolder();
  await using browser = await openBrowser(["--autoplay-policy=no-user-gesture-required"]);
  for (const { name, act } of all) {
    const failure = await act(browser, folder.path).then(() => undefined, (error) => error as Error);
    console.log(`${failure ? "FAILED" : "ok    "} ${name}`);
    if (!failure) continue;
    console.log(failure.message.replace(/^/gm, "       "));
    process.exitCode = 1;
  }
}

/** Makes a page of a clip, and opens it as a file. */
async function openExport(browser: Browser, folder: string, name: string, args: readonly string[] = []) {
  const home = join(folder, name);
  mkdirSync(home);
  copyFileSync(clip("words-en-1").wav, join(home, "a clip #1.wav"));
  await qwen(["--silent", "-f", "html", "-o", join(home, "page.html"), ...args, join(home, "a clip #1.wav")]);
  return { home, ...await openFile(browser, join(home, "page.html")) };
}

async function openFile(browser: Browser, path: string, options = {}) {
  const asked: string[] = [];
  const { page, problems } = await openPage(browser, "about:blank", options);
  page.on("request", (request) => asked.push(decodeURIComponent(new URL(request.url()).pathname)));
  await page.goto(pathToFileURL(path).href);
  const wrong = () => problems.filter((problem) => problem !== "asks null");
  return { page, asked, wrong };
}

function timeOf(page: Page): Promise<string | null> {
  return page.locator(".player .time").textContent();
}

function marked(page: Page): Locator {
  return page.locator(".w.on");
}

async function playLinked(browser: Browser, folder: string): Promise<void> {
  const { page, home, asked, wrong } = await openExport(browser, folder, "linked");
  await page.locator(".play:enabled").waitFor();
  equal(await timeOf(page), "0:00 / 0:05");
  await page.locator(".w", { hasText: "nineteen" }).click();
  equal(await marked(page).textContent(), "nineteen");
  await page.keyboard.press("j");
  equal(await timeOf(page), "0:00 / 0:05");
  await page.keyboard.press("ArrowRight");
  equal(await timeOf(page), "0:05 / 0:05");
  await page.keyboard.press("j");
  await page.keyboard.press(" ");
  await page.locator(".play.playing").waitFor();
  await page.locator(".w.on", { hasText: "number" }).waitFor();
  await page.keyboard.press("k");
  await page.locator(".play:not(.playing)").waitFor();
  await page.locator(".wave").focus();
  await page.keyboard.press("End");
  equal(await timeOf(page), "0:05 / 0:05");
  await page.locator("summary").click();
  await page.locator("#cues .at").first().click();
  await page.locator(".play.playing").waitFor();
  deepEqual(new Set(asked), new Set([join(home, "page.html"), join(home, "a clip #1.wav")]));
  deepEqual(wrong(), []);
}

async function playEmbedded(browser: Browser, folder: string): Promise<void> {
  const { page, home, asked, wrong } = await openExport(browser, folder, "embedded", ["--html-audio", "embed"]);
  await page.locator(".play:enabled").click();
  await page.locator(".w.on", { hasText: "number" }).waitFor();
  deepEqual(asked.filter((path) => path.startsWith("/")), [join(home, "page.html")]);
  deepEqual(wrong(), []);
}

async function playChosen(browser: Browser, folder: string): Promise<void> {
  const { page, home } = await openExport(browser, folder, "moved");
  writeFileSync(
    join(home, "other.html"),
    readFileSync(join(home, "page.html"), "utf8").replace("a%20clip", "no%20clip"),
  );
  await page.goto(pathToFileURL(join(home, "other.html")).href);
  await page.getByText("The recording cannot be played from here.").waitFor();
  equal(await page.locator(".play").isDisabled(), true);
  await page.setInputFiles(".player input[type=file]", join(home, "a clip #1.wav"));
  await page.locator(".play:enabled").click();
  await page.locator(".w.on", { hasText: "number" }).waitFor();
}

/** A transcript that wants to be a program. */
async function hostilePage(folder: string): Promise<string> {
  const model = { name: hostile, hash: "h", weights: "int8", isa: "i" };
  const segment = (start: number, text: string, speaker: string) => ({
    ...{ start, end: start + 4, text, language: "English", speaker },
    words: text.split(/(?= )/).map((word, at) => (
      { text: word, start: start + at / 4, end: start + at / 4 + 0.2, logprob: -at / 2 }
    )),
  });
  const json = join(folder, "hostile.json");
  writeFileSync(
    json,
    JSON.stringify({
      ...{ version: 2, program: hostile, source: { name: hostile, duration: 60 }, model, options: {}, complete: false },
      segments: [
        segment(0, hostile, hostile),
        segment(5, " \u2028\u2029 \u202eevil\u202c {{x}} ${x} javascript:hit() &lt;b&gt;", "right"),
        segment(10, ` ${"endless".repeat(60)}`, "left"),
        segment(15, " \u0645\u0631\u062d\u0628\u0627 \u4f60\u597d", "right"),
      ],
      gaps: [{ start: 20, end: 22, speaker: hostile }],
    }),
  );
  await run(["render", json, "-f", "html", "-o", join(folder, "hostile.html"), "--force"]);
  return join(folder, "hostile.html");
}

async function showHostile(browser: Browser, folder: string): Promise<void> {
  const { page, wrong } = await openFile(browser, await hostilePage(folder));
  await page.locator(".player").waitFor();
  ok((await page.locator("main").textContent())!.includes(hostile));
  equal(await page.evaluate("window.hit"), undefined);
  equal(await page.locator("main img, main script, main b").count(), 0);
  await page.keyboard.press("d");
  equal(await marked(page).evaluate((node) => (node as unknown as { tagName: string }).tagName), "MARK");
  deepEqual(wrong().filter((problem) => !problem.includes("ERR_FILE_NOT_FOUND")), []);
}

async function readPlain(browser: Browser, folder: string): Promise<void> {
  const { page } = await openFile(browser, await hostilePage(folder), { javaScriptEnabled: false });
  const text = await page.locator("main").innerText();
  ok(text.includes(hostile));
  ok(text.includes("\u4f60\u597d"));
}

/** docs/html.png */
async function takePortrait(browser: Browser, folder: string): Promise<void> {
  const [sound, path] = [join(folder, "talk.wav"), join(folder, "talk.html")];
  copyFileSync(clip("en-45s").wav, sound);
  await qwen(["--silent", "-f", "html", "-o", path, sound]);
  const { page } = await openFile(browser, path, { viewport: { width: 860, height: 560 } });
  await page.locator(".play:enabled").waitFor();
  await page.locator(".w", { hasText: "bright" }).click();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(pictures!, "html.png") });
}

async function takePictures(browser: Browser, folder: string): Promise<void> {
  if (pictures) await takePortrait(browser, folder);
  const path = await hostilePage(folder);
  const looks = [
    ["light", { viewport: { width: 1000, height: 900 } }],
    ["dark", { viewport: { width: 1000, height: 900 }, colorScheme: "dark" }],
    ["phone", { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }],
  ] as const;
  for (const [name, options] of looks) {
    const { page } = await openFile(browser, path, { ...options, bypassCSP: true });
    await page.locator(".player").waitFor();
    await page.locator("summary").click();
    deepEqual([name, await barriers(page)], [name, []]);
    await colouredSpeakers(page);
    equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true, `${name} scrolls sideways`);
    if (pictures) await page.screenshot({ path: join(pictures, `html-${name}.png`), fullPage: true });
    if (name !== "light") continue;
    await page.emulateMedia({ media: "print" });
    equal(await page.locator(".player").isVisible(), false);
    if (pictures) await page.screenshot({ path: join(pictures, "html-paper.png"), fullPage: true });
  }
}

/** Speakers have colours of their own, also where a paragraph goes on without the name. */
async function colouredSpeakers(page: Page): Promise<void> {
  const names = await page.locator("main .who").allTextContents();
  const colours = await page.evaluate<string[]>(
    "[...document.querySelectorAll('main .who')].map((one) => getComputedStyle(one).color)",
  );
  equal(new Set(colours).size, new Set(names).size);
  equal(await page.locator(".par:not([class*=' s'])").count(), 0);
}

/** What axe finds on a page that keeps somebody out. */
async function barriers(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: require.resolve("axe-core") });
  const found = await page.evaluate("axe.run()") as {
    readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
  };
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
}

type Editing = { readonly page: Page; readonly problems: readonly string[]; readonly url: string };

/** Uploads a recording to a server of its own, and lets `act` edit its subtitles. */
async function editing(browser: Browser, act: (at: Editing) => Promise<void>): Promise<void> {
  const server = await served(["--aligner", "demo"]);
  try {
    const { page, problems } = await openPage(browser, server.url, {
      ...{ viewport: { width: 1100, height: 900 }, bypassCSP: true },
    });
    await page.setInputFiles("input[multiple]", {
      ...{ name: "talk.wav", mimeType: "audio/wav", buffer: readFileSync(clip("en-45s").wav) },
    });
    await page.getByRole("button", { name: "Edit subtitles" }).waitFor();
    await act({ page, problems, url: server.url });
  } finally {
    await server.stop();
  }
}

async function edit(browser: Browser): Promise<void> {
  await editing(browser, async ({ page, problems, url }) => {
    await addGap(url);
    await page.reload();
    await page.getByText("Speech without text:").waitFor();
    await page.getByRole("button", { name: "Edit subtitles" }).click();
    const before = await cueTexts(page);
    await fillGap(page, before);
    ok(before.length > 5);
    await editSteps(page, before);
    if (pictures) await page.screenshot({ path: join(pictures, "editor.png"), fullPage: true });
    await undoAll(page);
    deepEqual(await cueTexts(page), before);
    deepEqual(problems, []);
  });
}

async function undoAll(page: Page): Promise<void> {
  const undo = page.getByRole("button", { name: "Undo" });
  for (let left = 300; left > 0 && await undo.isEnabled(); left--) await undo.click();
}

async function press(browser: Browser): Promise<void> {
  await editing(browser, async ({ page, problems, url }) => {
    await page.getByRole("button", { name: "Edit subtitles" }).click();
    const before = await cueTexts(page);
    const { random, pick } = seededRandom(20_261_129);
    for (let step = 0; step < 300; step++) {
      const rows = page.locator(".cue:not(.editing) .say");
      const isOpen = await page.locator(".editing").count() > 0;
      if (!isOpen && await rows.count() === 0) await undoAll(page);
      if (!isOpen || random(10) === 0) await rows.nth(random(await rows.count())).dblclick();
      else await page.keyboard.press(pick(keys));
    }
    await page.getByRole("button", { name: "Read" }).click();
    await Bun.sleep(3000); // What is edited is kept a moment after the last edit.
    const { segments } = JSON.parse(await (await fetch(`${await resultOf(url)}?response_format=document`)).text());
    const bare = (text: string) => text.replace(/\s/gu, "");
    const shown = await page.locator(".transcript .say").allTextContents();
    equal(bare(segments.map(({ text }: { text: string }) => text).join("")), bare(shown.join("")));
    const times = segments.flatMap(({ start, end }: { start: number; end: number }) => [start, end]);
    deepEqual(times, times.toSorted((a: number, b: number) => a - b));
    await page.getByRole("button", { name: "Edit subtitles" }).click();
    await undoAll(page);
    deepEqual(await cueTexts(page), before);
    deepEqual(problems, []);
  });
}

async function resultOf(url: string): Promise<string> {
  const { data } = await (await fetch(`${url}/v1/jobs`)).json();
  return `${url}/v1/jobs/${data[0].id}/result`;
}

/** Makes the transcript one in which something was not heard. */
async function addGap(url: string): Promise<void> {
  const result = await resultOf(url);
  const transcript = await (await fetch(`${result}?response_format=document`)).json();
  const gaps = [{ start: 2.75, end: 3.5 }];
  const headers = { "content-type": "application/json" };
  await fetch(result, { method: "PUT", body: JSON.stringify({ ...transcript, gaps }), headers });
}

/** What is written in a gap is a subtitle, and undone, a gap again. */
async function fillGap(page: Page, before: readonly string[]): Promise<void> {
  await page.getByRole("button", { name: "Write it" }).click();
  await page.keyboard.type("Unheard");
  await page.keyboard.press("Enter");
  deepEqual(await cueTexts(page), [before[0], "Unheard", ...before.slice(1)]);
  equal(await page.getByRole("button", { name: "Write it" }).count(), 0);
  await page.locator("pre.cues", { hasText: "00:00:02,750 --> 00:00:03,500\nUnheard" }).waitFor();
  await page.keyboard.press("Control+z");
  deepEqual(await cueTexts(page), before);
}

async function cueTexts(page: Page): Promise<string[]> {
  return (await page.locator(".cue:not(.gap) .say").allTextContents()).map((text) => text.trim());
}

/** The first cue split and joined; the second with another text and times, timed again; the last removed. */
async function editSteps(page: Page, before: readonly string[]): Promise<void> {
  const text = page.getByRole("textbox", { name: "Text of the subtitle" });
  await page.locator(".cue:not(.gap) .say").first().dblclick();
  const [word] = before[0]!.split(" ");
  deepEqual(await barriers(page), []);
  await page.keyboard.press("Home");
  for (let at = 0; at <= word!.length; at++) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Control+Enter");
  equal(await text.inputValue(), before[0]!.slice(word!.length + 1));
  await page.keyboard.press("Backspace");
  equal(await text.inputValue(), before[0]);
  await page.keyboard.press("Alt+ArrowDown");
  equal(await text.inputValue(), before[1]);
  await text.fill(`${before[1]} ${hostile}`);
  await page.getByRole("textbox", { name: "End" }).fill("1:00:00");
  await page.keyboard.press("Enter");
  deepEqual(await cueTexts(page), [before[0], `${before[1]} ${hostile}`, ...before.slice(2)]);
  await page.locator("pre.cues", { hasText: "window.hit = 1" }).waitFor();
  await page.getByRole("button", { name: "Time edited ones again" }).click();
  await page.getByRole("button", { name: "Time edited ones again" }).waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Read" }).click();
  ok((await page.locator(".transcript .text").textContent())!.includes(hostile));
  await page.getByRole("button", { name: "Edit subtitles" }).click();
  await page.locator(".cue:not(.gap) .say").last().dblclick();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  equal((await cueTexts(page)).length, before.length - 1);
  await page.locator(".cue:not(.gap) .say").nth(2).dblclick();
  await text.fill("Typed, and saved at once.");
  equal(await page.evaluate("window.hit"), undefined);
  const saved = async (link: Locator) => {
    const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
    return readFileSync(await download.path(), "utf8");
  };
  const srt = await saved(page.getByRole("link", { name: "Save subtitles (SRT)" }));
  const times = [...srt.matchAll(/^(\S+) --> (\S+)$/gm)].flatMap(([, start, end]) => [start!, end!]);
  deepEqual(times, times.toSorted());
  equal(times.length, 2 * (before.length - 1));
  ok(srt.includes("\nTyped, and saved at once.\n"));
  const other = async (name: string) => {
    await page.locator("details.menu").evaluate((menu) => menu.setAttribute("open", ""));
    return await saved(page.getByRole("link", { name, exact: true }));
  };
  const json = await other("JSON");
  const formats = [["srt", srt], ["vtt", await other("WebVTT")], ["lrc", await other("LRC")], [
    "csv",
    await other("CSV"),
  ]];
  for (const [format, text] of [...formats, ["md", await other("Markdown")], ["json", json]] as const) {
    const args = ["render", "-", "-f", format!, ...(format === "csv" ? ["--spreadsheet"] : [])];
    deepEqual([format, (await run(args, { stdin: json })).stdout], [format, text]);
  }
  ok(readHtml(await other("HTML")).some(({ tag }) => tag === "main"));
}
