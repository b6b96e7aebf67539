/** The benchmark's command line, and what a quick run leaves out. */

import { expect, test } from "bun:test";
import { configPlans, parseOptions, weightsOf } from "./plan.ts";

test("options: defaults, lists, several models", () => {
  expect(parseOptions([])).toMatchObject({ quick: false, models: [], threads: [2, 1], weights: undefined });
  const given = parseOptions(["--quick", "--model", "a", "--model", "b", "-t", "1,4,4", "--weights", "int8,bf16"]);
  expect(parseOptions(["--against", "a {clip}", "--against", "old"]).against).toHaveLength(2);
  expect(given).toMatchObject({ quick: true, models: ["a", "b"], threads: [4, 1], weights: ["int8", "bf16"] });
});

test("options: what is wrong is named", () => {
  expect(() => parseOptions(["-t", "2,x"])).toThrow("-t 2,x");
  expect(() => parseOptions(["-t", "0"])).toThrow("-t 0");
  expect(() => parseOptions(["--weights", "int3"])).toThrow("int3");
  expect(() => parseOptions(["--nothing"])).toThrow("--nothing");
  expect(() => parseOptions(["--against", "a {x}"])).toThrow("{x}");
  expect(() => parseOptions(["stray"])).toThrow("stray");
});

test("quick: every precision and model, long clips and fewer threads once", () => {
  const weights = ["bf16", "int8", "int4"] as const;
  const plans = configPlans({ quick: true, threads: [2, 1] }, 2, weights);
  expect(plans.map(({ model, weights, threads, clips }) => `${model} ${weights} ${threads}: ${clips.length}`)).toEqual([
    ...["0 bf16 2: 2", "0 int8 2: 3", "0 int8 1: 1", "0 int4 2: 2"],
    ...["1 bf16 2: 1", "1 int8 2: 1", "1 int4 2: 1"],
  ]);
  const compared = plans.flatMap(({ clips }) => clips.filter(({ comparesBatch }) => comparesBatch));
  expect(compared.map(({ name }) => name)).toEqual(["en-120s"]);
  expect(configPlans({ quick: true, threads: [2, 1] }, 1, ["bf16"]).map(({ threads }) => threads)).toEqual([2, 1]);
});

test("without quick: every clip with everything", () => {
  const plans = configPlans({ quick: false, threads: [4, 2, 1] }, 2, ["bf16", "int8"]);
  expect(plans).toHaveLength(12);
  expect(plans.every(({ clips }) => clips.length === 3)).toBe(true);
});

test("an executable's help says which precisions it has", () => {
  expect(weightsOf("  -t, --threads N   threads")).toEqual(["bf16"]);
  expect(weightsOf("  --weights NAME    precision of the weights: bf16|int8\n")).toEqual(["bf16", "int8"]);
});
