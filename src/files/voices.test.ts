import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { voiceFiles } from "./voices.ts";

function folderWith(...names: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), "voices-"));
  for (const name of names) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), "");
  }
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

test("a file is of whom it is called, and so is all in a folder; what is no recording is nobody's", async () => {
  using files = folderWith("Anna Meier.wav", "ben/1.mp3", "ben/calls/2.wav", "ben.flac", "notes.txt", ".hidden.wav");
  const found = (await voiceFiles(files.root)).map(({ name, path }) => [path.slice(files.root.length + 1), name]);
  expect(Object.fromEntries(found)).toEqual({
    ...{ "Anna Meier.wav": "Anna Meier", "ben.flac": "ben", "ben/1.mp3": "ben", "ben/calls/2.wav": "ben" },
  });
});

test("a folder without recordings, none, and what is no folder", async () => {
  using files = folderWith("notes.txt", "a/anna.wav");
  rmSync(join(files.root, "a/anna.wav"));
  const fault = (name: string) => voiceFiles(join(files.root, name)).catch(({ message }) => message);
  expect(await fault("")).toEndWith(": holds no recordings of voices");
  expect(await fault("b")).toEndWith("/b: no such folder");
  expect(await fault("notes.txt")).toEndWith("notes.txt: is no folder: it takes one with a recording of each voice");
});

test("nobody is called nothing, nor as those are whose names nobody knows", async () => {
  for (const [name, fault] of [[" .wav", " .wav: has no name"], ["\u2068/a.wav", "a.wav: has no name"]] as const) {
    using files = folderWith("ben.wav", name);
    expect(await voiceFiles(files.root).catch(({ message }) => message)).toContain(fault);
  }
  using files = folderWith("Speaker 2/a.wav");
  const message = await voiceFiles(files.root).catch(({ message }) => message);
  expect(message).toEndWith("Speaker 2/a.wav: is of nobody: unknown speakers are called Speaker 2");
});
