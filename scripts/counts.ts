/** Reads how many tests passed, failed and were skipped from what the test runners print. Pure. */

export type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

export const noCounts: Counts = { passed: 0, failed: 0, skipped: 0 };

export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The line that ends a run: "12 passed, 0 failed", with ", 1 skipped" where any were. */
export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * From `zig build test --summary all`: "Build Summary: 3/5 steps succeeded (1 failed); 4/6 tests passed (1 skipped,
 * 1 failed)". A run that failed otherwise (a leak, a compile error), or without any test, counts as one failure.
 */
export function zigCounts(output: string, exitCode: number): Counts {
  const summary = /Build Summary: .*?(\d+)\/(\d+) tests passed(?: \(([^)]*)\))?/.exec(output);
  const passed = Number(summary?.[1] ?? 0);
  const total = Number(summary?.[2] ?? 0);
  const skipped = Number(/(\d+) skipped/.exec(summary?.[3] ?? "")?.[1] ?? 0);
  return orFailure({ passed, failed: total - passed - skipped, skipped }, exitCode);
}

/** From the report of `bun test --reporter=junit`, undefined where none was written. */
export function junitCounts(report: string | undefined, exitCode: number): Counts {
  const root = /<testsuites\b[^>]*>/.exec(report ?? "")?.[0] ?? "";
  const attribute = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const failed = attribute("failures") + attribute("errors");
  const skipped = attribute("skipped");
  return orFailure({ passed: attribute("tests") - failed - skipped, failed, skipped }, exitCode);
}

/** A skipped test, or all of a group, and what it needs (tests/support/where.ts writes it into the name). */
export type Skip = { readonly file: string; readonly name: string; readonly needs: string; readonly count: number };

/** What a report of `bun test` says was skipped; of a group that needs something, the group alone. */
export function junitSkips(report: string): readonly Skip[] {
  const skips = new Map<string, Skip>();
  for (const [, attributes = ""] of report.matchAll(/<testcase\b([^>]*[^/>])>\s*<skipped\b/g)) {
    const [file, group, test] = ["file", "classname", "name"].map((name) => attributeOf(attributes, name));
    const named = [group!, test!].find((name) => name.includes(mark)) ?? test!;
    const at = named.lastIndexOf(mark);
    const name = at < 0 ? named : named.slice(0, at);
    const needs = at < 0 ? "" : named.slice(at + mark.length);
    const key = [file, name, needs].join("\n");
    skips.set(key, { file: file!, name, needs, count: (skips.get(key)?.count ?? 0) + 1 });
  }
  return [...skips.values()];
}

const mark = ": needs ";

/** "skipped: tests/pipes.test.ts: a file that may not be read: needs a user other than root". */
export function skipLine({ file, name, needs, count }: Skip): string {
  const what = [file, count > 1 ? `${name} (${count} tests)` : name].filter((part) => part !== "").join(": ");
  return `skipped: ${what}: ${needs === "" ? "no reason is given" : `needs ${needs}`}`;
}

function attributeOf(attributes: string, name: string): string {
  const text = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => entities[entity]!);
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

/** How many `test` blocks a Zig file has: what a run must at least report, or the file is not reached. */
export function zigTestBlocks(text: string): number {
  return text.match(/^test\b(?= "| \w| \{)/gm)?.length ?? 0;
}

function orFailure(counts: Counts, exitCode: number): Counts {
  const silent = counts.failed === 0 && (exitCode !== 0 || counts.passed + counts.skipped === 0);
  return silent ? { ...counts, failed: 1 } : counts;
}
