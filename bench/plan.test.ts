/** The benchmark's command line and what it leaves out when in a hurry. */

import { expect, test } from "bun:test";
import { clipPlans, parseOptions, weightsOf } from "./plan.ts";

test("options: defaults, lists, several models", () => {
  expect(parseOptions([])).toMatchObject({ quick: false, models: [], threads: [2, 1], weights: undefined });
  const given = parseOptions(["--quick", "--model", "a", "--model", "b", "-t", "1,4,4", "--weights", "int8,bf16"]);
  expect(given).toMatchObject({ quick: true, models: ["a", "b"], threads: [4, 1], weights: ["int8", "bf16"] });
});

test("options: what is wrong is named", () => {
  expect(() => parseOptions(["-t", "2,x"])).toThrow("-t 2,x");
  expect(() => parseOptions(["-t", "0"])).toThrow("-t 0");
  expect(() => parseOptions(["--weights", "int3"])).toThrow("int3");
  expect(() => parseOptions(["--nothing"])).toThrow("--nothing");
  expect(() => parseOptions(["stray"])).toThrow("stray");
});

test("quick measures the long clips once, on the first model", () => {
  const names = (quick: boolean, first: boolean, most: boolean) =>
    clipPlans(quick, first, most).map(({ name }) => name);
  expect(names(true, true, true)).toEqual(["en-weather", "en-45s", "en-120s"]);
  expect(names(true, false, true)).toEqual(["en-weather"]);
  expect(names(true, true, false)).toEqual(["en-weather"]);
  expect(names(false, false, false)).toHaveLength(3);
});

test("an executable's help says which precisions it has", () => {
  expect(weightsOf("  -t, --threads N   threads")).toEqual(["bf16"]);
  expect(weightsOf("  --weights NAME    precision of the weights: bf16|int8\n")).toEqual(["bf16", "int8"]);
});
