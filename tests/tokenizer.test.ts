/**
 * The tokenizer, id by id, against two others that share no code with it.
 *
 * - Random and hostile strings against `@huggingface/tokenizers`, a tokenizer in JavaScript, with the nano's vocabulary
 *   (the full one of 151 thousand tokens) and the Qwen2 pre-tokenizer.
 * - support/tokenizer_cases.json: what Hugging Face's Rust tokenizers 0.23.3 (Unicode 16.0) says of chosen strings. The
 *   Rust one is the reference. The JavaScript one differs from it in two ways, and the random strings avoid these: its
 *   \p{L} and \p{N} are those of the JavaScript engine's newer Unicode, and its \s has U+FEFF and lacks U+0085. Both
 *   are among the chosen strings. (Nor does its (?i:'s) take the long s, U+017F, but no merge has that: same ids.)
 *
 * Slower and wider: slow/tokenizer_rust.py compares with the Rust one directly; it also wrote those cases.
 */

import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { modelDir, projectRoot } from "./fixtures.ts";
import { nanoModel, native } from "./native.ts";
import { testThoroughly } from "./support/where.ts";
import { type Random, seededRandom } from "./support/random.ts";

type AddedToken = { readonly content: string; readonly special: boolean };
type Encode = (text: string) => readonly number[];
type Case = { readonly text: string; readonly with_special: boolean; readonly ids: readonly number[] };

const pattern = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" +
  "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const added: Readonly<Record<string, AddedToken>> = readJson("tokenizer_config.json").added_tokens_decoder;

// deno-lint-ignore no-explicit-any
function readJson(name: string): any {
  return JSON.parse(readFileSync(join(modelDir(), name), "utf8"));
}

/** Our tokenizer through the C ABI, without the NFC of Native.tokenize, because the other one does none either. */
function ours(withSpecial: boolean): Encode {
  const [lib, model, encoder] = [native(), nanoModel(), new TextEncoder()];
  return (text) => [...lib.tokenizeBytes(model, encoder.encode(text), withSpecial)];
}

function theirs(withSpecial: boolean): Encode {
  const [, ...merges] = readFileSync(join(modelDir(), "merges.txt"), "utf8").trimEnd().split("\n");
  const addedTokens = Object.entries(added).map(([id, token]) => ({ ...token, id: Number(id) }));
  const split = { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };
  const tokenizer = new Tokenizer({
    added_tokens: withSpecial ? addedTokens : [],
    normalizer: null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [split, byteLevel] },
    post_processor: null,
    decoder: null,
    model: { type: "BPE", vocab: readJson("vocab.json"), merges },
  }, {});
  return (text) => tokenizer.encode(text, { add_special_tokens: false }).ids;
}

/** The code points of one of our tables. */
function tableOf(name: "letters" | "numbers" | "spaces"): Set<number> {
  const source = readFileSync(join(projectRoot, "zig", "tokenizer", "unicode_tables.zig"), "utf8");
  const body = new RegExp(`pub const ${name} = [^;]*;`).exec(source)![0];
  const ranges = [...body.matchAll(/\{ 0x(\w+), 0x(\w+) \}/g)].map((
    match,
  ) => [parseInt(match[1]!, 16), parseInt(match[2]!, 16)]);
  return new Set(ranges.flatMap(([first, last]) => Array.from({ length: last! - first! + 1 }, (_, i) => first! + i)));
}

const isSurrogate = (codePoint: number) => codePoint >= 0xd800 && codePoint <= 0xdfff;

/** Code points that this JavaScript engine's regex and our tables do not agree on, by class. */
function disagreements(): Record<"letters" | "numbers" | "spaces", number[]> {
  const found = { letters: [] as number[], numbers: [] as number[], spaces: [] as number[] };
  for (const [name, regex] of [["letters", /\p{L}/u], ["numbers", /\p{N}/u], ["spaces", /\s/u]] as const) {
    const table = tableOf(name);
    for (let codePoint = 0; codePoint < 0x110000; codePoint++) {
      if (isSurrogate(codePoint)) continue;
      if (regex.test(String.fromCodePoint(codePoint)) !== table.has(codePoint)) found[name].push(codePoint);
    }
  }
  return found;
}

const differing = disagreements();
const avoided = new Set([...differing.letters, ...differing.numbers, ...differing.spaces]);
const timeoutMs = 180_000; // Far more than is needed; Bun's own limit of 5 s is too short on a busy machine.

const blocks: readonly (readonly [number, number])[] = [
  [0x00, 0x7f],
  [0x20, 0x7e],
  [0x80, 0xff],
  [0x100, 0x24f],
  [0x300, 0x36f],
  [0x370, 0x52f],
  [0x531, 0x5ff],
  [0x600, 0x77f],
  [0x900, 0xdff],
  [0xe00, 0xfff],
  [0x1000, 0x13ff],
  [0x1780, 0x17ff],
  [0x1e00, 0x1fff],
  [0x2000, 0x206f],
  [0x2070, 0x218f],
  [0x2190, 0x2bff],
  [0x3000, 0x30ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xabff],
  [0xac00, 0xd7a3],
  [0xe000, 0xf8ff],
  [0xf900, 0xfdff],
  [0xfe00, 0xffff],
  [0x10000, 0x104ff],
  [0x11000, 0x114ff],
  [0x12000, 0x123ff],
  [0x1d100, 0x1d7ff],
  [0x1f000, 0x1faff],
  [0x20000, 0x323af],
  [0xe0000, 0xe01ef],
  [0x0, 0x10ffff],
];

const fixed: readonly string[] = [
  ..."'s 'S 't 'RE 've 'm 'Ll 'd ' '' ’s 'r 'v 'l 'K 's' n't".split(" "),
  ..." |  |   |\n|\r|\r\n|\n\n|\t|\v|\f|\u00a0|\u1680|\u2003|\u2028|\u2029|\u202f|\u205f|\u3000|\u200b|\u200d| \n |\x1c"
    .split("|"),
  ..."👩‍👩‍👧 👍🏽 🇩🇪 ❤️ 1️⃣ e\u0301 क्षि नमस्ते สวัสดี 한국어 日本語、中文。 Ελλάδα Привет שלום مرحبا".split(" "),
  ..."0 42 3.14 1,000 ٣٤ ½ Ⅷ ² 〇 १२३ hello World HTTPServer snake_case x=y; ... --- !!! ?! </s> <| |> <|".split(" "),
];

/** Strings of random and chosen parts; every 2,000th has a part repeated ten thousand times. */
function randomText({ random: below, pick }: Random, index: number): string {
  const names = Object.values(added).map((token) => token.content);
  const character = ([first, last]: readonly [number, number]): string => {
    const codePoint = first + below(last - first + 1);
    return isSurrogate(codePoint) || avoided.has(codePoint) ? "" : String.fromCodePoint(codePoint);
  };
  const part = (): string => {
    const kind = below(8);
    if (kind < 3) return pick(fixed);
    if (kind === 3) return below(2) === 0 ? pick(names) : pick(names).slice(0, 1 + below(9));
    if (kind === 4) return " " + pick(fixed);
    const block = pick(blocks);
    return Array.from({ length: 1 + below(12) }, () => character(block)).join("");
  };
  const text = Array.from({ length: 1 + below(12) }, part).join("");
  return index % 2000 === 1999 ? text + (part() || "a").slice(0, 2).repeat(10_000) + part() : text;
}

/** The first text on which the two differ. */
function firstDifference(left: Encode, right: Encode, texts: Iterable<string>): string | undefined {
  for (const text of texts) {
    const [a, b] = [left(text), right(text)];
    if (a.length !== b.length || a.some((id, i) => id !== b[i])) return text;
  }
  return undefined;
}

function* randomTexts(seed: number, count: number): Generator<string> {
  const random = seededRandom(seed);
  for (let index = 0; index < count; index++) yield randomText(random, index);
}

describe("tokenizer against @huggingface/tokenizers", () => {
  test("the classes differ only where the JavaScript engine's Unicode is newer, and in two spaces", () => {
    const known = [...tableOf("letters"), ...tableOf("numbers")];
    expect(known.length).toBe(141_028 + 1_911);
    expect(differing.spaces).toEqual([0x85, 0xfeff]);
    const ofOurs = new Set(known);
    expect([...differing.letters, ...differing.numbers].filter((codePoint) => ofOurs.has(codePoint))).toEqual([]);
  });

  // tests/slow/fuzz.ts and tests/slow/tokenizer_rust.py try many more.
  for (const [withSpecial, count] of [[false, 3000], [true, 2000], [false, 14_000], [true, 8000]] as const) {
    const often = count > 3000 ? testThoroughly : test;
    often(`${count} random strings, special tokens ${withSpecial ? "cut out" : "as plain text"}`, () => {
      expect(firstDifference(ours(withSpecial), theirs(withSpecial), randomTexts(count, count))).toBeUndefined();
    }, timeoutMs);
  }

  test("a difference would be found", () => {
    expect(firstDifference(ours(true), theirs(false), randomTexts(1, 500))).toBeDefined();
  }, timeoutMs);
});

describe("tokenizer against the Rust reference", () => {
  const cases: readonly Case[] = JSON.parse(
    readFileSync(join(import.meta.dir, "support", "tokenizer_cases.json"), "utf8"),
  );

  test("there are cases", () => {
    expect(cases.length).toBeGreaterThan(50);
  });

  for (const { text, with_special, ids } of cases) {
    const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
    test(`${shown}${with_special ? " with special tokens" : ""}`, () => {
      expect(ours(with_special)(text)).toEqual([...ids]);
    });
  }
});
