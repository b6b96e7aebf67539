/** The signature of executables for macOS, on a small file made by hand. */

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { signed } from "./macho_signature.ts";

const signatureAt = 12_352; // Three pages, and a part of a fourth.

/** A header, __TEXT of two pages, __LINKEDIT, and an old signature of 64 bytes. */
function program(changes: { readonly signatureBytes?: number; readonly more?: number } = {}): Uint8Array {
  const { signatureBytes = 64, more = 0 } = changes;
  const file = new Uint8Array(signatureAt + 64 + more).map((_, index) => index * 7);
  const out = new DataView(file.buffer);
  file.fill(0, 0, 400);
  [0xfeed_facf, 0x0100_0007, 3, 2, 3, 72 * 2 + 16, 0, 0].forEach((word, index) => out.setUint32(index * 4, word, true));
  const segment = (at: number, name: string, offset: number, bytes: number) => {
    out.setUint32(at, 0x19, true);
    out.setUint32(at + 4, 72, true);
    file.set(new TextEncoder().encode(name), at + 8);
    out.setBigUint64(at + 40, BigInt(offset), true);
    out.setBigUint64(at + 48, BigInt(bytes), true);
  };
  segment(32, "__TEXT", 0, 8192);
  segment(104, "__LINKEDIT", 8192, signatureAt + 64 - 8192);
  [0x1d, 16, signatureAt, signatureBytes].forEach((word, index) => out.setUint32(176 + index * 4, word, true));
  return file;
}

test("all pages before the signature are hashed, and the file says where it is", () => {
  const old = program();
  const file = signed(old, "a program");
  const data = new DataView(file.buffer);
  const at = (offset: number) => data.getUint32(signatureAt + offset);
  expect([at(0), at(8), at(12), at(16)]).toEqual([0xfade_0cc0, 1, 0, 20]);
  expect(at(20)).toBe(0xfade_0c02);
  const [used, hashes, identifier, special, pages, limit] = [at(24), at(36), at(40), at(44), at(48), at(52)];
  expect({ special, pages, limit }).toEqual({ special: 0, pages: 4, limit: signatureAt });
  expect(used).toBe(hashes! + 4 * 32);
  expect(at(4)).toBe(20 + used!);
  expect([...file.subarray(signatureAt + 56, signatureAt + 60)]).toEqual([32, 2, 0, 12]);
  const name = file.subarray(signatureAt + 20 + identifier!, signatureAt + 20 + hashes!);
  expect(new TextDecoder().decode(name)).toBe("a program\0");
  for (let page = 0; page < 4; page++) {
    const body = file.subarray(page * 4096, Math.min((page + 1) * 4096, signatureAt));
    const hash = file.subarray(signatureAt + 20 + hashes! + page * 32).subarray(0, 32);
    expect(Buffer.from(hash).toString("hex")).toBe(createHash("sha256").update(body).digest("hex"));
  }
  const size = data.getUint32(188, true);
  expect(signatureAt + size).toBe(file.length);
  expect(Number(data.getBigUint64(104 + 48, true))).toBe(file.length - 8192);
  expect(file.subarray(200, signatureAt)).toEqual(old.subarray(200, signatureAt));
  expect(signed(file, "a program")).toEqual(file);
});

test("a file whose signature is not its last part is refused", () => {
  expect(() => signed(program({ more: 16 }), "a")).toThrow("its signature is not its last part");
  expect(() => signed(program({ signatureBytes: 48 }), "a")).toThrow("its signature is not its last part");
  expect(() => signed(new Uint8Array(64), "a")).toThrow("not an executable for macOS");
});
