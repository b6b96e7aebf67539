/** What readable subtitles keep to: numbers, and the sets of them that go by a name. Data only. */

export type LayoutRules = {
  /** Columns of a line; full-width characters take two. */
  readonly colsMax: number;
  readonly linesMax: number;
  readonly cueMsMin: number;
  readonly cueMsMax: number;
  /** Columns per second: full-width characters count twice, as they take twice as long to read. */
  readonly cpsMax: number;
  /** Between the end of a cue and the start of the next. */
  readonly gapMsMin: number;
};

export const styleNames = ["netflix", "youtube", "broadcast"] as const;
export type StyleName = (typeof styleNames)[number];

/** Two frames of 24 a second stay free between cues. */
export const defaultRules: LayoutRules = {
  colsMax: 42,
  linesMax: 2,
  cueMsMin: 1000,
  cueMsMax: 7000,
  cpsMax: 20,
  gapMsMin: 83,
};

export const styles: Readonly<Record<StyleName, LayoutRules>> = {
  /** Timed Text Style Guide: 42 characters, 5/6 s to 7 s, 20 a second for adults, two frames. */
  netflix: { ...defaultRules, cueMsMin: 833 },
  /** Phones held upright show 40 columns without wrapping; the player needs no gap. */
  youtube: { colsMax: 40, linesMax: 2, cueMsMin: 1000, cueMsMax: 6000, cpsMax: 20, gapMsMin: 0 },
  /** Teletext rows of 37, 17 characters a second, two frames of 25 a second. */
  broadcast: { colsMax: 37, linesMax: 2, cueMsMin: 1000, cueMsMax: 7000, cpsMax: 17, gapMsMin: 80 },
};

/** The speed that cues are stretched to where there is time: easier than the fastest that is allowed. */
export function cpsWanted(rules: LayoutRules): number {
  return rules.cpsMax * 0.85;
}
