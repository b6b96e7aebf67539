/**
 * Tells sounds that are made of a few pure tones, gliding ones included, from all others. In: power spectra. Out: yes
 * or no. Pure.
 *
 * Tones are lines in a spectrum, with next to nothing between them. A voice is never that clean for long: its pitch
 * moves, breath fills the places between its harmonics, and consonants are noise. So in every band that is heard,
 * lines must hold nearly all of the power. Dial tones, sirens, sweeps, beeps and chords are such sounds; a steady vowel
 * is one for some hundredths of a second.
 */

/** How far a line reaches to either side, in frequencies of the spectrum; a Hann window alone spreads it over two. */
const reach = 6;
/** A line stands so far above the lowest place within reach, on both sides: 25 dB. Noise does so at few places. */
const prominence = 10 ** 2.5;
/** Bands further below the loudest one, 30 dB, count as silent. */
const audibleShare = 1e-3;
const lineShareMin = 0.95;

/**
 * `power`: of the frequencies from 0 to half the sample rate. `limits`: where each band begins, and the last one ends.
 * `linesMax`: a spectrum too short to part the harmonics of a low voice shows a sound of few tones only.
 */
export function isOfTones(power: Float64Array, limits: readonly number[], linesMax = Infinity): boolean {
  const isLine = new Uint8Array(power.length);
  let lines = 0;
  for (let at = 2; at < power.length - 2; at++) {
    if (!standsOut(power, at)) continue;
    if (++lines > linesMax) return false;
    isLine.fill(1, Math.max(0, at - reach), at + reach + 1);
  }
  return lines > 0 && linesHoldAll(power, limits, isLine);
}

function standsOut(power: Float64Array, at: number): boolean {
  const own = power[at]!;
  if (own < power[at - 1]! || own < power[at + 1]!) return false;
  return own >= prominence * Math.max(lowest(power, at - reach, at), lowest(power, at + 1, at + reach + 1));
}

function lowest(power: Float64Array, from: number, to: number): number {
  let least = Infinity;
  for (let at = Math.max(0, from); at < Math.min(power.length, to); at++) least = Math.min(least, power[at]!);
  return least;
}

function linesHoldAll(power: Float64Array, limits: readonly number[], isLine: Uint8Array): boolean {
  const bands = limits.slice(1).map((end, band) => {
    let [all, ofLines] = [0, 0];
    for (let at = limits[band]!; at < end; at++) {
      all += power[at]!;
      if (isLine[at]) ofLines += power[at]!;
    }
    return { all, ofLines };
  });
  const loudest = Math.max(...bands.map(({ all }) => all));
  return bands.every(({ all, ofLines }) => all < audibleShare * loudest || ofLines >= lineShareMin * all);
}
