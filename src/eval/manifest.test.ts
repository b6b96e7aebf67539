import { expect, test } from "bun:test";
import { parseManifest } from "./manifest.ts";

test("with and without a first row, any line ends, a mark at the front", () => {
  const rows = [
    { line: 2, audio: "a.wav", reference: "Hello there.", language: "English", hypothesis: undefined },
    { line: 4, audio: "b c.wav", reference: "", language: "", hypothesis: undefined },
  ];
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = ["\ufeffaudio\ttext\tlanguage", "a.wav\tHello there.\ten", "", "b c.wav\t\t"].join(end);
    expect(parseManifest(text, "m.tsv")).toEqual({ rows, faults: [], hasHypotheses: false });
  }
  expect(parseManifest("a.wav\thello", "m").rows).toEqual(
    [{ line: 1, audio: "a.wav", reference: "hello", language: "", hypothesis: undefined }],
  );
  expect(parseManifest("a.wav\tx\t\thello", "m").rows[0]!.hypothesis).toBe("hello");
});

test("columns in any order, others beside them; cells that were dropped at the end are empty", () => {
  const { rows, hasHypotheses } = parseManifest("Hypothesis\tid\tText\tAUDIO\nhi\t7\thello\ta\n\t8\tno\tb", "m");
  expect(hasHypotheses).toBe(true);
  expect(rows).toEqual([
    { line: 2, audio: "a", reference: "hello", language: "", hypothesis: "hi" },
    { line: 3, audio: "b", reference: "no", language: "", hypothesis: "" },
  ]);
  expect(parseManifest("audio\ttext\thypothesis\na\tb", "m").rows[0]!.hypothesis).toBe("");
});

test("rows that cannot be used", () => {
  const { rows, faults } = parseManifest("a.wav\n\thello\nb.wav\thi\tchinse\nc.wav\thi\tzh", "m");
  expect(rows.map(({ audio }) => audio)).toEqual(["c.wav"]);
  expect(faults.map(({ line, audio, message }) => `${line} ${audio}: ${message}`).join("\n")).toMatchInlineSnapshot(`
    "1 a.wav: has no text (columns are separated by tabs)
    2 : names no recording
    3 b.wav: language 'chinse' is not known (leave it empty: the script of the text decides)"
  `);
  expect(() => parseManifest("audio\tlanguage\nx\ten", "m")).toThrow("m: the first row names no column text");
  expect(() => parseManifest("audio\ttext\ttext\nx\ty\tz", "m")).toThrow("names the column text 2 times");
  expect(parseManifest("", "m")).toEqual({ rows: [], faults: [], hasHypotheses: false });
});
