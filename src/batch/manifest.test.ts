/** Tests of manifests, shards and the lines that are written. */

import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "bun:test";
import schema from "../../docs/batch.schema.json" with { type: "json" };
import transcriptSchema from "../../docs/transcript.schema.json" with { type: "json" };
import { parseManifest, rowsOfShard } from "./manifest.ts";
import { errorLine, readResult, resultLine, rowKey, type RunIdentity } from "./result.ts";
import { parseShard, shardName, shardOf } from "./shard.ts";

const run: RunIdentity = { program: "p 1", model: "m", weights: "int8", aligner: undefined, options: {} };

describe("manifest", () => {
  test("every line that is not blank is a row, whatever is wrong with it", () => {
    const text = [
      '\ufeff{"id": "a", "audio": "a.wav", "from": 1.5, "itn": true, "prompt": null}',
      "",
      '{"id": 7, "audio": "b.wav"}',
      '{"id": "7", "audio": "c.wav"}',
      "{",
      "[]",
      '"a"',
      '{"audio": "d.wav"}',
      '{"id": "", "audio": "d.wav"}',
      '{"id": 1.5, "audio": "d.wav"}',
      '{"id": "e"}',
      '{"id": "f", "audio": 3}',
      '{"id": "g", "audio": "g\\u0000.wav"}',
      '{"id": "h", "audio": "h.wav", "language": ["de"]}',
    ].join("\r\n");
    const rows = parseManifest(text);
    expect(rows[0]).toEqual({
      ...{ line: 1, id: "a", audio: "a.wav", options: { from: "1.5", itn: "true" }, fault: undefined },
    });
    expect(rows.map(({ line, id, fault }) => [line, id, fault && `${fault.code}: ${fault.message}`])).toEqual([
      [1, "a", undefined],
      [3, 7, undefined],
      [4, "7", "duplicate: has the id of row 3"],
      [5, undefined, 'manifest: is not JSON; a row is {"id": "a", "audio": "a.wav"}'],
      [6, undefined, 'manifest: is no object; a row is {"id": "a", "audio": "a.wav"}'],
      [7, undefined, 'manifest: is no object; a row is {"id": "a", "audio": "a.wav"}'],
      [8, undefined, "manifest: has no id"],
      [9, undefined, "manifest: the id must be a text or a whole number"],
      [10, undefined, "manifest: the id must be a text or a whole number"],
      [11, "e", "manifest: names no audio"],
      [12, "f", "manifest: audio must be the name of a file"],
      [13, "g", "manifest: audio must be the name of a file"],
      [14, "h", "options: language must be a text, a number, true or false"],
    ]);
    expect(parseManifest("\n \n")).toEqual([]);
  });

  test("row k is of shard k mod n, and every row of exactly one", () => {
    const rows = parseManifest(Array.from({ length: 7 }, (_, id) => JSON.stringify({ id, audio: "a" })).join("\n"));
    const shards = [0, 1, 2].map((index) => rowsOfShard(rows, { index, count: 3 }).map(({ id }) => id));
    expect(shards).toEqual([[0, 3, 6], [1, 4], [2, 5]]);
    expect(rowsOfShard(rows, { index: 8, count: 9 })).toEqual([]);
  });
});

describe("shard", () => {
  test("is named, or found in the environment", () => {
    expect(parseShard("2/8", "--shard")).toEqual({ index: 2, count: 8 });
    const auto = parseShard("auto/8", "--shard");
    expect(shardOf(auto, { SLURM_ARRAY_TASK_ID: "5" }, "--shard")).toEqual({ index: 5, count: 8 });
    expect(shardOf(auto, { JOB_COMPLETION_INDEX: "0", SLURM_ARRAY_TASK_ID: "5" }, "--shard").index).toBe(0);
    expect(() => shardOf(auto, { JOB_COMPLETION_INDEX: "" }, "--shard")).toThrow("--shard auto/8 needs JOB_COMPLETION");
    expect(() => shardOf(auto, { SLURM_ARRAY_TASK_ID: "8" }, "--shard")).toThrow("shards of 8 are 0 to 7, got 8");
    expect(() => shardOf(auto, { SLURM_ARRAY_TASK_ID: "x" }, "--shard")).toThrow("must be a number from 0, got 'x'");
    for (const text of ["", "2", "/8", "8/8", "0/0", "-1/8", "1/2/3", "auto", "a/8"]) {
      expect(() => parseShard(text, "--shard")).toThrow("--shard");
    }
    expect(shardName("out/{shard}.jsonl", { index: 2, count: 8 })).toBe("out/00002-of-00008.jsonl");
    expect(shardName("out.jsonl", { index: 2, count: 8 })).toBe("out.jsonl");
  });
});

describe("lines", () => {
  const [row, twin, nameless] = parseManifest('{"id":"a","audio":"a.wav"}\n{"id":"a","audio":"b"}\n{}');

  test("match the published schema", () => {
    const ajv = new Ajv2020({ allErrors: true, strictTypes: false });
    ajv.addSchema(transcriptSchema);
    const validate = ajv.compile(schema);
    const key = rowKey(run, row!);
    const segments = [
      { startMs: 0, endMs: 1000, text: "Hi.", language: "English" },
      { startMs: 1000, endMs: 5000, text: " Da.", language: "German" },
    ];
    const lines = [
      resultLine(row!, key, {
        durationMs: 5000.4,
        segments,
        ending: { gaps: [{ startMs: 0, endMs: 1500 }] },
        logprob: -0.123456,
        warnings: ["odd"],
      }),
      resultLine(row!, key, { durationMs: 0, segments: [], ending: { gaps: [] }, logprob: undefined, warnings: [] }),
      errorLine(row!, key, { code: "audio", message: "no such file" }),
      errorLine(twin!, key, twin!.fault!),
      errorLine(nameless!, key, nameless!.fault!),
    ];
    for (const line of lines) {
      expect(line).toEndWith("}\n");
      expect(validate(JSON.parse(line)) ? [] : validate.errors).toEqual([]);
    }
    expect(JSON.parse(lines[0]!)).toMatchObject({ language: "German", text: "Hi. Da.", logprob: -0.1235, duration: 5 });
    expect(JSON.parse(lines[3]!)).toMatchObject({ id: "a", row: 2 });
    expect(JSON.parse(lines[4]!)).toMatchObject({ id: null, row: 3, audio: null });
    expect(validate({ id: "a" })).toBe(false);
    expect(lines.map((line) => readResult(line)?.hasError)).toEqual([false, false, true, true, true]);
    expect(["", "{", "null", "{}", '{"key":1}'].map(readResult)).toEqual(Array(5).fill(undefined));
  });

  test("a key tells all that decides about a text, and not in which order it was said", () => {
    const of = (text: string, changes: Partial<RunIdentity> = {}) =>
      rowKey({ ...run, ...changes }, parseManifest(text)[0]!);
    const base = of('{"id":"a","audio":"a","from":1,"to":2}');
    expect(of('{"to":"2","from":1,"audio":"a","id":"a"}')).toBe(base);
    const others = [
      of('{"id":"b","audio":"a","from":1,"to":2}'),
      of('{"id":"a","audio":"b","from":1,"to":2}'),
      of('{"id":"a","audio":"a","from":1,"to":3}'),
      ...[{ model: "n" }, { weights: "bf16" }, { aligner: "x" }, { program: "p 2" }, { options: { language: "de" } }]
        .map((changes) => of('{"id":"a","audio":"a","from":1,"to":2}', changes)),
    ];
    expect(new Set([base, ...others]).size).toBe(others.length + 1);
  });
});
