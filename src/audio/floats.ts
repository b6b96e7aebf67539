/** Replaces and counts float samples that cannot be sound. In and out: blocks of samples. Pure. */

/** 36 dB above full scale. Above, a few samples are damage; many are a file whose full scale is that of integers. */
const OVER = 64;
const INTEGER_MAX = 2 ** 31;
const WINDOW_SAMPLES = 4096;
const OVERS_MAX = 32;

export class FloatGuard {
  /** NaN and infinities, now 0. */
  notFiniteCount = 0;
  /** Absurdly loud, now at full scale. */
  clippedCount = 0;
  #hasIntegerScale = false;
  #oversInWindow = 0;
  #samplesInWindow = 0;

  /** Mends the first `count` samples in place. */
  mend(samples: Float64Array, count: number): void {
    for (let i = 0; i < count; i++) {
      if (++this.#samplesInWindow > WINDOW_SAMPLES) {
        this.#samplesInWindow = 1;
        this.#oversInWindow = 0;
      }
      if (!(Math.abs(samples[i]!) <= OVER)) samples[i] = this.#mended(samples[i]!);
    }
  }

  #mended(sample: number): number {
    if (!Number.isFinite(sample)) {
      this.notFiniteCount++;
      return 0;
    }
    const isAbsurd = Math.abs(sample) > INTEGER_MAX;
    if (!isAbsurd && this.#isIntegerScale()) return sample;
    this.clippedCount++;
    return Math.sign(sample);
  }

  #isIntegerScale(): boolean {
    if (this.#hasIntegerScale) return true;
    this.#oversInWindow++;
    if (this.#oversInWindow <= OVERS_MAX) return false;
    this.#hasIntegerScale = true;
    this.clippedCount -= OVERS_MAX;
    return true;
  }
}
