/**
 * Reads a JSON body whose recordings are strings of base64, as it arrives. In: pieces of bytes. Out: the object without
 * its long strings, and what these say. Memory does not grow with them. Pure.
 */

import { ApiError } from "./errors.ts";

const [quote, backslash] = [34, 92];

/** Bytes of a long string, as they come. `path`: where it is in the object, "input_audio.data", "names[1]". */
export type LongPiece = { readonly path: string; readonly bytes: Uint8Array };

/** What the text is in: an object, at this key, or where its next key comes; a list, at this index. */
type Within = { key: string | undefined } | { index: number };

export class JsonBody {
  /** The text so far, but for long strings. */
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  readonly #within: Within[] = [];
  /** Of the string that the text is in; it is long where it has a path. */
  #string: { held: Uint8Array[]; bytes: number; path: string | undefined; unescaper: Unescaper } | undefined;
  #isEscaped = false;
  readonly #paths = new Set<string>();

  /** Strings of more than `stringMax` bytes are long: `mayBeLong` says where. `keptMax` is the limit for the rest. */
  constructor(readonly stringMax: number, readonly keptMax: number, readonly mayBeLong: (path: string) => boolean) {}

  push(bytes: Uint8Array): LongPiece[] {
    const long: LongPiece[] = [];
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (this.#isEscaped) this.#isEscaped = false;
      else if (this.#string && byte === backslash) this.#isEscaped = true;
      else if (byte === quote) {
        this.#take(bytes.subarray(from, at), long);
        from = at;
        if (this.#string) this.#close();
        else this.#string = { held: [], bytes: 0, path: undefined, unescaper: new Unescaper() };
      } else if (!this.#string) this.#walk(byte);
    }
    this.#take(bytes.subarray(from), long);
    return long;
  }

  /** The object, each long string an empty one. */
  end(): unknown {
    try {
      if (this.#string) throw malformed();
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(this.#kept)));
    } catch {
      throw malformed();
    }
  }

  /** Takes a mark between values. */
  #walk(byte: number): void {
    const inner = this.#within.at(-1);
    switch (String.fromCharCode(byte)) {
      case "{":
        return void this.#within.push({ key: undefined });
      case "[":
        return void this.#within.push({ index: 0 });
      case "}":
      case "]":
        return void this.#within.pop();
      case ",":
        if (inner && "index" in inner) inner.index++;
        else if (inner) inner.key = undefined;
    }
  }

  #take(bytes: Uint8Array, long: LongPiece[]): void {
    const string = this.#string;
    if (bytes.length === 0) return;
    if (string === undefined) return this.#keep(bytes);
    if (string.path !== undefined) {
      return void long.push({ path: string.path, bytes: string.unescaper.push(bytes) });
    }
    string.held.push(bytes.slice());
    string.bytes += bytes.length;
    if (string.bytes <= this.stringMax) return;
    string.path = this.#longPath();
    const all = Buffer.concat(string.held.splice(0));
    this.#keep(all.subarray(0, 1)); // Its quote.
    long.push({ path: string.path, bytes: string.unescaper.push(all.subarray(1)) });
  }

  #longPath(): string {
    const path = this.#within.reduce((path, one) => {
      if ("index" in one) return `${path}[${one.index}]`;
      return path === "" ? one.key ?? "" : `${path}.${one.key}`;
    }, "");
    if (!this.mayBeLong(path)) {
      const param = /^[^.[]*/.exec(path)![0];
      throw new ApiError(413, `the JSON body: ${path || "a key"} is too long`, { param, code: "field_too_long" });
    }
    if (this.#paths.has(path)) throw new ApiError(400, `the JSON body has ${path} twice`, { code: "malformed_body" });
    this.#paths.add(path);
    return path;
  }

  /** The closing quote is the first byte of what is taken next. */
  #close(): void {
    const { held, path } = this.#string!;
    this.#string = undefined;
    const inner = this.#within.at(-1);
    if (inner && "key" in inner && inner.key === undefined && path === undefined) inner.key = keyOf(held);
    for (const bytes of held) this.#keep(bytes);
  }

  #keep(bytes: Uint8Array): void {
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > this.keptMax) {
      throw new ApiError(413, "the JSON body is too long", { code: "field_too_long" });
    }
    this.#kept.push(bytes.slice());
  }
}

/** `held` lacks the closing quote. */
function keyOf(held: readonly Uint8Array[]): string {
  try {
    return JSON.parse(`${Buffer.concat(held).toString()}"`);
  } catch {
    throw malformed();
  }
}

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** What a JSON string says, wherever its pieces are cut. Some programs write "/" as "\/" and "+" as "\u002B". */
class Unescaper {
  /** What has come of an escape, without its backslash. */
  #escape: string | undefined;

  push(bytes: Uint8Array): Uint8Array {
    if (this.#escape === undefined && !bytes.includes(backslash)) return bytes.slice();
    const plain = Buffer.alloc(bytes.length + 2); // An escape of two bytes or more says three bytes at most.
    let length = 0;
    for (const byte of bytes) {
      if (this.#escape === undefined && byte !== backslash) plain[length++] = byte;
      else length += plain.write(this.#said(byte), length);
    }
    return plain.subarray(0, length);
  }

  #said(byte: number): string {
    if (this.#escape === undefined) {
      this.#escape = "";
      return "";
    }
    const escape = this.#escape += String.fromCharCode(byte);
    if (escape.startsWith("u") && escape.length < 5) return "";
    this.#escape = undefined;
    if (!escape.startsWith("u")) return escapes[escape] ?? escape;
    if (!/^u[0-9a-f]{4}$/i.test(escape)) throw malformed();
    return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
  }
}

/** Base64 or base64url with or without padding, perhaps behind "data:...;base64,". */
export class Base64 {
  #rest = "";
  #isStart = true;

  push(bytes: Uint8Array): Uint8Array {
    let text = this.#rest + new TextDecoder("latin1").decode(bytes);
    if (this.#isStart && text.startsWith("data:")) {
      const comma = text.indexOf(",");
      if (comma < 0 && text.length < 200) return this.#wait(text);
      text = text.slice(comma + 1);
    }
    this.#isStart = false;
    const bare = text.replace(/\s/g, "");
    const length = Math.floor(bare.length / 4) * 4;
    this.#rest = bare.slice(length);
    return this.#decoded(bare.slice(0, length));
  }

  end(): Uint8Array {
    return this.#decoded(this.#rest);
  }

  #wait(text: string): Uint8Array {
    this.#rest = text;
    return new Uint8Array();
  }

  #decoded(text: string): Uint8Array {
    if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) {
      throw new ApiError(400, "input_audio.data is not base64", { param: "input_audio", code: "invalid_value" });
    }
    return Buffer.from(text, "base64");
  }
}

function malformed(): ApiError {
  return new ApiError(400, "the body is not JSON", { code: "malformed_body" });
}
