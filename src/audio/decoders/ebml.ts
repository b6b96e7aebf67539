/** EBML, of which Matroska is made: elements with a name, a size and a body. In: bytes. Out: elements. Pure. */

export type ElementHead = {
  readonly id: number;
  readonly headBytes: number;
  /** Of the body; Infinity where nobody knew. */
  readonly bytes: number;
};

export type Element = { readonly id: number; readonly data: Uint8Array };

/**
 * The name and size at `at`; "more" if they are not whole, "none" if they cannot be. `isNumber`: a number alone, whose
 * length is coded likewise; it comes as `id`.
 */
export function readHead(view: Uint8Array, at: number, isNumber = false): ElementHead | "more" | "none" {
  if (at >= view.length) return "more";
  const idBytes = Math.clz32(view[at]!) - 23;
  if (idBytes > (isNumber ? 8 : 4)) return "none";
  if (at + idBytes > view.length) return "more";
  const id = coded(view, at, idBytes, isNumber);
  if (isNumber) return { id, headBytes: idBytes, bytes: 0 };
  const sizeAt = at + idBytes;
  if (sizeAt >= view.length) return "more";
  const sizeBytes = Math.clz32(view[sizeAt]!) - 23;
  if (sizeBytes > 8) return "none";
  if (sizeAt + sizeBytes > view.length) return "more";
  const bytes = coded(view, sizeAt, sizeBytes, true);
  const isUnknown = bytes === 2 ** (7 * sizeBytes) - 1;
  if (!isUnknown && !Number.isSafeInteger(bytes)) return "none";
  return { id, headBytes: idBytes + sizeBytes, bytes: isUnknown ? Infinity : bytes };
}

function coded(view: Uint8Array, at: number, bytes: number, isBare: boolean): number {
  let value = isBare ? view[at]! & (0xff >> bytes) : view[at]!;
  for (let i = 1; i < bytes; i++) value = value * 256 + view[at + i]!;
  return value;
}

/** The whole elements that `body` holds. */
export function elements(body: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < body.length;) {
    const head = readHead(body, at);
    if (typeof head === "string" || at + head.headBytes + head.bytes > body.length) break;
    at += head.headBytes;
    found.push({ id: head.id, data: body.subarray(at, at + head.bytes) });
    at += head.bytes;
  }
  return found;
}

export function unsigned(data: Uint8Array): number {
  return data.reduce((value, byte) => value * 256 + byte, 0);
}

export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data).replace(/\0.*$/s, "");
}
