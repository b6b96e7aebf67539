/** Tests of cue layout: known texts, random words, and the chosen layout against all others of a few words. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TimedWord } from "../document/document.ts";
import { splitWords } from "../document/unaligned.ts";
import { breakCosts, forbidden } from "./breaks.ts";
import { chineseCutter } from "../text/chinese.ts";
import type { Cue } from "./cue.ts";
import { CueLayout, layoutCues } from "./layout.ts";
import { lintSubtitles } from "./lint.ts";
import { defaultRules, type LayoutRules, rulesFor, styles } from "./rules.ts";
import { columnsOf } from "./width.ts";
import { seededRandom } from "../../tests/support/random.ts";

const cutChinese = chineseCutter(() =>
  readFileSync(join(import.meta.dirname!, "../../node_modules/jieba-wasm/pkg/web/jieba_rs_wasm_bg.wasm"))
);

/** The words of a text, one after the other, each lasting `msPerColumn` per column. */
function spoken(text: string, startMs = 0, msPerColumn = 70): TimedWord[] {
  let at = startMs;
  return splitWords(text).map((word) => {
    const start = at;
    at += columnsOf(word.trim()) * msPerColumn;
    return { text: word, startMs: start, endMs: at };
  });
}

function linesOf(text: string, rules: LayoutRules = defaultRules): string {
  return layoutCues([spoken(text)], rules, cutChinese).map(({ lines }) => lines.join("\n")).join("\n\n");
}

const bare = (text: string) => text.replace(/\s+/gu, "");
const faultsOf = (cues: readonly Cue[], rules: LayoutRules) =>
  lintSubtitles({
    format: "vtt",
    faults: [],
    cues: cues.map((cue, index) => ({ ...cue, line: index, number: NaN })),
  }, rules).map(({ message }) => message);

test("lines and cues end where the language pauses", () => {
  expect(linesOf(
    "When the weather is warm, we walk to the river and look at the boats that come from the north. Nobody knows " +
      "where they go in winter, but every spring they are back with the first swallows.",
  )).toMatchInlineSnapshot(`
    "When the weather is warm,
    we walk to the river and look at the boats

    that come from the north.
    Nobody knows where they go in winter,

    but every spring they are back
    with the first swallows."
  `);
});

test("a sentence after a pause is not shown before it, unless the cue before would be too short", () => {
  const starts = (texts: readonly string[], pauseMs: number) => {
    const words: TimedWord[] = [];
    for (const text of texts) words.push(...spoken(text, words.length === 0 ? 0 : words.at(-1)!.endMs + pauseMs));
    const sentences = words.filter((_, index) => index === 0 || /[.?!\u3002]$/u.test(words[index - 1]!.text));
    const cues = layoutCues([words], defaultRules, cutChinese);
    return sentences.map(({ startMs }) => startMs - cues.findLast((cue) => cue.startMs <= startMs)!.startMs);
  };
  for (const pauseMs of [310, 700, 1500, 1900]) {
    expect(starts(["We walk to the river.", " They go home."], pauseMs)).toEqual([0, 0]);
    expect(starts(["Where is it now?", " Nobody can say.", " So we wait here!"], pauseMs)).toEqual([0, 0, 0]);
    expect(
      starts(["\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002", "\u6211\u4eec\u53bb\u6563\u6b65\u5427\u3002"], pauseMs),
    ).toEqual([0, 0]);
  }
  expect(starts(["We walk to the river.", " They go home."], 200)[1]).toBeGreaterThan(1000);
  expect(starts(["No.", " They go home."], 400)[1]).toBeGreaterThan(500); // Alone, it would stay for 0.5 s.
});

test("the netflix style has limits of their own for Chinese, Japanese and Korean", () => {
  const limits: [string, number, number][] = [
    ["\u4eca\u5929\u53f0\u6e7e\u591a\u4e91\uff0c\u6c14\u6e29\u4e8c\u5341\u4e09\u5ea6\u3002", 32, 18],
    ["\u4eca\u65e5\u306f\u3068\u3066\u3082\u3044\u3044\u5929\u6c17\u3067\u3059\u306d\u3002", 26, 8],
    ["\uc624\ub298\uc740 \ub0a0\uc528\uac00 \uc544\uc8fc \uc88b\uc2b5\ub2c8\ub2e4. ", 32, 24],
    ["We walk to the river and look at the boats. ", 42, 20],
  ];
  for (const [text, colsMax, cpsMax] of limits) {
    const long = text.replace(/[.\u3002] ?$/u, "").repeat(8);
    expect(rulesFor(long, styles.netflix)).toMatchObject({ colsMax, cpsMax, linesMax: 2 });
    expect(rulesFor(long, defaultRules)).toBe(defaultRules);
    const cues = layoutCues([spoken(long, 0, 2000 / cpsMax)], styles.netflix, cutChinese);
    const columns = cues.flatMap(({ lines }) => lines.map(columnsOf));
    expect(Math.max(...columns)).toBeLessThanOrEqual(colsMax);
    expect(Math.max(...columns)).toBeGreaterThan(colsMax / 2);
    expect(faultsOf(cues, styles.netflix)).toEqual([]);
    const words = [{ text: text.trim(), startMs: 0, endMs: 300 }];
    const [fast] = layoutCues([words, [{ ...words[0]!, startMs: 900, endMs: 1200 }]], styles.netflix, cutChinese);
    expect(faultsOf([{ ...fast!, endMs: 834 }], styles.netflix).join()).toContain(`columns a second, over ${cpsMax}`);
  }
});

test("Chinese words stay whole", () => {
  expect(linesOf(
    "南京市长江大桥通车了，研究生命的起源是" +
      "生物学家的工作，中国科学院计算所的研究" +
      "人员也来参加了今天的会议。",
    { ...defaultRules, colsMax: 24 },
  )).toMatchInlineSnapshot(`
    "南京市长江大桥通车了，
    研究生命的起源是

    生物学家的工作，
    中国科学院计算所的

    研究人员也来
    参加了今天的会议。"
  `);
});

test("the dictionary is asked only where a break falls within Chinese", () => {
  const asked = (text: string) => {
    let count = 0;
    layoutCues([spoken(text)], defaultRules, (text) => (count++, cutChinese(text)));
    return count;
  };
  const english = "When the weather is warm, we walk to the river and look at the boats. ";
  expect(asked(`${english}她说我们明天去 and nobody knows why. ${english}`)).toBe(0);
  expect(asked("今天天气很好。")).toBe(0);
  expect(asked(`${english}${"研究生命的起源是生物学家的工作".repeat(3)}`)).toBe(1);
});

test("places to cut: neither inside words nor before closing marks", () => {
  const texts = ["生", "物", "学", "家", "的", "工", "作", "。"];
  const at = breakCosts(texts, cutChinese).map((cost) => cost >= forbidden);
  expect(at).toEqual([true, true, true, false, false, true, true, false]);
  expect(breakCosts(["(", "a", " b", " )", " c"]).map((cost) => cost >= forbidden)).toEqual([
    true,
    false,
    true,
    false,
    false,
  ]);
  const [afterThe, afterRiver] = breakCosts([" the", " river", " runs"]);
  expect(afterThe).toBeGreaterThan(afterRiver!);
});

test("a word wider than a line is cut, nothing is lost", () => {
  const word = "x".repeat(100);
  const cues = layoutCues([[{ text: word, startMs: 0, endMs: 20_000 }]], defaultRules);
  expect(cues.flatMap(({ lines }) => lines).join("")).toBe(word);
  expect(Math.max(...cues.flatMap(({ lines }) => lines.map(columnsOf)))).toBe(42);
});

test("a short cue stays as long as it can be read, not into the next one", () => {
  const word = (text: string, startMs: number, endMs: number) => ({ text, startMs, endMs });
  const [yes, no] = layoutCues([[word("Yes.", 0, 200)], [word("No.", 9000, 9200)]], defaultRules);
  expect([yes!.endMs, no!.endMs]).toEqual([1000, 10_000]);
  const tight = layoutCues([[word("Yes.", 0, 300), word(" No.", 400, 700)]], defaultRules);
  const shown = tight.map(({ startMs, endMs, lines }) => ({ startMs, endMs, lines }));
  expect(shown).toEqual([{ startMs: 0, endMs: 1000, lines: ["Yes. No."] }]);
});

test("segment by segment as all at once, and what is held is always shown by rest()", () => {
  const segments = [
    "One two three. And",
    " four goes on.",
    " Five",
    " six seven eight nine ten eleven twelve thirteen fourteen, and so on.",
  ];
  let at = 0;
  const words = segments.map((text) => {
    const all = spoken(text, at);
    at = all.at(-1)!.endMs + 300;
    return all;
  });
  const layout = new CueLayout(defaultRules);
  const settled: Cue[] = [];
  for (const [index, segment] of words.entries()) {
    settled.push(...layout.push(segment));
    const shown = [...settled, ...layout.rest()].flatMap(({ lines }) => lines).join(" ");
    expect(bare(shown)).toBe(bare(segments.slice(0, index + 1).join("")));
  }
  expect([...settled, ...layout.rest()]).toEqual(layoutCues(words, defaultRules));
});

/** Neighbouring seeds begin far apart. */
const randomOf = (seed: number) => seededRandom(Math.imul(seed, 0x9e37_79b9)).random;

const vocabulary = [
  "a",
  "the",
  "and",
  "yes",
  "river",
  "mountain",
  "extraordinarily",
  "it's",
  "3.5",
  "caf\u00e9",
  "\u{1f600}",
];
const hanzi = [
  ..."今天天气很好我们去公园散步南京市长江大桥",
];

function randomWords(random: (below: number) => number, count: number): TimedWord[] {
  let at = random(3000);
  const isChinese = random(3) === 0;
  return Array.from({ length: count }, (_, index) => {
    const mark = random(7) === 0 ? (isChinese ? "，。？" : ",.?")[random(3)]! : "";
    const text = isChinese
      ? hanzi[random(hanzi.length)]!
      : (index > 0 ? " " : "") + vocabulary[random(vocabulary.length)];
    at += random(5) === 0 ? random(2500) : random(60);
    const startMs = at;
    at += random(20) === 0 ? 0 : 60 + random(500);
    return { text: text + mark, startMs, endMs: at };
  });
}

function randomRules(random: (below: number) => number): LayoutRules {
  const known = [defaultRules, styles.netflix, styles.youtube, styles.broadcast];
  if (random(2) === 0) return known[random(4)]!;
  return {
    colsMax: 8 + random(40),
    linesMax: 1 + random(3),
    cueMsMin: random(1500),
    cueMsMax: 1500 + random(8000),
    cpsMax: 8 + random(20),
    gapMsMin: random(200),
  };
}

test("of a word that is wider than a line, no part begins with its mark", () => {
  for (
    const [text, colsMax, lines] of [["extraordinarily.", 15, "extraordinaril y."], [
      "abcdefghi?!",
      9,
      "abcdefgh i?!",
    ]] as const
  ) {
    const cues = layoutCues([[{ text, startMs: 0, endMs: 1000 }]], { ...defaultRules, colsMax });
    expect(cues.flatMap(({ lines }) => lines).join(" ")).toBe(lines);
  }
});

test("a name that is wider than a line, before a turn's first word, breaks at its spaces", () => {
  const labelled = (name: string, text: string) => {
    const [first, ...rest] = spoken(text, 0, 200);
    return [{ ...first!, text: `${name}: ${first!.text}` }, ...rest];
  };
  for (const colsMax of [12, 16, 20, 24, 42]) {
    const rules = { ...defaultRules, colsMax };
    for (const name of ["Dr. Maximiliane Freifrau von Hohenstein", "Anna Meier", "Speaker 10", "X".repeat(50)]) {
      const cues = layoutCues([labelled(name, "Internationally known, yes.")], rules, cutChinese);
      const lines = cues.flatMap(({ lines }) => lines);
      const said = `${name}: Internationally known, yes.`;
      expect(bare(lines.join(""))).toBe(bare(said));
      for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(colsMax);
      const parts = lines.flatMap((line) => line.split(" "));
      const words = said.split(" ").filter((word) => columnsOf(word) <= colsMax);
      expect(parts).toEqual(expect.arrayContaining(words));
    }
  }
});

test("random words: in order, never overlapping, never too wide, tall or long, all text once", () => {
  for (let seed = 0; seed < 400; seed++) {
    const random = randomOf(seed);
    const rules = randomRules(random);
    const segments = Array.from({ length: 1 + random(3) }, () => randomWords(random, random(40)));
    let last = 0;
    const ordered = segments.map((words) => {
      const shifted = words.map((word) => ({ ...word, startMs: word.startMs + last, endMs: word.endMs + last }));
      last = shifted.at(-1)?.endMs ?? last;
      return shifted;
    });
    const cues = layoutCues(ordered, rules, cutChinese);
    const said = ordered.flat().map(({ text }) => text).join("");
    expect(bare(cues.flatMap(({ lines }) => lines).join(""))).toBe(bare(said));
    for (const [index, cue] of cues.entries()) {
      expect(cue.endMs).toBeGreaterThan(cue.startMs);
      expect(cue.endMs - cue.startMs).toBeLessThanOrEqual(rules.cueMsMax);
      expect(cue.startMs).toBeGreaterThanOrEqual(cues[index - 1]?.endMs ?? 0);
      expect(cue.lines.length).toBeLessThanOrEqual(rules.linesMax);
      for (const line of cue.lines) {
        expect(columnsOf(line)).toBeLessThanOrEqual(rules.colsMax);
        expect(line).not.toMatch(/^[,.?，。？\s]|\s$|^$/u);
      }
    }
  }
});

/** Whether some layout of the words keeps every rule: tries them all. */
function canBeKept(words: readonly TimedWord[], rules: LayoutRules): boolean {
  const isCut = breakCosts(words.map(({ text }) => text), cutChinese).map((cost) => cost < forbidden);
  const fits = (from: number, to: number): boolean => {
    let [lines, start] = [1, from];
    for (let index = from; index <= to; index++) {
      const width = () => columnsOf(words.slice(start, index + 1).map(({ text }) => text).join("").trim());
      if (width() <= rules.colsMax) continue;
      // The widest line that fits, shortened to a place where a line may end.
      let end = index - 1;
      while (end >= start && !isCut[end]) end--;
      if (end < start) return false;
      [lines, start] = [lines + 1, end + 1];
      index = end;
    }
    return lines <= rules.linesMax;
  };
  const isGood = (from: number, to: number): boolean => {
    const { startMs } = words[from]!;
    const nextMs = words[to + 1]?.startMs ?? Infinity;
    const ms = Math.min(nextMs - rules.gapMsMin, startMs + rules.cueMsMax) - startMs;
    const columns = columnsOf(words.slice(from, to + 1).map(({ text }) => text).join("").trim());
    return ms > 0 && ms >= rules.cueMsMin && (columns * 1000) / ms <= rules.cpsMax &&
      words[to]!.startMs <= startMs + rules.cueMsMax && fits(from, to);
  };
  const reach = [true, ...words.map(() => false)];
  for (let from = 0; from < words.length; from++) {
    for (let to = from; to < words.length && reach[from]; to++) {
      if ((isCut[to] || to === words.length - 1) && isGood(from, to)) reach[to + 1] = true;
    }
  }
  return reach.at(-1)!;
}

test("random words: where all rules can be kept, all are", () => {
  let [kept, impossible] = [0, 0];
  for (let seed = 0; seed < 600; seed++) {
    const random = randomOf(1000 + seed);
    const rules = randomRules(random);
    const words = randomWords(random, 1 + random(25)).filter((word, index, all) => {
      const before = all[index - 1]; // Within one block; words no wider than a line.
      return columnsOf(word.text.trim()) <= rules.colsMax && (!before || word.startMs - before.endMs < 2000);
    });
    if (words.length === 0 || words.some((word, i) => i > 0 && word.startMs - words[i - 1]!.endMs >= 2000)) continue;
    if (!canBeKept(words, rules)) {
      impossible++;
      continue;
    }
    kept++;
    const cues = layoutCues([words], rules, cutChinese);
    expect({ seed, faults: faultsOf(cues, rules) }).toEqual({ seed, faults: [] });
  }
  expect(kept).toBeGreaterThan(100);
  expect(impossible).toBeGreaterThan(20);
});

test("an hour of words takes no time", () => {
  const words = randomWords(randomOf(7), 9000);
  const started = performance.now();
  expect(layoutCues([words], defaultRules).length).toBeGreaterThan(500);
  expect(performance.now() - started).toBeLessThan(5000);
});
