/**
 * What stands behind the tags of MP3: MPEG audio, but FLAC and AAC have them too. In: bytes. Out: the packets of that.
 */

import { findFrames } from "../frames.ts";
import type { Joined } from "../joined_line.ts";
import { SNIFF_BYTES } from "../sniff.ts";
import { AdtsDemuxer } from "./adts.ts";
import { FlacDemuxer } from "./flac.ts";
import { startsWith, tagBytes } from "./frame_stream.ts";
import { MpegDemuxer } from "./mpeg.ts";
import type { CodecSetup, Demuxer, Packet } from "./packets.ts";
import { Pending } from "./pending.ts";

export class TaggedDemuxer implements Demuxer {
  readonly #name: string;
  readonly #pending = new Pending();
  #inside: Demuxer | undefined;
  #hasTag = false;

  constructor(name: string) {
    this.#name = name;
  }

  get setup(): CodecSetup | undefined {
    return this.#inside?.setup;
  }

  get lostBytes(): number {
    return this.#inside?.lostBytes ?? 0;
  }

  get isCut(): boolean {
    return this.#inside?.isCut ?? false;
  }

  get next(): Joined | undefined {
    const next = this.#inside?.next;
    return next && { ...next, at: next.at + this.#pending.at };
  }

  push(bytes: Uint8Array): Packet[] {
    if (this.#inside) return this.#inside.push(bytes);
    this.#pending.append(bytes);
    return this.#open(false);
  }

  end(): Packet[] {
    const packets = this.#inside ? [] : this.#open(true);
    return [...packets, ...this.#inside!.end()];
  }

  /** Passes over tags; hands all that follows to what it is. */
  #open(isEnd: boolean): Packet[] {
    for (let tag = tagBytes(this.#pending.view); tag > 0; tag = tagBytes(this.#pending.view)) {
      this.#hasTag = true;
      this.#pending.drop(tag);
    }
    const view = this.#pending.view;
    if (view.length < (this.#hasTag ? SNIFF_BYTES : 10) && !isEnd) return [];
    this.#inside = this.#inner(view);
    return this.#inside.push(view.slice());
  }

  #inner(view: Uint8Array): Demuxer {
    if (startsWith(view, "fLaC")) return new FlacDemuxer(this.#name);
    const isAac = this.#hasTag && findFrames(view.subarray(0, SNIFF_BYTES)) === "AAC";
    return isAac ? new AdtsDemuxer(this.#name) : new MpegDemuxer();
  }
}
