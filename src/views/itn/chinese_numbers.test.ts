import { expect, test } from "bun:test";
import fc from "fast-check";
import Nzh from "nzh";
import { written } from "../piece.ts";
import { chineseItn } from "./chinese.ts";

const itn = (source: string, all = false) => written(chineseItn(source, { all }));

const scales: Readonly<Record<string, number>> = { "": 1, "万": 1e4, "亿": 1e8, "万亿": 1e12 };

/** The value of a written number: 12345, 1.2亿. */
function valueOf(text: string): number {
  const [, digits = "", scale = ""] = /^(\d+(?:\.\d+)?)(万亿|亿|万)?$/.exec(text) ?? [];
  return digits === "" ? NaN : Math.round(Number(digits) * (scales[scale] ?? NaN));
}

/** A call for many, because tests are to be quick. */
function itnEach(spoken: readonly string[]): string[] {
  return itn(spoken.join("，")).split("，");
}

/** The numbers from 10 that do not come back from a way to say them. */
function lost(numbers: Iterable<number>, speak: (value: number) => string) {
  const values = [...numbers].filter((value) => value >= 10);
  const spoken = values.map(speak);
  const written = itnEach(spoken);
  return values.flatMap((value, at) =>
    valueOf(plain(written[at] ?? "")) === value ? [] : [{ value, spoken: spoken[at], written: written[at] }]
  );
}

const plain = (text: string) => text.replaceAll("萬", "万").replaceAll("億", "亿");

function* spread(): Iterable<number> {
  for (let power = 10; power <= 1e12; power *= 10) {
    for (let digit = 1; digit < 10; digit++) {
      for (const offset of [-101, -11, -1, 0, 1, 10, 100, 1000, 10_000]) {
        const value = power * digit + offset;
        if (value >= 0 && value <= 1e12) yield value;
      }
    }
  }
  // A multiplicative sequence with a fixed seed, over all magnitudes.
  let state = 1;
  for (let count = 0; count < 1500; count++) {
    state = state * 48271 % 2147483647;
    const digits = 2 + count % 11;
    yield Math.floor(state / 2147483647 * 10 ** digits);
  }
}

test("what an independent writer says for 0 to 20,000 comes back", () => {
  expect(lost(Array.from({ length: 20_001 }, (_, value) => value), (value) => Nzh.cn.encodeS(value))).toEqual([]);
  expect(Array.from("零一二三四五六七八九", (digit) => itn(digit)).join("")).toBe("零一二三四五六七八九");
});

test("up to a million million in words, with 两, in Traditional and in capitals", () => {
  const liang = (value: number) => Nzh.cn.encodeS(value).replace(/二(?=[千万亿])(?<![十百]二)/g, "两");
  for (const speak of [(value: number) => Nzh.cn.encodeS(value), liang]) expect(lost(spread(), speak)).toEqual([]);
  for (const writer of [Nzh.hk.encodeS, Nzh.cn.encodeB, Nzh.hk.encodeB]) {
    expect(lost(spread(), (value) => writer(value))).toEqual([]);
  }
});

test("decimals come back", () => {
  for (const value of [0.5, 3.14, 10.05, 99.99, 100.001, 12345.678, 0.0001]) {
    expect(itn(Nzh.cn.encodeS(value))).toBe(String(value));
  }
});

test("all dates of a hundred years", () => {
  const names = Array.from({ length: 32 }, (_, value) => Nzh.cn.encodeS(value));
  const [spoken, expected]: [string[], string[]] = [[], []];
  const end = Date.UTC(2050, 0, 1);
  for (let time = Date.UTC(1950, 0, 1); time < end; time += 86_400_000) {
    const date = new Date(time);
    const [year, month, day] = [String(date.getUTCFullYear()), date.getUTCMonth() + 1, date.getUTCDate()];
    const yearName = Array.from(year, (digit) => names[Number(digit)]).join("");
    spoken.push(`${yearName}年${names[month]}月${names[day]}日`);
    expected.push(`${year}年${month}月${day}日`);
  }
  expect(spoken.length).toBe(36_525);
  const wrong = itnEach(spoken).flatMap((text, at) => text === expected[at] ? [] : [[spoken[at], text]]);
  expect(wrong).toEqual([]);
});

test("all minutes of a day, in every way to say them", () => {
  const wrong: unknown[] = [];
  for (let hour = 0; hour < 24; hour++) {
    const hours = hour === 2 ? ["二", "两"] : [Nzh.cn.encodeS(hour)];
    for (let minute = 0; minute < 60; minute++) {
      const expected = minute === 0 ? undefined : `${hour}:${String(minute).padStart(2, "0")}`;
      for (const spoken of hours.flatMap((name) => waysToSay(name, minute))) {
        const whole = hour < 10 ? spoken : `${hour}点`;
        if (itn(spoken) !== (expected ?? whole)) wrong.push([spoken, itn(spoken)]);
      }
    }
  }
  expect(wrong).toEqual([]);
});

function waysToSay(hour: string, minute: number): string[] {
  if (minute === 0) return [`${hour}点`];
  const name = Nzh.cn.encodeS(minute);
  const ways = [`${hour}点${name}分`];
  if (minute < 10) ways.push(`${hour}点零${name}分`);
  else ways.push(`${hour}点${name}`);
  if (minute === 30) ways.push(`${hour}点半`);
  if (minute % 15 === 0) ways.push(`${hour}点${"一二三"[minute / 15 - 1]}刻`);
  return ways;
}

const characters = [
  ..."零〇一二三四五六七八九十百千万亿兆两幺洞拐廿卅点點分之百负負正第到至比又月日号年时半刻块元毛米度几多来余個个位天周",
  ..."人岁兩萬億壹贰參陆拾佰A3z5 ，。、《》初农历星期小秒钟上下午起样级后公斤克千瓦𠮷\n",
];
const text = fc.array(fc.constantFrom(...characters), { maxLength: 14 }).map((list) => list.join(""));
/** What a number may consist of; everything else must be in the output. */
const ofNumbers = /^[零〇一二三四五六七八九十百千万亿兆两幺洞拐廿卅点點分之负負正比半刻钟米度兩萬億壹贰參陆拾佰秒]+$/u;

test("nothing is lost, nothing becomes empty, and twice is once", () => {
  fc.assert(
    fc.property(text, fc.boolean(), (source, all) => {
      const pieces = chineseItn(source, { all });
      expect(pieces.map(({ from, to }) => source.slice(from, to)).join("")).toBe(source);
      const once = written(pieces);
      expect(itn(once, all)).toBe(once);
      for (const piece of pieces) {
        const spoken = source.slice(piece.from, piece.to);
        expect(piece.text).not.toBe("");
        if (piece.text !== spoken) {
          expect([spoken, ofNumbers.test(spoken), /\d/.test(piece.text)]).toEqual([spoken, true, true]);
        }
      }
    }),
    // The same texts in every run: a test that fails now and then tells nobody what broke.
    { numRuns: 3000, seed: 15835 },
  );
});

test("time grows with the length: a megabyte of one character, or two, in under a second", () => {
  for (const unit of ["一", "1", "点", "百分之"]) {
    const source = unit.repeat(Math.ceil(2 ** 20 / 3 / unit.length));
    const start = process.cpuUsage().user;
    chineseItn(source, { all: false });
    expect([unit, process.cpuUsage().user - start < 1_000_000]).toEqual([unit, true]);
  }
});
