/** The tables of folders hold for this repository, and every kind of forbidden import is found. */

import { describe, expect, test } from "bun:test";
import { projectRoot } from "../tests/fixtures.ts";
import { importProblems, sourceLayers, zigLayers } from "./layers.ts";
import { readTree } from "./tidy.ts";

type File = { readonly path: string; readonly text: string };

const zig = (path: string, ...imports: string[]): File => ({
  path,
  text: imports.map((name) => `const x = @import("${name}");\n`).join(""),
});
const ts = (path: string, ...imports: string[]): File => ({
  path,
  text: imports.map((name) => `import type { X } from "${name}";\n`).join(""),
});
const messages = (...files: File[]) => importProblems(files).map((one) => one.message);

test("the repository keeps to the tables", () => {
  expect(importProblems(readTree(projectRoot))).toEqual([]);
});

test.each([["src", sourceLayers], ["zig", zigLayers]])("%s: a folder names only those before it", (_, layers) => {
  const order = Object.keys(layers);
  for (const [above, below] of Object.entries(layers)) {
    for (const one of below) {
      expect(order).toContain(one);
      expect(order.indexOf(one)).toBeLessThan(order.indexOf(above));
    }
  }
});

describe("Zig", () => {
  test("an upward import", () => {
    const bad = zig("zig/compute/compute.zig", "std", "../errors.zig", "../checkpoint/weights.zig");
    const [problem] = importProblems([bad, zig("zig/checkpoint/weights.zig"), zig("zig/errors.zig")]);
    expect(problem).toEqual({
      path: "zig/compute/compute.zig",
      line: 3,
      message: "imports zig/checkpoint/weights.zig: compute may not import checkpoint (scripts/layers.ts)",
    });
    expect(messages(zig("zig/errors.zig", "abi.zig"))).toEqual([
      "imports zig/abi.zig: errors may not import abi (scripts/layers.ts)",
    ]);
  });

  test("a circle of files", () => {
    const a = zig("zig/engine/a.zig", "b.zig");
    expect(messages(a, zig("zig/engine/b.zig", "c.zig"), zig("zig/engine/c.zig"))).toEqual([]);
    expect(messages(a, zig("zig/engine/b.zig", "c.zig"), zig("zig/engine/c.zig", "a.zig"))).toHaveLength(3);
    expect(messages(zig("zig/engine/a.zig", "a.zig"))[0]).toContain("a circle");
  });

  test("a folder or a file that is not in the table", () => {
    expect(messages(zig("zig/utils/a.zig"))).toEqual(["is in no folder of the table in scripts/layers.ts"]);
    expect(messages(zig("zig/more.zig"))).toEqual(["is in no folder of the table in scripts/layers.ts"]);
    expect(messages(zig("zig/engine/a.zig", "../more.zig"))[0]).toContain("no folder of the table");
  });

  test("tests import what they like, also within a file", () => {
    expect(messages(zig("zig/kernels/equivalence_test.zig", "../compute/cpu.zig"))).toEqual([]);
    const text = 'test "x" {\n    const cpu = @import("../compute/cpu.zig");\n}\n';
    expect(messages({ path: "zig/kernels/a.zig", text })).toEqual([]);
    expect(messages({ path: "zig/kernels/a.zig", text: `${text}const b = @import("../compute/cpu.zig");\n` }))
      .toHaveLength(1);
  });
});

describe("TypeScript", () => {
  test("an upward import, by types, by value, by import()", () => {
    const [problem] = importProblems([ts("src/pipeline/a.ts", "../units.ts", "../cli/parse.ts")]);
    expect(problem).toEqual({
      path: "src/pipeline/a.ts",
      line: 2,
      message: "imports src/cli/parse.ts: pipeline may not import cli (scripts/layers.ts)",
    });
    for (const text of ['import { x } from "../cli/a.ts";', 'import "../cli/a.ts";', 'await import("../cli/a.ts");']) {
      expect(messages({ path: "src/text/a.ts", text })).toEqual([
        "imports src/cli/a.ts: text may not import cli (scripts/layers.ts)",
      ]);
    }
    expect(messages(ts("src/cli/commands/a.ts", "../../pipeline/b.ts", "../parts.ts"))).toEqual([]);
  });

  test("several lines, re-exports and comments", () => {
    const text = 'import {\n  x,\n} from "../cli/a.ts";\n// from "../cli/b.ts"\nexport * from "../cli/c.ts";\n';
    expect(importProblems([{ path: "src/text/a.ts", text }]).map(({ line }) => line)).toEqual([3, 5]);
  });

  test("a circle, also through three files and by types alone", () => {
    const [a, b] = [ts("src/output/a.ts", "./b.ts"), ts("src/output/b.ts", "./c.ts")];
    expect(messages(a, b, ts("src/output/c.ts"))).toEqual([]);
    expect(messages(a, b, ts("src/output/c.ts", "./a.ts"))).toHaveLength(3);
  });

  test("a folder or a file that is not in the table", () => {
    expect(messages(ts("src/helpers/a.ts"))).toEqual(["is in no folder of the table in scripts/layers.ts"]);
    expect(messages(ts("src/more.ts"))).toEqual(["is in no folder of the table in scripts/layers.ts"]);
  });

  test("tests and stand-ins import what they like; data is no import", () => {
    expect(messages(ts("src/text/a.test.ts", "../cli/a.ts"), ts("src/cli/fake_screen.ts", "../app.ts"))).toEqual([]);
    expect(messages(ts("src/app.ts", "../node_modules/x/y.ts"))).toEqual([]);
  });
});
