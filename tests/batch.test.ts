/** `qwen-asr batch` through the executable: GNU parallel, damaged recordings, kills and signals. */

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { modelDir } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { expectPlainBytes, expectRows, makeManifest } from "./support/batches.ts";
import { leftIn, parallel, runParallel } from "./support/parallel.ts";
import { expectRefusal, lines, wav } from "./support/cli.ts";
import { isLinux, testWhere } from "./support/where.ts";

describe("batch", () => {
  testWhere(parallel !== null && isLinux, "GNU parallel on Linux")(
    "GNU parallel, damaged recordings and random kills: every good one right once, every bad one named",
    async () => {
      using folder = temporaryFolder();
      const expected = makeManifest(folder.path, 40);
      const { code, outputs, kills, stderr } = await runParallel(folder.path, 4, 4);
      expect(code).toBe(0);
      expect(kills).toBeGreaterThan(0);
      expectRows(folder.path, outputs, expected);
      for (const id of [7, 17, 27, 37]) expect(stderr).toContain(`list.jsonl:${id + 1}: damaged-${id}.wav: `);
      expect(leftIn(folder.path, outputs)).toEqual([]);
      await expectPlainBytes(folder.path, outputs, [3]);
    },
  );

  test("a signal keeps the rows, and the same command goes on; a pipe gets rows as they come", async () => {
    using folder = temporaryFolder();
    const rows = Array.from({ length: 50 }, (_, id) => ({ id, audio: wav("en-short") })); // The signal may come late.
    const manifest = join(folder.path, "list.jsonl");
    writeFileSync(manifest, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const args = ["batch", manifest, "-d", modelDir(), "-o", join(folder.path, "out.jsonl"), "--batch", "1", "--debug"];
    const stopped = await run(args, { signalWhen: { text: "Audio: ", signal: "SIGTERM" } });
    expect(stopped.signal).toBe("SIGTERM");
    expect(stopped.stderr).toMatch(
      /stopped: \d+ of 50 rows in .*out\.part\.jsonl; the same command goes on from there\n/,
    );
    const whole = await run(args);
    expect(whole.code).toBe(0);
    expect(whole.stderr).toContain("Done: 50 rows in ");
    expect(existsSync(join(folder.path, "out.part.jsonl"))).toBe(false);
    const piped = await run(["batch", "-", "-d", modelDir(), "--silent"], { stdin: readFileSync(manifest) });
    expect(piped.stdout).toBe(readFileSync(join(folder.path, "out.jsonl"), "utf8"));
    expect(lines(piped.stdout).map((line) => JSON.parse(line).id)).toEqual(rows.map(({ id }) => id));
  });

  test("what is wrong with a command line or a manifest is said in a line", async () => {
    expectRefusal(await run(["batch"]), 2, "batch needs a manifest");
    expectRefusal(await run(["batch", "missing.jsonl"]), 1, "missing.jsonl: no such file");
    expectRefusal(await run(["batch", wav("en-short")]), 1, "is not text");
    expectRefusal(await run(["batch", "--shard", "3/2", "x"]), 2, "--shard: shards of 2 are 0 to 1, got 3");
    expectRefusal(await run(["batch", "-", "-d", "/nowhere"], { stdin: "{}" }), 3, "/nowhere");
    const checked = await run(["batch", "-", "--check"], { stdin: '{"id": 1, "audio": "no.wav"}\n{"id": 1}\nx' });
    expect(checked.code).toBe(2);
    expect(lines(checked.stderr)).toEqual([
      "qwen-asr: standard input:1: no.wav: no such file",
      "qwen-asr: standard input:2: has the id of row 1",
      'qwen-asr: standard input:3: is not JSON; a row is {"id": "a", "audio": "a.wav"}',
      "Checked 3 rows: 3 bad",
    ]);
  });
});
