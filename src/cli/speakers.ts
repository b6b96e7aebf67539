/**
 * Who speaks in the recordings of a run. In: the options, and a recording. Out: turns with names. The networks are
 * opened once.
 */

import type { SpeakerNetworks } from "../engine/speakers.ts";
import type { Recording } from "../segment/recording.ts";
import type { SpeakerCount } from "../speakers/cluster.ts";
import { findSpeakers } from "../speakers/find.ts";
import { parseSpeakerNames } from "../speakers/names.ts";
import { namedTurns } from "../speakers/timeline.ts";
import type { SpeakerTurn } from "../speakers/turns.ts";
import { printable } from "../writer.ts";
import type { TranscribeOptions } from "./parse.ts";
import type { ProgramParts } from "./parts.ts";

type Options = Pick<TranscribeOptions, "speakers" | "speakerNames" | "threads">;

export class SpeakerFinder {
  private constructor(
    readonly networks: SpeakerNetworks,
    readonly count: SpeakerCount,
    readonly names: ReadonlyMap<string, string>,
  ) {}

  /** Throws an InputError or a ModelError; undefined where speakers are not asked for. */
  static async open(
    parts: Pick<ProgramParts, "openSpeakers" | "readText">,
    { speakers, speakerNames, threads }: Options,
  ): Promise<SpeakerFinder | undefined> {
    if (speakers === undefined) return undefined;
    const names = speakerNames === undefined
      ? new Map<string, string>()
      : parseSpeakerNames(await parts.readText(speakerNames), printable(speakerNames));
    return new SpeakerFinder(await parts.openSpeakers(threads), speakers, names);
  }

  /** `startMs`: where the recording's first sample is in its file. Rejects where `stop` is aborted. */
  async turns(recording: Recording, startMs: number, stop: AbortSignal): Promise<SpeakerTurn[]> {
    const { turns } = await findSpeakers(recording, this.networks, this.count, stop);
    return namedTurns(turns).map((turn) => ({
      speaker: this.names.get(turn.speaker) ?? turn.speaker,
      startMs: turn.startMs + startMs,
      endMs: turn.endMs + startMs,
    }));
  }

  close(): void {
    this.networks.close();
  }
}
