/** Who speaks in recordings. In: the speaker networks, and a recording. Out: turns with names, and their sums. */

import type { SpeakerNetworks } from "../engine/speakers.ts";
import type { Recording } from "../segment/recording.ts";
import type { SpeakerCount } from "../speakers/cluster.ts";
import { findSpeakers } from "../speakers/find.ts";
import { type KnownVoice, namesByVoice } from "../speakers/names.ts";
import { namedTurns } from "../speakers/timeline.ts";
import { type WhoSpeaks, whoSpeaks } from "../speakers/turns.ts";

export class SpeakerFinder {
  /** `names`: by labels such as "Speaker 1"; who has none keeps the label. `known`: voices that may be among them. */
  constructor(
    readonly networks: SpeakerNetworks,
    readonly count: SpeakerCount,
    readonly names: ReadonlyMap<string, string>,
    readonly known: readonly KnownVoice[] = [],
  ) {}

  /** `startMs`: where the recording's first sample is in its file. Rejects where `stop` is aborted. */
  async find(recording: Recording, startMs: number, stop: AbortSignal): Promise<WhoSpeaks> {
    const { turns, centres } = await findSpeakers(recording, this.networks, this.count, stop);
    return whoSpeaks(
      namedTurns(turns, namesByVoice(centres, this.known)).map((turn) => ({
        speaker: this.names.get(turn.speaker) ?? turn.speaker,
        startMs: turn.startMs + startMs,
        endMs: turn.endMs + startMs,
      })),
    );
  }

  close(): void {
    this.networks.close();
  }
}
