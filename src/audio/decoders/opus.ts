/** Opus: what its header and its packets say of themselves. In: bytes. Out: a setup, numbers of samples. Pure. */

import { InputError } from "../../errors.ts";
import type { CodecSetup } from "./packets.ts";

/** Samples are decoded at this rate, whatever was encoded. */
const RATE = 48_000;
const CHANNELS_MAX = 8;

export type OpusHead = { readonly setup: CodecSetup; readonly preSkip: number };

/** Reads an "OpusHead". Throws an InputError where it is damaged. */
export function opusHead(name: string, head: Uint8Array, format: string): OpusHead {
  const channels = head[9] ?? 0;
  const hasTable = head[18] !== 0;
  const isWhole = head.length >= (hasTable ? 21 + channels : 19);
  if (!isWhole || channels < 1 || channels > CHANNELS_MAX) throw new InputError(`${name}: Opus header is damaged`);
  const preSkip = head[10]! | head[11]! << 8;
  return { setup: { codec: "opus", rate: RATE, channels, header: head.slice(), format }, preSkip };
}

/** Samples at 48 kHz of a packet, as its first bytes say; 0 where they cannot be right. */
export function opusSamples(packet: Uint8Array): number {
  const toc = packet[0];
  if (toc === undefined) return 0;
  const code = toc >> 3;
  const samples = code < 12 ? [480, 960, 1920, 2880][code & 3]! : code < 16 ? [480, 960][code & 1]! : 120 << (code & 3);
  const frames = (toc & 3) === 0 ? 1 : (toc & 3) < 3 ? 2 : (packet[1] ?? 0) & 0x3f;
  return samples * frames <= 5760 ? samples * frames : 0;
}
