/**
 * Reads multipart/form-data as it arrives. In: pieces of bytes, cut anywhere. Out: parts and their bytes, which are
 * never held but for the end of a piece that may begin a delimiter. Pure; time grows with the length.
 */

import { ApiError } from "./errors.ts";

export type PartHead = { readonly name: string; readonly filename: string | undefined };

export type MultipartEvent =
  | { readonly kind: "part"; readonly head: PartHead }
  /** Of the last part; valid until the next call. */
  | { readonly kind: "data"; readonly bytes: Uint8Array };

const headBytesMax = 16_384;
const partsMax = 1000;
const lineBreak = new Uint8Array([13, 10]);
const headEnd = new Uint8Array([13, 10, 13, 10]);

/** The boundary in a Content-Type header; undefined where it is no multipart/form-data. */
export function boundaryOf(contentType: string): string | undefined {
  if (!/^multipart\/form-data\s*;/i.test(contentType)) return undefined;
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType) ?? [];
  return quoted ?? plain;
}

export class MultipartParser {
  readonly #delimiter: Uint8Array;
  /** The first delimiter stands at the start of the body, or after a line break. */
  #held: Uint8Array = lineBreak;
  #state: "preamble" | "delimited" | "head" | "body" | "ended" = "preamble";
  #parts = 0;

  constructor(boundary: string) {
    this.#delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
  }

  push(bytes: Uint8Array): MultipartEvent[] {
    if (this.#state === "ended") return []; // What follows the last delimiter says nothing.
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const events: MultipartEvent[] = [];
    while (this.#step(events));
    return events;
  }

  /** Throws where the body ended before its last delimiter. */
  end(): void {
    if (this.#state !== "ended") throw malformed("ends early");
  }

  /** Returns whether there may be more in what is held. */
  #step(events: MultipartEvent[]): boolean {
    switch (this.#state) {
      case "preamble":
      case "body":
        return this.#toDelimiter(events);
      case "delimited":
        return this.#afterDelimiter();
      case "head":
        return this.#head(events);
      case "ended":
        return false;
    }
  }

  #toDelimiter(events: MultipartEvent[]): boolean {
    const at = indexOf(this.#held, this.#delimiter);
    const isFound = at >= 0;
    const end = isFound ? at : Math.max(0, this.#held.length - this.#delimiter.length + 1);
    if (this.#state === "body" && end > 0) events.push({ kind: "data", bytes: this.#held.subarray(0, end) });
    this.#held = this.#held.subarray(isFound ? at + this.#delimiter.length : end);
    if (isFound) this.#state = "delimited";
    return isFound;
  }

  /** "--" ends the body; otherwise the line ends, perhaps after blanks, and a part begins. */
  #afterDelimiter(): boolean {
    if (this.#held.length < 2) return false;
    if (this.#held[0] === 45 && this.#held[1] === 45) {
      this.#state = "ended";
      return false;
    }
    let at = 0;
    while (this.#held[at] === 32 || this.#held[at] === 9) at++;
    if (at > 200) throw malformed("has a delimiter that goes on");
    if (this.#held.length < at + 2) return false;
    if (this.#held[at] !== 13 || this.#held[at + 1] !== 10) throw malformed("has a delimiter that goes on");
    this.#held = this.#held.subarray(at); // The line break stays: a part without headers has only one more.
    this.#state = "head";
    return true;
  }

  #head(events: MultipartEvent[]): boolean {
    const at = indexOf(this.#held, headEnd);
    if (at > headBytesMax || at < 0 && this.#held.length > headBytesMax) {
      throw malformed("has a part with long headers");
    }
    if (at < 0) return false;
    if (++this.#parts > partsMax) throw malformed(`has more than ${partsMax} parts`);
    const text = new TextDecoder().decode(this.#held.subarray(0, at));
    events.push({ kind: "part", head: partHead(text) });
    this.#held = this.#held.subarray(at + headEnd.length);
    this.#state = "body";
    return true;
  }
}

function partHead(text: string): PartHead {
  const line = text.split("\r\n").find((one) => /^content-disposition:/i.test(one)) ?? "";
  const values = new Map<string, string>();
  for (const [, key, quoted, plain] of line.matchAll(/;\s*([\w*-]+)\s*=\s*(?:"((?:\\"|[^"])*)"|([^;\s]*))/g)) {
    values.set(
      key!.toLowerCase(),
      quoted === undefined ? plain! : quoted.replaceAll('\\"', '"').replaceAll("%22", '"'),
    );
  }
  const name = values.get("name");
  if (name === undefined) throw malformed("has a part without a name");
  return { name, filename: extendedName(values.get("filename*")) ?? values.get("filename") };
}

/** filename*=UTF-8''%e2%82%ac.wav */
function extendedName(value: string | undefined): string | undefined {
  const encoded = /^utf-8'[\w-]*'(.*)$/i.exec(value ?? "")?.[1];
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined; // The plain name counts.
  }
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(wanted);
}

function malformed(what: string): ApiError {
  return new ApiError(400, `the multipart body ${what}`, { code: "malformed_body" });
}
