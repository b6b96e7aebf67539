import { expect, test } from "bun:test";
import { LikelyTerms } from "./likely_terms.ts";
import { chineseReadings } from "./readings.ts";
import { parseTerms } from "./terms.ts";

const readings = await chineseReadings();
const likely = (lines: string, text: string, max = 40) =>
  new LikelyTerms(parseTerms(lines, "x"), readings).in(text, max).map(({ wanted }) => wanted);

test("terms that sound or look alike, the likeliest first", () => {
  const terms = "Kathryn\nOpenBLAS\nNew York\n千问大模型\nMike\nZig";
  expect(likely(terms, "Kathrin uses open blas and Kathryn knows.")).toEqual(["Kathryn", "OpenBLAS"]);
  expect(likely(terms, "我们用前问大模行")).toEqual(["千问大模型"]);
  expect(likely(terms, "nothing of it")).toEqual([]);
  expect(likely("Catherine => Kathryn", "Catherine")).toEqual(["Kathryn"]);
  expect(likely("Anna\nAnne\nAnny", "Anna", 2)).toEqual(["Anna", "Anne"]);
  expect(likely(terms, "")).toEqual([]);
});

test("thousands of terms in a long segment take no second", () => {
  const terms = Array.from({ length: 3000 }, (_, index) => `name${index * 7919}`).join("\n");
  const list = new LikelyTerms(parseTerms(terms, "x"), readings);
  const text = Array.from({ length: 100 }, (_, index) => `word${index * 31}`).join(" ");
  const start = process.cpuUsage();
  list.in(text, 40);
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(3000);
});
