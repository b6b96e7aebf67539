/** Samples of a socket: 16 bits, little-endian, one channel, at a rate. In: bytes, cut anywhere. Out: 16 kHz. Pure. */

import { Resampler } from "../audio/resample.ts";
import { ApiError } from "./errors.ts";

const rates = [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

export class PcmStream {
  #resampler: Resampler;
  #odd: Uint8Array = new Uint8Array();

  constructor(readonly rate: number) {
    if (!rates.includes(rate)) {
      throw new ApiError(400, `the rate is one of ${rates.join(", ")} Hz`, { param: "rate", code: "invalid_value" });
    }
    this.#resampler = this.#fresh();
  }

  push(bytes: Uint8Array): Float32Array {
    const all = this.#odd.length === 0 ? bytes : Buffer.concat([this.#odd, bytes]);
    const count = all.length >> 1;
    this.#odd = all.slice(count * 2);
    const view = new DataView(all.buffer, all.byteOffset, count * 2);
    return this.#resampler.push(Float32Array.from({ length: count }, (_, at) => view.getInt16(at * 2, true) / 32_768));
  }

  /** What is left of the samples so far. */
  end(): Float32Array {
    const rest = this.#resampler.flush();
    this.#resampler = this.#fresh();
    this.#odd = new Uint8Array();
    return rest;
  }

  #fresh(): Resampler {
    return new Resampler(this.rate, { from: 0, to: Infinity });
  }
}
