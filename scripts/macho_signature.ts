/**
 * Signs an executable for macOS as its linker does where there is no certificate ("ad hoc"): the hash of every page, in
 * place of the signature that is there. In: a Mach-O file with 64 bits, whose last part is a signature that fits no
 * more. Out: the file with one that does. Pure.
 *
 * The format: cs_blobs.h of Apple's kernel (a SuperBlob with one CodeDirectory), loader.h for the load commands.
 */

const machO = 0xfeed_facf;
const segmentCommand = 0x19;
const signatureCommand = 0x1d;

const superBlob = { magic: 0xfade_0cc0, bytes: 12 + 8 };
const directory = { magic: 0xfade_0c02, version: 0x2_0400, bytes: 88 };
/** Ad hoc, and by a linker: whoever signs the file again may replace it. */
const flags = 0x2_0002;
const [sha256, hashBytes, pageBits] = [2, 32, 12];
const mainExecutable = 1;

type Segment = { readonly at: number; readonly offset: number; readonly bytes: number };

type Layout = { readonly text: Segment; readonly linkEdit: Segment; readonly signatureAt: number };

/** `identifier` names the program for the system. Throws where the file is no executable of that kind. */
export function signed(file: Uint8Array, identifier: string): Uint8Array {
  const { text, linkEdit, signatureAt } = layoutOf(file);
  const old = view(file);
  const limit = old.getUint32(signatureAt + 8, true);
  const name = new TextEncoder().encode(`${identifier}\0`);
  const pages = Math.ceil(limit / (1 << pageBits));
  const directoryBytes = directory.bytes + name.length + pages * hashBytes;
  const used = superBlob.bytes + directoryBytes;
  const space = Math.ceil(used / 16) * 16;

  const result = new Uint8Array(limit + space);
  result.set(file.subarray(0, limit));
  // The load commands are hashed too, so they are right first.
  const out = view(result);
  const linkEditBytes = limit + space - linkEdit.offset;
  out.setUint32(signatureAt + 12, space, true);
  out.setBigUint64(linkEdit.at + 32, BigInt(roundUp(linkEditBytes, 1 << 14)), true);
  out.setBigUint64(linkEdit.at + 48, BigInt(linkEditBytes), true);

  const words = (at: number, values: readonly number[]) =>
    values.forEach((value, index) => out.setUint32(at + 4 * index, value));
  words(limit, [superBlob.magic, used, 1, 0, superBlob.bytes]);
  const at = limit + superBlob.bytes;
  const hashesAt = directory.bytes + name.length;
  words(at, [directory.magic, directoryBytes, directory.version, flags, hashesAt, directory.bytes, 0, pages, limit]);
  result.set([hashBytes, sha256, 0, pageBits], at + 36);
  out.setBigUint64(at + 64, BigInt(text.offset));
  out.setBigUint64(at + 72, BigInt(text.bytes));
  out.setBigUint64(at + 80, BigInt(mainExecutable));
  result.set(name, at + directory.bytes);
  for (let page = 0; page < pages; page++) {
    const bytes = result.subarray(page << pageBits, Math.min((page + 1) << pageBits, limit));
    result.set(new Bun.CryptoHasher("sha256").update(bytes).digest(), at + hashesAt + page * hashBytes);
  }
  return result;
}

function layoutOf(file: Uint8Array): Layout {
  const data = view(file);
  if (file.length < 32 || data.getUint32(0, true) !== machO) throw new Error("not an executable for macOS");
  const commands = data.getUint32(16, true);
  const found: { text?: Segment; linkEdit?: Segment; signatureAt?: number } = {};
  for (let number = 0, at = 32; number < commands; number++) {
    const [kind, bytes] = [data.getUint32(at, true), data.getUint32(at + 4, true)];
    if (kind === segmentCommand) {
      const name = new TextDecoder().decode(file.subarray(at + 8, at + 24)).replace(/\0+$/, "");
      const segment = { at, offset: big(data, at + 40), bytes: big(data, at + 48) };
      if (name === "__TEXT") found.text = segment;
      if (name === "__LINKEDIT") found.linkEdit = segment;
    }
    if (kind === signatureCommand) found.signatureAt = at;
    at += bytes;
  }
  const { text, linkEdit, signatureAt } = found;
  if (!text || !linkEdit || signatureAt === undefined) throw new Error("has no room for a signature");
  const start = data.getUint32(signatureAt + 8, true);
  const end = start + data.getUint32(signatureAt + 12, true);
  if (start % 16 !== 0 || end !== file.length || end !== linkEdit.offset + linkEdit.bytes) {
    throw new Error("its signature is not its last part");
  }
  return { text, linkEdit, signatureAt };
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function big(data: DataView, at: number): number {
  return Number(data.getBigUint64(at, true));
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
