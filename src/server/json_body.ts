/**
 * Reads a JSON body whose recording is a string of base64, as it arrives. In: pieces of bytes. Out: the object without
 * long strings, and the bytes that these stand for. Memory does not grow with the recording. Pure.
 */

import { ApiError } from "./errors.ts";

const [quote, backslash] = [34, 92];

export class JsonBody {
  /** The text so far, but for long strings. */
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  /** Of the string that the text is in. */
  #string: { held: Uint8Array[]; bytes: number; decoder: Base64 | undefined } | undefined;
  #isEscaped = false;
  #recordings = 0;

  /** Strings of more bytes are recordings; `keptMax` is the limit for all the rest. */
  constructor(readonly stringMax: number, readonly keptMax: number) {}

  /** Returns the bytes of the recording that are complete. */
  push(bytes: Uint8Array): Uint8Array[] {
    const decoded: Uint8Array[] = [];
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (this.#string && bytes[at] === backslash) this.#isEscaped = true;
      else if (bytes[at] === quote) {
        this.#take(bytes.subarray(from, at), decoded);
        from = at;
        if (this.#string) this.#close(decoded);
        else this.#string = { held: [], bytes: 0, decoder: undefined };
      }
    }
    this.#take(bytes.subarray(from), decoded);
    return decoded;
  }

  /** The object, each recording an empty string. */
  end(): unknown {
    try {
      if (this.#string) throw malformed();
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(this.#kept)));
    } catch {
      throw malformed();
    }
  }

  #take(bytes: Uint8Array, decoded: Uint8Array[]): void {
    const string = this.#string;
    if (bytes.length === 0) return;
    if (string?.decoder) return void decoded.push(string.decoder.push(bytes));
    if (string === undefined) return this.#keep(bytes);
    string.held.push(bytes.slice());
    string.bytes += bytes.length;
    if (string.bytes <= this.stringMax) return;
    if (++this.#recordings > 1) {
      const message = "the JSON body has several long strings: send known_speaker_references in a form";
      throw new ApiError(413, message, { code: "field_too_long" });
    }
    string.decoder = new Base64();
    const all = Buffer.concat(string.held.splice(0));
    this.#keep(all.subarray(0, 1)); // Its quote.
    decoded.push(string.decoder.push(all.subarray(1)));
  }

  /** The closing quote is the first byte of what is taken next. */
  #close(decoded: Uint8Array[]): void {
    const { held, decoder } = this.#string!;
    this.#string = undefined;
    if (decoder) decoded.push(decoder.end());
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

/** Base64 or base64url with or without padding, perhaps behind "data:...;base64,", as JSON writes it. */
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
    const bare = text.replaceAll("\\/", "/").replace(/\\[nrt]|\s/g, "");
    const isCut = text.endsWith("\\") ? 1 : 0;
    const length = Math.floor((bare.length - isCut) / 4) * 4;
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
