/** Splits Chinese text into words with Jieba. The dictionary (WebAssembly) is loaded with the first text. */

import { cut, initSync } from "jieba-wasm/web";

/** Splits a Chinese text into its words; joined, they are the text. */
export type WordCutter = (text: string) => string[];

export function chineseCutter(bytes: () => Uint8Array): WordCutter {
  let isLoaded = false;
  return (text) => {
    if (!isLoaded) initSync({ module: bytes() as BufferSource });
    isLoaded = true;
    return cut(text, true);
  };
}
