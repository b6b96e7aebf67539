/** What embed.ts exports, for the type checker alone: deno refuses its imports of files (deno.json, "imports"). */

import type { PageParts } from "./output/writer.ts";

/** The native library's bytes. */
export function libraryBytes(): Promise<Uint8Array>;

/** The speaker networks' weights, a safetensors file; nothing where the build could not have them. */
export function speakerWeights(): Promise<Uint8Array>;
export function speakerWeightsBytes(): number;

/** Jieba with its dictionary, for WebAssembly. */
export function jiebaBytes(): Uint8Array;

/** The demo model's files, by the names an official folder has; ".zst" behind a name: packed with Zstandard. */
export const demoModelFiles: readonly { readonly name: string; readonly path: string }[];

/** The demo aligner's, likewise. */
export const demoAlignerFiles: readonly { readonly name: string; readonly path: string }[];

/** The script and the style of an exported page, with their hashes. */
export function pageParts(): PageParts;

/** Words that may start a word of Korean, one a line. */
export function koreanWords(): Promise<string>;

type EmbeddedFile = { readonly name: string; readonly read: () => Promise<Uint8Array<ArrayBuffer>> };

/** The server's web page: index.html, and what it names as page/NAME. */
export const pageFiles: readonly EmbeddedFile[];

/** Recordings to try on it. */
export const sampleFiles: readonly EmbeddedFile[];

/** Our licence, then everybody else's. */
export function licenseText(): Promise<string>;
