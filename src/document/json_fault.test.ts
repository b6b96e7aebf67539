import { expect, test } from "bun:test";
import { jsonFault } from "./json_fault.ts";

test.each([
  ['{"a": 1,}', "line 1, column 9: a name in quotes is expected"],
  ['{"a": 1\n "b": 2}', "line 2, column 2: , or } is expected"],
  ['{"a" 1}', "line 1, column 6: a colon is expected"],
  ["{a: 1}", "line 1, column 2: a name in quotes or } is expected"],
  ["[1, 2", "line 1, column 6: , or ] is expected"],
  ["[1, 2,]", "line 1, column 7: a value is expected"],
  ['{\n  "text": "no end\n}', "line 2, column 11: a value is expected"],
  ['{"text": "a "b" c"}', "line 1, column 14: , or } is expected"],
  ["[01]", "line 1, column 2: a value or ] is expected"],
  ["{} {}", "line 1, column 4: the end is expected"],
  ["", "line 1, column 1: a value is expected"],
  ["[1}", "line 1, column 3: , or ] is expected"],
])("%j", (text, fault) => {
  expect(jsonFault(text)).toBe(fault);
});

test("agrees with the parser on what is JSON, and ends soon", () => {
  const whole = JSON.stringify({ a: [1, -2.5e3, true, null, 'x"\\\n\u2028é', {}, []], b: { c: "" } }, undefined, 2);
  const isJson = (text: string) => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  for (let at = 0; at < whole.length; at++) {
    for (
      const changed of [
        whole.slice(0, at),
        whole.slice(0, at) + whole.slice(at + 1),
        `${whole.slice(0, at)},${whole.slice(at)}`,
      ]
    ) {
      expect([changed, jsonFault(changed) === undefined]).toEqual([changed, isJson(changed)]);
    }
  }
  expect(jsonFault(`[${"1,".repeat(200_000)}`)).toContain("a value is expected");
  expect(jsonFault(`"${"a".repeat(1_000_000)}`)).toContain("a value is expected");
});
