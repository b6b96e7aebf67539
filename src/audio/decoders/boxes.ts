/** Boxes, of which MP4 and QuickTime are made: a size, a name and a body. In: bytes. Out: boxes, numbers. Pure. */

export type BoxHead = {
  /** Four characters. */
  readonly name: string;
  readonly headBytes: number;
  /** With the head; Infinity where the box goes on to the end of the file. */
  readonly bytes: number;
};

export type Box = { readonly name: string; readonly body: Uint8Array };

/** The head at `at`; "more" if it is not whole, "none" if it cannot be one. */
export function readBoxHead(view: Uint8Array, at: number): BoxHead | "more" | "none" {
  if (at + 8 > view.length) return "more";
  const name = boxName(view, at + 4);
  if (!/^[\x20-\x7e\xa9]{4}$/.test(name)) return "none";
  const short = u32(view, at);
  if (short === 0) return { name, headBytes: 8, bytes: Infinity };
  if (short !== 1) return short < 8 ? "none" : { name, headBytes: 8, bytes: short };
  if (at + 16 > view.length) return "more";
  const bytes = u64(view, at + 8);
  return bytes < 16 || !Number.isSafeInteger(bytes) ? "none" : { name, headBytes: 16, bytes };
}

/** The whole boxes that stand one after the other in `bytes`. */
export function boxes(bytes: Uint8Array): Box[] {
  const found: Box[] = [];
  for (let at = 0; at < bytes.length;) {
    const head = readBoxHead(bytes, at);
    if (typeof head === "string") break;
    const end = Math.min(bytes.length, at + head.bytes);
    if (end < at + head.bytes && head.bytes !== Infinity) break;
    found.push({ name: head.name, body: bytes.subarray(at + head.headBytes, end) });
    at = end;
  }
  return found;
}

/** The body of the first box at that path: "mdia/minf/stbl"; undefined where there is none. */
export function findBox(bytes: Uint8Array, path: string): Uint8Array | undefined {
  return path.split("/").reduce<Uint8Array | undefined>(
    (inside, wanted) => inside && boxes(inside).find(({ name }) => name === wanted)?.body,
    bytes,
  );
}

export function boxName(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/** Numbers are 0 where the bytes end before them. */
export function u16(bytes: Uint8Array, at: number): number {
  return at + 2 > bytes.length ? 0 : bytes[at]! << 8 | bytes[at + 1]!;
}

export function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 2 ** 16 + u16(bytes, at + 2);
}

export function i32(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) | 0;
}

export function u64(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) * 2 ** 32 + u32(bytes, at + 4);
}

export function i64(bytes: Uint8Array, at: number): number {
  return i32(bytes, at) * 2 ** 32 + u32(bytes, at + 4);
}
