/** Tests of the progress line: what it says and how it is rewritten. */

import { expect, test } from "bun:test";
import { fittingLine, formatBytes, formatDuration, Progress } from "./progress.ts";

function recorded(isTerminal: boolean, doneBytes = 0) {
  const state = { nowMs: 0, text: "" };
  const write = (text: string) => void (state.text += text);
  const options = { label: "small", totalBytes: 2e9, doneBytes, isTerminal, write, now: () => state.nowMs };
  return { state, progress: new Progress(options) };
}

test("total, speed and time left, without what was there before", () => {
  const { state, progress } = recorded(true, 500e6);
  progress.offset(500e6); // Found on disk.
  expect(state.text).toBe("\rsmall: 50 %, 1.00 GB of 2.00 GB");
  for (let second = 1; second <= 20; second++) {
    state.nowMs = second * 1000;
    state.text = "";
    progress.offset(500e6 + second * 10e6);
  }
  expect(state.text).toBe("\rsmall: 60 %, 1.20 GB of 2.00 GB, 10.0 MB/s, 1:20 left");
});

test("redraws at most five times a second, and a shorter line leaves nothing behind", () => {
  const { state, progress } = recorded(true);
  for (let ms = 0; ms < 1000; ms++) {
    state.nowMs = ms;
    progress.offset(ms * 1000);
  }
  expect(state.text.split("\r").length - 1).toBe(5);
  const width = state.text.split("\r").at(-1)!.length;
  state.text = "";
  state.nowMs = 5000;
  progress.offset(0); // Started over: no speed is known.
  expect(state.text).toBe(`\r${"small: 0 %, 0 B of 2.00 GB".padEnd(width)}`);
  state.text = "";
  progress.note("remark");
  expect(state.text).toMatch(/^\r +\rremark\n$/);
  state.text = "";
  progress.end();
  expect(state.text).toBe("");
});

test("without a terminal: a line per file", () => {
  const { state, progress } = recorded(false);
  progress.offset(1e9);
  progress.finished("model.safetensors", 1.88e9);
  progress.end();
  expect(state.text).toBe("model.safetensors: 1.88 GB, checked\n");
});

test("units", () => {
  expect([0, 999, 1000, 99_950, 999_499, 999_500, 1.88e9, 4.7e12].map(formatBytes)).toEqual(
    ["0 B", "999 B", "1.00 kB", "100 kB", "999 kB", "1.00 MB", "1.88 GB", "4.70 TB"],
  );
  expect([0, 59.2, 61, 3723, 1e12].map(formatDuration)).toEqual(["0:00", "1:00", "1:01", "1:02:03", "99:59:59"]);
});

test("no line reaches the last column of the terminal, whatever its width", () => {
  const parts = ["small: 60 %", "1.20 GB of 2.00 GB", "10.0 MB/s", "1:20 left"];
  const cases: [number | undefined, string][] = [
    [undefined, parts.join(", ")],
    [0, parts.join(", ")], // Unknown.
    [53, "small: 60 %, 1.20 GB of 2.00 GB, 10.0 MB/s"],
    [40, "small: 60 %, 1.20 GB of 2.00 GB"],
    [20, "small: 60 %"],
    [8, "small: "],
    [1, "s"],
  ];
  for (const [columns, line] of cases) expect([columns, fittingLine(parts, columns)]).toEqual([columns, line]);
  for (let columns = 2; columns < 90; columns++) {
    const state = { nowMs: 0, text: "", columns: 90 };
    const write = (text: string) => void (state.text += text);
    const now = () => state.nowMs;
    const progress = new Progress({
      ...{ label: "small", totalBytes: 2e9, isTerminal: true, write, now },
      columns: () => state.columns,
    });
    progress.offset(0);
    state.nowMs += 1000;
    progress.offset(1e7);
    Object.assign(state, { nowMs: 2000, columns, text: "" }); // The window has become narrower.
    progress.offset(2e7);
    progress.clear();
    for (const line of state.text.split("\r")) expect(line.length).toBeLessThan(columns);
  }
});
