/** What modules.ts exports, for the type checker alone: deno refuses its imports of files (deno.json, "imports"). */

/** MPEG audio, FLAC, Vorbis and AAC-LC: wasm/codecs. */
export function codecsModule(): WebAssembly.Module;

/** Opus: wasm/opus. */
export function opusModule(): WebAssembly.Module;
