/** When sentences begin, estimated and aligned, against the true times of all clips that have some. */

import { expect, test } from "bun:test";
import { clips } from "./fixtures.ts";
import { run } from "./harness.ts";
import { type SaidWord, startErrors } from "./support/sentence_times.ts";
import { testWhere } from "./support/where.ts";

const meanMsMax = 300;
/** The demo model mishears a sentence now and then. */
const heardShareMin = 0.9;

const spoken = clips().filter(({ sentences }) => sentences.length > 0);
/** Those that samples/fixtures, a subset, may lack. */
const known = ["en-120s", "en-45s", "en-two-voices-30s", "en-weather", "zh-30s", "zh-numbers", "zh-weather"];

for (const name of known.filter((name) => !spoken.some((clip) => clip.name === name))) {
  testWhere(false, `the clip ${name}`)(`sentences of ${name}`, () => {});
}

for (const how of [[], ["--align"]]) {
  test(`${["estimated", ...how].at(-1)}: sentences of every clip begin within 0.3 s, on average`, async () => {
    const paths = spoken.map(({ wav }) => wav);
    const { code, stdout } = await run(["-d", "demo", "--silent", ...how, "-f", "jsonl", ...paths]);
    expect(code).toBe(0);
    const words = wordsByFile(stdout);
    const means = spoken.map(({ name, wav, sentences }) => {
      const errors = startErrors(sentences, words.get(wav)!);
      expect([name, errors.length / sentences.length >= heardShareMin]).toEqual([name, true]);
      return { name, mean: errors.reduce((sum, error) => sum + Math.abs(error), 0) / errors.length };
    });
    expect(means.filter(({ mean }) => mean > meanMsMax)).toEqual([]);
  });
}

function wordsByFile(jsonl: string): Map<string, SaidWord[]> {
  const words = new Map<string, SaidWord[]>();
  for (const line of jsonl.trimEnd().split("\n").map((line) => JSON.parse(line))) {
    if (line.type === "segment") words.set(line.file, [...(words.get(line.file) ?? []), ...line.words]);
  }
  return words;
}
