/**
 * One spelling for the grammar to read: Traditional characters, capitals (壹貳參) and digits as they are said over the
 * phone (幺洞拐) become the plain numerals and words. In: a text. Out: the text and its folded form of the same length,
 * so that a position is good for both. Pure.
 */

export type Folded = { readonly source: string; readonly text: string };

// Pairs: what is written, what the grammar reads.
const plain = "〇零兩两壹一贰二貳二叁三叄三柒七捌八玖九佰百仟千萬万億亿點点負负號号個个塊块圓元錢钱時时鐘钟" +
  "鍾钟週周禮礼拜拜幾几來来餘余數数後后級级屆届歲岁樓楼層层間间隻只條条張张羅罗國国義义義义維维碼码變变橋桥漢汉" +
  "聖圣門门華华龍龙場场業业專专東东絲丝兩两雙双會会門门馬马車车線线達达獨独廣广麗丽寶宝陽阳陰阴農农曆历舊旧臘腊" +
  "閏闰發发揮挥體体溫温氣气攝摄氏氏額额動动種种類类項项輛辆臺台檯台幢幢筆笔課课題题頁页場场聲声門门戶户處处" +
  "課课屆届節节級级齣出頭头幀帧趟趟遍遍為为進进過过裏里裡里從从給给對对領领贏赢輸输勝胜當当現现間间傍傍淩凌" +
  "晝昼聽听說说嘅嘅萬万單单總总統统計计電电話话號号帳账戶户賬账卡卡編编機机訊讯員员齡龄銀银約约開开紅红綠绿" +
  "燈灯鄉乡縣县鎮镇衛卫視视頻频歷历經经傳传書书樂乐飛飞劍剑俠侠鳳凤靈灵鬼鬼與与無无緒绪慶庆豐丰貞贞觀观" +
  "啟启禎祯寧宁應应順顺順顺順顺隆隆熙熙熱热長长輕轻遠远貴贵強强慢慢快快難难晚晚亂乱釐厘毫毫噸吨磅磅畝亩頓顿" +
  "詩诗詞词絃弦劃划戰战爭争運运鬧闹輪轮學学員员講讲記记錄录顆颗滿满夠够邊边亞亚蘭兰歐欧美美韓韩幣币镑镑鎊镑" +
  "蘇苏鎊镑鐵铁爾尔湯汤滅灭撿捡鄰邻復复復复願愿壞坏傑杰婦妇婦妇齊齐啦啦嗎吗啲啲們们這这麼么隊队響响產产區区" +
  "誕诞愛爱謊谎邨村諾诺衝冲鋪铺堡堡萊莱奧奥佈布邊边內内幫帮郵邮貼贴雜杂誌志處处畫画劇剧員员藝艺獎奖際际龜龟";

/** Capitals that are also everyday characters (大陸, 隊伍, 參加, 收拾): numerals beside another capital only. */
const everyday = new Map([..."陆六陸六伍五參三参三肆四拾十"].reduce(pairs, []));
const capitals = "壹贰貳叁叄肆伍陆陸柒捌玖拾佰仟參参";
const radio = new Map(
  [..."幺一洞零拐七勾九"].reduce(pairs, []).map(([said, digit]) => [said.charCodeAt(0), digit.charCodeAt(0)]),
);

function pairs(all: [string, string][], character: string, index: number, line: string[]): [string, string][] {
  if (index % 2 === 1) all.push([line[index - 1] ?? "", character]);
  return all;
}

/** What each UTF-16 unit is folded to. */
const folded = Uint16Array.from({ length: 0x10000 }, (_, code) => code);
for (const [from, to] of [...plain].reduce(pairs, [])) folded[from.charCodeAt(0)] = to.charCodeAt(0);
for (let digit = 0; digit < 10; digit++) folded[0xff10 + digit] = 0x30 + digit;
const everydayCodes = new Set(Array.from(everyday.keys(), (character) => character.charCodeAt(0)));

export function fold(source: string): Folded {
  const codes = new Uint16Array(source.length);
  for (let at = 0; at < codes.length; at++) codes[at] = foldedAt(source, at);
  foldRadio(codes);
  return { source, text: fromCodes(codes) };
}

/** In blocks, because a call takes a limited number of arguments. */
function fromCodes(codes: Uint16Array): string {
  const blocks: string[] = [];
  for (let at = 0; at < codes.length; at += 4096) blocks.push(String.fromCharCode(...codes.subarray(at, at + 4096)));
  return blocks.join("");
}

function foldedAt(source: string, at: number): number {
  const code = source.charCodeAt(at);
  if (!everydayCodes.has(code)) return folded[code] ?? code;
  const numeral = everyday.get(source[at] ?? "")?.charCodeAt(0) ?? code;
  let start = at - 1;
  while (start > at - 4 && "点點零万萬亿億".includes(source[start] ?? " ")) start--;
  const before = source[start];
  const isCapital = isCapitalNumeral(before) || isCapitalNumeral(source[at + 1]);
  // 伍万, but not the last character of 大陆 before 万人.
  const isScaled = isScale(source[at + 1]) && !/\p{sc=Han}/u.test(before ?? "");
  return isCapital || isScaled || (source[at] === "拾" && isBank(source[at + 1])) ? numeral : code;
}

const isCapitalNumeral = (character: string | undefined) => character !== undefined && capitals.includes(character);
const isScale = (character: string | undefined) => character !== undefined && "万萬亿億".includes(character);
const isBank = (character: string | undefined) => character !== undefined && "万萬元圆圓".includes(character);

const [point, one] = ["点".charCodeAt(0), "一".charCodeAt(0)];

/** Digits said over the phone count in a row of three or more with a 幺 or with three plain digits. */
function foldRadio(codes: Uint16Array): void {
  for (let at = 0; at < codes.length; at++) {
    const start = at;
    let [plainDigits, ones, others] = [0, 0, 0];
    for (; at < codes.length; at++) {
      const kind = kindOf(codes[at]);
      if (kind === kinds.digit) plainDigits++;
      else if (kind === kinds.one) ones++;
      else if (kind === kinds.radio) others++;
      else break;
    }
    // The last part of an address: 零点幺.
    if (ones === 1 && at - start === 1 && codes[start - 1] === point) codes[start] = one;
    if (at - start < 3 || ones + others === 0 || (ones === 0 && plainDigits < 3)) continue;
    for (let i = start; i < at; i++) codes[i] = radio.get(codes[i] ?? 0) ?? codes[i] ?? 0;
  }
}

/** What a character is to the grammar. */
const kinds = { none: 0, digit: 1, unit: 2, rareUnit: 3, one: 4, radio: 5 };
const kindTable = new Uint8Array(0x10000);
const mark = (characters: string, kind: number) => {
  for (const character of characters) kindTable[character.charCodeAt(0)] = kind;
};
mark("零一二两三四五六七八九", kinds.digit);
mark("十百千万亿", kinds.unit);
mark("兆廿卅卌", kinds.rareUnit);
mark("幺", kinds.one);
mark("洞拐勾", kinds.radio);

const kindOf = (code: number | undefined) => code === undefined ? kinds.none : kindTable[code];
const kindAt = (text: string, at: number) => at < 0 || at >= text.length ? kinds.none : kindTable[text.charCodeAt(at)];

export const digitValues = new Map(
  [..."零一二三四五六七八九两"].map((character, at) => [character, at === 10 ? 2 : at]),
);

export const isDigitAt = (text: string, at: number) => kindAt(text, at) === kinds.digit;
/** 十, 百, 千, 万 or 亿. */
export const isUnitAt = (text: string, at: number) => kindAt(text, at) === kinds.unit;
/** A unit, 兆, or one of 廿, 卅 and 卌. */
export const isTensAt = (text: string, at: number) => isNumeralAt(text, at) && !isDigitAt(text, at);
export function isNumeralAt(text: string, at: number): boolean {
  const kind = kindAt(text, at) ?? kinds.none;
  return kind !== kinds.none && kind <= kinds.rareUnit;
}

/** Where the numerals that start at a position end. */
export function runEnd(text: string, at: number): number {
  while (isNumeralAt(text, at)) at++;
  return at;
}
