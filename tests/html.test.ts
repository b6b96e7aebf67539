/** Pages of -f html through the executable: whole, with all text, with a policy that fits, and their recording. */

import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readHtml, textsOf } from "../src/output/html_fixture.ts";
import { run, temporaryFolder } from "./harness.ts";
import { expectRefusal, qwen, wav } from "./support/cli.ts";

const temporary = temporaryFolder();
const folder = temporary.path;
afterAll(() => temporary[Symbol.dispose]());
const name = `"<img src=x onerror=alert(1)>" & 50%.wav`;
const recording = join(folder, "talks", name);
mkdirSync(join(folder, "talks"));
mkdirSync(join(folder, "pages"));
copyFileSync(wav("words-en-1"), recording);

/** The hashes of the inline scripts and styles of a page, as its policy names them. */
function expectPolicy(page: string): void {
  const elements = readHtml(page);
  const policy = elements.find(({ attributes }) => attributes["http-equiv"])!.attributes["content"]!;
  const hash = (tag: string) => {
    const [, text] = new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(page)!;
    return `'sha256-${createHash("sha256").update(text!).digest("base64")}'`;
  };
  expect(policy).toContain(`default-src 'none'; script-src ${hash("script")}; style-src ${hash("style")};`);
  const code = elements.filter(({ tag, attributes }) => tag === "script" && attributes["type"] === undefined);
  expect([code.length, elements.filter(({ tag }) => tag === "style").length]).toEqual([1, 1]);
}

test("a page and the same from its JSON: text, times, the way to the recording", async () => {
  const out = join(folder, "pages", "talk");
  await qwen(["--silent", "-f", "html,json,srt", "-o", out, recording]);
  const page = readFileSync(`${out}.html`, "utf8");
  expectPolicy(page);
  const elements = readHtml(page);
  const main = elements.filter(({ path }) => path.includes("main"));
  expect(textsOf(main, "say").join(" ")).toBe("The number is zero. I have nineteen small books.");
  expect(elements.find(({ tag }) => tag === "h1")!.text).toBe(name);
  const words = JSON.parse(readFileSync(`${out}.json`, "utf8")).segments.flatMap(({ words }: { words: object[] }) =>
    words
  );
  expect(main.filter(({ attributes }) => "data-e" in attributes).map(({ attributes }) => Number(attributes["data-s"])))
    .toEqual(words.map(({ start }: { start: number }) => Math.round(start * 1000)));
  const cues = elements.filter(({ path, tag }) => path.includes("ol") && tag === "button").map(({ text }) => text);
  const times = readFileSync(`${out}.srt`, "utf8").match(/^\d\d:.*-->.*$/gm)!.map((line) =>
    line.replace("-->", "\u2192")
  );
  expect(cues).toEqual(times);
  const audio = elements.find(({ tag }) => tag === "audio")!;
  expect(decodeURIComponent(audio.attributes["src"]!)).toBe(`../talks/${name}`);
  expect(elements.find(({ tag }) => tag === "body")!.attributes["data-peaks"]).toMatch(/^(?:[0-9a-f]{2}){50,}$/);
  const rendered = await run(["render", `${out}.json`, "-f", "html", "-o", join(folder, "pages", "again.html")]);
  expect(rendered.code).toBe(0);
  const bars = / data-peaks="\w+"/;
  expect(readFileSync(join(folder, "pages", "again.html"), "utf8")).toBe(page.replace(bars, ""));
});

test("--html-audio embed and none; standard output is a page in the current folder", async () => {
  const embedded = await qwen(["--silent", "-f", "html", "--html-audio", "embed", recording]);
  expectPolicy(embedded.stdout);
  const holder = readHtml(embedded.stdout).find(({ attributes }) => attributes["id"] === "sound-data")!;
  expect(Buffer.from(holder.text, "base64").equals(readFileSync(recording))).toBe(true);
  const none = await qwen(["--silent", "-f", "html", "--html-audio", "none", recording]);
  expect(readHtml(none.stdout).some(({ tag }) => tag === "audio")).toBe(false);
  const here = await qwen(["--silent", "-f", "html", join("talks", name)], { cwd: folder });
  const audio = readHtml(here.stdout).find(({ tag }) => tag === "audio")!;
  expect(decodeURIComponent(audio.attributes["src"]!)).toBe(`talks/${name}`);
});

test("several recordings have a page each, and a stream has none", async () => {
  const two = join(folder, "two.wav");
  copyFileSync(recording, two);
  expectRefusal(await qwen(["-f", "html", recording, two]), 2, "-f html takes one input, got 2 (-o FOLDER/");
  expectRefusal(
    await qwen(["--stream", "-f", "html", recording]),
    2,
    "-f of a stream is one of text, jsonl, srt, vtt, got 'html'",
  );
  expectRefusal(await qwen(["--stream", "--live", "-f", "html", "-"]), 2, "-f of a stream is one of");
  expectRefusal(await qwen(["--stream", "--html-audio", "none", recording]), 2, "mutually exclusive");
});

test("hostile transcripts are shown, not run", async () => {
  const text = "</script><script>alert(1)</script> <img src=x onerror=alert(2)> \u2028 \u202eevil\u202c ]]> &lt;b&gt;";
  const model = { name: "</title><script>", hash: "h", weights: "int8", isa: "i" };
  const json = join(folder, "hostile.json");
  writeFileSync(
    json,
    JSON.stringify({
      ...{ version: 2, program: "<b>", source: { name: "javascript:alert(3)", duration: 9 }, model, options: {} },
      segments: [{ start: 0, end: 5, text, language: 'English"><script>', speaker: "</p><script>" }],
      complete: true,
    }),
  );
  const { stdout } = await run(["render", json, "-f", "html"]);
  expectPolicy(stdout);
  const elements = readHtml(stdout);
  expect(textsOf(elements.filter(({ path }) => path.includes("main")), "say")).toEqual([`</p><script> ${text}`]);
  expect(elements.find(({ tag }) => tag === "audio")!.attributes["src"]).toBe("javascript%3Aalert%283%29");
  expect(elements.some(({ tag }) => ["img", "b"].includes(tag))).toBe(false);
});
