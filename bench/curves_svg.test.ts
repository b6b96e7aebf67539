/** The pictures of docs/speed.md: bars in proportion, and what is said about the machine. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../scripts/commands.ts";
import { type Curves, isBusy, renderCurves } from "./curves_svg.ts";

const point = {
  clip: "en-weather",
  seconds: 10.4,
  weights: "int8",
  wallMs: 2000,
  cpuMs: 4000,
  peakBytes: 9e8,
} as const;
const curves: Curves = {
  when: "2026-01-01",
  machine: { cpu: "A & B", cores: 2, load: 1 },
  model: "0.6B",
  points: [
    { ...point, threads: 2 },
    { ...point, threads: 1, wallMs: 3900 },
    { ...point, threads: 2, weights: "bf16", cpuMs: 8000 },
    { ...point, threads: 2, clip: "en-45s", seconds: 40.8, wallMs: 8000, cpuMs: 16_000 },
  ],
  delays: [{ rule: "agreement", seconds: [1, 2, 3, 4] }, { rule: "rollback", seconds: [1, 1.5] }],
};

test("bars are in proportion to the longest, in the order of their axis", () => {
  const svg = renderCurves(curves)["speed-length.svg"]!;
  expect([...svg.matchAll(/<rect x="120" y="\d+" width="([\d.]+)"/g)].map(([, width]) => width))
    .toEqual(["12", "60.0", "120.0", "240.0", "480.0"]); // The first is the legend's.
  expect(svg.indexOf("10.4 s")).toBeLessThan(svg.indexOf("40.8 s"));
  expect(svg).toContain("A &amp; B");
});

test("threads, precisions, memory and delays have a picture each", () => {
  const all = renderCurves(curves);
  const labels = (name: string) => [...all[name]!.matchAll(/text-anchor="end">([^<]*)</g)].map(([, label]) => label);
  expect(labels("speed-threads.svg")).toEqual(["-t 1", "-t 2"]);
  expect(labels("speed-precision.svg")).toEqual(["bf16", "int8"]);
  expect(labels("speed-memory.svg")).toEqual(["10.4 s, int8", "10.4 s, bf16", "40.8 s, int8"]);
  expect(all["speed-delay.svg"]).toContain(">3.00 s<"); // The median of 1, 2, 3, 4 as a word that has it.
});

test("a busy machine is said where wall times are shown", () => {
  const busy = { ...curves, machine: { ...curves.machine, load: 9 } };
  expect([isBusy(curves), isBusy(busy)]).toEqual([false, true]);
  expect(renderCurves(busy)["speed-length.svg"]).toContain("load 9");
  expect(renderCurves(busy)["speed-memory.svg"]).not.toContain("load 9");
  expect(renderCurves(curves)["speed-length.svg"]).not.toContain("load");
});

test("the pictures in docs are of the figures there", () => {
  const docs = join(projectRoot, "docs");
  const kept = JSON.parse(readFileSync(join(docs, "speed.json"), "utf8")) as Curves;
  for (const [name, svg] of Object.entries(renderCurves(kept))) {
    expect(readFileSync(join(docs, name), "utf8")).toBe(svg);
  }
});
