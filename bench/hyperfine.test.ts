/** Commands for hyperfine, its exports merged, and one run of it where it is installed. */

import { expect, test } from "bun:test";
import { temporaryFolder } from "../tests/harness.ts";
import { testWhere } from "../tests/support/where.ts";
import {
  commandTemplate,
  fillTemplate,
  findHyperfine,
  mergeExports,
  orderOf,
  quoted,
  timeOnce,
  type Timing,
} from "./hyperfine.ts";

const hyperfine = Bun.which("hyperfine", { PATH: process.env.PATH ?? "" });
const places = { model: "/m 1", clip: "/a/it's.wav", threads: "2", segment: "30", weights: "int8" };

test("a template: names are filled in, quoted where they must be; unknown ones are refused", () => {
  expect(fillTemplate(commandTemplate("cli -m {model} --t={threads} {clip}"), places))
    .toBe(`cli -m '/m 1' --t=2 '/a/it'\\''s.wav'`);
  expect(() => commandTemplate("cli {modle} {clip}")).toThrow("{modle}: known are {model}, {clip}");
  expect(() => commandTemplate("cli {model}")).toThrow("{clip} is missing");
  expect(() => commandTemplate(" ")).toThrow("--against");
  expect(quoted("a b")).toBe("'a b'");
});

test("a path alone is a program with our flags", () => {
  expect(fillTemplate(commandTemplate("/old/qwen-asr"), { ...places, model: "m", clip: "c.wav" }))
    .toBe("/old/qwen-asr -d m -t 2 -S 30 -i c.wav");
});

test("programs take turns, every other round backwards", () => {
  expect([0, 1, 2].map((round) => orderOf(round, 3))).toEqual([[0, 1, 2], [2, 1, 0], [0, 1, 2]]);
});

test("exports of single runs become one of them all", () => {
  const run = (command: string, time: number, user: number): Timing => {
    const all = { mean: time, median: time, min: time, max: time, times: [time] };
    return { command, ...all, stddev: null, user, system: 0.5, exit_codes: [0] };
  };
  const { results } = mergeExports([run("a", 1, 2), run("b", 9, 9), run("a", 3, 4), run("a", 2, 3)]);
  expect(results.map(({ command }) => command)).toEqual(["a", "b"]);
  expect(results[0]).toEqual({
    ...{ command: "a", mean: 2, stddev: 1, median: 2, user: 3, system: 0.5, min: 1, max: 3 },
    ...{ times: [1, 3, 2], exit_codes: [0, 0, 0] },
  });
  expect(results[1]!.stddev).toBeNull();
});

test("without hyperfine, one line names the command that installs it", () => {
  using empty = temporaryFolder();
  expect(() => findHyperfine(empty.path)).toThrow(/^hyperfine, .* is missing: cargo install --locked hyperfine$/);
});

testWhere(hyperfine !== null, "hyperfine")("a run: its time, text and memory; failures name the command", async () => {
  using home = temporaryFolder();
  const { timing, wallMs, text, peakBytes } = await timeOnce(hyperfine!, "sh -c 'echo $HOME; sleep 0.1'", home.path);
  expect(text).toBe(home.path);
  expect(wallMs).toBeGreaterThanOrEqual(100);
  expect(timing.times).toHaveLength(1);
  expect(peakBytes).toBeGreaterThan(100_000);
  await expect(timeOnce(hyperfine!, "sh -c 'exit 3'", home.path)).rejects.toThrow(/^sh -c 'exit 3': .*3/);
  await expect(timeOnce(hyperfine!, "/nowhere/x", home.path)).rejects.toThrow("/nowhere/x: ");
});
