/**
 * Small, quick copies of a checkpoint folder with something changed: every file that is not changed is a link.
 *
 * In: a folder in the original layout with one model.safetensors. Out: a folder of files to open with -d.
 */

import { readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { modelDir } from "../fixtures.ts";
import { folderIn } from "../harness.ts";

export type Tensor = { dtype: string; shape: number[]; data_offsets: [number, number] };
export type Header = Record<string, Tensor>;

export const weightsFile = "model.safetensors";

/** A folder of links to the nano's files, without those named. */
export function linkedCopy(parent: string, without: readonly string[] = []): string {
  const folder = folderIn(parent, "model");
  for (const name of readdirSync(modelDir())) {
    if (!without.includes(name)) symlinkSync(join(modelDir(), name), join(folder, name));
  }
  return folder;
}

/** Replaces a link by a file. */
export function replaceFile(folder: string, name: string, content: string | Uint8Array): void {
  rmSync(join(folder, name), { force: true });
  writeFileSync(join(folder, name), content);
}

export function readJson(folder: string, name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(folder, name), "utf8"));
}

let original: { header: Header; data: Uint8Array } | undefined;

/** The nano's tensors. The header is a copy, the data is not. */
export function nanoWeights(): { header: Header; data: Uint8Array } {
  if (!original) {
    const file = readFileSync(join(modelDir(), weightsFile));
    const start = 8 + Number(file.readBigUInt64LE(0));
    const { __metadata__: _, ...header } = JSON.parse(file.toString("utf8", 8, start));
    original = { header, data: new Uint8Array(file.subarray(start)) }; // A Buffer's slice() would be no copy.
  }
  return { header: structuredClone(original.header), data: original.data };
}

/** The bytes before the data. */
export function headerBytes(header: Header): Uint8Array {
  const text = Buffer.from(JSON.stringify({ __metadata__: { format: "pt" }, ...header }));
  const padded = Buffer.concat([text, Buffer.alloc((8 - text.length % 8) % 8, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}

/** Weights with a changed header of the nano and a hole for data: for what is rejected before data is read. */
export function writeHollowWeights(
  folder: string,
  change: (header: Header) => void,
  missingBytes = 0,
  name = weightsFile,
): void {
  const { header, data } = nanoWeights();
  change(header);
  const bytes = headerBytes(header);
  replaceFile(folder, name, bytes);
  truncateSync(join(folder, name), bytes.length + data.length - missingBytes);
}

/** All weights in another type. */
export function writeConvertedWeights(folder: string, dtype: "F16" | "F32"): void {
  const { header, data } = nanoWeights();
  const bf16 = new Uint16Array(data.slice().buffer);
  const f32 = new Float32Array(Uint32Array.from(bf16, (value) => value << 16).buffer);
  const converted = dtype === "F32" ? f32 : Float16Array.from(f32);
  const scale = converted.BYTES_PER_ELEMENT / bf16.BYTES_PER_ELEMENT;
  for (const tensor of Object.values(header)) {
    const [from, to] = tensor.data_offsets;
    Object.assign(tensor, { dtype, data_offsets: [from * scale, to * scale] });
  }
  replaceFile(folder, weightsFile, Buffer.concat([headerBytes(header), new Uint8Array(converted.buffer)]));
}

/** Stores a separate head: the embedding with the rows of two tokens exchanged. */
export function writeHeadWeights(folder: string, oneId: number, otherId: number): void {
  const { header, data } = nanoWeights();
  const embedding = header["thinker.model.embed_tokens.weight"]!;
  const [from, to] = embedding.data_offsets;
  const rowBytes = (to - from) / embedding.shape[0]!;
  const head = data.slice(from, to);
  const row = (id: number) => data.subarray(from + id * rowBytes, from + (id + 1) * rowBytes);
  head.set(row(otherId), oneId * rowBytes);
  head.set(row(oneId), otherId * rowBytes);
  header["thinker.lm_head.weight"] = { ...embedding, data_offsets: [data.length, data.length + head.length] };
  replaceFile(folder, weightsFile, Buffer.concat([headerBytes(header), data, head]));
}
