import { describe, expect, test } from "bun:test";
import { atOnce, inSteps } from "../steps.ts";
import * as cluster from "./cluster.ts";
import { anyCount, type HeardVoice } from "./cluster.ts";
import { embeddingFloats } from "./networks.ts";
import { localNumber } from "./runs.ts";
import { unit } from "./vectors.ts";
import { seededRandom } from "../../tests/support/random.ts";

const clustered = (...given: Parameters<typeof cluster.clustered>) => atOnce(cluster.clustered(...given));

/** Embeddings of `names`, each a direction of its own with noise: two of a voice have a cosine of about 0.7. */
function heard(names: readonly (readonly string[])[], seed = 3, noise = 0.65): HeardVoice[] {
  const { random } = seededRandom(seed);
  const normal = () => Array.from({ length: 12 }, () => random(1e6) / 1e6).reduce((a, b) => a + b) - 6;
  const direction = () => unit(Float32Array.from({ length: embeddingFloats }, normal));
  const voices = new Map([...new Set(names.flat())].map((name) => [name, direction()]));
  return names.flatMap((inWindow, window) =>
    inWindow.map((name, local) => {
      const own = direction();
      const embedding = voices.get(name)!.map((one, at) => one + noise * own[at]!);
      return { locals: [localNumber(window, local)], embedding, seconds: 3, isMixed: false };
    })
  );
}

function labelsOf(names: readonly (readonly string[])[], of: Int32Array): Map<string, Set<number>> {
  const labels = new Map<string, Set<number>>();
  for (const [index, name] of names.flat().entries()) {
    labels.set(name, (labels.get(name) ?? new Set()).add(of[index]!));
  }
  return labels;
}

const windows = Array.from({ length: 60 }, (_, at) => [["a", "b"], ["b", "c"], ["a"], ["c", "d"]][at % 4]!);

describe("clustered", () => {
  test("as many speakers as there are voices, each voice one", () => {
    const { centres, of } = clustered(heard(windows));
    expect(centres.length).toBe(4);
    const labels = labelsOf(windows, of);
    expect([...labels.values()].map((one) => one.size)).toEqual([1, 1, 1, 1]);
    expect(new Set([...labels.values()].flatMap((one) => [...one])).size).toBe(4);
  });

  test("one voice alone, and none", () => {
    expect(clustered(heard(Array.from({ length: 30 }, () => ["a"]))).centres.length).toBe(1);
    expect(clustered(heard([["a"]])).of).toEqual(Int32Array.of(0));
    expect(clustered([])).toEqual({ centres: [], of: new Int32Array(0) });
  });

  test("a number that is given is met, from above and from below", () => {
    for (const wanted of [1, 2, 3, 6]) {
      expect(clustered(heard(windows), { min: wanted, max: wanted }).centres.length).toBe(wanted);
    }
    expect(clustered(heard(windows), { min: 2, max: 3 }).centres.length).toBe(3);
    expect(clustered(heard(windows), { min: 5, max: 8 }).centres.length).toBe(5);
  });

  test("two voices of one window are two speakers, also where they are hardly unlike", () => {
    const alike = heard(Array.from({ length: 40 }, () => ["a", "a"]), 5);
    const { of } = clustered(alike, { min: 2, max: 2 });
    const apart = Array.from({ length: 40 }, (_, at) => of[2 * at] !== of[2 * at + 1]);
    expect(apart.filter(Boolean).length).toBeGreaterThan(30);
  });

  test("a voice that windows take for two is one, unless two are asked for", () => {
    const alike = heard(Array.from({ length: 40 }, () => ["a", "a"]), 5);
    expect(clustered(alike).centres.length).toBe(1);
  });

  test("runs of a window's voice are two speakers where they are plainly unlike, and one where they are not", () => {
    const asOne = heard(Array.from({ length: 40 }, (_, at) => at % 4 === 0 ? ["a", "b"] : [["a", "b", "b"][at % 3]!]))
      .map((voice) => ({ ...voice, locals: voice.locals.map((local) => local - local % 3) }));
    const { centres, of } = clustered(asOne);
    expect(centres.length).toBe(2);
    const pairs = asOne.flatMap(({ locals }, at) => asOne[at + 1]?.locals[0] === locals[0] ? [at] : []);
    expect(pairs.length).toBe(10);
    for (const at of pairs) expect(of[at]).not.toBe(of[at + 1]);
    const doubtful = unit(asOne[0]!.embedding.map((one, at) => one + 1.2 * asOne[1]!.embedding[at]!));
    const long = asOne[0]!;
    const beside = [...asOne, { ...long, locals: [999] }, {
      ...long,
      embedding: doubtful,
      seconds: 0.5,
      locals: [999],
    }];
    const labels = clustered(beside).of;
    expect(labels.at(-1)).toBe(labels.at(-2)!);
    expect(clustered(beside.with(-1, { ...beside.at(-1)!, locals: [1002] })).of.at(-1)).toBe(labels[1]!);
  });

  test("a voice of a moment founds no speaker, but has the most similar", () => {
    const voices = heard([...windows, ["e"]]);
    const last = voices.at(-1)!;
    const { centres, of } = clustered([...voices.slice(0, -1), { ...last, seconds: 0.4 }]);
    expect(centres.length).toBe(4);
    expect(of.at(-1)).toBeWithin(0, 4);
  });

  test("single words found no speaker beside sentences; where there is nothing else, they do", () => {
    const words = heard(Array.from({ length: 6 }, () => ["f"]), 7).map((voice) => ({ ...voice, seconds: 1.2 }));
    const sentences = heard(windows);
    const { centres, of } = clustered([
      ...sentences,
      ...words.map((one) => ({ ...one, locals: one.locals.map((local) => local + 3 * 60) })),
    ]);
    expect(centres.length).toBe(4);
    expect(of.every((speaker) => speaker >= 0 && speaker < 4)).toBe(true);
    expect(clustered(sentences.map((voice) => ({ ...voice, seconds: 1.2 }))).centres.length).toBe(4);
  });

  test("hours: as many embeddings as do not fit in one table of pairs, the same speakers to the end", async () => {
    const hours = Array.from({ length: 2400 }, (_, at) => windows[at % windows.length]!);
    const { centres, of } = clustered(heard(hours, 9), anyCount);
    expect(centres.length).toBe(4);
    expect([...labelsOf(hours, of).values()].map((one) => one.size)).toEqual([1, 1, 1, 1]);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stopped")), 50);
    await expect(inSteps(cluster.clustered(heard(hours, 9)), stop.signal)).rejects.toThrow("stopped");
  });
});
