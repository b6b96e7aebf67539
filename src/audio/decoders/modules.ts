/** The WebAssembly modules of the codecs, which the executable carries inside. Read and compiled when first needed. */

import { readFileSync } from "node:fs";
import codecs from "./codecs.wasm" with { type: "file" };

let compiled: WebAssembly.Module | undefined;

/** MPEG audio, FLAC, Vorbis and AAC-LC: wasm/codecs. */
export function codecsModule(): WebAssembly.Module {
  return compiled ??= new WebAssembly.Module(readFileSync(codecs as unknown as string));
}
