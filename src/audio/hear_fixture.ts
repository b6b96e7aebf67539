/** Reads a whole recording, for tests that compare samples. */

import { type AudioInput, readAudio } from "./input.ts";

export type Heard = { readonly samples: Float32Array; readonly warnings: readonly string[]; readonly format: string };

export async function hear(path: string, input: Partial<AudioInput> = {}): Promise<Heard> {
  const audio = await readAudio({ kind: "file", path, ...input } as AudioInput);
  try {
    return { samples: await audio.read(0, audio.length), warnings: audio.warnings, format: audio.format };
  } finally {
    await audio.close();
  }
}
