/** Splits Chinese text into words with Jieba. The dictionary (WebAssembly) is loaded with the first text. */

import { cut, initSync } from "jieba-wasm/web";
import type { WordCutter } from "../subtitles/breaks.ts";

export function chineseCutter(bytes: () => Uint8Array): WordCutter {
  let isLoaded = false;
  return (text) => {
    if (!isLoaded) initSync({ module: bytes() as BufferSource });
    isLoaded = true;
    return cut(text, true);
  };
}
