/** Tests of the lock of a model folder: one holder at a time, whatever a crash has left. */

import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FolderLock, lockFolder, lockName } from "./lock.ts";

test("twenty at once over the lock of a dead process: one gets it", async () => {
  for (let round = 0; round < 20; round++) {
    const folder = mkdtempSync(join(tmpdir(), "qwen-asr-lock-"));
    try {
      writeFileSync(join(folder, lockName), JSON.stringify({ pid: 4_194_305, started: "1" }));
      const tries = Array.from({ length: 20 }, () => lockFolder(folder).catch(() => undefined));
      const locks = (await Promise.all(tries)).filter((lock): lock is FolderLock => lock !== undefined);
      expect(locks.length).toBe(1);
      expect(readdirSync(folder)).toEqual([lockName]);
      locks[0]!.release();
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
});
