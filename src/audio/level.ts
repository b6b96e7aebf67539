/** Brings a clip into [-1, 1] as the official front end does. Works in place, no I/O. */

/** A peak above 1 divides the whole clip by it; a clip at or below 1 is left alone. Returns the peak found. */
export function limitPeak(samples: Float32Array): number {
  let peak = 0;
  for (let i = 0; i < samples.length; i++) {
    const level = Math.abs(samples[i]);
    if (level > peak) peak = level;
  }
  if (peak > 1) {
    for (let i = 0; i < samples.length; i++) samples[i] /= peak;
  }
  return peak;
}
