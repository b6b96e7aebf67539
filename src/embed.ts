/** What the executable carries: the native library, the demo models, weights, the licences. Paths, read when needed. */

import { readFileSync } from "node:fs";
import type { Inline, PageParts } from "./output/writer.ts";
import library from "../zig-out/lib/libqwen_asr.bin" with { type: "file" };
import speakers from "../zig-out/speakers.safetensors" with { type: "file" };
import config from "../samples/fixtures/nano-asr/config.json" with { type: "file" };
import weights from "../zig-out/demo-asr.safetensors.zst" with { type: "file" };
import alignerConfig from "../samples/fixtures/nano-aligner/config.json" with { type: "file" };
import alignerWeights from "../zig-out/demo-aligner.safetensors.zst" with { type: "file" };
import korean from "./align/korean_words.txt" with { type: "file" };
import vocab from "../samples/fixtures/nano-asr/vocab.json" with { type: "file" };
import merges from "../samples/fixtures/nano-asr/merges.txt" with { type: "file" };
import tokenizerConfig from "../samples/fixtures/nano-asr/tokenizer_config.json" with { type: "file" };
import jieba from "../node_modules/jieba-wasm/pkg/web/jieba_rs_wasm_bg.wasm" with { type: "file" };
import exportedScript from "../zig-out/exported/page.js" with { type: "file" };
import exportedStyle from "../zig-out/exported/page.css" with { type: "file" };
import appHtml from "./page/app/index.html" with { type: "file" };
import appStyle from "../zig-out/page/app.css" with { type: "file" };
import appScript from "../zig-out/page/app.js" with { type: "file" };
import appWorklet from "../zig-out/page/worklet.js" with { type: "file" };
import englishSample from "../samples/page/english.opus" with { type: "file" };
import mandarinSample from "../samples/page/mandarin.opus" with { type: "file" };
import license from "../LICENSE" with { type: "file" };
import notices from "../THIRD_PARTY_NOTICES" with { type: "file" };

/** The native library's bytes. */
export function libraryBytes(): Promise<Uint8Array> {
  return Bun.file(library).bytes();
}

/** The speaker networks' weights, a safetensors file; nothing where the build could not have them. */
export function speakerWeights(): Promise<Uint8Array> {
  return Bun.file(speakers as unknown as string).bytes();
}

export function speakerWeightsBytes(): number {
  return Bun.file(speakers as unknown as string).size;
}

/** Jieba with its dictionary, for WebAssembly. */
export function jiebaBytes(): Uint8Array {
  return readFileSync(jieba as unknown as string);
}

const demoTokenizer = [
  { name: "vocab.json", path: vocab as unknown as string },
  { name: "merges.txt", path: merges },
  { name: "tokenizer_config.json", path: tokenizerConfig as unknown as string },
] as const;

/** The demo model's files, by the names an official folder has. ".zst" behind a name: packed with Zstandard. */
export const demoModelFiles = [
  { name: "config.json", path: config as unknown as string },
  { name: "model.safetensors.zst", path: weights },
  ...demoTokenizer,
] as const;

/** The demo aligner's, likewise; it has the same tokenizer. */
export const demoAlignerFiles = [
  { name: "config.json", path: alignerConfig as unknown as string },
  { name: "model.safetensors.zst", path: alignerWeights },
  ...demoTokenizer,
] as const;

let knownParts: PageParts | undefined;

/** The script and the style of an exported page, with their hashes. */
export function pageParts(): PageParts {
  return knownParts ??= {
    script: inline(exportedScript as unknown as string),
    style: inline(exportedStyle as unknown as string),
  };
}

function inline(path: string): Inline {
  const text = readFileSync(path, "utf8");
  return { text, hash: `sha256-${new Bun.CryptoHasher("sha256").update(text).digest("base64")}` };
}

/** Words that may start a word of Korean, one a line. */
export async function koreanWords(): Promise<string> {
  return await Bun.file(korean).text();
}

/** The server's web page: index.html, and what it names as page/NAME. */
export const pageFiles = [
  file("index.html", appHtml),
  file("app.css", appStyle),
  file("app.js", appScript),
  file("worklet.js", appWorklet),
] as const;

/** Recordings to try on it. */
export const sampleFiles = [file("english.opus", englishSample), file("mandarin.opus", mandarinSample)] as const;

function file(name: string, path: unknown) {
  return { name, read: () => Bun.file(path as string).bytes() };
}

/** Our licence, then everybody else's. */
export async function licenseText(): Promise<string> {
  return await Bun.file(license).text() + "\n" + await Bun.file(notices).text();
}
