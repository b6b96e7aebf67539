/**
 * Who speaks changes labels, where segments are parted, and estimated times; nothing else: texts, words, segments and
 * what is known of them are those of a run without --speakers, of files, rows of batches and a server's clients.
 */

import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasClip, hasSpeakers, modelDir } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { lines, qwen, wav } from "./support/cli.ts";
import { served } from "./support/served.ts";
import { testWhere } from "./support/where.ts";

type Word = Readonly<Record<string, unknown>> & { readonly text: string; readonly flag?: string };
type Segment = Readonly<Record<string, unknown>> & { readonly text: string; readonly words: readonly Word[] };

const names = ["en-two-voices-30s", "words-en-1"].filter(hasClip);

/** A word without whose it is, and without its times, if they are estimated. */
function bare({ speaker: _, overlap: __, ...word }: Word): Word {
  if (word.flag === undefined) return word;
  const { start: _start, end: _end, ...rest } = word;
  return rest;
}

/** Parts of segments, joined as the segments of `plain` are. */
function expectSame(plain: readonly Segment[], told: readonly Segment[]): void {
  const left = [...told];
  for (const { text, words, start: _, end: __, ...segment } of plain) {
    const parts = [left.shift()!];
    const joined = () => parts.map((part) => part.text).join("");
    while (joined().length < text.length && left.length > 0) parts.push(left.shift()!);
    expect(joined()).toBe(text);
    expect(parts.flatMap((part) => part.words).map(bare)).toEqual(words.map(bare));
    for (const { text: _text, words: own, start: _start, end: _end, speaker, ...rest } of parts) {
      expect(rest).toEqual(segment);
      expect(speaker).toBeString();
      expect(own.every((word) => word.speaker === speaker)).toBe(true);
    }
  }
  expect(left).toEqual([]);
  expect(told.length).toBeGreaterThanOrEqual(plain.length);
}

/** Short segments, as estimated times have them, whether or not it is asked who speaks. */
const short = ["-S", "15"];

async function ofFiles(more: readonly string[]): Promise<Segment[][]> {
  using folder = temporaryFolder();
  const args = [...names.map(wav), ...short, ...more, "-f", "json", "-o", `${folder.path}/`, "--silent"];
  expect((await qwen(args)).code).toBe(0);
  return names.map((name) => JSON.parse(readFileSync(join(folder.path, `${name}.json`), "utf8")).segments);
}

async function ofBatch(more: readonly string[]): Promise<Segment[][]> {
  using folder = temporaryFolder();
  const manifest = join(folder.path, "list.jsonl");
  writeFileSync(manifest, names.map((name) => `${JSON.stringify({ id: name, audio: wav(name) })}\n`).join(""));
  const { code, stdout } = await run(["batch", manifest, "-d", modelDir(), ...short, ...more, "-o", "-", "--silent"]);
  expect(code).toBe(0);
  return lines(stdout).map((line) => JSON.parse(line).segments);
}

async function ofServer(): Promise<[Segment[][], Segment[][]]> {
  const server = await served();
  const ask = async (name: string, more: Record<string, string>): Promise<Segment[]> => {
    const body = new FormData();
    const fields = { file: new File([readFileSync(wav(name))], "talk.wav"), response_format: "document", ...more };
    for (const [field, value] of Object.entries(fields)) body.append(field, value);
    const response = await fetch(`${server.url}/v1/audio/transcriptions`, { method: "POST", body });
    expect(response.status).toBe(200);
    return (await response.json()).segments;
  };
  try {
    const all = (more: Record<string, string>) => Promise.all(names.map((name) => ask(name, more)));
    return [await all({}), await all({ speakers: "auto" })];
  } finally {
    await server.stop();
  }
}

testWhere(names.length > 0 && hasSpeakers, "clips and the speaker networks")(
  "--speakers changes labels, parts and estimated times alone: files, batches, the server",
  async () => {
    const speakers = ["--speakers", "auto"];
    for (const hear of [ofFiles, ofBatch]) {
      for (const how of [[], ["--align", "--aligner", modelDir("nano-aligner")]]) {
        const [plain, told] = [await hear(how), await hear([...how, ...speakers])];
        for (const [index, segments] of plain.entries()) expectSame(segments, told[index]!);
      }
    }
    const [plain, told] = await ofServer();
    for (const [index, segments] of plain.entries()) expectSame(segments, told[index]!);
  },
);
