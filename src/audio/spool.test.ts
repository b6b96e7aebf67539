import { expect, test } from "bun:test";
import type { FileHandle } from "node:fs/promises";
import type { ByteReader } from "./bytes.ts";
import { SpooledReader } from "./spool.ts";

function pipe(...chunks: readonly (readonly number[])[]): ByteReader & { isClosed: boolean } {
  const left = chunks.map((chunk) => Uint8Array.from(chunk));
  return {
    isClosed: false,
    next: () => Promise.resolve(left.shift()),
    close() {
      this.isClosed = true;
      return Promise.resolve();
    },
  };
}

async function rest(reader: ByteReader): Promise<number[]> {
  const bytes: number[] = [];
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) bytes.push(...chunk);
  return bytes;
}

test("reading goes back, and on to places that are still to come", async () => {
  const source = pipe([0, 1, 2], [3, 4], [5, 6, 7], [8]);
  const reader = new SpooledReader("x", source);
  expect(await reader.next()).toEqual(Uint8Array.of(0, 1, 2));
  reader.seek(6);
  expect(await reader.next()).toEqual(Uint8Array.of(6, 7));
  reader.seek(1);
  expect(await rest(reader)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  reader.seek(100);
  expect(await reader.next()).toBeUndefined();
  await reader.close();
  expect(source.isClosed).toBe(true);
});

test("released, it keeps nothing but what is read again", async () => {
  const ahead = new SpooledReader("x", pipe([0, 1], [2]));
  await ahead.next();
  await ahead.release();
  expect(await rest(ahead)).toEqual([2]);
  const back = new SpooledReader("x", pipe([0, 1], [2]));
  await back.next();
  back.seek(0);
  await back.release();
  expect(await rest(back)).toEqual([0, 1, 2]);
  await back.close();
});

test("a disk that is full is told in a line", async () => {
  const full = { write: () => Promise.reject(new Error("ENOSPC: no space left")), close: () => Promise.resolve() };
  const reader = new SpooledReader("talk.m4a", pipe([0]), () => Promise.resolve(full as unknown as FileHandle));
  const error = await reader.next().catch((error) => error);
  expect(error.message).toBe("talk.m4a: cannot be kept on disk until its index has come: ENOSPC: no space left");
  await reader.close();
});
