/** Tests of the one check behind command lines, forms and manifests: equal options, equal errors. */

import { expect, test } from "bun:test";
import { parseCommandLine } from "../cli/parse.ts";
import { UsageError } from "../errors.ts";
import { optionsFromFields, parseSpeakerCount, type RequestOptions, type Source } from "./choices.ts";
import { optionTable, specNamed } from "./table.ts";

type Fields = Readonly<Record<string, string>>;

function fromArgv(fields: Fields): RequestOptions {
  const args = Object.entries(fields).map(([name, text]) => specNamed(name).value ? `--${name}=${text}` : `--${name}`);
  const command = parseCommandLine([...args, "-o", "file", "talk.wav"]);
  if (command.kind !== "transcribe") throw new Error(`a ${command.kind} command`);
  return command.options;
}

function errorOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error("no error");
}

const sources: readonly Exclude<Source, "argv">[] = ["form", "manifest"];

test("the same texts are the same options, wherever they come from", () => {
  const cases: Fields[] = [
    {},
    { language: "de", prompt: "Names", "skip-silence": "", "segment-sec": "AUTO", "search-sec": "1e0" },
    { from: "1:30", to: "2:00.5", "raw-rate": "8000", "past-text": "YES", "enc-window-sec": "2.5" },
    { format: "srt,json,txt,srt", style: "netflix", "max-cols": "32", "paragraph-sec": "1.5", align: "" },
    { stream: "", format: "vtt", live: "", "endpoint-ms": "0", "stream-rollback": "3", "stream-max-new-tokens": "-1" },
  ];
  for (const fields of cases) {
    for (const source of sources) expect(fromArgv(fields)).toMatchObject(optionsFromFields(fields, source));
  }
});

test("mistakes are told in the same words but for the name of the option", () => {
  const cases: Fields[] = [
    { "segment-sec": "0.5" },
    { "raw-format": "mp3" },
    { "past-text": "maybe" },
    { language: "klingon" },
    { from: "soon" },
    { from: "5", to: "3" },
    { to: "0" },
    { format: "docx" },
    { stream: "", format: "json" },
    { live: "" },
    { align: "", stream: "" },
    { stream: "", commit: "agreement", "stream-rollback": "3" },
    { "min-cue-sec": "8", "max-cue-sec": "2" },
    { langauge: "en" },
  ];
  const written = (message: string) =>
    optionTable.reduce(
      (text, { name, short }) =>
        text.replaceAll(new RegExp(`(^|\\s)(--${name}|-${short ?? "-"})(?=[\\s?]|$)`, "g"), `$1${name}`),
      message,
    ).replace("--langauge", "langauge");
  const messages = cases.map((fields) => {
    const message = errorOf(() => optionsFromFields(fields, "form"));
    expect(errorOf(() => optionsFromFields(fields, "manifest"))).toBe(message);
    const args = Object.entries(fields).map(([name, text]) =>
      optionTable.find((spec) => spec.name === name && !spec.value) ? `--${name}` : `--${name}=${text}`
    );
    expect(written(errorOf(() => parseCommandLine([...args, "talk.wav"])))).toBe(message);
    return message;
  });
  expect(messages.slice(4).join("\n")).toMatchInlineSnapshot(`
    "from must be seconds or [hh:]mm:ss[.ms], got 'soon'
    to 3 is not after from 5
    to 0 is not after the start
    format takes text, json, jsonl, srt, vtt, tsv, lrc, csv, vtt-words, ass, html, md, rttm, got 'docx'
    format of a stream is one of text, jsonl, srt, vtt, got 'json'
    live needs stream
    align times the words of whole recordings and cannot be combined with stream
    commit agreement and stream-rollback are mutually exclusive
    min-cue-sec is more than max-cue-sec
    unknown option langauge, did you mean language?"
  `);
});

test("fields: switches by words, the last of several, and only what concerns one recording", () => {
  const skips = (text: string) => optionsFromFields({ "skip-silence": text }, "form").skipSilence;
  expect(["", "true", "YES", "on", "1"].map(skips)).toEqual([true, true, true, true, true]);
  expect(["false", "No", "off", "0"].map(skips)).toEqual([false, false, false, false]);
  expect(optionsFromFields({ language: ["de", "fr"], prompt: [] }, "form")).toMatchObject({
    language: "French",
    prompt: "",
  });
  expect(optionsFromFields({ format: ["srt", "json,srt"] }, "form").formats).toEqual(["srt", "json"]);
  expect(errorOf(() => skips("perhaps"))).toBe("skip-silence must be true or false, got 'perhaps'");
  for (const name of ["threads", "output", "input", "force", "debug", "dir", "help"]) {
    expect(errorOf(() => optionsFromFields({ [name]: "1" }, "form"))).toStartWith(`unknown option ${name}`);
  }
});

test("how many speakers", () => {
  const count = (text: string) => parseSpeakerCount(text, "--speakers");
  expect(["2", " 2-4 ", "1", "99"].map(count)).toEqual([
    ...[{ min: 2, max: 2 }, { min: 2, max: 4 }, { min: 1, max: 1 }, { min: 99, max: 99 }],
  ]);
  expect(["Auto", "AUTO"].map(count)).toEqual([count("auto"), count("auto")]);
  for (const text of ["", "0", "-1", "3-2", "1-", "0-3", "two", "1.5", "100", "1e1", "2\u20134", "9".repeat(40)]) {
    expect(errorOf(() => count(text))).toBe(
      `--speakers takes auto, a number from 1 to 99 or a range such as 2-4, got '${text}'`,
    );
  }
});

test("rows of the table name each other rightly", () => {
  for (const { implies, needs, overrides, excludes = [], value } of optionTable) {
    for (const name of [implies, overrides].filter((name) => name !== undefined)) {
      expect(specNamed(name).value).toBeUndefined();
    }
    if (needs !== undefined) specNamed(needs);
    for (const { option, says = "" } of excludes) {
      for (const [, name] of [["", option], ...says.matchAll(/\{([\w-]+)\}/g)]) specNamed(name!);
    }
    if (value?.type === "choice") expect(value.words!.length).toBeGreaterThan(1);
  }
});

test("fields choose views as options do: a region of the language its script", () => {
  expect(optionsFromFields({ language: "zh-TW", itn: "yes" }, "form").views).toMatchObject({
    itn: "on",
    script: "twp",
  });
  expect(optionsFromFields({ language: "zh-TW", script: "hk" }, "form").views.script).toBe("hk");
  expect(optionsFromFields({ language: "zh" }, "manifest").views.script).toBe("asis");
  expect(() => optionsFromFields({ terms: "names.txt" }, "form")).toThrow("unknown option terms");
});
