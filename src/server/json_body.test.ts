import { expect, test } from "bun:test";
import fc from "fast-check";
import { ApiError } from "./errors.ts";
import { JsonBody } from "./json_body.ts";

/** The object and the recording of a body that arrives in pieces of these lengths. */
function parsed(body: Uint8Array, lengths: readonly number[]): [unknown, string] {
  const json = new JsonBody(40, 4000);
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) pieces.push(...json.push(body.subarray(at, at += length)));
  pieces.push(...json.push(body.subarray(at)));
  return [json.end(), Buffer.concat(pieces).toString("hex")];
}

const cuts = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 30 });
const short = fc.string({ maxLength: 20 });

test("a recording comes out as it went in, however the bytes arrive", () => {
  const bytes = fc.uint8Array({ minLength: 60, maxLength: 300 });
  const escaped = fc.constantFrom((text: string) => text, (text: string) => text.replaceAll("/", "\\/"));
  const prefix = fc.constantFrom("", "data:audio/webm;codecs=opus;base64,");
  fc.assert(fc.property(bytes, short, escaped, prefix, cuts, (audio, prompt, escape, prefix, lengths) => {
    const text = JSON.stringify({
      prompt,
      input_audio: { data: prefix + Buffer.from(audio).toString("base64") },
      x: [1],
    });
    const [object, recording] = parsed(Buffer.from(escape(text)), lengths);
    expect(object).toEqual({ prompt, input_audio: { data: "" }, x: [1] });
    expect(recording).toBe(Buffer.from(audio).toString("hex"));
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

test("one recording is enough", () => {
  const long = "A".repeat(100);
  expect(() => parsed(Buffer.from(JSON.stringify([long, long])), [])).toThrow(
    "several long strings: send known_speaker",
  );
  expect(() => parsed(Buffer.from(JSON.stringify(Array(2000).fill(1))), [])).toThrow("too long");
  expect(() => parsed(Buffer.from(JSON.stringify({ data: "*".repeat(100) })), [])).toThrow("not base64");
});
