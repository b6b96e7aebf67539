import { expect, test } from "bun:test";
import { ApiError } from "./errors.ts";
import { isOn, transcriptionRequest } from "./fields.ts";

function read(fields: Record<string, string | string[]>, aligns = false) {
  const lists = Object.entries(fields).map(([name, value]) => [name, [value].flat()] as const);
  return transcriptionRequest(Object.fromEntries(lists), aligns);
}

test("what OpenAI's clients send is understood, and what is not known is ignored", () => {
  const request = read({
    ...{ model: "whisper-1", temperature: "0.00", prompt: "Caf\u0065\u0301", response_format: "verbose_json" },
    ...{ timestamp_granularities: ["word", "segment"], stream: "true", chunking_strategy: "auto", include: "logprobs" },
  });
  expect(request).toMatchObject({ format: "verbose_json", granularities: ["word", "segment"], isStreamed: true });
  expect(request.hasLogprobs).toBeTrue();
  expect(request.options.prompt).toBe("Caf\u00e9");
  expect(request.options.stream).toBeUndefined();
});

test.each([
  ["zh", "Chinese", "asis"],
  ["en-US", "English", "asis"],
  ["zh-TW", "Chinese", "twp"],
  ["Japanese", "Japanese", "asis"],
  ["", "", "asis"],
  ["auto", "", "asis"],
])("the language %j", (language, name, script) => {
  const { options } = read({ language });
  expect([options.language, options.views.script]).toEqual([name, script as never]);
});

test("one of `languages` is the language; of several none is", () => {
  expect(read({ languages: ["de"] }).options.language).toBe("German");
  expect(read({ languages: ["de", "en"] }).options.language).toBe("");
});

test("options of the command line are fields, with _ or -", () => {
  const { options } = read({ "max_cols": "20", "cjk-space": "add", itn: "true", skip_silence: "false" });
  expect(options.rules.colsMax).toBe(20);
  expect(options.views).toMatchObject({ cjkSpace: "add", itn: "on" });
  expect(options.skipSilence).toBeFalse();
});

test("one rule for yes and no; empty is as if it were not there", () => {
  const words = ["true", "True", " 1", "yes", "on", "t", "Y", "false", "0", "no", "off", "f", "n", "", " "];
  expect(words.map((stream) => read({ stream }).isStreamed)).toEqual(words.map((_, index) => index < 7));
  expect([[], [""], ["False"], ["1"]].map((encode) => isOn({ encode }, "encode", true))).toEqual([
    ...[true, true, false, true],
  ]);
});

test("keywords are terms, one or several a field", () => {
  expect(read({ keywords: ["Qwen", "queue when => Qwen\nZig"] }).terms).toHaveLength(3);
  expect(read({ keywords: [""] }).terms).toEqual([]);
});

test("a prompt is text: no file of this machine is read", () => {
  expect(read({ prompt: "@/etc/passwd" }).options.prompt).toBe("@/etc/passwd");
  expect(read({ terms: "secrets.txt" }).options.views.terms).toBeUndefined();
});

test("words are timed by the aligner where times are wanted, unless the client says no", () => {
  expect(read({ response_format: "srt" }, true).options.align).toBeTrue();
  expect(read({ response_format: "srt", align: "false" }, true).options.align).toBeFalse();
  expect(read({ response_format: "json" }, true).options.align).toBeFalse();
});

test.each([
  [{ response_format: "xml" }, "response_format"],
  [{ language: "Klingon" }, "language"],
  [{ timestamp_granularities: "char" }, "timestamp_granularities"],
  [{ max_cols: "1" }, "max_cols"],
  [{ "max-cols": "1" }, "max-cols"],
  [{ keywords: "a => b => c" }, "keywords"],
  [{ stream: "perhaps" }, "stream"],
])("a wrong value names its field: %p", (fields, param) => {
  try {
    read(fields as unknown as Record<string, string>);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).body.error).toMatchObject({ type: "invalid_request_error", param });
  }
});
