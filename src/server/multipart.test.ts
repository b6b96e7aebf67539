import { expect, test } from "bun:test";
import fc from "fast-check";
import { ApiError } from "./errors.ts";
import { boundaryOf, MultipartParser } from "./multipart.ts";

type Part = { readonly name: string; readonly filename?: string; readonly bytes: Uint8Array };

const boundary = "xYz";

function encoded(parts: readonly Part[]): Uint8Array {
  const pieces = parts.flatMap(({ name, filename, bytes }) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"`),
    Buffer.from(filename === undefined ? "" : `; filename="${filename}"\r\nContent-Type: audio/wav`),
    Buffer.from("\r\n\r\n"),
    bytes,
    Buffer.from("\r\n"),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

/** The parts of a body that arrives in pieces of these lengths. */
function parsed(body: Uint8Array, lengths: readonly number[] = []): Part[] {
  const parser = new MultipartParser(boundary);
  const parts: { name: string; filename?: string; bytes: Uint8Array }[] = [];
  const take = (bytes: Uint8Array) => {
    for (const event of parser.push(bytes)) {
      if (event.kind === "part") {
        const { name, filename } = event.head;
        parts.push({ name, ...(filename !== undefined && { filename }), bytes: new Uint8Array() });
      } else parts.at(-1)!.bytes = new Uint8Array(Buffer.concat([parts.at(-1)!.bytes, event.bytes]));
    }
  };
  let at = 0;
  for (const length of lengths) take(body.subarray(at, at += length));
  take(body.subarray(at));
  parser.end();
  return parts;
}

/** Bytes in which delimiters, and beginnings of them, are likely. */
const bytes = fc.array(fc.constantFrom("\r", "\n", "\r\n", "-", "--", "\r\n--x", "\r\n--xY", "a", "\u0000", "é"))
  .map((texts) => new Uint8Array(Buffer.from(texts.join(""))));
const part = fc.record({ name: fc.constantFrom("file", "model", "a b"), bytes }).chain((one) =>
  fc.option(fc.constantFrom("talk.wav", "中文.mp3"), { nil: undefined })
    .map((filename): Part => ({ ...one, ...(filename !== undefined && { filename }) }))
);

test("parts come out as they went in, however the bytes arrive", () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), fc.array(fc.integer({ min: 0, max: 9 })), (parts, lengths) => {
      expect(parsed(encoded(parts), lengths)).toEqual([...parts]);
    }),
  );
});

test("damaged bodies are refused or read, and nothing else happens", () => {
  const damage = fc.record({ at: fc.nat(400), remove: fc.nat(9), put: bytes });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 3 }), fc.array(damage, { minLength: 1, maxLength: 3 }), (parts, all) => {
      let body = encoded(parts);
      for (const { at, remove, put } of all) {
        body = Buffer.concat([body.subarray(0, at), put, body.subarray(at + remove)]);
      }
      try {
        parsed(body, [3, 50]);
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError);
      }
    }),
    { numRuns: 300 },
  );
});

test("a preamble, an epilogue and blanks after a delimiter are allowed", () => {
  const body =
    `before\r\n--${boundary} \t\r\ncontent-disposition: FORM-DATA; name=file\r\n\r\nabc\r\n--${boundary}--after`;
  expect(parsed(Buffer.from(body)).map(({ name, bytes }) => [name, String(Buffer.from(bytes))])).toEqual([[
    "file",
    "abc",
  ]]);
});

test.each([
  ["", "ends early"],
  [`--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\nabc`, "ends early"],
  [`--${boundary}x\r\n`, "a delimiter that goes on"],
  [`--${boundary}\r\nContent-Type: text/plain\r\n\r\nabc\r\n--${boundary}--`, "a part without a name"],
  [`--${boundary}\r\nX: ${"x".repeat(20_000)}`, "a part with long headers"],
])("a malformed body is refused: %#", (body, message) => {
  expect(() => parsed(Buffer.from(body))).toThrow(message);
});

test.each([
  ["multipart/form-data; boundary=abc", "abc"],
  ['Multipart/Form-Data; charset=utf-8; boundary="a b"', "a b"],
  ["multipart/mixed; boundary=abc", undefined],
  ["multipart/form-data", undefined],
  ["application/json", undefined],
])("the boundary of %s", (type, wanted) => {
  expect(boundaryOf(type)).toBe(wanted);
});

test.each([
  ['name="file"; filename="a.wav"', "a.wav"],
  ['filename="a \\"b\\".wav"; name="file"', 'a "b".wav'],
  [`name=file; filename*=UTF-8''%E4%B8%AD.wav; filename="x.wav"`, "中.wav"],
  [`name=file; filename*=UTF-8''%E4%.wav; filename="x.wav"`, "x.wav"],
  ['name="file"; filename="C:\\talks\\a.wav"', "C:\\talks\\a.wav"],
])("a file's name: %s", (disposition, wanted) => {
  const body = `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n\r\n--${boundary}--`;
  expect(parsed(Buffer.from(body))[0]!.filename).toBe(wanted);
});
