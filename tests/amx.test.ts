/**
 * What the library's AMX instructions are, read by a disassembler: most machines cannot run them. What they compute is
 * tested in plain Zig (zig/kernels/tile_test.zig), which has the same registers, operands and configuration.
 */

import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { libraryPath } from "./native.ts";
import { testWhere } from "./support/where.ts";

const objdump = Bun.which("objdump") ?? Bun.which("llvm-objdump");
const canRead = process.arch === "x64" && process.platform === "linux" && objdump !== null;
const testReadable = testWhere(canRead, "objdump of binutils or LLVM, and the library for x86-64 Linux");

type Instruction = { readonly name: string; readonly operands: string };

/** `ldtilecfg (%rax)`, with which the one function that uses tiles begins. */
const loading = Buffer.from([0xc4, 0xe2, 0x78, 0x49, 0x00]);

/** That function: all of the library takes a disassembler seconds. */
function disassembled(): Instruction[] {
  const bytes = readFileSync(libraryPath());
  const at = bytes.indexOf(loading);
  expect(at).toBeGreaterThan(0);
  expect(bytes.indexOf(loading, at + 1)).toBe(-1);
  const address = addressOf(bytes, at);
  const range = [`--start-address=${address - 64}`, `--stop-address=${address + (1 << 17)}`];
  const text = execFileSync(objdump!, ["-d", "--no-show-raw-insn", ...range, libraryPath()], {
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  return [...text.matchAll(/^ *[0-9a-f]+:\s+(\S+)[ \t]*([^\n]*)$/gm)]
    .map(([, name, operands]) => ({ name: name!, operands: operands!.replaceAll(" ", "") }));
}

/** Where a byte of an ELF file is loaded, by its program headers. */
function addressOf(file: Buffer, place: number): number {
  const headers = Number(file.readBigUInt64LE(32));
  const [size, count] = [file.readUInt16LE(54), file.readUInt16LE(56)];
  for (let at = headers; at < headers + size * count; at += size) {
    const [offset, address, bytes] = [8, 16, 32].map((field) => Number(file.readBigUInt64LE(at + field)));
    if (file.readUInt32LE(at) === 1 && place >= offset! && place < offset! + bytes!) return place - offset! + address!;
  }
  throw new Error(`byte ${place} is not loaded`);
}

/** Bytes at an address of the library. */
function bytesAt(address: number, count: number): number[] {
  const range = [`--start-address=${address}`, `--stop-address=${address + count}`];
  const text = execFileSync(objdump!, ["-s", ...range, libraryPath()], { encoding: "utf8" });
  const words = [...text.matchAll(/^ [0-9a-f]+ ((?:[0-9a-f]{8} ?){1,4}) /gm)].map(([, line]) =>
    line!.replaceAll(" ", "")
  );
  return [...Buffer.from(words.join(""), "hex")];
}

testReadable("AMX instructions have the operands that the kernels mean", () => {
  const all = disassembled();
  const tiles = all.filter(({ name }) => /^(?:tile|tdp|ldtile|sttile|tcmm)/.test(name));
  expect(new Set(tiles.map(({ name }) => name))).toEqual(
    new Set(["ldtilecfg", "tilerelease", "tilezero", "tileloadd", "tilestored", "tdpbf16ps"]),
  );
  const operandsOf = (wanted: string) => tiles.filter(({ name }) => name === wanted).map(({ operands }) => operands);
  expect(operandsOf("ldtilecfg").length).toBe(1);
  expect(operandsOf("tilerelease")).toEqual([""]);
  // AT&T syntax: weights, activations, sums. Sums of rows s and panel p are in register 2s + p.
  const products = operandsOf("tdpbf16ps").map((operands) => operands.match(/\d/g)!.map(Number));
  for (const [weights, activations, sums] of products) {
    expect([6, 7]).toContain(weights!);
    expect([4, 5]).toContain(activations!);
    expect(sums).toBe(2 * (activations! - 4) + weights! - 6);
  }
  expect(new Set(products.map(([, , sums]) => sums))).toEqual(new Set([0, 1, 2, 3]));
  // 1x1, 1x2, 2x1 and 2x2 registers, for 8 and 4 bits once and for bf16 with both parts of the activations.
  expect(products.length).toBeGreaterThanOrEqual((1 + 2 + 2 + 4) * 4);
  for (const operands of operandsOf("tilezero")) expect(operands).toMatch(/^%tmm[0-3]$/);
  for (const operands of operandsOf("tileloadd")) expect(operands).toMatch(/^(?:0x0)?\(%r\w+,%r\w+,1\),%tmm[0-7]$/);
  for (const operands of operandsOf("tilestored")) expect(operands).toMatch(/^%tmm[0-3],(?:0x0)?\(%r\w+,%r\w+,1\)$/);
});

testReadable("the tiles' configuration is eight whole ones", () => {
  const all = disassembled();
  const at = all.findIndex(({ name }) => name === "ldtilecfg");
  const register = "%rax";
  expect(all[at]!.operands).toBe(`(${register})`);
  const setting = all.slice(Math.max(0, at - 20), at).findLast(({ operands }) =>
    operands.split("#")[0]!.endsWith(`,${register}`)
  )!;
  expect(setting.name).toMatch(/^leaq?$/);
  const address = Number.parseInt(/#(?:0x)?([0-9a-f]+)/.exec(setting.operands)![1]!, 16);
  expect(address % 64).toBe(0);
  const zeros = (count: number) => Array<number>(count).fill(0);
  const bytesOfRows = Array.from({ length: 8 }, () => [64, 0]).flat();
  expect(bytesAt(address, 64)).toEqual([
    1,
    ...zeros(15),
    ...bytesOfRows,
    ...zeros(16),
    ...Array<number>(8).fill(16),
    ...zeros(8),
  ]);
});

/** Tests of a file beside this one, with plain tiles; they must all pass. */
async function passWithPlainTiles(file: string, name: string, count: number): Promise<void> {
  const path = join(import.meta.dir, file);
  const child = Bun.spawn([process.execPath, "test", path, "-t", name], {
    env: { ...process.env, QWEN_ASR_ISA: "amx-plain", QWEN_ASR_LIB: libraryPath() },
    stdout: "ignore",
    stderr: "pipe",
  });
  const log = await new Response(child.stderr).text();
  const isWhole = log.includes(` ${count} pass`);
  expect({ code: await child.exited, log: isWhole ? "" : log }).toEqual({ code: 0, log: "" });
}

test("int8 by plain tiles: encoder rows keep their direction better than with 8-bit activations", async () => {
  await passWithPlainTiles("precision.test.ts", "^int8: encoder rows", 1);
});

test("int8 by plain tiles: requests say together what they say alone", async () => {
  await passWithPlainTiles("together.test.ts", "^int8 caps are each one's own$", 1);
});
