/** How a run over recordings gets on: what happens with each goes to the progress line and to the summary file. */

import type { TranscribeEvent } from "../pipeline/events.ts";
import type { Transcript } from "../pipeline/transcribe.ts";
import { sampleRate } from "../units.ts";
import type { InputSource } from "./parse.ts";
import type { ReadAudio } from "./prefetch.ts";
import type { RunProgress } from "./progress.ts";
import { label } from "./report.ts";
import type { Summary } from "./summary.ts";

export class Tally {
  /** Of the current recording, by its channels. */
  #fileSec = 0;
  #sidesCount = 1;
  #side = 0;

  constructor(readonly progress: RunProgress | undefined, readonly summary: Summary | undefined) {}

  /** Its reading begins, perhaps before its turn. */
  reading(source: InputSource): void {
    this.summary?.begin(source);
  }

  /** Its turn has come. */
  begin(source: InputSource, { recording, sides, past }: ReadAudio): void {
    [this.#fileSec, this.#sidesCount, this.#side] = [recording.length / sampleRate, sides?.length ?? 1, 0];
    const known = past?.sides.reduce((sum, { resume }) => sum + resume.progress.heardSamples, 0) ?? 0;
    this.progress?.begin(label(source), this.#fileSec, known / sampleRate / this.#sidesCount);
  }

  take(source: InputSource, event: TranscribeEvent): void {
    if (event.kind === "side") this.#side = event.index;
    else if (event.kind === "segment") this.summary?.heard(source, event.segment);
    else if (event.kind === "progress") {
      const heardSec = event.progress.heardSamples / sampleRate;
      this.progress?.heard((this.#side * this.#fileSec + heardSec) / this.#sidesCount);
    }
  }

  async done(source: InputSource, transcript: Transcript): Promise<void> {
    this.progress?.over();
    await this.summary?.done(source, transcript, this.#fileSec);
  }

  async failed(source: InputSource, message: string): Promise<void> {
    this.progress?.over();
    await this.summary?.failed(source, message);
  }

  /** Nothing more comes. Throws OutputError where the summary cannot be written. */
  async end(): Promise<void> {
    this.progress?.end();
    await this.summary?.write();
  }
}
