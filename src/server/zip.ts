/** Packs files into a ZIP that every unpacker reads. In: names and contents. Out: bytes, the same each time. Pure. */

import { crc32, deflateRawSync } from "node:zlib";

export type Entry = {
  /** With "/" between folders. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly isExecutable?: boolean;
};

const needed = 20;
/** Attributes are those of Unix, with this much of the format. */
const madeBy = (3 << 8) | needed;
const utf8Names = 1 << 11;
const deflated = 8;
/** 1980-01-01, the first day that the format knows: when files were made is in no archive. */
const firstDay = (1 << 5) | 1;

/** The permissions of an entry, as Unix has them. */
export function modeOf({ isExecutable }: Entry): number {
  return isExecutable ? 0o755 : 0o644;
}

export function zip(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const entry of entries) {
    const { path, bytes } = entry;
    const packed = deflateRawSync(bytes);
    const label = new TextEncoder().encode(path);
    // Version, flags, method, time, day, checksum, sizes, lengths of the name and of further fields.
    const facts = fields([needed, 2], [utf8Names, 2], [deflated, 2], [0, 2], [firstDay, 2], [crc32(bytes), 4])
      .concat(fields([packed.length, 4], [bytes.length, 4], [label.length, 2], [0, 2]));
    const local = Uint8Array.from([...fields([0x0403_4b50, 4]), ...facts]);
    parts.push(local, label, packed);
    // Comment, disk, kind of text; a plain file's mode; where it begins.
    const rest = fields([0, 2], [0, 2], [0, 2], [0, 2], [0o100_000 | modeOf(entry), 2], [at, 4]);
    directory.push(Uint8Array.from([...fields([0x0201_4b50, 4], [madeBy, 2]), ...facts, ...rest]), label);
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

/** Texts by their names. Equal names get a number; no name leads out of the folder into which it is unpacked. */
export function zipOfTexts(
  texts: readonly { readonly name: string; readonly text: string }[],
): Uint8Array<ArrayBuffer> {
  const names = new Set<string>();
  return zip(texts.map(({ name, text }) => ({ path: unused(name, names), bytes: new TextEncoder().encode(text) })));
}

/** "a.srt", then "a (2).srt". */
function unused(wanted: string, names: Set<string>): string {
  // deno-lint-ignore no-control-regex -- file names cannot have them.
  const bare = wanted.replace(/[\x00-\x1f/\\<>:"|?*]/g, "_").toWellFormed();
  const [, stem = bare, extension = ""] = /^(.+?)((?:\.\w+)+)$/s.exec(bare) ?? [];
  let name = bare;
  for (let count = 2; names.has(name.toLowerCase()); count++) name = `${stem} (${count})${extension}`;
  names.add(name.toLowerCase());
  return name;
}
