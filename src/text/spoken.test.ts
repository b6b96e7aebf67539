/** Tests of how long a word takes to say. */

import { expect, test } from "bun:test";
import { spokenWeight } from "./spoken.ts";

test("letters, characters and digits by the time they take; marks hardly any", () => {
  const cases: [string, number][] = [
    [" isn't,", 4],
    ["1984.", 12],
    ["\u4f60\u597d\uff0c", 6],
    ["\ud55c\uad6d", 6],
    ["\u306f\u3044", 4],
    ["\u0e44\u0e17\u0e22", 6],
    [" \u2013", 0.5],
  ];
  for (const [word, weight] of cases) expect([word, spokenWeight(word)]).toEqual([word, weight]);
});
