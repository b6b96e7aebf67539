/** The rules of readable subtitles: limits, named sets of them, and those of a script. Pure. */

import { type EastAsianScript, eastAsianScript } from "../text/scripts.ts";

export type LayoutRules = {
  /** Columns per line; full-width characters take two. */
  readonly colsMax: number;
  readonly linesMax: number;
  readonly cueMsMin: number;
  readonly cueMsMax: number;
  /** Reading speed in columns per second. Full-width characters count twice: they take twice as long to read. */
  readonly cpsMax: number;
  /** Shortest gap between the end of a cue and the start of the next. */
  readonly gapMsMin: number;
  /** Other limits for texts in these scripts. */
  readonly scripts?: Readonly<Record<EastAsianScript, ScriptRules>>;
};

export type ScriptRules = Pick<LayoutRules, "colsMax" | "cpsMax">;

export const styleNames = ["netflix", "youtube", "broadcast"] as const;
export type StyleName = (typeof styleNames)[number];

/** The gap is two frames at 24 frames a second. */
export const defaultRules: LayoutRules = {
  colsMax: 42,
  linesMax: 2,
  cueMsMin: 1000,
  cueMsMax: 7000,
  cpsMax: 20,
  gapMsMin: 83,
};

export const styles: Readonly<Record<StyleName, LayoutRules>> = {
  /**
   * Timed Text Style Guide: 42 characters, 5/6 s to 7 s, 20 characters a second for adults, gaps of two frames.
   * Full-width characters a line and a second: 16 and 9 in Chinese, 13 and 4 in Japanese, 16 and 12 in Korean.
   */
  netflix: {
    ...defaultRules,
    cueMsMin: 833,
    scripts: { chinese: fullWidth(16, 9), japanese: fullWidth(13, 4), korean: fullWidth(16, 12) },
  },
  /** Phones held upright show 40 columns without wrapping; the player needs no gap. */
  youtube: { colsMax: 40, linesMax: 2, cueMsMin: 1000, cueMsMax: 6000, cpsMax: 20, gapMsMin: 0 },
  /** Teletext rows of 37 columns, 17 characters a second, gaps of two frames at 25 frames a second. */
  broadcast: { colsMax: 37, linesMax: 2, cueMsMin: 1000, cueMsMax: 7000, cpsMax: 17, gapMsMin: 80 },
};

function fullWidth(charactersMax: number, perSecondMax: number): ScriptRules {
  return { colsMax: 2 * charactersMax, cpsMax: 2 * perSecondMax };
}

/** The rules for a text. */
export function rulesFor(text: string, rules: LayoutRules): LayoutRules {
  const script = rules.scripts && eastAsianScript(text);
  return script ? { ...rules, ...rules.scripts![script] } : rules;
}

/** The reading speed that cues are stretched to if there is time: slower than the fastest that is allowed. */
export function cpsWanted(rules: LayoutRules): number {
  return rules.cpsMax * 0.85;
}
