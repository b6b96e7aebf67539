import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal, journalLines, journalName, journalValues } from "./journal.ts";

function folder() {
  const path = mkdtempSync(join(tmpdir(), "journal-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const fail = (line: string) => {
  throw new Error(line);
};

async function valuesOf(path: string): Promise<unknown[]> {
  return (await Array.fromAsync(journalLines(path))).map(({ value }) => value);
}

test("what was written comes back, and a journal that is removed leaves nothing", async () => {
  using at = folder();
  const path = journalName(join(at.path, "talk.srt"));
  expect(path).toBe(join(at.path, ".talk.srt.journal"));
  const journal = new Journal(path, 0, fail);
  journal.write({ text: "a\nb \ud800 \u00e4" });
  await journal.flush();
  journal.write({ number: 0.1 + 0.2 });
  await journal.flush();
  expect(await valuesOf(path)).toEqual([{ text: "a\nb \ud800 \u00e4" }, { number: 0.30000000000000004 }]);
  const places = await Array.fromAsync(journalLines(path));
  expect(await journalValues(path, places.slice(1))).toEqual([{ number: 0.30000000000000004 }]);
  await journal.remove();
  expect(existsSync(path)).toBe(false);
});

test("wherever it was cut or damaged, the lines before that come back, and writing goes on after them", async () => {
  using at = folder();
  const path = join(at.path, "j");
  const journal = new Journal(path, 0, fail);
  for (const number of [1, 2, 3]) journal.write({ number });
  await journal.close();
  const whole = readFileSync(path);
  const length = whole.length / 3;
  for (let size = 0; size < whole.length; size++) {
    writeFileSync(path, whole);
    truncateSync(path, size);
    expect((await valuesOf(path)).length).toBe(Math.floor(size / length));
  }
  whole[length + 12]! ^= 1;
  writeFileSync(path, whole);
  appendFileSync(path, "\0".repeat(100));
  expect(await valuesOf(path)).toEqual([{ number: 1 }]);
  const next = new Journal(path, length, fail);
  next.write({ number: 4 });
  await next.close();
  expect(await valuesOf(path)).toEqual([{ number: 1 }, { number: 4 }]);
});

test("a write that fails is told once, and its lines go with the next", async () => {
  using at = folder();
  const path = join(at.path, "later/j");
  const told: string[] = [];
  const journal = new Journal(path, 0, (line) => void told.push(line));
  for (const number of [1, 2]) {
    journal.write({ number });
    await journal.flush();
  }
  expect(told).toEqual([`${path}: cannot write: its folder does not exist; --resume would have to hear more again`]);
  mkdirSync(join(at.path, "later"));
  journal.write({ number: 3 });
  await journal.close();
  expect(await valuesOf(path)).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
});

test("a disk that takes nothing is left without an empty file", () => {
  using at = folder();
  const path = join(at.path, "j");
  const script = `
    const { Journal } = await import(${JSON.stringify(join(import.meta.dir, "journal.ts"))});
    const journal = new Journal(${JSON.stringify(path)}, 0, (line) => console.log(line));
    journal.write({ number: 1 });
    await journal.flush();
    journal.write({ number: 2 });
    await journal.close();
    console.log("closed");`;
  const shell = ["-c", `trap '' XFSZ; ulimit -f 0; exec "$0" -e "$1"`, process.execPath, script];
  const { stdout } = spawnSync("sh", shell, { encoding: "utf8" });
  expect(stdout).toMatch(/^.*\/j: cannot write: .*; --resume would have to hear more again\nclosed\n$/);
  expect(existsSync(path)).toBeFalse();
});

test("there may be none", async () => {
  expect(await valuesOf("/nowhere/j")).toEqual([]);
});
