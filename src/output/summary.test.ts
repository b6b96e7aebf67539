import { expect, test } from "bun:test";
import { parseSummary, summaryFormatOf, summaryFormats, type SummaryRow, summaryText } from "./summary.ts";

const nothing = {
  ...{ duration: undefined, language: undefined, words: undefined, confidence: undefined, seconds: undefined },
  ...{ first_token: undefined, tokens_per_second: undefined, rtf: undefined, peak_rss: undefined, error: undefined },
};
const rows: readonly SummaryRow[] = [
  {
    ...{
      file: 'a "b", c.wav',
      duration: 12.5,
      language: "English+Chinese",
      words: 30,
      confidence: 0.93,
      seconds: 1.25,
    },
    ...{ first_token: 0.5, tokens_per_second: 40, rtf: 0.1, peak_rss: 123_456_789, error: undefined },
  },
  { ...nothing, file: "bad.wav", error: "bad.wav: is no recording" },
];

test("rows come back from every format", () => {
  for (const format of summaryFormats) {
    expect(parseSummary(summaryText(rows, format), format, "s")).toEqual([...rows]);
    expect(parseSummary(summaryText([], format), format, "s")).toEqual([]);
  }
});

test("what they look like", () => {
  expect(summaryText(rows, "csv")).toBe(
    "file,duration,language,words,confidence,seconds,first_token,tokens_per_second,rtf,peak_rss,error\r\n" +
      '"a ""b"", c.wav",12.5,"English+Chinese",30,0.93,1.25,0.5,40,0.1,123456789,\r\n' +
      '"bad.wav",,,,,,,,,,"bad.wav: is no recording"\r\n',
  );
  expect(JSON.parse(summaryText(rows, "json"))[1]).toMatchObject({ file: "bad.wav", duration: null });
});

test("something else is no summary", () => {
  for (const [text, format] of [["a,b\n1,2\n", "csv"], ["{}", "json"], ["[{}]", "json"], ["", "tsv"]] as const) {
    expect(() => parseSummary(text, format, "s.x")).toThrow("s.x: is no summary of an earlier run");
  }
  expect(["a.csv", "a.TSV", "a.json", "a.txt"].map(summaryFormatOf)).toEqual(["csv", "tsv", "json", undefined]);
});
