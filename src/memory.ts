/** Memory of large arrays, given back when it is no longer needed instead of when the collector comes. */

/**
 * The collector takes what was given back for held until it has run, and lets as much garbage gather beside it. So it
 * is called after so many bytes: some minutes of a recording.
 */
const collectedBytes = 2 ** 26;
let releasedBytes = 0;

/** Empties the array: nobody may use it any more. A view of a larger buffer is left alone. */
export function release({ buffer, byteLength }: Float32Array | Float64Array | Uint8Array | Uint16Array): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== byteLength) return;
  buffer.transfer(0);
  gaveBack(byteLength);
}

/** Counts bytes that this thread has no more: also those of a buffer that it has transferred to another. */
export function gaveBack(bytes: number): void {
  releasedBytes += bytes;
  if (releasedBytes < collectedBytes) return;
  releasedBytes = 0;
  Bun.gc(false);
}
