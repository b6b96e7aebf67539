/**
 * Puts the sound that ffmpeg writes at its place on the time line. In: the bytes of a WAV, and where its first sample
 * belongs. Out: the same, with silence in front, or without what lies before 0. Pure.
 */

import { chunkName } from "./wav_layout.ts";

const silenceBytes = 1 << 16;
/** ffmpeg writes less than a hundred. */
const headerBytesMax = 4096;

/** `place` is in samples of the WAV's rate. It is waited for before the first sample is handed out. */
export async function* placed(
  chunks: AsyncIterable<Uint8Array>,
  place: Promise<number>,
): AsyncGenerator<Uint8Array, undefined> {
  let head: Uint8Array | undefined = new Uint8Array(0);
  let cutBytes = 0;
  for await (const chunk of chunks) {
    let bytes = chunk;
    if (head !== undefined) {
      head = Buffer.concat([head, chunk]);
      const start = dataStart(head);
      if (start === undefined && head.length < headerBytesMax) continue;
      const frames = start === undefined ? 0 : await place;
      const shift = frames * (start === undefined ? 0 : new DataView(head.buffer, head.byteOffset).getUint16(32, true));
      yield head.subarray(0, start ?? 0);
      for (let left = shift; left > 0; left -= silenceBytes) yield new Uint8Array(Math.min(left, silenceBytes));
      cutBytes = Math.max(0, -shift);
      bytes = head.subarray(start ?? 0);
      head = undefined;
    }
    const cut = Math.min(cutBytes, bytes.length);
    cutBytes -= cut;
    if (cut < bytes.length) yield bytes.subarray(cut);
  }
  if (head !== undefined && head.length > 0) yield head;
}

/** Where the samples begin; undefined while the header is not whole. */
function dataStart(head: Uint8Array): number | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  for (let at = 12; at + 8 <= head.length;) {
    if (chunkName(head, at) === "data") return at + 8;
    const size = view.getUint32(at + 4, true);
    at += 8 + size + size % 2;
  }
  return undefined;
}
