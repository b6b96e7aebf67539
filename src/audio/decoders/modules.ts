/** The WebAssembly modules of the codecs, which the executable carries inside. Read and compiled when first needed. */

import { readFileSync } from "node:fs";
import codecs from "./codecs.wasm" with { type: "file" };
import opus from "./opus.wasm" with { type: "file" };

const compiled = new Map<unknown, WebAssembly.Module>();

/** MPEG audio, FLAC, Vorbis and AAC-LC: wasm/codecs. */
export function codecsModule(): WebAssembly.Module {
  return compile(codecs);
}

/** Opus: wasm/opus. */
export function opusModule(): WebAssembly.Module {
  return compile(opus);
}

function compile(path: unknown): WebAssembly.Module {
  const module = compiled.get(path) ?? new WebAssembly.Module(readFileSync(path as string));
  compiled.set(path, module);
  return module;
}
