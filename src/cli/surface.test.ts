/** Tests of text and progress on one terminal, as a person sees them. */

import { expect, test } from "bun:test";
import { FakeScreen } from "./fake_screen.ts";
import { openSurface, type Written } from "./surface.ts";

function opened(written: Written, redraws = true) {
  const shown = new FakeScreen(40, 20);
  let ms = 0;
  const writer = { write: (text: string) => shown.write(text), drained: () => Promise.resolve() };
  const screen = { columns: () => 40, rows: () => 20, redraws, dims: true };
  const terminal = { stdout: writer, stderr: writer, isWatched: true, screen, status: { columns: () => 40 } };
  const parts = { terminal, stopwatch: { now: () => ms } } as unknown as Parameters<typeof openSurface>[0];
  const surface = openSurface(parts, { written, filesCount: 1, isSilent: false });
  const say = (line: string) => {
    surface.drawing?.hide();
    writer.write(line);
    surface.drawing?.show();
  };
  return { ...surface, shown: () => shown.shown(), wait: (sec: number) => void (ms += 1000 * sec), say };
}

test("running text stands above the progress line, which is gone at the end", () => {
  const { out, progress, shown, wait, say } = opened("text");
  progress!.begin("talk.wav", 100);
  expect(shown()).toBe(""); // A short run shows none.
  wait(2);
  progress!.heard(10);
  expect(shown()).toBe("talk.wav 10 %, 5.0x real time");
  out.write("The train to Berlin leaves at eight");
  out.write(" twenty.");
  expect(shown()).toBe(
    "The train to Berlin leaves at eight\ntwenty.\ntalk.wav 10 %, 5.0x real time",
  );
  say("a message\n");
  expect(shown()).toBe(
    "a message\nThe train to Berlin leaves at eight\ntwenty.\ntalk.wav 10 %, 5.0x real time",
  );
  wait(2);
  progress!.heard(50);
  out.write(" It is late.\n");
  expect(shown()).toEndWith("\ntwenty. It is late.\ntalk.wav 50 %, 13x real time, 0:04 left");
  progress!.over();
  progress!.end();
  expect(shown()).toBe("a message\nThe train to Berlin leaves at eight\ntwenty. It is late.");
});

test("whole lines stay as they are, and the progress line waits for their ends", () => {
  const { out, progress, shown, wait, say } = opened("lines");
  const long = "a row that is longer than the terminal is wide, as tables have";
  wait(2);
  progress!.begin("talk.wav", 100);
  wait(2);
  progress!.heard(10);
  out.write("1\n00:00:01");
  expect(shown()).toBe("1\n00:00:01");
  out.write(`,000 --> 00:00:02,000\n${long}\n`);
  say("a message\n");
  const rows = `1\n00:00:01,000 --> 00:00:02,000\n${long.slice(0, 40)}\n${long.slice(40)}\na message`;
  expect(shown()).toBe(`${rows}\ntalk.wav 10 %, 5.0x real time`);
  progress!.end();
  expect(shown()).toBe(rows);
});

test("a terminal that cannot draw over gets text alone", () => {
  expect(opened("text", false).progress).toBeUndefined();
  expect(opened(undefined).progress).toBeDefined();
});
