/** --stream at the pace of speech, through the executable: what is out when, and how soon a signal ends it. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { characterErrors, rate } from "../bench/cer.ts";
import { modelDir } from "./fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "./harness.ts";
import { lines, qwen, wav } from "./support/cli.ts";

const name = "en-weather";
const wavBytes = new Uint8Array(readFileSync(wav(name)));
const text = lines((await stream("2", wav(name))).stdout)[0]!;

function stream(chunkSec: string, ...rest: string[]) {
  return qwen(["--stream", "--stream-chunk-sec", chunkSec, ...rest]);
}

describe("as it is said", () => {
  /** Feeds the program raw samples at `speed` times real time. Returns what had come out when, and how it ended. */
  async function speak(speed: number, args: readonly string[], signal?: { atSec: number; name: NodeJS.Signals }) {
    using folder = temporaryFolder();
    const child = Bun.spawn([executable(), "-d", modelDir(), "--stream", "--stdin", ...args], {
      env: fixedEnvironment(folder.path),
      ...{ stdin: "pipe", stdout: "pipe", stderr: "pipe" },
    });
    let stdout = "";
    const reading = (async () => {
      for await (const bytes of child.stdout) stdout += new TextDecoder().decode(bytes);
    })();
    const stderr = new Response(child.stderr).text();
    const samples = wavBytes.subarray(44);
    const seen: { sec: number; text: string }[] = [];
    for (let at = 0; at < samples.length; at += 3200) {
      if (signal && at / 32_000 >= signal.atSec) break;
      child.stdin.write(samples.subarray(at, at + 3200));
      await child.stdin.flush();
      await Bun.sleep(100 / speed);
      seen.push({ sec: at / 32_000, text: stdout });
    }
    if (signal) child.kill(signal.name);
    else child.stdin.end();
    const signalled = performance.now();
    const code = await child.exited;
    const endMs = performance.now() - signalled;
    await reading;
    return { code, endedBy: child.signalCode, stdout, stderr: await stderr, seen, endMs };
  }

  test("text appears while speech goes on, and is the file's", async () => {
    for (const args of [[], ["--live"]]) {
      const { code, stdout, seen } = await speak(8, ["--stream-chunk-sec", "1", ...args]);
      expect(code).toBe(0);
      if (args.length === 0) expect(stdout).toBe((await stream("1", wav(name))).stdout);
      else expect(rate(characterErrors(text, stdout))).toBeLessThan(0.05);
      const early = seen.find((one) => one.text !== "");
      expect(early!.sec).toBeLessThan(seen.at(-1)!.sec - 1);
      for (const one of seen) expect(stdout).toStartWith(one.text);
    }
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`${signal}: what was said, the summary, an end by the signal`, async () => {
      const { endedBy, stdout, stderr, endMs } = await speak(8, [], { atSec: 6, name: signal });
      expect(endedBy).toBe(signal);
      expect(text).toStartWith(stdout.trim().split(" ").slice(0, -2).join(" "));
      expect(stdout.length).toBeGreaterThan(text.length / 4);
      expect(stdout).toEndWith("\n");
      expect(stderr).toMatch(/\nInference: \d+ ms, \d+ text tokens .*\nAudio: \d+\.\d s processed/);
      expect(stderr).not.toContain("qwen-asr:");
      expect(endMs).toBeLessThan(4000);
    });
  }
});
