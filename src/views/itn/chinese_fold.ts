/**
 * One spelling for the grammar to read: Traditional characters, capitals (壹貳參) and digits as they are said over the
 * phone (幺洞拐) become the plain numerals and words. In: a text. Out: the text and its folded form of the same length,
 * so that a position is good for both. Pure.
 */

export type Folded = { readonly source: string; readonly text: string };

// Pairs: what is written, what the grammar reads.
const plain = [
  "〇零兩两壹一贰二貳二叁三叄三柒七捌八玖九萬万億亿點点負负",
  "與与專专東东絲丝個个豐丰為为爲为麗丽舉举麼么樂乐鄉乡書书亂乱爭争於于雲云畝亩親亲從从倉仓價价眾众衆众夥伙會会傳传傷伤倫伦體体餘余兒儿圓元黨党蘭兰內内岡冈軍军農农淨净淩凌幾几齣出擊击劃划則则劍剑動动勁劲匱匮區区華华單单",
  "曆历歷历釐厘縣县雙双發发變变隻只檯台臺台號号後后嗎吗噸吨聽听週周鹹咸團团圍围國国場场塊块堅坚壯壮聲声壺壶處处復复夠够頭头妝妆婦妇學学寶宝寵宠宮宫寬宽寢寝對对壽寿將将層层屆届屬属歲岁嵐岚佈布帥帅帶带幀帧幫帮並并慶庆牀床",
  "庫库開开張张絃弦彎弯彈弹強强歸归當当徵征憶忆懷怀總总惡恶惱恼願愿戰战戶户揚扬擔担撥拨攬揽攝摄數数齋斋無无舊旧時时晝昼術术機机殺杀權权邨村條条來来槍枪棟栋樹树樣样橋桥樁桩樓楼歐欧氣气漢汉汙污溝沟溫温遊游滿满煙烟煩烦熱热",
  "愛爱獨独獄狱環环現现電电盞盏盜盗盤盘著着睜睁碼码禮礼禎祯離离種种穩稳筆笔類类紅红約约級级紀纪線线組组織织經经結结給给絡络統统績绩緒绪繩绳維维編编羅罗罷罢羣群腸肠勝胜腳脚臘腊藝艺節节蘿萝蕭萧虛虚補补觀观規规視视覺觉計计",
  "記记論论訣诀評评識识詞词詩诗話话誡诫語语說说説说誦诵讀读課课談谈謊谎貞贞賢贤帳账賬账貨货販贩貴贵賭赌贏赢車车轉转輪轮軟软輕轻載载較较輛辆輸输邊边達达過过運运還还這这進进遠远連连裏里裡里針针釵钗鍾钟鐘钟錢钱鐵铁鈴铃銅铜",
  "銀银鋪铺鋒锋錦锦鎊镑鏡镜長长門门閉闭問问閏闰閒闲間间聞闻隊队陽阳陰阴難难靜静頁页頃顷項项順顺須须顧顾頓顿領领顆颗題题額额風风飛飞飲饮餅饼馳驰驅驱魚鱼鮮鲜鷹鹰黃黄齊齐龍龙",
].join("");

/** Capitals that are also everyday characters (大陸, 隊伍, 參加, 收拾; 八佰 is a film): numerals beside another capital only. */
const everyday = new Map([..."陆六陸六伍五參三参三肆四拾十佰百仟千"].reduce(pairs, []));
const capitals = "壹贰貳叁叄肆伍陆陸柒捌玖拾佰仟參参";
const radio = new Map(
  [..."幺一洞零拐七勾九"].reduce(pairs, []).map(([said, digit]) => [said.charCodeAt(0), digit.charCodeAt(0)]),
);

function pairs(all: [string, string][], character: string, index: number, line: string[]): [string, string][] {
  if (index % 2 === 1) all.push([line[index - 1] ?? "", character]);
  return all;
}

/** What each UTF-16 unit is folded to. */
const folded = new Uint16Array(0x10000);
for (let code = 0; code < folded.length; code++) folded[code] = code;
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
  const isUnit = "拾佰仟".includes(source[at] ?? " ");
  while (!isUnit && start > at - 4 && "点點零万萬亿億元圆圓角".includes(source[start] ?? " ")) start--;
  const before = source[start];
  const isCapital = isCapitalNumeral(before) || isCapitalNumeral(source[at + 1]);
  // 伍万, but not the last character of 大陆 before 万人.
  const isScaled = isScale(source[at + 1]) && !/\p{sc=Han}/u.test(source[at - 1] ?? "");
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
