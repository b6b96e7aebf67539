import { expect, test } from "bun:test";
import { RunProgress } from "./progress.ts";

function drawn(columns = 80) {
  let [text, ms] = ["", 0];
  const draw = (line = "") => void (text += `\r${line}\x1b[K`);
  const place = { draw, columns: () => columns, now: () => ms, delayMs: 0 };
  const lines = () => text.split("\r").filter(Boolean).map((line) => line.replace("\x1b[K", ""));
  return { place, lines, wait: (sec: number) => void (ms += 1000 * sec), text: () => text };
}

test("one long file: its share, speed and time left", () => {
  const { place, lines, wait, text } = drawn();
  const progress = new RunProgress(place, 1);
  progress.begin("talk.wav", 3600);
  wait(10);
  progress.heard(360);
  wait(0.1);
  progress.heard(370); // Too soon to be drawn.
  progress.hide();
  progress.show();
  progress.over();
  progress.end();
  expect(lines()).toEqual([
    ...["talk.wav 0 %", "talk.wav 10 %, 36x real time, 1:30 left", "", "talk.wav 10 %, 37x real time, 1:29 left", ""],
  ]);
  expect(text()).toEndWith("\r\x1b[K");
});

test("many files: how many are done; what an earlier run heard is no speed", () => {
  const { place, lines, wait } = drawn();
  const progress = new RunProgress(place, 3);
  progress.begin("a.wav", 100, 90);
  wait(1);
  progress.heard(100);
  progress.over();
  wait(1);
  progress.begin("b.wav", 100);
  expect(lines().at(-1)).toBe("1/3 b.wav 0 %, 5.0x real time, 0:40 left");
});

test("a narrow terminal shows what fits", () => {
  const { place, lines, wait } = drawn(24);
  const progress = new RunProgress(place, 1);
  progress.begin("talk.wav", 100);
  wait(1);
  progress.heard(50);
  expect(lines().at(-1)).toBe("talk.wav 50 %");
});
