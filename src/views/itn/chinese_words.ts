/**
 * What numbers in Chinese text stand among: words, idioms, names and titles that hold numerals and stay, classifiers,
 * and the words that tell a clock, a score or a temperature. In: a folded text and a position. Out: what stands there.
 * Data; everything is in the folded spelling (`chinese_fold.ts`).
 */

import { isNumeralAt } from "./chinese_fold.ts";
import { countingWords, words } from "./chinese_lexicon.ts";

type Word = { readonly word: string; readonly notBefore: string };

const split = (list: string) => list.split(/\s+/).filter((word) => word !== "");

function groupBy<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

type Finder = (text: string, at: number) => boolean;

/** Whether a word of the list starts at a position. */
function ahead(list: string): Finder {
  const words = groupBy(split(list), (word) => word[0] ?? "");
  return (text, at) => words.get(text[at] ?? "")?.some((word) => text.startsWith(word, at)) === true;
}

/** Whether a word of the list ends at a position. */
function behind(list: string): Finder {
  const words = groupBy(split(list), (word) => word.at(-1) ?? "");
  return (text, at) => words.get(text[at - 1] ?? "")?.some((word) => text.endsWith(word, at)) === true;
}

const byStart = (list: string) =>
  groupBy(
    split(list).map((entry): Word => ({ word: entry.replace(/!.*/, ""), notBefore: entry.replace(/^[^!]*!?/, "") }))
      .sort((a, b) => b.word.length - a.word.length),
    ({ word }) => word.slice(0, 2),
  );
const wordsByStart = byStart(words);
const allWordsByStart = byStart(words + countingWords);

/** Where the longest word that stays and starts at the position ends; the position itself if none does. */
function wordEnd(text: string, at: number, all: boolean): number {
  const candidates = (all ? allWordsByStart : wordsByStart).get(text.slice(at, at + 2));
  if (candidates === undefined || (text.startsWith("十分", at) && isFullMarks(text, at))) return at;
  if (text[at - 1] === "第" && isNumeralAt(text, at)) return at;
  for (const { word, notBefore } of candidates) {
    if (!text.startsWith(word, at)) continue;
    const end = at + word.length;
    const next = text[end];
    // A number is not cut in two: 三月三 is a festival, 三月三十日 a day.
    const cutsRun = isNumeralAt(text, at) && text[at] !== "万" && isNumeralAt(text, end - 1) && isNumeralAt(text, end);
    if (next === undefined || !(cutsRun || notBefore.includes(next))) return end;
  }
  return at;
}

/** Where a weekday ends: 星期三, and 周三 unless a longer number follows (每周三十个小时). */
function weekdayEnd(text: string, at: number): number {
  const length = text.startsWith("星期", at) || text.startsWith("礼拜", at) ? 2 : text[at] === "周" ? 1 : 0;
  const end = at + length + 1;
  if (length === 0 || !"一二三四五六".includes(text[end - 1] ?? " ")) return at;
  // 一周三次 counts weeks.
  if (length === 1 && (isNumeralAt(text, at - 1) || /\d/.test(text[at - 1] ?? ""))) return at;
  if (length === 2 || !isNumeralAt(text, end)) return end;
  return /^(?:二?十[一二三]?|[一二两三四五六七八九])点/.test(text.slice(end, end + 4)) ? end : at;
}

/** The second characters of everyday words with a digit in front, which take it away from a number before. */
const wordsOfOne = "起样直般定些旦共切致向律带流并再概瞬齐半";

/** Whether an everyday word with a digit in front starts here: 一起, 一样. */
export function startsWord(text: string, at: number): boolean {
  return text[at] === "一" && wordsOfOne.includes(text[at + 1] ?? " ");
}

const classifiers = new Set(
  "个位只条张本把件次回遍趟名天周月年日号夜岁款种类项篇首部台辆架艘匹头口座栋层楼排组队套双对副瓶杯碗盘盒" +
    "包袋箱桶罐壶片颗粒根支枝枚朵棵株滴堆群批帮伙份封页章节集季场局圈轮句段步声笔门道课题届级代户家所处顿盏面扇枪发幅" +
    "起块则桩帧",
);

export const isClassifier = (character: string | undefined) => character !== undefined && classifiers.has(character);

/** Units of measure that a digit alone may stand before when all numbers are written as digits. */
export const startsMeasure = ahead(`
公里 公斤 公分 公顷 千克 厘米 毫米 分米 平方 立方 小时 分钟 秒 米 克 斤 吨 升 毫升 英里 英尺 英寸 海里 里 尺 寸
亩 度 倍 折 成 元 角 毛 美元 欧元 英镑 日元 人`);

/** What a digit alone counts when it is written too; other classifiers make words with it (三角, 两面, 一度). */
export const startsCounted = ahead(`
个 位 只 条 张 本 把 件 次 回 遍 趟 名 天 周 年 岁 款 种 项 篇 首 台 辆 架 艘 匹 栋 层 楼 排 组 队 套 双 对 瓶 杯 碗 盘 盒 包 袋
箱 桶 罐 壶 片 颗 粒 根 支 枝 朵 棵 株 滴 份 封 页 章 集 场 轮 句 步 笔 道 课 届 号 帧 顿 盏 人 元 块 折 倍 公里 公斤 公分 公顷
千克 厘米 毫米 平方 立方 小时 分钟 秒 米 克 斤 吨 升 毫升 英里 英尺 英寸 海里 亩 美元 欧元 英镑 日元`);

const dayParts = `
凌晨 清晨 早上 早晨 上午 中午 正午 下午 傍晚 晚上 夜里 夜晚 半夜 深夜 今晚 明晚 昨晚 今早 明早 午后 午夜 当晚
朝早 下昼 晏昼 听晚 听朝 晚间 早间 时间`;
const weekdays = [..."一二三四五六日天"].map((name) => `周${name} 期${name} 拜${name}`).join(" ");

export const followsDayPart = behind(dayParts);
const followsDate = behind(`${dayParts} ${weekdays} 今天 明天 昨天 后天 前天 当天 现在 周日 日 号`);
export const precedesEvent = ahead(`
出发 开始 开会 集合 起飞 登机 上课 下课 上班 下班 起床 睡觉 到站 发车 开车 开播 结束`);
/** Whether a number that could be a decimal is a time, by what stands around it. */
export const isClockTime = (text: string, start: number, end: number) =>
  followsDate(text, start) || precedesEvent(text, end);

const scores = `
得 得了 评分 打了 平均 均分 考了 扣了 加了 给了 拿了 绩点 拿到 得到 考 扣 豆瓣 领先 落后 打出 分数 高达 打 给
得分`;
export const isScore = behind(scores);
/** 十分 is "very"; behind these it is ten marks. */
const isFullMarks = behind(`${scores} 加 差 每题 满分 才 赢 输 值 各`);

const followsDegrees = behind(`
零下 零上 摄氏 华氏 气温 温度 体温 高温 低温 水温 室温 升温 降温 温差`);
/** Whether a temperature was named right before, or a few characters before: 气温是五度. */
export const isTemperature: Finder = (text, at) => [0, 1, 2].some((gap) => followsDegrees(text, at - gap));

const followsCode = behind("号 码 尾号 编号 后四位 后三位 卡号 微信 代码 账号 学号 工号 单号 车牌 分机 打 拨 按");
const precedesCode = ahead("房 室 路 次列车 航班 国道 寝室 宿舍");
/** Whether a string of digits is read out as a code, however regular it looks. */
export const isCode = (text: string, start: number, end: number) =>
  [0, 1, 2].some((gap) => followsCode(text, start - gap)) || precedesCode(text, end);

/** Calendars whose dates stay in words. */
const calendars = groupBy(
  split(`
农历 阴历 旧历 正月 腊月 冬月 闰 大年 民国 康熙 雍正 乾隆 嘉庆 道光 咸丰 同治 光绪 宣统 洪武 永乐 万历 崇祯
贞观 开元 天宝 昭和 平成 令和 明治 大正 建安 元丰 庆历`),
  (name) => name[0] ?? "",
);

/** Where a date of another calendar that starts at the position ends; the position itself if none does. */
function otherDateEnd(text: string, at: number): number {
  const calendar = calendars.get(text[at] ?? "")?.find((name) => text.startsWith(name, at));
  if (calendar === undefined) return at;
  let end = at + calendar.length;
  const start = end;
  while (end < start + 24 && "零一二三四五六七八九十百廿卅年月日号初闰".includes(text[end] ?? " ")) end++;
  return end === start ? at : end;
}

const titleMax = 40;

/** Where a title in 《》 ends; the position itself if none starts there. */
function titleEnd(text: string, at: number): number {
  if (text[at] !== "《") return at;
  const close = text.slice(at, at + titleMax).indexOf("》");
  return close < 0 ? at : at + close + 1;
}

/** Marks the characters that anything which stays begins with, for a scan is mostly over others. */
const starts = new Uint8Array(0x10000);
for (const key of [...allWordsByStart.keys(), ...calendars.keys(), "星", "礼", "周", "《"]) {
  starts[key.charCodeAt(0)] = 1;
}

/** Where a title, a word, a weekday or a date of another calendar ends; the position itself if none starts there. */
export function stayEnd(text: string, at: number, all: boolean): number {
  if (starts[text.charCodeAt(at)] === 0) return at;
  return Math.max(titleEnd(text, at), wordEnd(text, at, all), weekdayEnd(text, at), otherDateEnd(text, at));
}
