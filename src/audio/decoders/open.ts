/** Which containers this program reads by itself. In: the name that sniff.ts gave. Out: a decoder, or none. */

import { BuiltinDecoder } from "./builtin.ts";
import { FlacDemuxer } from "./flac.ts";
import { MatroskaDemuxer } from "./matroska.ts";
import { MpegDemuxer } from "./mpeg.ts";
import { OggDemuxer } from "./ogg.ts";
import type { Demuxer } from "./packets.ts";

type Source = {
  readonly name: string;
  readonly track: string | undefined;
  readonly channel: number | "each" | undefined;
};

const DEMUXERS: Readonly<Record<string, (source: Source) => Demuxer>> = {
  MP3: ({ name }) => new MpegDemuxer(name),
  FLAC: ({ name }) => new FlacDemuxer(name),
  Ogg: ({ name }) => new OggDemuxer(name),
  "Matroska or WebM": ({ name, track }) => new MatroskaDemuxer(name, track),
};

/** Their names. */
export const builtinContainers: readonly string[] = ["WAV", ...Object.keys(DEMUXERS)];

export function builtinDecoder(label: string, source: Source): BuiltinDecoder | undefined {
  const demuxer = DEMUXERS[label]?.(source);
  return demuxer && new BuiltinDecoder(source.name, demuxer, source.channel);
}
