/** The table of Zig folders holds for this repository, and a forbidden import is found. */

import { describe, expect, test } from "bun:test";
import { readTree } from "./tidy.ts";
import { zigImportProblems, zigLayers } from "./layers.ts";
import { projectRoot } from "../tests/fixtures.ts";

const file = (path: string, ...imports: string[]) => ({
  path,
  text: imports.map((name) => `const x = @import("${name}");\n`).join(""),
});
const messages = (...files: { path: string; text: string }[]) => zigImportProblems(files).map((one) => one.message);

describe("zig layers", () => {
  test("the repository keeps to the table", () => {
    expect(zigImportProblems(readTree(projectRoot))).toEqual([]);
  });

  test("a folder names only those before it: no circle of folders", () => {
    const order = Object.keys(zigLayers);
    for (const [above, below] of Object.entries(zigLayers)) {
      for (const one of below) {
        expect(order).toContain(one);
        expect(order.indexOf(one)).toBeLessThan(order.indexOf(above));
      }
    }
  });

  test("an upward import", () => {
    const bad = file("zig/compute/compute.zig", "std", "../errors.zig", "../checkpoint/weights.zig");
    const [problem] = zigImportProblems([bad, file("zig/checkpoint/weights.zig"), file("zig/errors.zig")]);
    expect(problem).toEqual({
      path: "zig/compute/compute.zig",
      line: 3,
      message: "imports zig/checkpoint/weights.zig: compute may not import checkpoint (scripts/layers.ts)",
    });
    expect(messages(file("zig/errors.zig", "abi.zig"))).toEqual([
      "imports zig/abi.zig: errors may not import abi (scripts/layers.ts)",
    ]);
  });

  test("a circle of files", () => {
    const a = file("zig/engine/a.zig", "b.zig");
    expect(messages(a, file("zig/engine/b.zig", "c.zig"), file("zig/engine/c.zig"))).toEqual([]);
    expect(messages(a, file("zig/engine/b.zig", "c.zig"), file("zig/engine/c.zig", "a.zig"))).toHaveLength(3);
    expect(messages(file("zig/engine/a.zig", "a.zig"))[0]).toContain("a circle");
  });

  test("a folder or a file that is not in the table", () => {
    expect(messages(file("zig/utils/a.zig"))).toEqual(["is in no folder of the table in scripts/layers.ts"]);
    expect(messages(file("zig/more.zig"))).toEqual(["is in no folder of the table in scripts/layers.ts"]);
    expect(messages(file("zig/engine/a.zig", "../more.zig"))[0]).toContain("no folder of the table");
  });

  test("tests import what they like, also within a file", () => {
    expect(messages(file("zig/kernels/equivalence_test.zig", "../compute/cpu.zig"))).toEqual([]);
    const text = 'test "x" {\n    const cpu = @import("../compute/cpu.zig");\n}\n';
    expect(messages({ path: "zig/kernels/a.zig", text })).toEqual([]);
    expect(messages({ path: "zig/kernels/a.zig", text: `${text}const b = @import("../compute/cpu.zig");\n` }))
      .toHaveLength(1);
  });
});
