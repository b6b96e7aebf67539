import { expect, test } from "bun:test";
import { Pace } from "./pace.ts";

test("four rows beside nothing measured; then as many as cost 1.3 of the live ones", () => {
  expect(new Pace(8).rowsBeside(1)).toBe(4);
  const beside = [[0, [8, 8]], [0.055, [6, 7]], [0.12, [3, 4]], [0.2, [2, 3]], [0.5, [1, 2]]] as const;
  for (const [row, want] of beside) {
    const pace = new Pace(8);
    for (let step = 0; step < 200; step++) pace.record(1 + step % 8, 40 * (1 + row * (step % 8)));
    expect([1, 2].map((live) => pace.rowsBeside(live))).toEqual([...want]);
    expect(pace.estimate(5)).toBeCloseTo(40 * (1 + row * 4), -1);
  }
});

test("few steps, all of one kind, or one that was held up, do not throw it far off", () => {
  const pace = new Pace(8);
  for (let step = 0; step < 50; step++) pace.record(1, 40);
  expect(pace.rowsBeside(1)).toBe(4);
  pace.record(2, 4000);
  expect(pace.rowsBeside(1)).toBeGreaterThanOrEqual(1);
  for (let step = 0; step < 50; step++) pace.record(1 + step % 3, 40 + 2 * (step % 3));
  expect(pace.rowsBeside(1)).toBeGreaterThanOrEqual(5);
});
