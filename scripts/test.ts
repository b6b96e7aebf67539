/**
 * Runs every test there is and ends with one line of counts. Exit 1 when anything failed.
 *
 * Steps: the checks of scripts/check, the Zig tests, the kernels' NEON variants under qemu-user, the TypeScript tests
 * (src, tests, scripts, bench; without tests/slow). What a step prints is shown where it failed. Arguments name the
 * steps to run: check, zig, neon, bun.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChecks } from "./check.ts";
import { files, nativeOptions, projectRoot, runCommand, tool, zig } from "./commands.ts";
import { addCounts, type Counts, countsLine, junitCounts, noCounts, zigCounts, zigTestBlocks } from "./counts.ts";

type StepResult = { readonly counts: Counts; readonly output: string };

const stepMsMax = 30 * 60_000;

const steps: Readonly<Record<string, { readonly title: string; readonly run: () => Promise<StepResult> }>> = {
  check: { title: "format, lint, types, tidy", run: checkStep },
  zig: { title: "Zig tests", run: zigStep },
  neon: { title: "Zig tests for aarch64, emulated", run: neonStep },
  bun: { title: "TypeScript tests and the executable", run: bunStep },
};

async function checkStep(): Promise<StepResult> {
  const results = await runChecks();
  const failed = results.filter((result) => !result.passed);
  const output = failed.map(({ name, output }) => `${name}:\n${output}`).join("\n");
  return { counts: { passed: results.length - failed.length, failed: failed.length, skipped: 0 }, output };
}

async function zigStep(): Promise<StepResult> {
  const { output, code } = await runCommand([zig, "build", "test", "--summary", "all", ...nativeOptions()], stepMsMax);
  const counts = zigCounts(output, code);
  const written = files("zig/**/*.zig").reduce((sum, path) => sum + blocksIn(path), 0);
  const run = counts.passed + counts.failed + counts.skipped;
  if (code !== 0 || run >= written) return { counts, output };
  const lost = `${written} test blocks are written but ${run} ran: a file's tests are not imported by the root's\n`;
  return { counts: { ...counts, failed: counts.failed + 1 }, output: output + lost };
}

function blocksIn(path: string): number {
  return zigTestBlocks(readFileSync(join(projectRoot, path), "utf8"));
}

/** Emulation is some fifty times slower: what depends on the processor, not whole models. */
const emulatedTests = ["kernels", "mel", "cpu", "threads", "safetensors", "cache", "tokenizer"];

/** On aarch64 itself the Zig tests have run these kernels already. */
async function neonStep(): Promise<StepResult> {
  if (process.arch === "arm64") return { counts: noCounts, output: "" };
  if (process.platform !== "linux" || !Bun.which("qemu-aarch64")) {
    return { counts: { ...noCounts, skipped: 1 }, output: "skipped: needs qemu-aarch64 (package qemu-user)\n" };
  }
  const options = ["-Dtarget=aarch64-linux-musl", "-Dblas=none", "-Doptimize=ReleaseSafe", "-fqemu"];
  options.push(...emulatedTests.map((name) => `-Dtest-filter=${name}`));
  const { output, code } = await runCommand([zig, "build", "test", "--summary", "all", ...options], stepMsMax);
  return { counts: zigCounts(output, code), output };
}

async function bunStep(): Promise<StepResult> {
  const tests = files("{src,tests,scripts,bench}/**/*.test.ts").filter((path) => !path.startsWith("./tests/slow/"));
  const folder = mkdtempSync(join(tmpdir(), "qwen-asr-junit-"));
  const report = join(folder, "report.xml");
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  const { output, code } = await runCommand([
    tool("bun"),
    "test",
    "--timeout",
    "60000",
    "--only-failures",
    ...reporter,
    ...tests,
  ], stepMsMax);
  const counts = junitCounts(existsSync(report) ? readFileSync(report, "utf8") : undefined, code);
  rmSync(folder, { recursive: true });
  return { counts, output };
}

async function runStep(name: string): Promise<Counts> {
  const step = steps[name];
  if (!step) throw new Error(`no step ${name}; there are: ${Object.keys(steps).join(", ")}`);
  const started = performance.now();
  const { counts, output } = await step.run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (counts.failed > 0) console.log(output);
  console.log(`${step.title}: ${countsLine(counts)} (${seconds} s)`);
  return counts;
}

const named = process.argv.slice(2);
let total = noCounts;
for (const name of named.length > 0 ? named : Object.keys(steps)) total = addCounts(total, await runStep(name));
console.log(countsLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;
