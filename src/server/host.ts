/** What the server needs from its shell, and how it is set up. Types alone. */

import type { Audio, AudioInput } from "../audio/input.ts";
import type { LeveledSamples } from "../audio/sample_store.ts";
import type { SpeakerNetworks } from "../engine/speakers.ts";
import type { ServeRules } from "../options/serve_choices.ts";
import type { PageParts } from "../output/writer.ts";
import type { ModelHost, ModelsRequest } from "../pipeline/host.ts";
import type { VoiceJudge } from "../segment/has_voice.ts";
import type { VoiceOpener } from "../segment/voice.ts";
import type { Key } from "./keys.ts";

/** A file that the program carries inside. */
export type PageFile = { readonly name: string; readonly read: () => Promise<Uint8Array<ArrayBuffer>> };

/** A whole recording, read. */
export type LoadedAudio = LeveledSamples & Pick<Audio, "warnings" | "close">;

export type ServerHost = ModelHost & {
  readonly version: string;
  /** The web page: index.html, and what it names as page/NAME. */
  readonly page: readonly PageFile[];
  /** Recordings to try. */
  readonly samples: readonly PageFile[];
  readAudio(input: AudioInput): Promise<LoadedAudio>;
  /** Where the input asks for each channel, one recording for each, of the same length. */
  readChannels(input: AudioInput): Promise<LoadedAudio[]>;
  openVoiceDetector: VoiceOpener;
  voiceJudge(): VoiceJudge;
  /** Whether this build has the weights of the speaker networks. */
  hasSpeakers(): boolean;
  /** 0 threads: one per core. Throws a ModelError where this build has no weights of them. */
  openSpeakers(threads: number, isYielding?: boolean): Promise<SpeakerNetworks>;
  cutChinese(text: string): string[];
  /** What pages of transcripts are made of. */
  pageParts(): PageParts;
};

/** A model that is being fetched while the demo model serves. */
export type Arriving = {
  readonly model: string;
  /** 0: the hub has not said yet. */
  readonly totalBytes: number;
  readonly doneBytes: number;
  /** Why it does not come, until it is tried again; "" while it comes. */
  readonly fault: string;
};

export type ServerSettings = ModelsRequest & ServeRules & {
  /** None: everyone may use it. */
  readonly keys: readonly Key[];
  /** In PEM; undefined: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Holds the state, and uploads; it is this server's alone. */
  readonly folder: string;
};
