/** The header of a WAV that we write. In: the bytes of its samples. Out: its bytes. Pure. */

import { sampleRate } from "../units.ts";

/** The 44 bytes of a WAV's header before `bytes` of 16-bit mono samples at 16 kHz. */
export function wavHeader(bytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(44));
  const name = (at: number, text: string) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  name(0, "RIFF");
  view.setUint32(4, 36 + bytes, true);
  name(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  name(36, "data");
  view.setUint32(40, bytes, true);
  return new Uint8Array(view.buffer);
}
