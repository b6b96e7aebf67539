/** Puts texts into a ZIP file. In: names and texts. Out: its bytes, that every unpacker reads. Pure. */

import { crc32, deflateRawSync } from "node:zlib";

export type ZipEntry = { readonly name: string; readonly text: string };

const needed = 20;
const utf8Names = 1 << 11;
const deflated = 8;
/** 1980-01-01, the first day that the format knows: when texts were made is in no file. */
const firstDay = (1 << 5) | 1;

/** Equal names get a number. */
export function zipOf(entries: readonly ZipEntry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  const names = new Set<string>();
  let at = 0;
  for (const { name, text } of entries) {
    const bytes = new TextEncoder().encode(text);
    const packed = deflateRawSync(bytes);
    const label = new TextEncoder().encode(unused(name, names));
    // Version, flags, method, time, day, checksum, sizes, lengths of the name and of further fields.
    const facts = fields([needed, 2], [utf8Names, 2], [deflated, 2], [0, 2], [firstDay, 2], [crc32(bytes), 4])
      .concat(fields([packed.length, 4], [bytes.length, 4], [label.length, 2], [0, 2]));
    const local = Uint8Array.from([...fields([0x0403_4b50, 4]), ...facts]);
    parts.push(local, label, packed);
    const rest = fields([0, 2], [0, 2], [0, 2], [0, 4], [at, 4]); // Comment, disk, attributes; where it begins.
    directory.push(Uint8Array.from([...fields([0x0201_4b50, 4], [needed, 2]), ...facts, ...rest]), label);
    at += local.length + label.length + packed.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const counts = fields([0, 2], [0, 2], [entries.length, 2], [entries.length, 2], [size, 4], [at, 4], [0, 2]);
  return new Uint8Array(
    Buffer.concat([...parts, ...directory, Uint8Array.from([...fields([0x0605_4b50, 4]), ...counts])]),
  );
}

/** Numbers of so many bytes, little-endian. */
function fields(...numbers: readonly (readonly [value: number, bytes: number])[]): number[] {
  return numbers.flatMap(([value, bytes]) => Array.from({ length: bytes }, (_, at) => (value >>> (8 * at)) & 255));
}

/** "a.srt", then "a (2).srt". No name leads out of the folder into which it is unpacked. */
function unused(wanted: string, names: Set<string>): string {
  // deno-lint-ignore no-control-regex -- file names cannot have them.
  const bare = wanted.replace(/[\x00-\x1f/\\<>:"|?*]/g, "_").toWellFormed();
  const [, stem = bare, extension = ""] = /^(.+?)((?:\.\w+)+)$/s.exec(bare) ?? [];
  let name = bare;
  for (let count = 2; names.has(name.toLowerCase()); count++) name = `${stem} (${count})${extension}`;
  names.add(name.toLowerCase());
  return name;
}
