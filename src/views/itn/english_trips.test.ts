/** Numbers, dates and times said by a writer of the test's own, and read back; and the time that long texts take. */

import { expect, test } from "bun:test";
import { written } from "../piece.ts";
import { englishItn } from "./english.ts";

const write = (text: string): string => written(englishItn(text, { all: false }));

const small =
  ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " +
    "seventeen eighteen nineteen").split(" ");
const tens = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const scales = ["", "thousand", "million", "billion", "trillion"];

/** How a number is said: British with "and", or American; with hyphens or without. */
type Manner = { readonly and: boolean; readonly hyphen: string };

const manners: readonly Manner[] = [{ and: true, hyphen: "-" }, { and: false, hyphen: " " }];

function twoDigits(value: number, { hyphen }: Manner): string {
  if (value < 20) return small[value]!;
  return tens[Math.floor(value / 10)]! + (value % 10 ? hyphen + small[value % 10]! : "");
}

function threeDigits(value: number, manner: Manner, first: boolean): string {
  const [hundreds, rest] = [Math.floor(value / 100), value % 100];
  const and = manner.and && rest > 0 && (hundreds > 0 || !first) ? "and " : "";
  const parts = [hundreds > 0 ? `${small[hundreds]} hundred` : "", rest > 0 ? and + twoDigits(rest, manner) : ""];
  return parts.filter((part) => part !== "").join(" ");
}

function say(value: number, manner: Manner): string {
  if (value === 0) return "zero";
  const parts: string[] = [];
  for (let power = 4; power >= 0; power--) {
    const group = Math.floor(value / 1000 ** power) % 1000;
    // "and" stands before the last two digits, not before thousands.
    const said = threeDigits(group, manner, parts.length === 0 || power > 0);
    if (group > 0) parts.push(power > 0 ? `${said} ${scales[power]}` : said);
  }
  return parts.join(" ");
}

/** The value that was written: "12,345", "5 million". */
function valueOf(text: string): number {
  const [number, scale = ""] = text.split(" ") as [string, string?];
  const word = small.indexOf(number);
  return word >= 0 && scale === "" ? word : Number(number.replaceAll(",", "")) * 1000 ** scales.indexOf(scale);
}

function* numbers(): Generator<number> {
  for (let value = 0; value <= 20_000; value++) yield value;
  for (let power = 4; power <= 12; power++) {
    for (const offset of [-101, -100, -11, -1, 0, 1, 9, 10, 99, 100, 999, 1000]) {
      yield Math.min(10 ** power + offset, 10 ** 12);
      yield Math.min(5 * 10 ** power + offset, 10 ** 12);
    }
  }
  let state = 1; // A linear congruential generator: the same sample each time.
  for (let count = 0; count < 2_000; count++) {
    state = (state * 48_271) % 2_147_483_647;
    yield Math.floor((state / 2_147_483_647) * 10 ** (5 + count % 8));
  }
}

test("spoken numbers to a trillion are read back", () => {
  const failed: string[] = [];
  for (const value of numbers()) {
    for (const manner of value < 2_000 || value > 20_000 ? manners : [manners[value % 2]!]) {
      const said = say(value, manner);
      const text = write(said);
      if (valueOf(text) !== value || (value > 9) !== /^\d/.test(text)) failed.push(`${said} → ${text}`);
    }
  }
  expect(failed).toEqual([]);
});

const months = ("January February March April May June July August September October November December").split(" ");
const irregular = new Map([["one", "first"], ["two", "second"], ["three", "third"], ["five", "fifth"]]);
irregular.set("eight", "eighth").set("nine", "ninth").set("twelve", "twelfth");

function ordinal(value: number, manner: Manner): string {
  const said = twoDigits(value, manner);
  const last = said.split(/[- ]/).at(-1)!;
  return said.slice(0, said.length - last.length) + (irregular.get(last) ?? last.replace(/y$/, "ie") + "th");
}

/** "nineteen oh five", "two thousand and five", "twenty twelve". */
function sayYear(year: number, manner: Manner): string {
  const [century, rest] = [Math.floor(year / 100), year % 100];
  if (rest === 0) return year % 1000 === 0 ? say(year, manner) : `${twoDigits(century, manner)} hundred`;
  if (century === 20 && rest < 10) return say(year, manner);
  return `${twoDigits(century, manner)} ${rest < 10 ? `oh ${small[rest]}` : twoDigits(rest, manner)}`;
}

test("all dates of a hundred years are read back", () => {
  const failed: string[] = [];
  for (let at = Date.UTC(1950, 0, 1); at < Date.UTC(2050, 0, 1); at += 86_400_000) {
    const date = new Date(at);
    const [year, month, day] = [date.getUTCFullYear(), months[date.getUTCMonth()]!, date.getUTCDate()];
    const manner = manners[day % 2]!;
    const said = `${month} ${ordinal(day, manner)}${day % 3 ? "," : ""} ${sayYear(year, manner)}`;
    const text = write(said);
    if (text !== `${month} ${day}, ${year}`) failed.push(`${said} → ${text}`);
  }
  expect(failed).toEqual([]);
});

test("all minutes of a day are read back", () => {
  const failed: string[] = [];
  for (let at = 0; at < 24 * 60; at++) {
    const [hour, minute, half] = [Math.floor(at / 60) % 12 || 12, at % 60, at < 720 ? "a.m." : "p.m."];
    const manner = manners[at % 2]!;
    const minutes = minute === 0 ? "" : minute < 10 ? ` oh ${small[minute]}` : ` ${twoDigits(minute, manner)}`;
    const said = `at ${small[hour]}${minutes} ${half}`;
    const text = write(said);
    const clock = minute === 0 ? `${hour}` : `${hour}:${String(minute).padStart(2, "0")}`;
    if (text !== `at ${clock} ${half}`) failed.push(`${said} → ${text}`);
  }
  expect(failed).toEqual([]);
});

test("a megabyte of anything takes the processor about a second, and four times as long as a quarter of it", () => {
  const costMs = (unit: string, length: number) => {
    const text = unit.repeat(length / unit.length);
    const start = process.cpuUsage();
    expect(write(text), unit).not.toBe("");
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  costMs("one ", 1e5); // The compiler has seen it.
  for (const unit of ["one ", "hundred ", "point ", "five dot ", "o "]) {
    const [short, long] = [costMs(unit, 2.5e5), costMs(unit, 1e6)];
    expect(long, unit).toBeLessThan(8 * short + 100); // Four times as long; what grows as the square takes 16 times.
    expect(long, unit).toBeLessThan(3000); // A second and less where it was written; machines differ.
  }
});
