/** --stream at the pace of speech, through the executable: what is out when, and how soon a signal ends it. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { characterErrors, rate } from "../bench/cer.ts";
import { hasClip, modelDir } from "./fixtures.ts";
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
    let stderr = "";
    const loaded = Promise.withResolvers<void>();
    const listening = (async () => {
      for await (const bytes of child.stderr) {
        stderr += new TextDecoder().decode(bytes);
        if (stderr.includes("Model loaded.")) loaded.resolve();
      }
      loaded.resolve();
    })();
    const samples = wavBytes.subarray(44);
    const seen: { sec: number; text: string }[] = [];
    for (let at = 0; at < samples.length; at += 3200) {
      if (signal && at / 32_000 >= signal.atSec) break;
      if (at === 32_000) await loaded.promise; // However busy the machine is, there is speech left to be heard.
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
    await Promise.all([reading, listening]);
    return { code, endedBy: child.signalCode, stdout, stderr, seen, endMs };
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

  /** The utterances in lines of -f jsonl, of which the last may not be complete. */
  function finalsOf(jsonl: string): { start_ms: number; end_ms: number; text: string }[] {
    const complete = jsonl.slice(0, jsonl.lastIndexOf("\n") + 1);
    return lines(complete).map((line) => JSON.parse(line)).filter(({ type }) => type === "final");
  }

  test("a source that stalls in mid-sentence: what was said is out before it goes on", async () => {
    const stalled = async (clipName: string, stallMs: number) => {
      using folder = temporaryFolder();
      const bytes = new Uint8Array(readFileSync(wav(clipName))).subarray(44);
      const half = stallMs * 32;
      const args = ["-d", modelDir(), "--stream", "--live", "-f", "jsonl", "-"];
      const child = Bun.spawn([executable(), ...args], {
        env: fixedEnvironment(folder.path),
        ...{ stdin: "pipe", stdout: "pipe", stderr: "ignore" },
      });
      let out = "";
      const reading = (async () => {
        for await (const piece of child.stdout) out += new TextDecoder().decode(piece);
      })();
      const finals = () => finalsOf(out);
      child.stdin.write(bytes.subarray(0, half));
      await child.stdin.flush();
      // However busy the machine is, it comes while the source keeps still.
      for (let waited = 0; finals().length === 0 && waited < 30_000; waited += 100) await Bun.sleep(100);
      const early = finals();
      child.stdin.write(bytes.subarray(half));
      child.stdin.end();
      expect(await child.exited).toBe(0);
      await reading;
      const whole = await qwen(["--stream", "-f", "jsonl", wav(clipName)]);
      const wholeText = finalsOf(whole.stdout).map((one) => one.text).join(" ");
      return { early, finals: finals(), wholeText, stallMs };
    };
    // Between sentences, in pauses that end no utterance: of half a sentence the demo model makes a whole one.
    const places = [["en-weather", 5200], ["words-en-2", 3254], ["words-en-5", 5264], ["zh-weather", 3250]] as const;
    const some = places.filter(([clipName]) => hasClip(clipName));
    for (const done of await Promise.all(some.map(([clipName, stallMs]) => stalled(clipName, stallMs)))) {
      const { early, finals, wholeText, stallMs } = done;
      expect(early.length).toBeGreaterThan(0);
      expect(finals.slice(0, early.length)).toEqual(early);
      expect(early.at(-1)!.end_ms).toBeWithin(stallMs - 1000, stallMs + 1);
      for (const later of finals.slice(early.length)) expect(later.start_ms).toBeGreaterThanOrEqual(stallMs - 20);
      const said = finals.map((one) => one.text).join(" ");
      expect(rate(characterErrors(wholeText, said))).toBeLessThan(0.1);
    }
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test.concurrent(`${signal}: what was said, the summary, an end by the signal`, async () => {
      const { endedBy, stdout, stderr, endMs } = await speak(4, [], { atSec: 6, name: signal });
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
