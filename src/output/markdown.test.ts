import { expect, test } from "bun:test";
import { unalignedSegment } from "../document/unaligned.ts";
import { defaultRules } from "../subtitles/rules.ts";
import { markdownWriter } from "./markdown.ts";
import type { WriterOptions } from "./writer.ts";

const options: WriterOptions = {
  head: {
    ...{ version: 2, program: "qwen-asr 1.2.3", source: { name: "a/my_talk.wav", durationMs: 75_000 }, options: {} },
    model: { name: "m", hash: "h", weights: "int8", isa: "avx2" },
  },
  rules: defaultRules,
  paragraphMs: 0,
};

function segmentOf(text: string, startMs: number, speaker?: string) {
  const segment = unalignedSegment({ text, language: "English", tokens: [] }, [{ startMs, endMs: startMs + 3000 }]);
  return speaker === undefined ? segment : { ...segment, speaker };
}

test("a heading, paragraphs with times, turns with names", () => {
  const writer = markdownWriter(options);
  expect(writer.rest(true)).toBe("# my\\_talk.wav\n");
  const segments = [
    segmentOf("Hello.", 400, "left"),
    segmentOf(" Yes.", 65_000, "right"),
    segmentOf(" No.", 70_000, "right"),
  ];
  expect(segments.map((segment) => writer.add(segment)).join("") + writer.rest(true)).toBe(
    "# my\\_talk.wav\n\n`0:00` **left:** Hello.\n\n`1:05` **right:** Yes.\n\n`1:10` No.\n",
  );
});

test("what is said has no marks of its own: a reader of Markdown gives the text", () => {
  const said = "# no *star* _line_ `code` [a](b) <img src=x onerror=alert(1)> &amp; ~~x~~ | \\ $x$ ![i](j)";
  const writer = markdownWriter(options);
  const shown = Bun.markdown.html(writer.add(segmentOf(said, 0)) + writer.rest(true));
  const escaped = said.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  expect(shown).toBe(`<h1>my_talk.wav</h1>\n<p><code>0:00</code> ${escaped}</p>\n`);
});

test("of several recordings, an empty line stands before the next heading", () => {
  expect(markdownWriter({ ...options, table: { hasHeader: true } }).rest(true)).toBe("\n# my\\_talk.wav\n");
});
