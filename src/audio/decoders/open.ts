/** Which containers this program reads by itself. In: the name that sniff.ts gave. Out: a decoder, or none. */

import { BuiltinDecoder } from "./builtin.ts";
import { AdtsDemuxer } from "./adts.ts";
import { FlacDemuxer } from "./flac.ts";
import { MatroskaDemuxer } from "./matroska.ts";
import { Mp4Demuxer } from "./mp4.ts";
import { OggDemuxer } from "./ogg.ts";
import type { Demuxer } from "./packets.ts";
import { TaggedDemuxer } from "./tagged.ts";

type Source = {
  readonly name: string;
  readonly track: string | undefined;
  readonly channel: number | "each" | undefined;
  /** Nothing else can decode what is only in part decoded here, and a part is better than nothing. */
  readonly isLast: boolean;
};

const DEMUXERS: Readonly<Record<string, (source: Source) => Demuxer>> = {
  MP3: ({ name }) => new TaggedDemuxer(name),
  AAC: ({ name }) => new AdtsDemuxer(name),
  FLAC: ({ name }) => new FlacDemuxer(name),
  Ogg: ({ name }) => new OggDemuxer(name),
  "Matroska or WebM": ({ name, track }) => new MatroskaDemuxer(name, track),
  MP4: ({ name, track }) => new Mp4Demuxer(name, track),
  QuickTime: ({ name, track }) => new Mp4Demuxer(name, track),
};

/** Their names. */
export const builtinContainers: readonly string[] = ["WAV", ...Object.keys(DEMUXERS)];

export function builtinDecoder(label: string, source: Source): BuiltinDecoder | undefined {
  const demuxer = DEMUXERS[label]?.(source);
  return demuxer && new BuiltinDecoder(source.name, demuxer, source.channel, source.isLast);
}
