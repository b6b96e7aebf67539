/** Models opened and closed again and again: neither descriptors nor memory grow. */

import { expect } from "bun:test";
import { join } from "node:path";
import { projectRoot } from "./fixtures.ts";
import { isLinux, testWhere } from "./support/where.ts";

/** In a process of its own: what the test runner holds comes and goes by more than a leak would show. */
testWhere(isLinux, "Linux")("after the third time nothing more is held", async () => {
  const script = join(projectRoot, "tests/slow/opens.ts");
  const child = Bun.spawn([process.execPath, script, "10"], { stdout: "pipe", stderr: "inherit" });
  const output = await new Response(child.stdout).text();
  console.log(output);
  expect(await child.exited).toBe(0);
}, 120_000);
