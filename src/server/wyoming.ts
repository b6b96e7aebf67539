/**
 * The framing of Wyoming, Home Assistant's protocol: a line of JSON, then data (JSON again) and a payload, whose
 * lengths the line names. In: bytes, cut anywhere. Out: events. Pure; lengths are bounded.
 */

export type WyomingEvent = {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly payload: Uint8Array;
};

const lineBytesMax = 65_536;
const dataBytesMax = 1_048_576;
const payloadBytesMax = 4_194_304;

/** The bytes are no Wyoming. */
export class WyomingError extends Error {}

export class WyomingReader {
  #held: Uint8Array = new Uint8Array();
  #head:
    | { readonly type: string; readonly data: object; readonly dataBytes: number; readonly payloadBytes: number }
    | undefined;

  /** Throws a WyomingError. */
  push(bytes: Uint8Array): WyomingEvent[] {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const events: WyomingEvent[] = [];
    for (let event = this.#next(); event; event = this.#next()) events.push(event);
    this.#held = this.#held.slice(); // What was used up need not stay.
    return events;
  }

  #next(): WyomingEvent | undefined {
    this.#head ??= this.#takeHead();
    if (this.#head === undefined) return undefined;
    const { type, data, dataBytes, payloadBytes } = this.#head;
    if (this.#held.length < dataBytes + payloadBytes) return undefined;
    const more = dataBytes === 0 ? {} : objectOf(this.#held.subarray(0, dataBytes));
    const payload = this.#held.slice(dataBytes, dataBytes + payloadBytes);
    this.#held = this.#held.subarray(dataBytes + payloadBytes);
    this.#head = undefined;
    return { type, data: { ...data, ...more }, payload };
  }

  #takeHead() {
    const end = this.#held.indexOf(10);
    if (end > lineBytesMax || end < 0 && this.#held.length > lineBytesMax) throw new WyomingError("a line is too long");
    if (end < 0) return undefined;
    const { type, data = {}, data_length = 0, payload_length = 0 } = objectOf(this.#held.subarray(0, end));
    this.#held = this.#held.subarray(end + 1);
    if (typeof type !== "string" || typeof data !== "object" || data === null) throw new WyomingError("no event");
    return {
      ...{ type, data },
      dataBytes: lengthOf(data_length, dataBytesMax),
      payloadBytes: lengthOf(payload_length, payloadBytesMax),
    };
  }
}

export function wyomingBytes(type: string, data: Readonly<Record<string, unknown>> = {}): Uint8Array {
  const text = Buffer.from(JSON.stringify(data));
  return Buffer.concat([
    Buffer.from(`${JSON.stringify({ type, version: "1.5.2", data_length: text.length })}\n`),
    text,
  ]);
}

function lengthOf(value: unknown, most: number): number {
  const length = value ?? 0;
  if (typeof length === "number" && Number.isInteger(length) && length >= 0 && length <= most) return length;
  throw new WyomingError("a length is out of bounds");
}

function objectOf(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new WyomingError("no JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new WyomingError("no JSON object");
}
