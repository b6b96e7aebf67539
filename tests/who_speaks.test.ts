/** `--speakers` through the executable: a clip of two voices, noise, known voices, and what it cannot go with. */

import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { longWav } from "../src/audio/wav_fixture.ts";
import { hasClip, hasSpeakers } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { clipSamples } from "./native.ts";
import { expectRefusal, lines, qwen, wav } from "./support/cli.ts";
import { testWhere } from "./support/where.ts";

const two = "en-two-voices-30s";

type Turn = { readonly start: number; readonly end: number; readonly speaker: string };

/** What a speaker says in these turns, as a recording. */
function voiceOf(samples: Float32Array, turns: readonly Turn[], name: string): Uint8Array {
  const own = turns.filter(({ speaker }) => speaker === name);
  const parts = own.map(({ start, end }) => [...samples.subarray(start * 16_000, end * 16_000)]);
  return longWav(Float32Array.from(parts.flat()), 16_000);
}

testWhere(hasClip(two) && hasSpeakers, `the clip ${two} and the speaker networks`)(
  "two voices: each sentence by the voice that says it, in JSON and RTTM; known voices have names; noise is nobody",
  async () => {
    using folder = temporaryFolder();
    const out = join(folder.path, two);
    const formats = ["-f", "json,rttm", "-o", `${folder.path}/`];
    expect((await qwen([wav(two), wav("noise-3s"), "--speakers", "auto", ...formats, "--silent"])).code).toBe(0);
    expect(readFileSync(join(folder.path, "noise-3s.rttm"), "utf8")).toBe("");
    const { segments, speakers, turns, options } = JSON.parse(readFileSync(`${out}.json`, "utf8"));
    expect(options.speakers).toBe("auto");
    expect([...new Set(segments.map(({ speaker }: { speaker: string }) => speaker))]).toEqual([
      ...["Speaker 1", "Speaker 2"],
    ]);
    for (const { speaker, words } of segments) {
      expect(words.every((word: { speaker: string }) => word.speaker === speaker)).toBe(true);
    }
    // No word begins before its turn: at most in the sound that the turn's start is known by.
    for (const { speaker, words } of segments) {
      const own = turns.filter((turn: Turn) => turn.speaker === speaker);
      for (const { start } of words) {
        expect(own.some((turn: Turn) => turn.start - 0.05 <= start && start < turn.end + 0.2)).toBe(true);
      }
    }
    expect(speakers).toMatchObject([{ name: "Speaker 1" }, { name: "Speaker 2" }]);
    const rttm = lines(readFileSync(`${out}.rttm`, "utf8")).map((line) => line.split(" "));
    expect(rttm.map(([, , , start, , , , name]) => [Number(start), name!.replace("_", " ")])).toEqual(
      turns.map(({ start, speaker }: Turn) => [start, speaker]),
    );

    const voices = join(folder.path, "voices");
    mkdirSync(voices);
    const samples = await clipSamples(wav(two));
    writeFileSync(join(voices, "Ann Lee.wav"), voiceOf(samples, turns, "Speaker 2"));
    const named = await qwen([wav(two), "--voices", voices, "-f", "json", "--silent"]);
    const known = JSON.parse(named.stdout);
    expect(known.speakers.map(({ name }: { name: string }) => name)).toEqual(["Speaker 1", "Ann Lee"]);
    expect(known.speakers[1].similarity).toBeGreaterThan(0.8);
    expect(known.turns.map(({ start }: Turn) => start)).toEqual(turns.map(({ start }: Turn) => start));
  },
);

testWhere(hasClip(two) && hasSpeakers, `the clip ${two} and the speaker networks`)(
  "a stream says who speaks in each utterance when it has ended, by the same names",
  async () => {
    const args = ["--stream", "--speakers", "auto", wav(two)];
    const text = lines((await qwen([...args, "--language", "en"])).stdout);
    const speakerOf = (words: string) => text.find((line) => line.includes(words))?.split(":")[0];
    expect([speakerOf("Mark and"), speakerOf("to Denver"), speakerOf("seventeen"), speakerOf("purple table")])
      .toEqual(["Speaker 1", "Speaker 2", "Speaker 2", "Speaker 1"]);
    const events = lines((await qwen([...args, "-f", "jsonl", "--silent"])).stdout).map((line) => JSON.parse(line));
    const turns = events.flatMap((event) => event.type === "final" ? event.turns : []);
    expect(turns.map(({ speaker, text }: Record<string, string>) => `${speaker}: ${text}`)).toEqual(text);
  },
);

test("--speakers, --voices: a wrong folder, and what they cannot go with", async () => {
  expectRefusal(await run(["--speakers", "2", "--low-memory", wav("en-short")]), 2, "mutually exclusive");
  expectRefusal(await qwen(["--voices", "no/such", wav("en-short")]), 1, "--voices no/such: no such folder");
});
