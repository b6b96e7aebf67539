/** Tests of where a page finds its recording. */

import { expect, test } from "bun:test";
import { mkdir, mkdtemp, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findSound, type SoundRequest } from "./sound.ts";

const folder = await mkdtemp(join(tmpdir(), "qwen-asr-sound-"));
await mkdir(join(folder, "talks"));
await mkdir(join(folder, "pages"));
await symlink("pages", join(folder, "linked"));
const talk = join(folder, "talks", "50 % #1: \u4f60?.wav");
await writeFile(talk, "RIFF\x04\0\0\0WAVE");
await writeFile(join(folder, "talks", "secret.wav"), "user:password\n");

async function find(changes: Partial<SoundRequest>) {
  const lines: string[] = [];
  const request = {
    choice: "link",
    name: talk,
    input: talk,
    page: join(folder, "pages", "x.html"),
    ...changes,
  } as const;
  return { sound: await findSound(request, (line) => lines.push(line.replaceAll(folder, ""))), lines };
}

const address = "../talks/50%20%25%20%231%3A%20%E4%BD%A0%3F.wav";

test("a link leads from the page to the recording", async () => {
  expect(await find({})).toEqual({ sound: { kind: "link", href: address, name: "50 % #1: \u4f60?.wav" }, lines: [] });
  expect((await find({ page: join(folder, "linked", "x.html") })).sound).toMatchObject({ href: address });
  expect((await find({ page: join(folder, "talks", "x.html") })).sound).toMatchObject({ href: address.slice(9) });
  expect((await find({ page: join(folder, "x.html"), name: join(folder, "gone", "b.wav") })).sound)
    .toMatchObject({ href: "gone/b.wav" });
});

test("of a transcript, the recording may lie beside it", async () => {
  const input = join(folder, "talks", "talk.json");
  expect((await find({ input, name: "elsewhere/50 % #1: \u4f60?.wav" })).sound).toMatchObject({ href: address });
});

test("what came from a pipe, and what is not wanted, is not there", async () => {
  expect(await find({ name: "stdin", input: "-" })).toEqual({ sound: undefined, lines: [] });
  expect(await find({ name: "standard input", input: "-" })).toEqual({ sound: undefined, lines: [] });
  const subtitles = join(folder, "talks", "secret.wav");
  expect(await find({ name: subtitles, input: subtitles })).toEqual({ sound: undefined, lines: [] });
  expect(await find({ name: "/dev/null", input: "/dev/null" })).toEqual({ sound: undefined, lines: [] });
  expect(await find({ choice: "none" })).toEqual({ sound: undefined, lines: [] });
});

test("a recording inside the page; one that is too large or missing is linked, with a line", async () => {
  const base64 = Buffer.from("RIFF\x04\0\0\0WAVE").toString("base64");
  expect(await find({ choice: "embed" })).toEqual({ sound: { kind: "embed", base64, type: "audio/wav" }, lines: [] });
  const large = join(folder, "talks", "large.wav");
  await writeFile(large, "RIFF\x04\0\0\0WAVE");
  await truncate(large, 50_000_001);
  expect(await find({ choice: "embed", name: large })).toEqual({
    sound: { kind: "link", href: "../talks/large.wav", name: "large.wav" },
    lines: ["/talks/large.wav: has 51 MB, and a page takes up to 50 MB: the page links it instead"],
  });
  expect(await find({ choice: "embed", name: join(folder, "talks", "secret.wav") })).toEqual({
    sound: undefined,
    lines: ["/talks/secret.wav: is no recording that a browser plays: the page has no sound"],
  });
  expect((await find({ choice: "embed", name: "gone.wav" })).lines).toEqual([
    "gone.wav: is not there: the page links it instead",
  ]);
});

test("names that are not UTF-8 keep their bytes", async () => {
  expect((await find({ name: "caf\udce9.wav", input: "caf\udce9.wav" })).sound).toMatchObject({ href: "caf%E9.wav" });
});
