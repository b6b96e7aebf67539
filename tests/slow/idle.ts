/**
 * What a live stream takes while nobody speaks: `bun tests/slow/idle.ts [MINUTES] [DIR]`, by default five minutes with
 * the nano. Silence is given at the speed of speech, first digital silence, then a room's faint noise.
 *
 * Out: the share of one processor, start and end left out: the processor time of the stream without that of one of ten
 * seconds. Exit 1 where it is more than 2 %, or where silence has a text.
 */

import { modelDir } from "../fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "../harness.ts";

const [minutes, model] = [Number(process.argv[2] ?? 5), process.argv[3] ?? modelDir()];
const shareMax = 0.02;
const [sampleRate, pieceMs] = [16_000, 100];
const startSec = 10;

/** 100 ms of 16-bit samples, uniform noise up to the level. */
function piece(level: number): Uint8Array {
  const samples = Int16Array.from({ length: sampleRate * pieceMs / 1000 }, () => (2 * Math.random() - 1) * level);
  return new Uint8Array(samples.buffer);
}

/** Processor time in seconds, and the text, of so many seconds of silence. */
async function silence(seconds: number, level: number): Promise<{ cpuSec: number; text: string }> {
  using home = temporaryFolder();
  const child = Bun.spawn([executable(), "-d", model, "--stdin", "--stream", "--live", "--silent"], {
    env: { ...fixedEnvironment(home.path), QWEN_ASR_CACHE: cache.path },
    ...{ stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  });
  const text = new Response(child.stdout).text();
  const started = performance.now();
  for (let at = 0; at < seconds * 1000; at += pieceMs) {
    child.stdin.write(piece(level));
    await child.stdin.flush();
    await Bun.sleep(Math.max(0, started + at + pieceMs - performance.now()));
  }
  await child.stdin.end();
  if (await child.exited !== 0) throw new Error(`exit ${child.exitCode}`);
  return { cpuSec: Number(child.resourceUsage()!.cpuTime.total) / 1e6, text: (await text).trim() };
}

using cache = temporaryFolder();
await silence(1, 0); // Packs the weights.
for (const [name, level] of [["digital silence", 0], ["noise at -66 dB", 16]] as const) {
  const [short, long] = [await silence(startSec, level), await silence(minutes * 60, level)];
  const share = (long.cpuSec - short.cpuSec) / (minutes * 60 - startSec);
  const isRight = share <= shareMax && long.text === "";
  console.log(
    `${isRight ? "ok    " : "FAILED"} ${minutes} min of ${name}: ${(100 * share).toFixed(2)} % of one processor` +
      `${long.text && `, text: ${long.text}`}`,
  );
  if (!isRight) process.exitCode = 1;
}
