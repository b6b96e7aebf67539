/** The separator between the texts of two neighbouring segments: a space or nothing. Pure. */

import { spacelessCharacters } from "./scripts.ts";

const spaceless = new RegExp(`^[${spacelessCharacters}]$`, "u");
/** CJK and full-width punctuation carries its own white space. */
const widePunctuation =
  /^[\u3000-\u3003\u3008-\u301f\u3030\u30fb\ufe30-\ufe4f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]$/u;
/** Marks that attach to the word before them. */
const closing = /^[,.;:!?%\u2026\u3001\u3002\p{Pe}\p{Pf}\p{M}]$/u;
/** Marks that attach to the word after them. */
const opening = /^[\p{Ps}\p{Pi}\u00bf\u00a1]$/u;
const whiteSpace = /^\s$/u;

/**
 * Both texts are trimmed. The separator is a space unless one side is empty, a mark attaches across the boundary, or
 * both sides are written without spaces: "你好" + "世界" stays together, "你好" + "world" does not.
 */
export function separatorBetween(before: string, after: string): "" | " " {
  const left = lastCharacter(before);
  const right = firstCharacter(after);
  if (left === "" || right === "" || whiteSpace.test(left) || whiteSpace.test(right)) return "";
  if (closing.test(right) || opening.test(left)) return "";
  if (widePunctuation.test(left) || widePunctuation.test(right)) return "";
  return spaceless.test(left) && spaceless.test(right) ? "" : " ";
}

/** The last whole character that is not a combining mark: the letter below a mark decides about spacing. */
function lastCharacter(text: string): string {
  const unit = text.charCodeAt(text.length - 1);
  const isLowSurrogate = unit >= 0xdc00 && unit <= 0xdfff;
  const last = text.slice(isLowSurrogate ? -2 : -1);
  return /^\p{M}$/u.test(last) && text.length > last.length ? lastCharacter(text.slice(0, -last.length)) : last;
}

function firstCharacter(text: string): string {
  const code = text.codePointAt(0);
  return code === undefined ? "" : String.fromCodePoint(code);
}
