/**
 * What this process holds, by Linux's own account, and whether it holds more and more. In: measurements, one after the
 * other. Out: numbers, and a verdict.
 */

import { readdirSync, readFileSync } from "node:fs";
import { memoryOf } from "./process_memory.ts";

export type Held = { readonly descriptors: number; readonly mappings: number; readonly megabytes: number };

/** Measurements after which everything that is made once has been made. */
export const warmUp = 3;
/**
 * What swings from cycle to cycle takes so many to show its highest. A run of four times as many is held to that, and
 * to the slope of its second half, because some loops still settle in the first: a leak that is small beside the swing
 * is seen by that alone.
 */
const settling = 20;
/** The least of so many in a row counts: what waits for collection comes and goes by some MB, a leak stays. */
const group = 5;

export function held(): Held {
  Bun.gc(true);
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    mappings: readFileSync("/proc/self/maps", "utf8").trim().split("\n").length,
    megabytes: memoryOf("self") / 1e6,
  };
}

/** What is held once it has stayed for five times `pauseMs`: threads end some time after they have answered. */
export async function heldAtRest(pauseMs: number): Promise<Held> {
  let [last, same] = [held(), 0];
  for (let tries = 0; same < 5 && tries < 200; tries++) {
    await Bun.sleep(pauseMs);
    const now = held();
    const stays = now.descriptors === last.descriptors && Math.abs(now.megabytes - last.megabytes) < 1;
    same = stays ? same + 1 : 0;
    last = now;
  }
  return last;
}

export type Growth = {
  /** Of memory after the warm-up, at worst and at last; NaN where there are too few measurements to tell. */
  readonly worstMb: number;
  readonly lastMb: number;
  /** From one measurement to the next, the best line through the second half; 0 of a short run. */
  readonly slopeMb: number;
  readonly sameDescriptors: boolean;
};

/** At least `warmUp` + 5 measurements are needed. */
export function growthOf(all: readonly Pick<Held, "descriptors" | "megabytes">[]): Growth {
  const settled = all.slice(warmUp);
  const count = Math.max(0, settled.length - group + 1);
  const leasts = Array.from(
    { length: count },
    (_, from) => Math.min(...settled.slice(from, from + group).map(({ megabytes }) => megabytes)),
  );
  const isLong = all.length >= 4 * settling;
  const base = isLong ? Math.max(...all.slice(0, settling).map(({ megabytes }) => megabytes)) : leasts[0]!;
  const above = leasts.map((megabytes) => megabytes - base);
  return {
    worstMb: above.length === 0 ? NaN : Math.max(...above),
    lastMb: above.at(-1) ?? NaN,
    slopeMb: isLong ? slopeOf(all.slice(all.length >> 1).map(({ megabytes }) => megabytes)) : 0,
    sameDescriptors: settled.every(({ descriptors }) => descriptors === settled[0]!.descriptors),
  };
}

/** Of the line with the least squares. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const squares = values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
  return values.reduce((sum, value, at) => sum + value * (at - middle), 0) / squares;
}
