/** How Chinese is read. In: a text. Out: the readings of each character in pinyin. The dictionary is loaded with it. */

import type { Readings } from "./terms.ts";

export async function chineseReadings(): Promise<Readings> {
  const { pinyin, polyphonic } = await import("pinyin-pro");
  return (text) => {
    const characters = [...text];
    // In its context a character has one reading, which is the first; alone it may have others.
    const here = pinyin(text, { toneType: "none", type: "array", nonZh: "spaced" });
    return characters.map((character, index) => {
      if (!/\p{sc=Han}/u.test(character)) return [character.toLowerCase()];
      const others = polyphonic(character, { toneType: "none", type: "array" })[0] ?? [];
      return [...new Set([...(here.length === characters.length ? [here[index]!] : []), ...others])];
    });
  };
}
