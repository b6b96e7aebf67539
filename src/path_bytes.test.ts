/** Tests of names that are not UTF-8: the same bytes come out as went in. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import * as path from "node:path";
import { basename, dirname, hasOddName, join, jsonText, nameOfBytes, onDisk } from "./path_bytes.ts";
import { printable } from "./writer.ts";

test("names are shown escaped", () => {
  const latin = (text: string) => printable(nameOfBytes(Buffer.from(text, "latin1")));
  expect(["lat\xe9.wav", "\xff\xfe", "M\xfcnchen/\xe4.srt", "plain.wav"].map(latin)).toEqual(
    ["lat\\xe9.wav", "\\xff\\xfe", "M\\xfcnchen/\\xe4.srt", "plain.wav"],
  );
});

test("bytes of any kind survive; names in UTF-8 stay texts", () => {
  const bytesOf = (name: string) => Buffer.from(onDisk(name) as unknown as Uint8Array);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    expect(bytesOf(nameOfBytes(bytes)).equals(bytes)).toBe(true);
  }));
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    expect(nameOfBytes(Buffer.from(text))).toBe(text);
    expect(hasOddName(text)).toBe(false);
    expect(onDisk(text)).toBe(text);
  }));
});

test("odd names are cut and joined as others are", () => {
  const odd = "\udce9";
  const plain = ["a", "a/b", "/a", "/a/b.c", "a/b/", "./a", "../a/b"];
  for (const name of plain) {
    const marked = name.replaceAll("a", odd);
    expect(basename(marked)).toBe(path.basename(name).replaceAll("a", odd));
    expect(dirname(marked)).toBe(path.dirname(name).replaceAll("a", odd));
  }
  for (const [folder, name] of [["a", "b"], ["a/", "a.b"], [".", "a"], ["/a", "b"], ["b", "a"]] as const) {
    expect(join(folder.replace("a", odd), name.replace("a", odd))).toBe(path.join(folder, name).replaceAll("a", odd));
  }
});

test("JSON has no lone surrogates, and is the runtime's where there are none", () => {
  const odd = { file: nameOfBytes(Uint8Array.of(0x6c, 0xe9, 0x2e, 0x77)), of: ["\ud83d\ude00", "\ud83d", "é\n"] };
  const text = jsonText(odd);
  expect(JSON.parse(text)).toEqual({ file: "l\\xe9.w", of: ["\u{1f600}", "\ufffd", "é\n"] });
  expect(text.isWellFormed() && !/\\ud/.test(text)).toBe(true);
  expect(jsonText({ a: [1, "b"] }, 2)).toBe(JSON.stringify({ a: [1, "b"] }, undefined, 2));
});
