/** `--speakers` through the executable: a clip of two voices, noise, and what it cannot go with. */

import { expect, test } from "bun:test";
import { hasClip, hasSpeakers } from "./fixtures.ts";
import { run } from "./harness.ts";
import { expectRefusal, lines, qwen, wav } from "./support/cli.ts";
import { testWhere } from "./support/where.ts";

const two = "en-two-voices-30s";

testWhere(hasClip(two) && hasSpeakers, `the clip ${two} and the speaker networks`)(
  "two voices: each sentence by the voice that says it, in JSON, text and RTTM; noise is nobody",
  async () => {
    const { segments } = JSON.parse((await qwen([wav(two), "--speakers", "auto", "-f", "json", "--silent"])).stdout);
    const speakers = new Set(segments.map(({ speaker }: { speaker: string }) => speaker));
    expect([...speakers]).toEqual(["Speaker 1", "Speaker 2"]);
    for (const { speaker, words } of segments) {
      expect(words.every((word: { speaker: string }) => word.speaker === speaker)).toBe(true);
    }
    const rttm = lines((await qwen([wav(two), "--speakers", "2", "-f", "rttm", "--silent"])).stdout);
    expect(new Set(rttm.map((line) => line.split(" ")[7]))).toEqual(new Set(["Speaker_1", "Speaker_2"]));
    const noise = await qwen([wav("noise-3s"), "--speakers", "auto", "--silent"]);
    expect({ code: noise.code, text: noise.stdout.trim() }).toEqual({ code: 0, text: "" });
  },
);

test("--speakers: wrong numbers, and what it cannot go with", async () => {
  for (const wrong of ["x", "0", "4-2", "1-100"]) {
    expectRefusal(await run(["--speakers", wrong, wav("en-short")]), 2, "auto, a number from 1 to 99 or a range");
  }
  expectRefusal(await run(["--speakers", "2", "--stream", wav("en-short")]), 2, "mutually exclusive");
});
