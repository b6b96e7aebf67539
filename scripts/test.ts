/**
 * Runs every test there is and ends with one line of counts. Exit 1 when anything failed.
 *
 * Steps: the checks of scripts/check; the Zig tests; the kernels' NEON variants under qemu-user; the TypeScript tests
 * (src, tests, scripts, bench; without tests/slow), and last those of them that measure time. What a step prints is
 * shown where it failed, and every test that it skipped is named with the reason. Arguments name the steps to run:
 * check, zig, neon, bun, clock.
 *
 * The first three run side by side: each is one thread of a compiler or emulator for most of its time. The TypeScript
 * tests, some files at a time, follow the Zig tests and do not wait for the emulated ones. `clock` has the machine to
 * itself.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { runChecks } from "./check.ts";
import { folderIn } from "../tests/harness.ts";
import { files, nativeOptions, projectRoot, runCommand, testMsMax, tool, zig } from "./commands.ts";
import {
  addCounts,
  type Counts,
  countsLine,
  junitCounts,
  junitSkips,
  noCounts,
  type Skip,
  skipLine,
  zigCounts,
  zigTestBlocks,
} from "./counts.ts";

type StepResult = { readonly counts: Counts; readonly output: string; readonly skips: readonly Skip[] };
type Step = { readonly title: string; readonly run: () => Promise<StepResult> };

const stepMsMax = 30 * 60_000;

/** One more than processors: a quarter of their time, tests wait for a clock, a pipe or a program's start. */
const filesAtOnce = Math.min(5, availableParallelism() + 1);

const steps: Readonly<Record<string, Step>> = {
  check: { title: "format, lint, types, tidy", run: checkStep },
  zig: { title: "Zig tests", run: zigStep },
  neon: { title: "Zig tests for aarch64, emulated", run: neonStep },
  bun: {
    title: "TypeScript tests and the executable",
    run: () => bunStep(untimedTests(), [`--parallel=${filesAtOnce}`]),
  },
  clock: { title: "tests that measure time", run: () => bunStep(timedTests, []) },
};

/** Tests of pace, rates and moments: beside others they would tell of the others. */
const timedTests = [
  "./tests/live.test.ts",
  "./src/cli/terminal.test.ts",
  "./src/views/punctuation.test.ts",
  "./src/views/likely_terms.test.ts",
  "./src/views/itn/chinese_numbers.test.ts",
  "./src/views/itn/english_trips.test.ts",
  "./bench/measure.test.ts",
];

const longest = ["./tests/stream.test.ts", "./tests/listen.test.ts"];

/** The long ones come first, then all of tests/, so that no core is idle at the end. */
function untimedTests(): string[] {
  const others = files("tests/*.test.ts").filter((path) => !longest.includes(path));
  const all = [...longest, ...others, ...files("{src,scripts,bench}/**/*.test.ts")];
  return all.filter((path) => !timedTests.includes(path));
}

async function checkStep(): Promise<StepResult> {
  const results = await runChecks();
  const failed = results.filter((result) => !result.passed);
  const output = failed.map(({ name, output }) => `${name}:\n${output}`).join("\n");
  return { counts: { passed: results.length - failed.length, failed: failed.length, skipped: 0 }, output, skips: [] };
}

async function zigStep(): Promise<StepResult> {
  const { output, code } = await runCommand([zig, "build", "test", "--summary", "all", ...nativeOptions()], stepMsMax);
  const counts = zigCounts(output, code);
  const written = files("zig/**/*.zig").reduce((sum, path) => sum + blocksIn(path), 0) - blocksIn(emulatedRoot);
  const run = counts.passed + counts.failed + counts.skipped;
  if (code !== 0 || run >= written) return { counts, output, skips: zigSkips(counts) };
  const lost = `${written} test blocks are written but ${run} ran: a file's tests are not imported by the root's\n`;
  return { counts: { ...counts, failed: counts.failed + 1 }, output: output + lost, skips: zigSkips(counts) };
}

function blocksIn(path: string): number {
  return zigTestBlocks(readFileSync(join(projectRoot, path), "utf8"));
}

/** Zig does not say which; these are what its tests ask for. */
function zigSkips({ skipped: count }: Counts): Skip[] {
  const needs = "Linux, root, leave to mount and the fixtures (error.SkipZigTest in zig/)";
  return count > 0 ? [{ file: "", name: "Zig tests", needs, count }] : [];
}

const emulatedRoot = "zig/emulated_tests.zig";

/** On aarch64 itself the Zig tests have run these kernels already. */
async function neonStep(): Promise<StepResult> {
  if (process.arch === "arm64") return { counts: noCounts, output: "", skips: [] };
  if (process.platform !== "linux" || !Bun.which("qemu-aarch64")) {
    const skip = { file: "", name: "tests of the NEON kernels", needs: "qemu-aarch64 (package qemu-user)", count: 1 };
    return { counts: { ...noCounts, skipped: 1 }, output: "", skips: [skip] };
  }
  const options = ["-Dtarget=aarch64-linux-musl", "-Dblas=none", "-Doptimize=ReleaseSafe", "-fqemu"];
  const test = [zig, "build", "test", "--summary", "all", `-Dtest-root=${emulatedRoot}`, ...options];
  const { output, code } = await runCommand(test, stepMsMax);
  const counts = zigCounts(output, code);
  return { counts, output, skips: zigSkips(counts) };
}

async function bunStep(tests: readonly string[], options: readonly string[]): Promise<StepResult> {
  const folder = mkdtempSync(join(tmpdir(), "qwen-asr-junit-"));
  process.env.QWEN_ASR_TEST_CACHE = folderIn(folder, "cache"); // Packed weights for all files' runs.
  const path = join(folder, "report.xml");
  const reporter = ["--only-failures", "--reporter=junit", `--reporter-outfile=${path}`];
  const test = [tool("bun"), "test", "--timeout", `${testMsMax}`, ...reporter, ...options, ...tests];
  const { output, code } = await runCommand(test, stepMsMax);
  const report = existsSync(path) ? readFileSync(path, "utf8") : undefined;
  rmSync(folder, { recursive: true });
  return { counts: junitCounts(report, code), output, skips: junitSkips(report ?? "") };
}

async function runStep({ title, run }: Step): Promise<Counts> {
  const started = performance.now();
  const { counts, output, skips } = await run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (counts.failed > 0) console.log(output);
  console.log(`${title}: ${countsLine(counts)} (${seconds} s)`);
  for (const skip of skips) console.log(skipLine(skip));
  return counts;
}

const named = process.argv.slice(2);
for (const name of named) {
  if (!Object.hasOwn(steps, name)) throw new Error(`no step ${name}; there are: ${Object.keys(steps).join(", ")}`);
}

/** Side by side, those that are wanted. */
function together(...names: string[]): Promise<Counts[]> {
  const wanted = names.filter((name) => named.length === 0 || named.includes(name));
  return Promise.all(wanted.map((name) => runStep(steps[name]!)));
}

async function native(): Promise<Counts[]> {
  return [...await together("check", "zig"), ...await together("bun")];
}

const beside = await Promise.all([native(), together("neon")]);
const total = [...beside.flat(), ...await together("clock")].reduce(addCounts, noCounts);
console.log(countsLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;
