/** How Chinese is read. In: a text. Out: the readings of each character in pinyin. The dictionary is loaded with it. */

import type { Readings } from "./terms.ts";

/** In a word a character has one reading, which is the first of its readings there; texts may be longer than words. */
const wordMax = 64;

export async function chineseReadings(): Promise<Readings> {
  const { pinyin, polyphonic } = await import("pinyin-pro");
  const known = new Map<string, readonly string[]>();
  const alone = (character: string): readonly string[] => {
    const readings = known.get(character) ?? readingsOf(character);
    known.set(character, readings);
    return readings;
  };
  const readingsOf = (character: string) =>
    /\p{sc=Han}/u.test(character)
      ? polyphonic(character, { toneType: "none", type: "array" })[0] ?? [character]
      : [character.toLowerCase()];
  return (text) => {
    const characters = [...text];
    if (characters.length === 1 || characters.length > wordMax) return characters.map(alone);
    const inWord = pinyin(text, { toneType: "none", type: "array", nonZh: "spaced" });
    if (inWord.length !== characters.length) return characters.map(alone);
    return characters.map((character, index) => {
      const readings = alone(character);
      return readings.includes(inWord[index]!) ? [...new Set([inWord[index]!, ...readings])] : readings;
    });
  };
}
