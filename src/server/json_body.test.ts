import { expect, test } from "bun:test";
import fc from "fast-check";
import { ApiError } from "./errors.ts";
import { Base64, JsonBody, type LongPiece } from "./json_body.ts";

const mayBeLong = (path: string) => path === "input_audio.data" || /^list\[\d\]$/.test(path);

/** The object and the long strings of a body that arrives in pieces of these lengths. */
function parsed(body: Uint8Array, lengths: readonly number[]): [unknown, Record<string, string>] {
  const json = new JsonBody(40, 4000, mayBeLong);
  const pieces: LongPiece[] = [];
  let at = 0;
  for (const length of lengths) pieces.push(...json.push(body.subarray(at, at += length)));
  pieces.push(...json.push(body.subarray(at)));
  const object = json.end();
  const long: Record<string, string> = {};
  for (const [path, own] of Map.groupBy(pieces, ({ path }) => path)) {
    long[path] = Buffer.concat(own.map(({ bytes }) => bytes)).toString();
  }
  return [object, long];
}

function decoded(base64: string, lengths: readonly number[]): string {
  const decoder = new Base64();
  const text = Buffer.from(base64);
  let at = 0;
  const pieces = [text.subarray(at, at += 100)];
  for (const length of lengths) pieces.push(text.subarray(at, at += length));
  pieces.push(text.subarray(at));
  return Buffer.concat([...pieces.map((piece) => decoder.push(piece)), decoder.end()]).toString("hex");
}

const cuts = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 30 });
const short = fc.string({ maxLength: 20 });

test("a recording comes out as it went in, however the bytes arrive", () => {
  const bytes = fc.uint8Array({ minLength: 60, maxLength: 300 });
  const prefix = fc.constantFrom("", "data:audio/webm;codecs=opus;base64,");
  fc.assert(fc.property(bytes, prefix, cuts, (audio, prefix, lengths) => {
    expect(decoded(prefix + Buffer.from(audio).toString("base64"), lengths)).toBe(Buffer.from(audio).toString("hex"));
  }));
  expect(() => decoded("*".repeat(100), [])).toThrow("not base64");
});

test("long strings come out by their places, whatever else is there, and however they are written", () => {
  const long = fc.string({ unit: "grapheme", minLength: 60, maxLength: 300 });
  const escapes = [/\//g, /(?<!e)\+|</g].map((of, index) => (text: string) =>
    text.replace(of, (one) => index === 0 ? `\\${one}` : `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)
  );
  const written = fc.constantFrom((text: string) => text, ...escapes);
  const other = fc.jsonValue({ maxDepth: 2, stringUnit: fc.constantFrom(...'a,:{}[]"') });
  const body = fc.record({ a: long, b: long, short, other, written, cuts });
  fc.assert(fc.property(body, ({ a, b, short, other, written, cuts }) => {
    fc.pre(!/"[^"]{35,}/.test(JSON.stringify(other)));
    const text = JSON.stringify({
      other,
      list: [short, a, other],
      [short]: other,
      input_audio: { format: short, data: b },
    });
    const [object, strings] = parsed(Buffer.from(written(text)), cuts);
    expect(object).toEqual(JSON.parse(
      JSON.stringify({ other, list: [short, "", other], [short]: other, input_audio: { format: short, data: "" } }),
    ));
    expect(strings).toEqual({ "list[1]": a, "input_audio.data": b });
  }));
});

test("what is no JSON is refused, and nothing else happens", () => {
  fc.assert(fc.property(fc.json({ maxDepth: 3 }), fc.nat(50), short, cuts, (text, at, put, lengths) => {
    try {
      parsed(Buffer.from(text.slice(0, at) + put + text.slice(at)), lengths);
    } catch (error) {
      expect(error).toBeInstanceOf(ApiError);
    }
  }));
});

test("long strings are in their places alone, each once, and the rest is short", () => {
  const long = "A".repeat(100);
  const fault = (text: string) => {
    try {
      parsed(Buffer.from(text), []);
    } catch (error) {
      return error as ApiError;
    }
  };
  const { status, message, details } = fault(JSON.stringify({ x: { list: [long] } }))!;
  expect([status, message, details.param]).toEqual([413, "the JSON body: x.list[0] is too long", "x"]);
  expect(fault(JSON.stringify([long]))!.message).toBe("the JSON body: [0] is too long");
  expect(fault(JSON.stringify({ [long]: 1 }))!.message).toBe("the JSON body: a key is too long");
  expect(fault(`{"list":["${long}"],"list":["${long}"]}`)!.message).toBe("the JSON body has list[0] twice");
  expect(fault(JSON.stringify(Array(2000).fill(1)))!.message).toBe("the JSON body is too long");
  expect(fault(`{"list":["${long}\\uABCG"]}`)!.message).toBe("the body is not JSON");
});
