import { expect, test } from "bun:test";
import { contextsOf } from "./term_context.ts";
import { parseTerms } from "./terms.ts";

const names = (count: number) =>
  Array.from({ length: count }, (_, index) => `Name${String.fromCharCode(65 + index % 26)}${index}zz`);

test("up to forty terms are the context of every segment, behind the prompt", async () => {
  const { first, later } = await contextsOf("Talk:", parseTerms(names(40).join("\n"), "x"));
  expect(first).toBe(`Talk:\n${names(40).join(", ")}`);
  expect(later).toBeUndefined();
});

test("of more, those that the first text calls for", async () => {
  const { first, later } = await contextsOf("Talk:", parseTerms([...names(50), "Kathryn", "~千问"].join("\n"), "x"));
  expect(first).toBe("Talk:");
  expect(later!.of("then Kathrin came")).toBe("Talk:\nKathryn");
  expect(later!.of("then Kathryn came")).toBeUndefined();
  expect(later!.of("我用前问")).toBe("Talk:\n千问");
  expect(later!.of("nobody came")).toBeUndefined();
  expect(later!.tokens).toBeGreaterThan(40);
});
