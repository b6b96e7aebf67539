/**
 * AAC without a container (ADTS). In: bytes. Out: its frames as packets.
 *
 * A stream may change its channels and its rate on the way: the codec then begins anew.
 */

import { InputError } from "../../errors.ts";
import { ADTS_SHARED, type AdtsHeader, adtsHeader } from "../frames.ts";
import type { Joined } from "../joined_line.ts";
import { AAC_SAMPLES, type AacConfig, aacSetup, layoutOfPacket, rateOf } from "./aac.ts";
import { type Frame, type FrameFormat, type FrameHeader, FrameStream } from "./frame_stream.ts";
import { type CodecSetup, type Demuxer, type Packet, UnsupportedError } from "./packets.ts";

type Header = AdtsHeader & FrameHeader;

const FORMAT: FrameFormat<Header> = {
  ...{ name: "AAC", nameOf: () => "AAC", mixesRates: true, headerBytes: 7, frameBytesMax: 8191, shared: ADTS_SHARED },
  header: (view, at) => {
    const header = adtsHeader(view, at);
    return header && { ...header, samples: AAC_SAMPLES, rate: rateOf(header.rateCode) };
  },
};

export class AdtsDemuxer implements Demuxer {
  setup: CodecSetup | undefined;
  readonly #name: string;
  readonly #stream = new FrameStream(FORMAT);
  #layout = -1;

  constructor(name: string) {
    this.#name = name;
  }

  get lostBytes(): number {
    return this.#stream.lostBytes;
  }

  get isCut(): boolean {
    return this.#stream.isCut;
  }

  get next(): Joined | undefined {
    return this.#stream.next;
  }

  push(bytes: Uint8Array): Packet[] {
    return this.#stream.push(bytes).map((frame) => this.#packet(frame));
  }

  end(): Packet[] {
    return this.#stream.end().map((frame) => this.#packet(frame));
  }

  #packet({ frame, header, isOther }: Frame<Header>): Packet {
    const data = frame?.slice(header.headBytes) ?? new Uint8Array(0);
    if (data.length === 0 || (header.layout === this.#layout && !isOther)) return { data, samples: AAC_SAMPLES };
    try {
      const setup = this.#setupOf(header, data);
      const isFirst = this.setup === undefined;
      this.setup ??= setup;
      this.#layout = header.layout;
      return { data, samples: AAC_SAMPLES, ...(isFirst ? {} : { setup }) };
    } catch (error) {
      if (this.setup === undefined || !(error instanceof InputError)) throw error;
      return { data: new Uint8Array(0), samples: AAC_SAMPLES }; // A damaged header.
    }
  }

  #setupOf({ objectType, rate, layout, blocks }: Header, data: Uint8Array): CodecSetup {
    if (blocks > 1) throw new UnsupportedError(`${this.#name}: AAC audio with ${blocks} blocks a frame`);
    const config: AacConfig = {
      ...{ objectType, rate, layout: layout || layoutOfPacket(data) },
      ...{ samples: AAC_SAMPLES, hasSbr: undefined },
    };
    return aacSetup(`${this.#name}:`, config, "AAC");
  }
}
