/** How much text a stretch of audio can hold: limits for decoding and for text given as context. Pure. */

/**
 * Tokens that may be generated for `seconds` of audio. Dense speech stays below 10 tokens a second in every script,
 * so 16 leaves room; the constant covers the header and short clips.
 */
export function tokensMaxFor(seconds: number): number {
  return Math.max(64, Math.ceil(seconds * 16) + 48);
}

/** Audio rows that the encoder makes of `seconds`, rounded up: 13 for each second begun. */
export function audioRowsMaxFor(seconds: number): number {
  return Math.ceil(Math.max(0.5, seconds)) * 13;
}

/** Estimate of a text's tokens, rather too many than too few: 0.25 per ASCII character, 1.5 per other character. */
export function tokensEstimate(text: string): number {
  let tokens = 0;
  for (const character of text) tokens += characterTokens(character);
  return Math.ceil(tokens);
}

/** The end of `text` that takes about `tokensMax` tokens. It starts with a whole word if the script has spaces. */
export function textTail(text: string, tokensMax: number): string {
  const characters = [...text];
  let start = characters.length;
  for (let tokens = 0; start > 0; start--) {
    tokens += characterTokens(characters[start - 1]!);
    if (tokens > tokensMax) break;
  }
  if (start === 0) return text;
  const tail = characters.slice(start).join("");
  const cutsWord = /[^\s]/u.test(characters[start - 1]!) && /^[\p{L}\p{N}\p{M}]/u.test(tail);
  const nextWord = cutsWord ? /^[\x21-\x7e\u00a1-\u02af\u0370-\u0dff]*\s+/u.exec(tail) : null;
  return tail.slice(nextWord ? nextWord[0].length : 0).trimStart();
}

function characterTokens(character: string): number {
  return character.codePointAt(0)! < 0x80 ? 0.25 : 1.5;
}
