/** The rows of table.ts for how text is written: numbers, script, terms, marks. Data. */

import { cuePunctuations } from "../views/punctuation.ts";
import { scriptNames } from "../views/script.ts";
import { cjkSpaces, digitWidths } from "../views/spacing.ts";

const onTimedText = ["transcribe", "align", "render"] as const;
const onMarks = [...onTimedText, "text"] as const;
const onViews = [...onMarks, "batch"] as const;

export const textOptions = [
  {
    name: "itn",
    group: "Text",
    help: "write numbers as digits: 三十五 becomes 35",
    more: "In Chinese, Cantonese and English, by the language of each segment; idioms, names and approximate numbers " +
      "stay words. docs/text.md has the conventions.",
    rare: true,
    commands: onViews,
    perRequest: true,
  },
  {
    name: "itn-all",
    group: "Text",
    help: "also 三个 as 3个, 三点 as 3点; implies --itn",
    rare: true,
    commands: onViews,
    perRequest: true,
    implies: "itn",
  },
  {
    name: "script",
    group: "Text",
    value: { placeholder: "NAME", type: "choice", words: scriptNames },
    help: "Chinese script: asis|cn|tw|twp|hk|hkp",
    more:
      "cn is Simplified; tw and hk are Traditional as in Taiwan and in Hong Kong; twp and hkp change the words of " +
      "these regions, too. Other languages stay as they are. Times are those of the words that were spoken.",
    rare: true,
    commands: onViews,
    perRequest: true,
  },
  {
    name: "terms",
    group: "Text",
    value: { placeholder: "FILE", type: "path" },
    help: "names and words to expect and to write",
    more:
      "A term a line, or `heard => wanted`; ~ in front of Chinese finds it by its sound. The model is told up to 40 " +
      "of them, after --prompt; with more, a segment in which some may be heard is decoded again with these.",
    rare: true,
    commands: onViews,
  },
  {
    name: "cjk-space",
    group: "Text",
    value: { placeholder: "HOW", type: "choice", words: cjkSpaces },
    default: "keep",
    help: "Chinese beside Latin: keep|add|remove space",
    rare: true,
    commands: onViews,
    perRequest: true,
  },
  {
    name: "digit-width",
    group: "Text",
    value: { placeholder: "WIDTH", type: "choice", words: digitWidths },
    help: "make digits half or full-width: half|full",
    more: "full concerns Chinese, Japanese and Korean, but no words with letters. Without it, digits stay as they are.",
    rare: true,
    commands: onViews,
    perRequest: true,
  },
  {
    name: "cue-punctuation",
    group: "Text",
    value: { placeholder: "HOW", type: "choice", words: cuePunctuations },
    default: "keep",
    help: "marks in subtitles: keep|light|none",
    more:
      "light: none at the end of a line, and Chinese commas as spaces. It concerns srt, vtt, vtt-words, ass and lrc; " +
      "`qwen-asr text` takes each line for one of a subtitle.",
    rare: true,
    commands: onMarks,
    perRequest: true,
  },
  {
    name: "mark-doubt",
    group: "Text",
    value: { placeholder: "LOGPROB", type: "number", numberMin: -100, numberMax: 0 },
    help: "[bracket] words less likely than LOGPROB",
    more: "In -f text. -1 marks words of a probability below 37 %, -2 below 14 %. Text appears segment by segment.",
    rare: true,
    commands: onTimedText,
    perRequest: true,
    excludes: [{ option: "stream", says: "{stream} writes text before its words are known: no {mark-doubt}" }],
  },
] as const;
