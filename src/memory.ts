/** Memory of large arrays, given back when it is no longer needed instead of when the collector comes. */

/** Empties the array: nobody may use it any more. A view of a larger buffer is left alone. */
export function release({ buffer, byteLength }: Float32Array | Float64Array | Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
