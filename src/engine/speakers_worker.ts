/** A thread that holds the speaker networks: it answers one message after the other (speakers.ts). */

import { getPriority, setPriority } from "node:os";
import { release } from "../memory.ts";
import { EngineError, Native, type SpeakersHandle } from "./native.ts";
import type { FromSpeakersWorker, ToSpeakersWorker } from "./speakers.ts";

declare const self: Worker;

/** Added to the program's own: two thirds of other threads' weight. On Linux alone threads differ in it. */
const niceness = 2;
const nicenessMax = 19;

type Request = Exclude<ToSpeakersWorker, { type: "close" }>;

let native: Native;
let speakers: SpeakersHandle;

self.onmessage = ({ data }: MessageEvent<ToSpeakersWorker>) => {
  if (data.type === "close") {
    native.closeSpeakers(speakers);
    native.close();
    return self.postMessage({ type: "closed" } satisfies FromSpeakersWorker);
  }
  const answer = answerTo(data);
  if (data.type !== "open") release(data.samples); // Megabytes, several times a second: the collector comes late.
  self.postMessage(answer, answer.type === "done" ? [answer.result.buffer] : []);
};

function answerTo(message: Request): FromSpeakersWorker {
  try {
    return { type: "done", result: resultOf(message) };
  } catch (error) {
    const status = error instanceof EngineError ? error.status : 0;
    return { type: "failed", message: error instanceof Error ? error.message : String(error), status };
  }
}

/** Nobody but root may take back what the program was started with, by `nice` perhaps. */
function yieldToOthers(): void {
  setPriority(0, Math.min(nicenessMax, getPriority(0) + niceness));
}

function resultOf(message: Request): Float32Array<ArrayBuffer> {
  switch (message.type) {
    case "open":
      if (message.isYielding && process.platform === "linux") yieldToOthers();
      native = new Native(message.library);
      speakers = native.openSpeakers(message.weights, message.threads);
      return new Float32Array(0);
    case "segmentation":
      return native.speakersSegment(speakers, message.samples);
    case "embed":
      return native.speakersEmbed(speakers, message.samples, message.voices);
  }
}
