/** Where speech is in a recording, as JSON (docs/speech.schema.json). Pure. */

import { sampleRate, type Span } from "../units.ts";

export type FoundSpeech = {
  /** Samples that were read, at 16 kHz. */
  readonly length: number;
  /** Where they begin in the recording, in seconds. */
  readonly fromSec: number;
  readonly vad: "neural" | "energy" | "off";
  /** Ranges of samples, padding included. */
  readonly speech: readonly Span[];
  /** How likely a voice is in each frame. */
  readonly probabilities?: Float32Array;
  readonly frameSamples?: number;
};

/** An object on lines of its own, with a range a line. Times are seconds from the start of the recording. */
export function speechJson({ length, fromSec, vad, speech, probabilities, frameSamples }: FoundSpeech): string {
  const seconds = (samples: number) => Number((fromSec + samples / sampleRate).toFixed(3));
  const ranges = speech.map(({ start, end }) => `    {"start": ${seconds(start)}, "end": ${seconds(end)}}`);
  const fields = [
    `  "duration": ${Number((length / sampleRate).toFixed(3))}`,
    ...(fromSec > 0 ? [`  "from": ${seconds(0)}`] : []),
    `  "vad": "${vad}"`,
    `  "speech": [${ranges.length > 0 ? `\n${ranges.join(",\n")}\n  ` : ""}]`,
  ];
  if (probabilities) {
    const values = Array.from(probabilities, (probability) => Number(probability.toFixed(4)));
    fields.push(`  "frame": ${frameSamples! / sampleRate}`, `  "probs": [${values.join(", ")}]`);
  }
  return `{\n${fields.join(",\n")}\n}\n`;
}
