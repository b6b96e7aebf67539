/** Keeps a mended transcript at the server. In: a document after each edit. Out: the last one is the result. */

import type { TranscriptDocument } from "../../document/document.ts";
import { endingJson, headJson, segmentJson } from "../../document/json.ts";
import { put } from "./api.ts";

/** After the last edit. */
const pauseMs = 800;

export class Keeper {
  #unkept: TranscriptDocument | undefined;
  #isPutting = false;
  #timer: number | undefined;
  #last: Promise<void> = Promise.resolve();

  /** `onKept`: the server has what was mended. */
  constructor(readonly id: string, readonly onKept: () => void, readonly onFailure: (error: unknown) => void) {}

  /** What was mended is not yet, or only now on its way to be, the result. */
  get isBehind(): boolean {
    return this.#unkept !== undefined || this.#isPutting;
  }

  changed(transcript: TranscriptDocument): void {
    this.#unkept = transcript;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), pauseMs);
  }

  /** Resolves when the server has all, or has failed to take it. One at a time: the last one has to stay. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    return this.#last = this.#last.then(() => this.#keep());
  }

  async #keep(): Promise<void> {
    const transcript = this.#unkept;
    if (transcript === undefined) return;
    this.#unkept = undefined;
    this.#isPutting = true;
    try {
      await put(`v1/jobs/${this.id}/result`, documentText(transcript));
      this.onKept();
    } catch (error) {
      this.#unkept ??= transcript;
      this.onFailure(error);
    } finally {
      this.#isPutting = false;
    }
  }
}

function documentText(document: TranscriptDocument): string {
  return JSON.stringify({
    ...headJson(document),
    segments: document.segments.map(segmentJson),
    ...endingJson(document),
    complete: document.isComplete,
  });
}
