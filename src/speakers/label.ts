/** What a speaker may be called. In: texts. Out: names, or undefined where a text is none. Pure. */

/**
 * A name as it is shown, or undefined where a text is none: it stands on one line, among others' words. Marks that turn
 * the direction of what follows come with names from address books, and would turn those words.
 */
export function speakerName(text: string): string | undefined {
  const name = text.normalize("NFC").replace(/[\u202a-\u202e\u2066-\u2069]/g, "").trim();
  return name === "" || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name) ? undefined : name;
}

/** The number, from 1, in what speakers are called of whom no name is known; undefined for names. */
export function unknownSpeaker(name: string): number | undefined {
  const [, number] = /^Speaker (\d+)$/.exec(name) ?? [];
  return number === undefined ? undefined : Number(number);
}
