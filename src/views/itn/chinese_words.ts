/**
 * What numbers in Chinese text stand among: words, idioms, names and titles that hold numerals and stay, classifiers,
 * and the words that tell a clock, a score or a temperature. In: a folded text and a position. Out: what stands there.
 * Data; everything is in the folded spelling (`chinese_fold.ts`).
 */

import { isNumeralAt } from "./chinese_fold.ts";

/**
 * Words that stay as they are. Only words whose numerals would change are needed: a digit alone stays anyway. A word
 * with `!` is none before the characters behind the mark: 十分重要, but 十分钟.
 */
const words = `
十足!球够 十字 十全十美 十全大补 十恶 十拿九稳 十有八九 十之八九 十室九空 十面埋伏 十万火急 十万八千里 十万大山 十万个为什么
十年寒窗 十年树木 十年如一日 十年九 十年磨一剑 十年生死 十年一觉 十年河东 十年河西 十里长街 十里洋场 十里八乡 十里桃花
十里红妆 十里亭 十里堡 十里河 十里店 十里铺 十里之外 十步 十指 十方!米英 十世!纪 十佳 十大!卡桶箱包袋 十诫 十日谈
十番 十样锦 十滴水 十堰 十渡 十陵 十三陵 十三行 十三香 十三经 十三邀 十三姨 十三太保 十三点不 十三不靠 十三机兵
十三能织素 十四学裁衣 十五弹箜篌 十六诵诗书 十七为君妇 十四为君妇 十五始展眉 十六君远行 十四行诗 十五的月亮 十六圆
十六铺 十六字令 十六字诀 十七孔桥 十七岁的单车 十七岁的雨季 十八般 十八罗汉 十八铜人 十八相送 十八弯 十八线 十八层地狱
十八反 十八梯 十八洞村 十八里铺 十八里店 十八里相送 十八的姑娘 十八大 十九大 十七大 十六大 十五大 二十大!卡桶箱
十二生肖 十二星座 十二时辰 十二金钗 十二橡树 十二公民 十二怒汉 十二国记 十二猴子 十二指肠 十二平均律 十二夜 十二道锋味
十二月党人 十一月党人 十一维 十一郎 十一罗汉 十一黄金周 十一长假 十一假期 十一小长假 十一放假 十一期间 十一国庆 十一出游
十一前后 十一回家 十一去 十一的肖邦 十一月的肖邦 十一月的萧邦 十来年前 十围 十目所视 十死无生 十万八千 十万青年
十月革命 十月围城 十月怀胎 十送红军 十香 十娘 十姐妹 十项全能 十动然拒 十分!钟之米 十全街 十梓街
二十四节气 二十四孝 二十四史 二十五史 二十四桥 二十四味 二十八宿 二十八星宿 二十五弦 二十不惑 二十世纪福克斯 二十弱冠
三十六计 三十六行 三十六策 三十六变 三十六天罡 三十而立 三十而已 三十年河东 三十年河西 三十功名 三十三重天 三十三天 三十三间堂
三十老明 三十如狼 四十不惑 四十而不惑 四十大盗 四十如虎 四十二章经 四十三年望中 四十七浪人 五十知天命 五十而知天命
五十步 五十弦 五十度灰 五十岚 五十铃 五十肩 六十花甲 六十甲子 六十而耳顺 六十四卦 七十二变 七十二行 七十二般 七十二家房客
七十二地煞 七十二贤 七十古来稀 七十而从心 七十三八十四 八十天环游地球 八十老母 九十九曲 九十春光 百二十回
二百五!十百千元块人个位万只斤公毫分年天米 三百六十行 三百六十五里路 三百六十五行 唐诗三百首 宋词三百首 诗三百 三百篇 一百零八将 一百零八好汉
一百单八将 一百条裙子 一百零一次求婚 一百个放心 一百二十个放心 一百个不 一百个愿意 一千零一夜 一千个伤心的理由 一千个哈姆雷特
一千年以后 一万个不 一万个为什么 一万个舍不得 一万年太久 一万小时定律 两万五千里长征 两百五 九百九十九朵玫瑰
三千弱水 弱水三千 三千世界 三千大千世界 三千烦恼丝 三千宠爱 三千佳丽 后宫佳丽三千 三千丈 三千尺 食客三千 五千年文明
八百里加急 八百里分麾下 八百里秦川 八百里洞庭 八千里路云和月 八千湘女 八百壮士 八百罗汉 五百罗汉 南朝四百八十寺 会须一饮三百杯
斗十千 双手合十 合十 闻一知十 以一当十 一目十行 一暴十寒 一曝十寒 一五一十 一百八十度大转弯 三万六千个毛孔
三生三世 春风十里 杜十娘 萧十一郎 红十字 双十一 双十二 双十 国庆十一 初十 年三十 大年三十 七七四十九 三七二十一 九九八十一
五光十色 八九不离十 聚九成十 得寸进十 数十年如一日  党的二十大
五月天 五月花 五月病 五月的鲜花 六月雪 六月飞雪 六月飞霜 七月流火 八月桂花 八月秋高 九月鹰飞 三月三!日号 三月街 三月不知肉味 烟花三月 阳春三月
人间四月天 四月是你的谎言 七月与安生 七月半 三月下扬州 烽火连三月 二月春风 二月红 二月兰 二月河 二月二!十日号 五月五!十日号 七月七!十日号 九月九!十日号
六月六!十日号 八月十五!日号 正月十五 七月七日长生殿 四月物语 一月一次 一月两次 一月三次 一月一度 九月九日忆山东 三月学雷锋
一点一滴 一点半点 一点红 三点式 三点水 两点水 三点一线 两点一线 一点五线 四点底 三点底 一点就 一点通 一点点 一点一点
五四运动 五四青年 九一八 一二九 一二八事变 七七事变 八一三 三一五晚会 三五九旅 三六九等 二五八万 二五八团 五二零告白 三八妇女节
零零散散 零零星星 零零碎碎 零零总总 三三两两 七七八八 一一二二 一二三四五六七 一二三产业 一二三线 二三四线 三四五线 四五六线 八二三炮战 七三一部队
万一 两个一百年 一心一意 一年一度 三番五次 五五开 四六级 六六大顺 四舍五入 五讲四美 四海八荒 六神无主 八佰
  三分之计 三分天下 七分饱 一比一定
一长一短 一来二去 负一楼 负二楼 负一层 负二层 负三层 负三楼 负三月
负二代 不负三 一刻千金 一刻也 一刻钟 三刻拍案 一刻不
第一百货 第二百货 第三百货 第六百货 第一百零一次 第十放映室 第二十二条军规 第十三号仓库
百分百女孩 百分之百女孩 千分之一秒
一零一忠狗 一百零一忠狗 二四六八 三二一 一三五 二四六 五四三二一 一二三木头人 一三五七九 七零八落 八六版 三零年代
三一重工 三一集团 五一广场 五一路 八一路 四九城 一八七军团 三七互娱 三七分 五二三高地 六一儿童节 五一劳动节 五一国际劳动节 八一建军节 七一建党节
八一电影 八一南昌 一二七大罢工 二七大罢工 二七区 二七广场 三一运动 三八线 三八红旗手 九三学社 九八抗洪 六四一 七五普法
五五分 三三制 四四方方 一一对应 二二得四 九九乘法 三三得九 六六三十六 五五二十五 八八六十四 四四十六 九九归一 七上八下
`;

type Word = { readonly word: string; readonly notBefore: string };

const split = (list: string) => list.split(/\s+/).filter((word) => word !== "");

function groupBy<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...groups.get(key(item)) ?? [], item]);
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

const wordsByStart = groupBy(
  split(words).map((entry): Word => ({ word: entry.replace(/!.*/, ""), notBefore: entry.replace(/^[^!]*!?/, "") }))
    .sort((a, b) => b.word.length - a.word.length),
  ({ word }) => word.slice(0, 2),
);

/** Where the longest word that stays and starts at the position ends; the position itself if none does. */
function wordEnd(text: string, at: number): number {
  const candidates = wordsByStart.get(text.slice(at, at + 2));
  if (candidates === undefined || (text.startsWith("十分", at) && isFullMarks(text, at))) return at;
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
  if (length === 2 || !isNumeralAt(text, end)) return end;
  return /^十[一二]?点/.test(text.slice(end, end + 3)) ? end : at;
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
for (const key of [...wordsByStart.keys(), ...calendars.keys(), "星", "礼", "周", "《"]) starts[key.charCodeAt(0)] = 1;

/** Where a title, a word, a weekday or a date of another calendar ends; the position itself if none starts there. */
export function stayEnd(text: string, at: number): number {
  if (starts[text.charCodeAt(at)] === 0) return at;
  return Math.max(titleEnd(text, at), wordEnd(text, at), weekdayEnd(text, at), otherDateEnd(text, at));
}
