/** The audit, through the executable: no clip has speech without text. */

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fixturesRoot } from "./fixtures.ts";
import { qwen } from "./support/cli.ts";

const speech = ["audio", "real"].flatMap((folder) =>
  readdirSync(fixturesRoot(), { recursive: true, encoding: "utf8" })
    .filter((path) => path.startsWith(`${folder}/`) && path.endsWith(".wav") && !path.includes("en-120s"))
    .map((path) => join(fixturesRoot(), path))
).sort();

function gapsOf(lines: string): unknown[] {
  return lines.trimEnd().split("\n").map((line) => JSON.parse(line)).flatMap(({ type, gaps }) =>
    type === "end" ? [gaps] : []
  );
}

test("no clip has a gap, nothing is said, and --strict is content", async () => {
  const { code, stdout, stderr } = await qwen(["--strict", "--silent", "-f", "jsonl", ...speech]);
  expect(gapsOf(stdout)).toEqual(speech.map(() => []));
  expect(stderr).not.toContain("speech without text");
  expect(code).toBe(0);
});
