/** Strings said sign by sign: telephone numbers, codes, versions, e-mail and web addresses. */

import * as lexicon from "./english_lexicon.ts";
import { type Match, matched, piece, stays } from "./english_match.ts";
import { belowHundred, digitOf, digits, isNumber, multiplied } from "./english_numbers.ts";
import { capitalised, hyphened, linked, spaced, type Word, type Words } from "./english_words.ts";

/** How far addresses and codes are looked for, so that a long run of letters is read once, not at each place. */
const reach = 32;

/** Labels of a host or a path; more make no address. */
const labelsMax = 8;

type Span = { readonly to: number; readonly text: string };

/** At least three digits, or a telephone number with "eight hundred" or pairs in it. */
export function digitString(words: Words, at: number): Match | undefined {
  const plus = words[at]!.lower === "plus";
  const start = plus ? at + 1 : at;
  if (plus && spaced(words, start) === undefined) return undefined;
  const first = words[start]!.lower;
  if (!lexicon.units.has(first) && !lexicon.zeros.has(first) && !/^(double|triple)$/.test(first) && !plus) {
    return undefined;
  }
  const expected = isDesignator(words, at) || continues(words, at);
  const phone = telephone(words, start);
  if (phone !== undefined) return matched(words, at, phone.to, (plus ? "+" : "") + phone.text);
  const read = digits(words, start);
  if (plus) {
    return read !== undefined && read.text.length > 6 ? matched(words, at, read.to, `+${read.text}`) : undefined;
  }
  if (read === undefined || read.items < 2 || read.text.length < 3) return undefined;
  if ((first === "oh" || first === "o") && !expected && read.text.length < 7) return undefined;
  return matched(words, at, read.to, read.text);
}

/** After a first part: "five five five, one two three four". */
const continues = (words: Words, at: number): boolean => words[at]!.joint === "comma" && isNumber(words[at - 1]);

/** After "room", "code", "the password is". */
function isDesignator(words: Words, at: number): boolean {
  if (spaced(words, at) === undefined) return false;
  const is = ["is", "was"].includes(words[at - 1]!.lower) && spaced(words, at - 1) !== undefined;
  return lexicon.designators.has(words[is ? at - 2 : at - 1]!.lower);
}

/** "one two three", "ten nine eight": counting. Where it has single digits it stays, unless it may be a code. */
export function count(words: Words, at: number): Match | undefined {
  const numbers: { from: number; to: number; value: number }[] = [];
  let to = at;
  while (numbers.length < reach && (to === at || spaced(words, to) !== undefined)) {
    const read = belowHundred(words, to);
    if (read === undefined || multiplied(words, read.to) || hyphened(words, read.to)) break;
    const last = numbers.at(-1);
    const step = numbers.length > 1 ? last!.value - numbers.at(-2)!.value : undefined;
    if (
      last && (Math.abs(read.value - last.value) !== 1 || read.value - last.value !== (step ?? read.value - last.value))
    ) {
      return undefined;
    }
    numbers.push({ from: to, to: read.to, value: read.value });
    ({ to } = read);
  }
  const values = numbers.map(({ value }) => value);
  if (
    values.length < 3 || isDesignator(words, at) || continues(words, at) ||
    /^(point|dot)$/.test(spaced(words, to)?.lower ?? "")
  ) {
    return undefined;
  }
  if (values.some((value) => value < 10)) {
    return values[0] === 1 || values.at(-1) === 1 || values.some((value) => value > 9) ? stays(to) : undefined;
  }
  return { to, pieces: numbers.map((one) => piece(words, one.from, one.to, String(one.value))) };
}

/** "one eight hundred five five five one two one two", "forty four one two three …". */
function telephone(words: Words, at: number): Span | undefined {
  let to = at;
  let text = "";
  let singles = 0;
  while (to - at < reach && (to === at || linked(words, to) !== undefined)) {
    const next = telephonePart(words, to);
    if (next === undefined) break;
    text += next.text;
    singles += next.items;
    to = next.to;
  }
  const mixed = singles < text.length;
  return mixed && singles >= 4 && text.length >= 7 ? { to, text } : undefined;
}

function telephonePart(words: Words, at: number): (Span & { items: number }) | undefined {
  const unit = lexicon.units.get(words[at]!.lower);
  if (unit !== undefined && linked(words, at + 1)?.lower === "hundred") {
    return { to: at + 2, text: `${unit}00`, items: 0 };
  }
  const single = digits(words, at);
  if (single !== undefined) return single;
  const two = belowHundred(words, at);
  return two === undefined || multiplied(words, two.to) ? undefined : { to: two.to, text: String(two.value), items: 0 };
}

/** The number of a room, a flight or a house: "room three oh two", "one twenty-three Main Street". */
export function designated(words: Words, at: number): Match | undefined {
  let to = at;
  let text = "";
  let parts = 0;
  while (parts < 4 && (to === at || linked(words, to) !== undefined)) {
    const next = numericPart(words, to);
    if (next === undefined) break;
    ({ to } = next);
    text += next.text;
    parts++;
  }
  if (!isDesignator(words, at) && !beforeStreet(words, to)) return undefined;
  const nothingMore = !multiplied(words, to) && hyphened(words, to) === undefined;
  return parts > 1 && text.length > 2 && nothingMore ? matched(words, at, to, text) : undefined;
}

/** "Main Street", "Elm Park Road". */
function beforeStreet(words: Words, at: number): boolean {
  for (let place = at; place < at + 3; place++) {
    const word = spaced(words, place);
    if (word === undefined || !capitalised(word)) return false;
    if (place > at && lexicon.streets.has(word.lower)) return true;
  }
  return false;
}

function numericPart(words: Words, at: number): Span | undefined {
  const two = belowHundred(words, at);
  if (two !== undefined) return { to: two.to, text: String(two.value) };
  const digit = digitOf(words[at]!);
  return digit === undefined ? undefined : { to: at + 1, text: digit };
}

/** "three dot eleven", "one two three dot one two three dot o dot four o", "nine slash eleven". */
export function dotted(words: Words, at: number): Match | undefined {
  let part = dottedPart(words, at);
  const sign = part && spaced(words, part.to)?.lower;
  if (part === undefined || (sign !== "dot" && sign !== "slash")) return undefined;
  let { to, text } = part;
  while (spaced(words, to)?.lower === sign && spaced(words, to + 1) !== undefined) {
    part = dottedPart(words, to + 1);
    if (part === undefined) break;
    text += separators.get(sign)! + part.text;
    ({ to } = part);
  }
  if (!text.includes(separators.get(sign)!)) return undefined;
  return spaced(words, to)?.lower === sign ? stays(to) : matched(words, at, to, text);
}

function dottedPart(words: Words, at: number): Span | undefined {
  const pair = hundredsElided(words, at);
  if (pair !== undefined) return pair;
  const single = digits(words, at);
  if (single !== undefined) return single;
  const two = belowHundred(words, at);
  return two === undefined ? undefined : { to: two.to, text: String(two.value) };
}

/** "one twenty three" for one hundred and twenty-three. */
function hundredsElided(words: Words, at: number): Span | undefined {
  const unit = lexicon.units.get(words[at]!.lower);
  const rest = unit !== undefined && spaced(words, at + 1) ? belowHundred(words, at + 1) : undefined;
  return rest === undefined || rest.value < 10 ? undefined : { to: rest.to, text: `${unit}${rest.value}` };
}

/** Letters and digits said one by one: "a b nine", "five w k r a three one". */
export function alphanumeric(words: Words, at: number): Match | undefined {
  const read = spelled(words, at, false);
  // In "a V eight" an article comes first.
  const article = words[at]!.text === "a" && /^[A-Z]/.test(words[at + 1]?.text ?? "") ? 1 : 0;
  if (read === undefined || read.to - at < 3 + article) return undefined;
  const letters = [...read.text.toLowerCase()].filter((sign) => sign >= "a");
  if (letters.length === read.text.length) return stays(read.to - 1);
  const sure = letters.some((letter) => !"aio".includes(letter));
  return sure ? matched(words, at, read.to, read.text) : undefined;
}

const isLetter = ({ text }: Word): boolean => /^[A-Za-z]$/.test(text);

/** Single letters and digits joined, as far as they go. In addresses a word may end them: "g mail". */
function spelled(words: Words, at: number, address: boolean): Span | undefined {
  let to = at;
  let text = "";
  while (to - at < reach) {
    const sign = signAt(words, to, to === at);
    if (sign === undefined) break;
    text += sign.text;
    ({ to } = sign);
  }
  const next = spaced(words, to);
  const letter = address && to - at === 1 && isLetter(words[at]!) && !/^[aio]$/i.test(words[at]!.text);
  const name = letter && next !== undefined && /^[A-Za-z]{3,}$/.test(next.text) && !reserved(next) && !isNumber(next);
  if (name) return { to: to + 1, text: text + next.text };
  return to === at ? undefined : { to, text };
}

/** A letter, a digit, "double u", "triple w". */
function signAt(words: Words, at: number, first: boolean): Span | undefined {
  const word = first ? words[at] : spaced(words, at);
  if (word === undefined || (!first && word.glued)) return undefined;
  const times = { double: 2, triple: 3 }[word.lower];
  const repeated = times === undefined ? undefined : spaced(words, at + 1);
  if (repeated?.lower === "u" && times === 2) return { to: at + 2, text: "w" };
  const sign = repeated ?? word;
  const text = isLetter(sign) ? sign.text : digitOf(sign);
  return text === undefined ? undefined : { to: at + (repeated ? 2 : 1), text: text.repeat(repeated ? times! : 1) };
}

const separators: ReadonlyMap<string, string> = new Map(
  Object.entries({ dot: ".", hyphen: "-", dash: "-", underscore: "_", slash: "/" }),
);

const reserved = ({ lower }: Word): boolean => separators.has(lower) || lower === "at" || lower === "colon";

/** One label: what is spelled, or one word. In the name of an address digits may follow the word. */
function label(words: Words, at: number, name: boolean): Span | undefined {
  const word = words[at];
  if (word === undefined || reserved(word)) return undefined;
  const letters = spelled(words, at, true);
  if (letters !== undefined) return letters;
  if (!/^[A-Za-z0-9]+$/.test(word.text)) return undefined;
  const number = name && spaced(words, at + 1) ? digits(words, at + 1) : undefined;
  return number === undefined ? { to: at + 1, text: word.text } : { to: number.to, text: word.text + number.text };
}

/** A label and the sign before it; `text` and `to` are those of the whole chain up to it. */
type Link = Span & { readonly sign: string; readonly label: string };

/** Labels with signs between. */
function chain(words: Words, at: number, signs: readonly string[], name = false): readonly Link[] {
  const first = label(words, at, name);
  if (first === undefined) return [];
  const links: Link[] = [{ ...first, sign: "", label: first.text }];
  while (links.length < labelsMax) {
    const { to, text } = links.at(-1)!;
    const forward = spaced(words, to)?.lower === "forward" ? 1 : 0; // "forward slash"
    const place = to + forward;
    const sign = spaced(words, place)?.lower ?? "";
    const next = signs.includes(sign) && spaced(words, place + 1) ? label(words, place + 1, name) : undefined;
    if (next === undefined) break;
    links.push({ to: next.to, text: text + separators.get(sign)! + next.text, sign, label: next.text });
  }
  return links;
}

/** A host: labels, of which the last is a known domain or was spelled; with `any`, whatever comes after a point. */
function host(words: Words, at: number, any = false): Span | undefined {
  const first = words[at];
  if (first === undefined || lexicon.noLabels.has(first.lower) && !isSpelled(words, at)) return undefined;
  return chain(words, at, ["dot", "dash", "hyphen"]).findLast(({ to, sign, label }) => {
    const short = label.length <= 3 && label.length >= 2 && isSpelled(words, to - label.length);
    return sign === "dot" && (any || short || lexicon.topDomains.has(label.toLowerCase()));
  });
}

/** At least two letters, one by one, from here. */
function isSpelled(words: Words, at: number): boolean {
  const second = spaced(words, at + 1);
  return words[at] !== undefined && isLetter(words[at]) && second !== undefined && isLetter(second);
}

/** "john dot smith at gmail dot com", "www dot example dot com slash news". No address begins at its second label. */
export function address(words: Words, at: number): Match | undefined {
  const inside = spaced(words, at) && separators.has(words[at - 1]!.lower) && spaced(words, at - 1) &&
    !reserved(words[at - 2]!);
  return inside ? undefined : email(words, at) ?? url(words, at);
}

function email(words: Words, at: number): Match | undefined {
  const name = chain(words, at, ["dot", "hyphen", "dash", "underscore"], true).at(-1);
  if (name === undefined || spaced(words, name.to)?.lower !== "at" || !spaced(words, name.to + 1)) {
    return undefined;
  }
  const domain = host(words, name.to + 1);
  if (domain === undefined) return undefined;
  const oneWord = name.to === at + 1;
  const article = oneWord && words[at]!.text.length === 1;
  if (oneWord && !article && lexicon.noLabels.has(words[at]!.lower)) return undefined;
  return matched(words, at, domain.to, `${name.text}@${domain.text}`);
}

/** "h t t p colon slash slash w w w dot example dot com slash news", "example dot com". */
function url(words: Words, at: number): Match | undefined {
  const scheme = schemeAt(words, at);
  const start = scheme?.to ?? at;
  const web = /^www$/i.test(spelled(words, start, false)?.text ?? words[start]!.text);
  const site = host(words, start, scheme !== undefined || web);
  if (site === undefined || lexicon.noDomainTails.has(linked(words, site.to)?.lower ?? "")) return undefined;
  const root = spaced(words, site.to)?.lower === "forward" ? site.to + 1 : site.to;
  const rooted = spaced(words, root)?.lower === "slash" && spaced(words, root + 1) !== undefined;
  const path = rooted ? chain(words, root + 1, [...separators.keys()]).at(-1) : undefined;
  const text = web ? `www${site.text.slice(3)}` : site.text;
  return matched(words, at, path?.to ?? site.to, (scheme?.text ?? "") + text + (path ? `/${path.text}` : ""));
}

function schemeAt(words: Words, at: number): Span | undefined {
  const name = spelled(words, at, false) ?? { to: at + 1, text: words[at]!.text };
  if (!/^https?$/i.test(name.text)) return undefined;
  const signs = ["colon", "slash", "slash"].every((sign, index) => spaced(words, name.to + index)?.lower === sign);
  return signs && spaced(words, name.to + 3) ? { to: name.to + 3, text: `${name.text.toLowerCase()}://` } : undefined;
}
