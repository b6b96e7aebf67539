/** Which containers this program reads by itself. In: the name that sniff.ts gave. Out: a decoder, or none. */

import type { ByteDecoder } from "../pcm.ts";
import { BuiltinDecoder } from "./builtin.ts";
import { FlacDemuxer } from "./flac.ts";
import { MpegDemuxer } from "./mpeg.ts";
import type { Demuxer } from "./packets.ts";

type Source = { readonly name: string; readonly channel: number | "each" | undefined };

const DEMUXERS: Readonly<Record<string, (source: Source) => Demuxer>> = {
  MP3: ({ name }) => new MpegDemuxer(name),
  FLAC: ({ name }) => new FlacDemuxer(name),
};

export function builtinDecoder(label: string, source: Source): ByteDecoder | undefined {
  const demuxer = DEMUXERS[label]?.(source);
  return demuxer && new BuiltinDecoder(source.name, demuxer, source.channel);
}
