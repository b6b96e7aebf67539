/**
 * A recording as the core works with it: its samples by position, and where speech is in it. A part of one, or parts
 * joined end to end, are a recording too. No I/O of its own.
 */

import type { LeveledSamples } from "../audio/sample_store.ts";
import { release } from "../memory.ts";
import { atOnce } from "../steps.ts";
import { assert } from "../errors.ts";
import type { Samples, Span } from "../units.ts";
import { joinedLength, originalRanges } from "./ranges.ts";
import { EnergyMap } from "./energy.ts";
import type { SpeechMap } from "./speech.ts";

export class Recording implements Samples {
  readonly length: number;
  readonly #samples: Samples;
  /** Of the samples, joined. */
  readonly #ranges: readonly Span[];
  /** Resolves when it is known where speech is. */
  readonly found: Promise<unknown>;
  readonly #findSpeech: () => SpeechMap;
  #speech: SpeechMap | undefined;

  private constructor(
    samples: Samples,
    ranges: readonly Span[],
    findSpeech: () => SpeechMap,
    found: Promise<unknown>,
  ) {
    this.length = joinedLength(ranges);
    this.#samples = samples;
    this.#ranges = ranges;
    this.#findSpeech = findSpeech;
    this.found = found;
  }

  /** `speech` is being found; by default it is found by energy, when it is asked for. */
  static of(samples: LeveledSamples, speech?: Promise<SpeechMap>): Recording {
    const whole = [{ start: 0, end: samples.length }];
    if (!speech) {
      return new Recording(
        samples,
        whole,
        () => atOnce(EnergyMap.of(samples.levels, samples.length)),
        Promise.resolve(),
      );
    }
    let map: SpeechMap | undefined;
    const found = speech.then((found) => void (map = found));
    found.catch(() => {}); // Whoever waits for it hears of it.
    const known = () => {
      assert(map !== undefined, "it is known where speech is");
      return map;
    };
    return new Recording(samples, whole, known, found);
  }

  /** Known when `found` has resolved. */
  get speech(): SpeechMap {
    return this.#speech ??= this.#findSpeech();
  }

  /** `ranges` of this recording, joined end to end. */
  part(ranges: readonly Span[]): Recording {
    const own = ranges.flatMap((range) => originalRanges(this.#ranges, range));
    return new Recording(this.#samples, own, () => this.speech.part(ranges), this.found);
  }

  /** A copy of the samples [start, end). */
  async read(start: number, end: number): Promise<Float32Array> {
    assert(0 <= start && start <= end && end <= this.length, `samples ${start} to ${end} of ${this.length}`);
    const ranges = originalRanges(this.#ranges, { start, end });
    if (ranges.length === 1) return await this.#samples.read(ranges[0]!.start, ranges[0]!.end);
    const result = new Float32Array(end - start);
    let position = 0;
    for (const range of ranges) {
      const part = await this.#samples.read(range.start, range.end);
      result.set(part, position);
      release(part);
      position += range.end - range.start;
    }
    assert(position === result.length, `${position} samples were read, not ${result.length}`);
    return result;
  }
}
