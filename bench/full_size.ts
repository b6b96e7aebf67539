/**
 * Do full-size models say what the nano says, and how fast? In: folders of checkpoints that are the nano widened to an
 * official size, with the same text, bytes and FLOPs included. Out: a line per clip and per model; exit 1 if a text
 * differs. The wider encoder's own table of positions changes its inner values a little, so a clip on which the nano
 * wavers (its two best logits are once within 0.1) may have another text: it is shown but does not count.
 *
 *     python ../shared/tools/widen.py ../shared/fixtures/nano-asr 0.6B DIR     (also 1.7B; needs numpy)
 *     bun bench/full_size.ts [-t N] DIR...
 *
 * It takes minutes and gigabytes, so scripts/test does not run it. Times are those of the program's own summary lines.
 */

import { parseArgs } from "node:util";
import { clips, golden, spokenText } from "../tests/fixtures.ts";
import { margin } from "./expected.ts";
import { run, type RunResult } from "../tests/harness.ts";

/** From "Inference: 1234 ms, 32 text tokens (25.9 tok/s, encoding: 100ms, decoding: 1134ms)". */
function timesOf(result: RunResult): { encodeMs: number; decodeMs: number; tokens: number } {
  const found = /, (\d+) text tokens .*encoding: (\d+)ms, decoding: (\d+)ms/.exec(result.stderr);
  if (!found) throw new Error(`no summary line in:\n${result.stderr}`);
  return { tokens: Number(found[1]), encodeMs: Number(found[2]), decodeMs: Number(found[3]) };
}

async function compareModel(folder: string, threads: string): Promise<number> {
  let different = 0;
  let [audioSec, busyMs, peakBytes] = [0, 0, 0];
  for (const { name, wav, seconds } of clips()) {
    const expected = golden(name);
    if (!expected) continue;
    const result = await run(["-d", folder, "-t", threads, "-S", "0", wav], { timeoutMs: 600_000 });
    const said = result.stdout.trim();
    const same = result.code === 0 && said === spokenText(expected.plain);
    const { encodeMs, decodeMs, tokens } = timesOf(result);
    audioSec += seconds;
    busyMs += encodeMs + decodeMs;
    peakBytes = Math.max(peakBytes, result.peakBytes);
    const verdict = same ? "same" : margin(expected.plain) < 0.1 ? "wavers" : "DIFFERENT";
    console.log(
      `${verdict.padEnd(9)} ${name.padEnd(18)} ${seconds.toFixed(1).padStart(5)} s  ` +
        `encode ${encodeMs} ms  prefill and decode ${decodeMs} ms  ${tokens} tokens`,
    );
    if (verdict === "DIFFERENT") different++;
    if (!same) {
      console.log(
        `  said:   ${said}\n  golden: ${spokenText(expected.plain)}\n${result.code === 0 ? "" : result.stderr}`,
      );
    }
  }
  const speed = audioSec * 1000 / busyMs;
  console.log(
    `${folder}: ${different} different; ${speed.toFixed(2)}x real time; peak ${(peakBytes / 1e9).toFixed(2)} GB`,
  );
  return different;
}

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  options: { threads: { type: "string", short: "t", default: "0" } },
  allowPositionals: true,
});
if (positionals.length === 0) throw new Error("usage: bun bench/full_size.ts [-t N] DIR...");
let different = 0;
for (const folder of positionals) different += await compareModel(folder, values.threads);
process.exitCode = different > 0 ? 1 : 0;
