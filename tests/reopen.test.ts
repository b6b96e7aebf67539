/** Models opened and closed again and again: neither descriptors nor memory grow. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { projectRoot } from "./fixtures.ts";
import { growthOf } from "./support/held.ts";
import { seededRandom } from "./support/random.ts";
import { isLinux, testWhere } from "./support/where.ts";

/** In a process of its own: what the test runner holds comes and goes by more than a leak would show. */
testWhere(isLinux, "Linux")("after 12 cycles of transcribing and aligning nothing more is held", async () => {
  const script = join(projectRoot, "tests/slow/leaks.ts");
  const args = ["align-in-turn", "--cycles", "12", "--brief", "--pause", "10"];
  const child = Bun.spawn([process.execPath, script, ...args], { stdout: "pipe", stderr: "inherit" });
  const output = await new Response(child.stdout).text();
  console.log(output.split("\n").filter((line) => !/^\S+ \d+: /.test(line)).join("\n"));
  expect({ code: await child.exited, output }).toEqual({ code: 0, output: expect.stringContaining("12 cycles") });
});

test("growth is told from what comes and goes, and a descriptor that stays from none", () => {
  const cycles = (megabytes: (cycle: number) => number, descriptors: (cycle: number) => number = () => 9) =>
    Array.from({ length: 40 }, (_, cycle) => ({ megabytes: megabytes(cycle), descriptors: descriptors(cycle) }));
  const comesAndGoes = growthOf(cycles((cycle) => (cycle < 3 ? 40 : 60) + 8 * (cycle % 4)));
  expect(comesAndGoes).toMatchObject({ worstMb: 0, lastMb: 0, sameDescriptors: true });
  const leaks = growthOf(cycles((cycle) => 60 + cycle, (cycle) => 9 + (cycle === 39 ? 1 : 0)));
  expect(leaks).toMatchObject({ worstMb: 32, lastMb: 32, sameDescriptors: false });
  expect(growthOf(cycles(() => 1).slice(0, 7)).worstMb).toBeNaN();
});

test("memory that swings does not grow, and a leak of 0.1 MB a cycle below the swing is told", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { random } = seededRandom(seed);
    const swings = Array.from({ length: 200 }, (_, cycle) => cycle < 20 ? random(8) : random(16));
    const growth = (leakMb: number) =>
      growthOf(swings.map((megabytes, cycle) => ({ megabytes: 60 + megabytes + leakMb * cycle, descriptors: 9 })));
    expect(growth(0).worstMb).toBeLessThan(10);
    expect(growth(0).slopeMb).toBeLessThan(0.06);
    expect(growth(0.1).slopeMb).toBeGreaterThan(0.06);
  }
});
