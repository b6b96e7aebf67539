/**
 * The server's page in Chromium: what the one test of tests/page.test.ts leaves out, and the screenshots in docs/.
 *
 *     node_modules/.bin/bun test ./tests/slow/page.ts
 *
 * QWEN_ASR_SCREENSHOTS=1 writes the screenshots anew.
 */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { wavHeader } from "../../src/audio/wav_header.ts";
import { hasClip, hasSpeakers, modelDir } from "../fixtures.ts";
import { temporaryFolder } from "../harness.ts";
import { hasChromium, openBrowser, openPage, violations, widthBeyond } from "../support/browser.ts";
import { wav } from "../support/cli.ts";
import { type Served, served } from "../support/served.ts";
import { describeWhere, ffmpeg, hasFfmpeg, testWhere } from "../support/where.ts";

const weather = "Today is Sunday, November second. It will be cloudy and cold in the north. " +
  "The train to Berlin leaves at eight twenty. Please close the old window.";
const key = "a-key-for-the-page";
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const docs = join(import.meta.dir, "../../docs");

// A case that is broken off takes the server and the browser of all others with it.
setDefaultTimeout(1_200_000);
const files = temporaryFolder();
let server: Served;
let browser: Browser;
let watched: { readonly page: Page; readonly problems: readonly string[] }[] = [];

/** What every page has to be free of is looked for at the end of each test. */
async function open(options: BrowserContextOptions = {}, url = server.url, from = browser): Promise<Page> {
  const one = await openPage(from, url, options);
  watched.push(one);
  return one.page;
}

/** A page of a server without other recordings than those that the test brings. */
async function openFresh(options: BrowserContextOptions = {}, from = browser): Promise<Page> {
  const { data } = await (await fetch(`${server.url}/v1/jobs`)).json();
  for (const { id } of data) await fetch(`${server.url}/v1/jobs/${id}`, { method: "DELETE" });
  return await open(options, server.url, from);
}

/** A recording that is chosen, under any name. */
async function give(page: Page, name: string, recording: Buffer | string): Promise<void> {
  // Of a large one the path alone is sent to the browser.
  if (typeof recording === "string") return await page.setInputFiles("input[multiple]", recording);
  await page.setInputFiles("input[multiple]", { name, mimeType: "", buffer: recording });
}

function clipBytes(name: string): Buffer {
  return readFileSync(wav(name));
}

/** A clip many times over, as a file of that name. */
async function long(name: string, clip: string, times: number): Promise<string> {
  const samples = clipBytes(clip).subarray(44);
  const path = join(files.path, name);
  await Bun.write(path, Buffer.concat([wavHeader(samples.length * times), ...Array<Buffer>(times).fill(samples)]));
  return path;
}

async function encoded(clip: string, name: string, ...options: string[]): Promise<Buffer> {
  const path = join(files.path, name);
  await Bun.$`${ffmpeg} -v error -y -i ${wav(clip)} ${options} ${path}`;
  return readFileSync(path);
}

/** Resolves when it is so. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!await isSo()) await Bun.sleep(50);
}

async function textLength(flow: Locator): Promise<number> {
  return (await flow.allTextContents()).join("").length;
}

function says(page: Page): Promise<string> {
  return page.locator(".job .say").allTextContents().then((texts) => texts.join(" "));
}

function done(page: Page, name?: string): Promise<void> {
  const article = name === undefined ? page.locator("article.job") : page.locator("article.job", { hasText: name });
  return article.locator(".player").waitFor();
}

/** Of few colours, so that the pictures are small. */
async function shoot(page: Page, name: string): Promise<void> {
  if (process.env.QWEN_ASR_SCREENSHOTS !== "1") return;
  const path = join(files.path, `${name}.png`);
  await page.screenshot({ path });
  const palette = "split[a][b];[a]palettegen=max_colors=48[p];[b][p]paletteuse=dither=none";
  await Bun.$`${ffmpeg} -v error -y -i ${path} -vf ${palette} ${join(docs, `${name}.png`)}`;
}

describeWhere(hasChromium && hasFfmpeg, "Chromium and ffmpeg")("the page", () => {
  beforeAll(async () => {
    server = await served(["--aligner", modelDir("nano-aligner")]);
    browser = await openBrowser();
  });
  afterAll(async () => {
    files[Symbol.dispose]();
    await browser.close();
    expect(await server.stop()).toBe("SIGTERM");
    expect(server.errors()).not.toContain("internal error");
  });
  afterEach(async () => {
    const problems = watched.flatMap((one) => one.problems);
    for (const { page } of watched) await page.context().close();
    watched = [];
    expect(problems).toEqual([]);
  });

  describe("recordings", recordings);
  describe("crowds", crowds);
  describe("choices", choices);
  describe("strangers", strangers);
  describe("jobs", jobs);
  describe("outages", outages);
  describe("access", access);
  describe("speakers", speakers);
  describe("speakers by keyboard", speakersByKeyboard);
  describe("speakers in live text", speakersLive);
  describe("microphone", microphone);
  describe("insecure", insecure);
  describe("everybody", everybody);
});

function recordings(): void {
  test.each([
    ["talk.wav", []],
    ["talk.mp3", ["-b:a", "64k"]],
    ["talk.m4a", ["-c:a", "aac", "-b:a", "96k"]],
    ["talk.webm", ["-c:a", "libopus", "-b:a", "48k"]],
  ])("%s becomes text, subtitles, and sound to play", async (name, options) => {
    const page = await openFresh();
    await give(page, name, await encoded("en-weather", name, ...options));
    await done(page, name);
    expect(await says(page)).toBe(weather);
    expect(await page.locator(".cues").textContent()).toContain(" --> ");
    expect(await page.locator(".facts").textContent()).toBe("Language: English · Length: 0:10");
    await page.getByRole("button", { name: "Play" }).click();
    await page.locator(".w.on").first().waitFor();
  });

  test("files and folders can be dropped, and what is no recording in a folder is left out", async () => {
    const page = await openFresh();
    const data = await page.evaluateHandle(`(() => {
      const data = new DataTransfer();
      const sound = Uint8Array.from(atob("${clipBytes("en-short").toString("base64")}"), (char) => char.charCodeAt(0));
      for (const name of ["one.wav", "two.wav"]) data.items.add(new File([sound], name));
      return data;
    })()`);
    for (const type of ["dragover", "drop"]) await page.dispatchEvent("body", type, { dataTransfer: data });
    await page.locator(".jobs .done").nth(1).waitFor();
    using folder = temporaryFolder();
    await Bun.write(join(folder.path, "deep/three.wav"), clipBytes("en-short"));
    await Bun.write(join(folder.path, "notes.txt"), "no recording");
    await page.setInputFiles("input[webkitdirectory]", folder.path);
    await page.locator(".jobs .done").nth(2).waitFor();
    expect((await page.locator(".jobs .name").allTextContents()).toSorted()).toEqual([
      "one.wav",
      "three.wav",
      "two.wav",
    ]);
  });

  test("samples are tried with a click, in the script and with the numbers that are wanted", async () => {
    const page = await openFresh({ locale: "zh-TW" });
    await page.getByLabel("語言", { exact: true }).selectOption("zh-TW");
    await page.getByText("更多選項").click();
    await page.getByLabel("數字寫成阿拉伯數字").check();
    await page.getByRole("button", { name: "含數字的華語" }).click();
    await done(page);
    expect(await says(page)).toBe("今天台灣多雲。氣溫23度，有風。我們坐飛機去北京。");
    expect(await page.locator(".facts").textContent()).toStartWith("語言：中文");
    await page.reload();
    expect(await page.getByLabel("數字寫成阿拉伯數字").isChecked()).toBeTrue();
  });
}

function crowds(): void {
  test("more files than the queue has places are all heard; samples of a folder are offered", async () => {
    const folder = files.path;
    await Bun.write(join(folder, "ours/interview.wav"), clipBytes("en-short"));
    const small = await served(["--queue-max", "2", "--samples", join(folder, "ours")]);
    const { page } = await openPage(browser, small.url); // 429 is told by the console.
    const buffer = clipBytes("en-digits");
    const names = Array.from({ length: 6 }, (_, index) => `${index}.wav`);
    await page.setInputFiles("input[multiple]", names.map((name) => ({ name, mimeType: "audio/wav", buffer })));
    await page.getByRole("button", { name: "interview.wav" }).click();
    await page.locator(".jobs .done").nth(6).waitFor();
    expect((await page.locator(".jobs .name").allTextContents()).toSorted()).toEqual([...names, "interview.wav"]);
    const all = page.getByRole("link", { name: "Save all subtitles (ZIP)" });
    const [download] = await Promise.all([page.waitForEvent("download"), all.click()]);
    expect(download.suggestedFilename()).toBe("transcripts.zip");
    expect(await Bun.file(await download.path()).text()).toContain("interview.srt");
    await page.context().close();
    await small.stop();
  });
}

function choices(): void {
  test("a recording is heard again with other options", async () => {
    const page = await openFresh();
    await give(page, "weather.wav", clipBytes("en-weather"));
    await done(page);
    await page.getByText("More options").click();
    await page.getByLabel("Write numbers as digits").check();
    await page.getByRole("button", { name: "Transcribe again, with the options as they are now" }).click();
    await page.locator(".say", { hasText: "Today is Sunday, November 2." }).waitFor();
    expect(await page.locator(".jobs .done").count()).toBe(2);
  });
}

function strangers(): void {
  test("names and texts of strangers are shown, never run", async () => {
    const page = await openFresh();
    const evil = "<img src=x onerror=\"document.title='run'\">";
    await page.getByText("More options").click();
    await page.getByLabel("Names and terms that may occur").fill(`door => ${evil}`);
    await give(page, `${evil}.wav`, clipBytes("en-short"));
    await done(page);
    expect(await says(page)).toBe(`Please open the old ${evil}.`);
    expect(await page.locator(".cues").textContent()).toContain(evil);
    expect(await page.title()).not.toBe("run");
    expect(await page.locator("img").count()).toBe(0);
  });

  test("what cannot be heard says so, and what is saved has the recording's name", async () => {
    const page = await openFresh();
    await give(page, "letter.wav", Buffer.from("not a recording at all"));
    await page.locator(".jobs .failed", { hasText: "letter.wav" }).waitFor();
    await give(page, "silence.wav", clipBytes("silence-3s"));
    await page.locator("article.job", { hasText: "No speech was heard." }).waitFor();
    await give(page, "a talk.wav", clipBytes("en-short"));
    await done(page, "a talk.wav");
    for (const [label, name] of [["Save text", "a talk.txt"], ["WebVTT", "a talk.vtt"]] as const) {
      if (label === "WebVTT") await page.getByText("More formats").click();
      const link = page.getByRole("link", { name: label, exact: true });
      const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
      expect(download.suggestedFilename()).toBe(name);
      expect(await Bun.file(await download.path()).text()).toContain("Please open the old door.");
    }
  });
}

function jobs(): void {
  test("a reload in mid-job loses nothing", async () => {
    const page = await openFresh();
    await give(page, "", await long("long.wav", "en-45s", 40));
    const flow = page.locator(".job .flow");
    await until(async () => await textLength(flow) > 500);
    const before = (await flow.textContent())!;
    await page.reload();
    await until(async () => await textLength(flow) >= before.length);
    expect(await flow.textContent()).toStartWith(before);
    expect(await page.locator(".jobs .state").textContent()).toMatch(/^Listening \d+ %( · [\d:]+ left)?$/);
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Cancel: long.wav" }).click();
    await page.locator(".jobs .cancelled").waitFor();
    await page.getByText("Cancelled. This is the text until then.").waitFor();
    await done(page);
    expect((await says(page)).replace(/\s+/g, " ")).toStartWith(before.slice(0, 300));
    page.once("dialog", (dialog) => dialog.accept());
    await page.getByRole("button", { name: "Delete: long.wav" }).click();
    await page.locator(".jobs li").waitFor({ state: "detached" });
    expect(await page.locator("article.job").count()).toBe(0);
  });

  test("what is mended is kept, and is in what is saved", async () => {
    const page = await openFresh();
    await give(page, "talk.wav", clipBytes("en-weather"));
    await page.getByRole("button", { name: "Edit subtitles" }).click();
    await page.locator(".cue .say").first().dblclick();
    await page.getByRole("textbox", { name: "Text of the subtitle" }).fill("Today is <b>Monday</b>.");
    await page.keyboard.press("Enter");
    await page.locator("pre.cues", { hasText: "Today is <b>Monday</b>." }).waitFor();
    await page.reload();
    await done(page);
    expect(await says(page)).toStartWith("Today is <b>Monday</b>.");
    const link = page.getByRole("link", { name: "Save text" });
    const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
    expect(await Bun.file(await download.path()).text()).toStartWith("Today is <b>Monday</b>.");
  });

  test("text comes piece by piece, what a view will rewrite in grey first", async () => {
    const page = await openFresh();
    await page.getByText("More options").click();
    await page.getByLabel("Write numbers as digits").check();
    await page.evaluate(`{
      globalThis.tails = 0;
      globalThis.flows = new Set();
      new MutationObserver(() => {
        if (document.querySelector(".flow .tail")?.textContent) tails++;
        flows.add(document.querySelector(".flow")?.textContent);
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    }`);
    await give(page, "", await long("numbers.wav", "en-45s", 4));
    await done(page);
    const seen: { readonly tails: number; readonly flows: number } = await page.evaluate(
      "({ tails, flows: flows.size })",
    );
    expect(seen.tails).toBeGreaterThan(20);
    expect(seen.flows).toBeGreaterThan(20);
    expect(await says(page)).toContain("The number is 17.");
  });
}

function outages(): void {
  test("while the server is away the page says so, and goes on when it is back", async () => {
    using folder = temporaryFolder();
    const state = ["--state", join(folder.path, "state")];
    const first = await served(state);
    const { page } = await openPage(browser, first.url); // Its requests fail, which the console tells.
    await give(page, "", await long("long.wav", "en-45s", 40));
    await until(async () => await textLength(page.locator(".flow")) > 100);
    await first.stop("SIGKILL");
    await page.getByText("The server does not answer. Is it still running?").waitFor();
    const second = await served([...state, "--port", String(first.port)]);
    await page.getByText("The server does not answer. Is it still running?").waitFor({ state: "hidden" });
    await page.locator(".jobs .running").waitFor();
    await page.getByRole("button", { name: "Cancel: long.wav" }).click();
    await page.locator(".jobs .cancelled").waitFor();
    await page.context().close();
    await second.stop();
  });
}

function access(): void {
  test("a key is asked for once, and can be forgotten", async () => {
    const locked = await served([], { QWEN_ASR_API_KEY: key });
    const { page } = await openPage(browser, locked.url); // 401 is told by the console.
    await page.getByLabel("Key").fill("wrong-key");
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByText("the key is wrong").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByLabel("Key").fill(key);
    await page.keyboard.press("Enter");
    await page.locator(".zone").waitFor();
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", name: `qwen_asr_${locked.port}` });
    expect(await page.evaluate("document.cookie")).toBe("");
    await give(page, "talk.wav", clipBytes("en-short"));
    await done(page);
    await page.reload();
    await done(page);
    await page.getByRole("button", { name: "Forget the key" }).click();
    await page.getByLabel("Key").waitFor();
    expect(locked.errors()).not.toContain(key);
    await page.context().close();
    await locked.stop();
  });

  test("no frame shows the page", async () => {
    const { page, problems } = await openPage(browser, server.url);
    await page.setContent(`<iframe src="${server.url}"></iframe>`);
    await until(() => Promise.resolve(problems.some((problem) => problem.includes("frame-ancestors 'none'"))));
    await page.context().close();
  });
}

/** Chromium with a microphone that hears a clip once. Where the machine is very busy, it hears gaps. */
async function hearing<T>(clip: string, work: (from: Browser) => Promise<T>): Promise<T> {
  const from = await openBrowser([
    ...["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
    `--use-file-for-fake-audio-capture=${wav(clip)}%noloop`,
  ]);
  try {
    return await work(from);
  } finally {
    await from.close();
    watched = watched.map((one) => ({ ...one, page: placeholder }));
  }
}

/** Of a browser that is closed already. */
const placeholder = { context: () => ({ close: () => Promise.resolve() }) } as unknown as Page;

/** Notes whatever stands as settled, on every change; at the end each has to begin with the one before. */
async function watchSettled(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(`{
    globalThis.settled = [""];
    new MutationObserver(() => {
      const text = document.querySelector(".session .flow p")?.firstChild.data ?? settled.at(-1);
      if (text !== settled.at(-1)) settled.push(text);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  }`);
  return () => page.evaluate("settled");
}

/** From nothing, in two steps at least: a machine that is busy has more to settle at a time. */
function expectGrowing(texts: readonly string[]): void {
  expect(texts.length).toBeGreaterThan(2);
  for (const [index, text] of texts.entries()) expect(text).toStartWith(texts[index - 1] ?? "");
}

/** The sentence at the end is over. */
function heardAll(flow: Locator): Promise<void> {
  return flow.filter({ hasText: /old window\.$/ }).waitFor();
}

const two = "en-two-voices-30s";
const testTwo = testWhere(hasClip(two) && hasSpeakers, `the clip ${two} and the speaker networks`);

async function openTwo(options: BrowserContextOptions = {}): Promise<Page> {
  const page = await openFresh(options);
  await page.locator("#speakers").selectOption("auto");
  await give(page, "two.wav", clipBytes(two));
  await done(page);
  return page;
}

function speakerNames(page: Page): Promise<string[]> {
  return page.locator(".speakers .speaker").allTextContents();
}

/** The names that stand in the text. */
async function speakerLabels(page: Page): Promise<string> {
  return [...new Set(await page.locator(".text .who").allTextContents())].join();
}

/** The only recording's transcript as the server has it. */
async function kept(format: string): Promise<string> {
  const { data } = await (await fetch(`${server.url}/v1/jobs`)).json();
  return await (await fetch(`${server.url}/v1/jobs/${data[0].id}/result?response_format=${format}`)).text();
}

function speakers(): void {
  testTwo(
    "each has a colour, and a name that can be changed and joined in the text, undone, and is saved",
    async () => {
      const page = await openTwo();
      const ann = "Ann <b>Lee</b>";
      expect(await speakerNames(page)).toEqual(["Speaker 1", "Speaker 2"]);
      const colours = "[...document.querySelectorAll('.text .who')].map((one) => getComputedStyle(one).color)";
      expect(new Set(await page.evaluate<string[]>(colours)).size).toBe(2);
      await page.locator(".text .who", { hasText: "Speaker 1" }).first().click();
      await page.keyboard.type(ann);
      await page.keyboard.press("Enter");
      await until(async () => await speakerLabels(page) === `${ann},Speaker 2`);
      expect(await speakerNames(page)).toEqual([ann, "Speaker 2"]);
      await until(async () => (await kept("srt")).includes(`${ann}: Mark`));
      const { speakers, turns } = JSON.parse(await kept("document"));
      expect([speakers[0].name, turns[0].speaker]).toEqual([ann, ann]);
      await page.locator(".text .who", { hasText: "Speaker 2" }).nth(1).click();
      await page.getByLabel("Same speaker as").selectOption(ann);
      await page.getByText("Both become one speaker.").waitFor();
      await page.getByRole("button", { name: "Done" }).click();
      await until(async () => (await speakerNames(page)).length === 1);
      expect(await speakerLabels(page)).toBe(ann);
      for (const left of [`${ann},Speaker 2`, "Speaker 1,Speaker 2"]) {
        await page.getByRole("button", { name: "Undo" }).click();
        expect((await speakerNames(page)).join()).toBe(left);
      }
      await page.keyboard.press("Control+Shift+z");
      expect(await speakerNames(page)).toEqual([ann, "Speaker 2"]);
      await until(async () => (await kept("vtt")).includes("<v Ann "));
      await page.reload();
      await done(page);
      expect(await speakerNames(page)).toEqual([ann, "Speaker 2"]);
    },
  );

  testTwo("in light, dark, Chinese and on phones WCAG AA holds and nothing sticks out", async () => {
    await openTwo();
    for (
      const [options, list] of [
        [{}, "Speakers"],
        [{ colorScheme: "dark", locale: "zh-CN" }, "说话人"],
        [{ ...phone, colorScheme: "dark", locale: "zh-TW" }, "說話者"],
      ] as const
    ) {
      const page = await open(options);
      await page.locator(".jobs button.name").click();
      await done(page);
      await page.getByRole("group", { name: list }).locator(".speaker").first().click();
      expect(await violations(page)).toEqual([]);
      expect(await widthBeyond(page)).toBe(0);
      await page.keyboard.press("Escape");
      await page.locator(".transcript > .options > button").click();
      await page.locator(".cue .open").first().click();
      expect(await violations(page)).toEqual([]);
      expect(await widthBeyond(page)).toBe(0);
      await page.context().close();
    }
  });
}

function speakersByKeyboard(): void {
  testTwo("names change by keyboard, and beside edits of the text", async () => {
    const page = await openTwo();
    const focused = () => page.evaluate("document.activeElement.getAttribute('aria-label')");
    await page.getByRole("button", { name: "Rename Speaker 2" }).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    expect(await focused()).toBe("Rename Speaker 2");
    await page.keyboard.press("Enter");
    await page.keyboard.type("Beth");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Rename Beth" }).waitFor();
    expect(await focused()).toBe("Rename Beth");
    await page.getByRole("button", { name: "Edit subtitles" }).click();
    await page.locator(".cue .say").nth(1).dblclick();
    await page.getByRole("textbox", { name: "Text of the subtitle" }).fill("We go home.");
    await page.getByRole("button", { name: "Rename Speaker 1" }).click();
    await page.keyboard.type("Ann");
    await page.keyboard.press("Enter"); // What stands in the open row is taken over.
    await until(async () => await speakerLabels(page) === "Ann,Beth");
    expect(await page.locator(".cue .say").nth(1).textContent()).toBe("Beth We go home.");
    for (const expected of ["Speaker 1,Beth", "Speaker 1,Beth", "Speaker 1,Speaker 2"]) {
      await page.keyboard.press("Control+z");
      expect(await speakerLabels(page)).toBe(expected);
    }
    expect(await page.locator(".cue .say").nth(1).textContent()).toBe("Speaker 2 We go to Denver on Saturday.");
  });

  testTwo("one subtitle goes to another speaker, or to one who is new, by keyboard alone; files follow", async () => {
    const page = await openTwo();
    await page.getByRole("button", { name: "Edit subtitles" }).click();
    const list = page.getByRole("combobox", { name: "Speaker of the subtitle" });
    const give = async (key: string) => {
      await page.locator(".cue .open").nth(1).focus();
      for (const each of ["Enter", "Shift+Tab", key, "Tab", "Enter"]) await page.keyboard.press(each);
      await list.waitFor({ state: "detached" });
    };
    await give("Home");
    await until(async () => !(await kept("srt")).includes("Speaker 2: We go"));
    const { segments, speakers: [one, two] } = JSON.parse(await kept("document"));
    expect([segments[1].words[0].speaker, one.speech > two.speech]).toEqual(["Speaker 1", true]);
    expect(await kept("vtt")).toContain("<v Speaker 1>We go");
    await give("End");
    expect(await speakerNames(page)).toEqual(["Speaker 1", "Speaker 3", "Speaker 2"]);
    await until(async () => (await kept("tsv")).includes("on Saturday.\tSpeaker 3"));
    expect(await kept("rttm")).toMatch(/ 2\.[3-9]\d* .* Speaker_3 /);
    for (const left of ["Speaker 1", "Speaker 2"]) {
      await page.keyboard.press("Control+z");
      expect(await page.locator(".cue").nth(1).locator(".who").textContent()).toBe(left);
    }
    await until(async () => (await kept("srt")).includes("Speaker 2: We go"));
  });
}

function speakersLive(): void {
  testTwo("live text says who has spoken, when an utterance has ended", async () => {
    await hearing(two, async (from) => {
      const page = await openFresh({}, from);
      await page.locator("#speakers").selectOption("2");
      await page.getByRole("button", { name: "Live text" }).click();
      await page.locator(".session .flow p", { hasText: "purple table" }).first().waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
      await page.getByRole("link", { name: "Save text" }).first().waitFor();
      const lines = await page.locator(".session .flow p").allTextContents();
      const speakerOf = (words: string) => lines.find((line) => line.includes(words))?.slice(0, 10);
      expect([speakerOf("Mark"), speakerOf("Saturday")]).toEqual(["Speaker 1:", "Speaker 2:"]);
      expect(await violations(page)).toEqual([]);
    });
  });
}

function microphone(): void {
  test("live text: what is settled stays, and nothing is lost at the end", async () => {
    await hearing("en-weather", async (from) => {
      const page = await openFresh({}, from);
      const settled = await watchSettled(page);
      await page.getByRole("button", { name: "Live text" }).click();
      await page.locator(".session .flow p", { hasText: "cloudy and" }).first().waitFor();
      await shoot(page, "page-live");
      await heardAll(page.locator(".session .flow"));
      await page.getByRole("button", { name: "Stop" }).click();
      const link = page.getByRole("link", { name: "Save text" }).first();
      const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
      expect(await Bun.file(await download.path()).text()).toBe(`${weather}\n`);
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: "Keep as a recording" }).click();
      await done(page, "Recording 20");
      expectGrowing(await settled());
      expect((await settled()).at(-1)).toBe(weather);
      expect(await says(page)).toBe(weather);
    });
  });

  test("a stream whose connection breaks goes on where it was", async () => {
    await hearing("en-weather", async (from) => {
      const page = await open({}, "about:blank", from);
      let connections = 0;
      await page.routeWebSocket(/\/v1\/stream/, (socket) => {
        const upstream = socket.connectToServer();
        if (++connections > 1) return;
        setTimeout(() => {
          void socket.close({ code: 4000 });
          void upstream.close({ code: 4000 });
        }, 5000);
      });
      await page.goto(server.url);
      watched = [];
      const settled = await watchSettled(page);
      await page.getByRole("button", { name: "Live text" }).click();
      await page.getByText("The connection broke.").waitFor();
      await page.getByText("Speak: the text appears as you do.").waitFor();
      await heardAll(page.locator(".session .flow"));
      await page.getByRole("button", { name: "Stop" }).click();
      await page.getByRole("button", { name: "Keep as a recording" }).waitFor();
      expectGrowing(await settled());
      expect([(await settled()).at(-1), connections]).toEqual([weather, 2]);
    });
  });

  test("a recording that is made here becomes text as any other", async () => {
    await hearing("en-short", async (from) => {
      const page = await openFresh({}, from);
      await page.getByRole("button", { name: "Record", exact: true }).click();
      await page.getByText("Nothing is heard. Is the microphone muted?").waitFor(); // After the clip's end.
      await page.keyboard.press("Enter"); // Stop has the focus.
      await done(page, "Recording 20");
      expect(await says(page)).toBe("Please open the old door.");
    });
  });
}

function insecure(): void {
  test("by plain http from another machine it says how to get a microphone", async () => {
    const rules = ["--host-resolver-rules=MAP asr.example 127.0.0.1"];
    const named = await served(["--allow-host", "asr.example"]);
    const from = await openBrowser(rules);
    const { page, problems } = await openPage(from, `http://asr.example:${named.port}`);
    await page.getByRole("button", { name: "Live text" }).click();
    await page.getByText(`ssh -L ${named.port}:localhost:${named.port} asr.example`).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(problems).toEqual([]);
    await from.close();
    await named.stop();
  });
}

function everybody(): void {
  test.each(
    [
      ["wide and light", { viewport: { width: 1280, height: 860 } }, "page"],
      ["wide and dark", { viewport: { width: 1280, height: 860 }, colorScheme: "dark" }, ""],
      ["a phone", phone, ""],
      ["a phone in the dark, in Chinese", { ...phone, colorScheme: "dark", locale: "zh-CN" }, ""],
    ] as const,
  )("%s: WCAG AA holds and nothing sticks out", async (_, options, picture) => {
    const page = await openFresh(options);
    expect(await violations(page)).toEqual([]);
    await page.locator(".settings summary").click();
    expect(await violations(page)).toEqual([]);
    await page.locator(".settings summary").click();
    await give(page, "weather.wav", clipBytes("en-weather"));
    await done(page);
    await page.locator(".w").nth(4).click();
    expect(await violations(page)).toEqual([]);
    expect(await widthBeyond(page)).toBe(0);
    if (picture !== "") await shoot(page, picture);
    await page.locator(".menu summary").click();
    expect(await violations(page)).toEqual([]);
    expect(await widthBeyond(page)).toBe(0);
    await page.keyboard.press("Escape");
    await page.locator(".menu ul").waitFor({ state: "hidden" });
  });

  test("everything can be done by keyboard", async () => {
    const page = await openFresh();
    const focused = (): Promise<string> => page.evaluate("document.activeElement.textContent.trim()");
    const tabTo = async (text: string) => {
      for (let count = 0; count < 40; count++) {
        if (await focused() === text) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`no way by keyboard to ${text}`);
    };
    const chooser = page.waitForEvent("filechooser");
    await tabTo("Choose files");
    await page.keyboard.press("Enter");
    await (await chooser).setFiles({ name: "talk.wav", mimeType: "audio/wav", buffer: clipBytes("en-short") });
    await done(page);
    await tabTo("talk.wav");
    await tabTo("Save subtitles (SRT)");
    const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
    expect(download.suggestedFilename()).toBe("talk.srt");
  });

  test("the page's language is chosen, and stays", async () => {
    const page = await open();
    await page.getByLabel("Language of this page").selectOption("zh-Hant");
    await page.getByText("把錄音拖到這裡").waitFor();
    await page.reload();
    await page.getByText("把錄音拖到這裡").waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("zh-Hant");
  });
}
