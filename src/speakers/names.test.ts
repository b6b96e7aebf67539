import { describe, expect, test } from "bun:test";
import { mostAlike, namesByVoice, parseSpeakerNames } from "./names.ts";
import { unit } from "./vectors.ts";

describe("parseSpeakerNames", () => {
  test("lines of label = name, or with a tab; comments and empty lines", () => {
    const text = "\ufeff# who is who\r\n\r\nSpeaker 1 = Anna Meier\r\nSpeaker 2\tBen = B.\r\n";
    expect([...parseSpeakerNames(text, "n")]).toEqual([["Speaker 1", "Anna Meier"], ["Speaker 2", "Ben = B."]]);
  });

  test("other lines are named", () => {
    expect(() => parseSpeakerNames("Speaker 1", "n")).toThrow("n:1: is not LABEL = NAME: Speaker 1");
    expect(() => parseSpeakerNames("a = b\na = c", "n")).toThrow("n:2: a has a name already");
    for (
      const line of ["Speaker 1 = ", "Speaker 1 =", "Speaker 1\t \t", " = Anna", "=", "a = b\u0007", "a = b\u2028c"]
    ) {
      expect(() => parseSpeakerNames(line, "n")).toThrow("n:1: is not LABEL = NAME");
    }
  });

  test("labels and names are as others are: composed, without marks that turn the direction", () => {
    const text = "Jose\u0301 = \u2068عَلِي\u2069\nSpeaker 2\u202e = 🙂 Zoe\u0308";
    expect([...parseSpeakerNames(text, "n")]).toEqual([["José", "عَلِي"], ["Speaker 2", "🙂 Zoë"]]);
  });
});

test("namesByVoice: the most similar first, each person and each speaker once, none that is unlike", () => {
  const known = [{ name: "Anna", embedding: unit(Float32Array.of(1, 0, 0)) }, {
    name: "Ben",
    embedding: unit(Float32Array.of(1, 1, 0)),
  }];
  const centres = [Float32Array.of(0.9, 0.5, 0), Float32Array.of(1, 0.1, 0), Float32Array.of(0, 0, 1)].map(unit);
  const names = namesByVoice(centres, known);
  expect([...names].map(([speaker, { name }]) => [speaker, name])).toEqual([[1, "Anna"], [0, "Ben"]]);
  expect(names.get(1)!.similarity).toBeCloseTo(0.995, 3);
  expect(namesByVoice(centres, [])).toEqual(new Map());
  const twice = [...known, { name: "Anna", embedding: centres[2]! }];
  expect([...namesByVoice(centres, twice)].map(([speaker, { name }]) => [speaker, name])).toEqual([
    ...[[2, "Anna"], [0, "Ben"]],
  ]);
  expect(centres.map((centre) => mostAlike(centre, known)?.name)).toEqual(["Ben", "Anna", undefined]);
});
