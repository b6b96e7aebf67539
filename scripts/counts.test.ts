/** Tests of counting: no failure may be lost, in whatever form a runner reports it. */

import { expect, test } from "bun:test";
import {
  addCounts,
  countsLine,
  junitCounts,
  junitSkips,
  noCounts,
  skipLine,
  zigCounts,
  zigTestBlocks,
} from "./counts.ts";

test("zig: all passed, some skipped, some failed", () => {
  const good = "Build Summary: 13/13 steps succeeded; 6/6 tests passed\ntest success\n";
  expect(zigCounts(good, 0)).toEqual({ passed: 6, failed: 0, skipped: 0 });
  const mixed = "Build Summary: 3/5 steps succeeded (1 failed); 4/6 tests passed (1 skipped, 1 failed)\n";
  expect(zigCounts(mixed, 1)).toEqual({ passed: 4, failed: 1, skipped: 1 });
});

test("zig: what has no counts is a failure", () => {
  expect(zigCounts("error: expected ';'\n", 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(zigCounts("Build Summary: 2/2 steps succeeded; 0/0 tests passed\n", 0).failed).toBe(1);
  expect(zigCounts("", 0).failed).toBe(1);
  const leak = "Build Summary: 1/2 steps succeeded (1 failed); 6/6 tests passed (2 leaked)\n";
  expect(zigCounts(leak, 1)).toEqual({ passed: 6, failed: 1, skipped: 0 });
});

test("junit: counts of the root element", () => {
  const report = (attributes: string) =>
    `<?xml version="1.0"?>\n<testsuites name="bun test" ${attributes} time="1"><testsuite tests="99" failures="9"/>`;
  const mixed = report('tests="10" assertions="20" failures="2" skipped="3"');
  expect(junitCounts(mixed, 1)).toEqual({ passed: 5, failed: 2, skipped: 3 });
  expect(junitCounts(report('tests="3" failures="0" skipped="0"'), 0)).toEqual({ passed: 3, failed: 0, skipped: 0 });
  expect(junitCounts(report('tests="3" failures="0" skipped="0"'), 1)).toEqual({ passed: 3, failed: 1, skipped: 0 });
  expect(junitCounts(undefined, 0).failed).toBe(1);
});

test("junit: what was skipped is named with what it needs, a group once", () => {
  const one = (name: string, group = "", file = "a.test.ts") =>
    `<testcase name="${name}" classname="${group}" time="0" file="${file}" line="3">\n  <skipped />\n</testcase>\n`;
  const report = one("cat &quot;x&quot; | y: needs ffmpeg", "stdin") + one("x.mp3", "all of it: needs ffmpeg") +
    one("x.ogg", "all of it: needs ffmpeg") + one("forgotten", "", "b.test.ts") +
    `<testcase name="ran" classname="" time="1" file="b.test.ts" line="4" assertions="1" />`;
  expect(junitSkips(report).map(skipLine)).toEqual([
    'skipped: a.test.ts: cat "x" | y: needs ffmpeg',
    "skipped: a.test.ts: all of it (2 tests): needs ffmpeg",
    "skipped: b.test.ts: forgotten: no reason is given",
  ]);
  expect(junitSkips("")).toEqual([]);
  expect(skipLine({ file: "", name: "tests of the NEON kernels", needs: "qemu-aarch64", count: 1 }))
    .toBe("skipped: tests of the NEON kernels: needs qemu-aarch64");
});

test("the last line", () => {
  expect(countsLine(addCounts(noCounts, { passed: 5, failed: 1, skipped: 0 }))).toBe("5 passed, 1 failed");
  expect(countsLine(addCounts({ passed: 1, failed: 0, skipped: 1 }, { passed: 5, failed: 0, skipped: 2 })))
    .toBe("6 passed, 0 failed, 3 skipped");
});

test("test blocks of a Zig file", () => {
  const text =
    'fn testing() void {}\ntest "a" {\n}\ntest {\n    _ = x;\n}\ntest run {\n}\n// test "b"\nconst test_x = 1;\n';
  expect(zigTestBlocks(text)).toBe(3);
});
