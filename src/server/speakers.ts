/**
 * Who speaks in the recordings of a server's clients. In: the speaker networks, recordings, voices with names. Out:
 * turns, and what a known voice is like. All requests share one set of networks, on a thread of its own: each asks for
 * about a minute of its recording at a time, and they take turns by that.
 */

import type { SpeakerNetworks } from "../engine/speakers.ts";
import { InputError } from "../errors.ts";
import { hearVoice } from "../pipeline/speakers.ts";
import type { KnownVoice } from "../speakers/names.ts";
import { sampleRate } from "../units.ts";
import { ApiError } from "./errors.ts";
import type { ServerHost } from "./host.ts";
import type { VoiceReference } from "./upload.ts";

/** More would take processors from the engine, whose threads wait for one another in every pass. */
const threads = 1;

/** The networks, opened when they are first needed, and again after they were closed. */
export class SharedNetworks {
  #opened: Promise<SpeakerNetworks> | undefined;

  constructor(readonly host: Pick<ServerHost, "openSpeakers">) {}

  async open(): Promise<SpeakerNetworks> {
    const opened = this.#opened ??= this.host.openSpeakers(threads, true);
    try {
      const networks = await opened;
      if (!networks.isClosed) return networks;
    } catch (error) {
      this.#forget(opened);
      throw error;
    }
    this.#forget(opened); // Its thread has failed.
    return await this.open();
  }

  #forget(opened: Promise<SpeakerNetworks>): void {
    if (this.#opened === opened) this.#opened = undefined;
  }

  /** What is under way is rejected. */
  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    (await opened?.catch(() => undefined))?.close();
  }
}

/** Of a client's recording of a known voice, in seconds. */
const [secMin, secMax] = [2, 10];
/** Compressed recordings say a little more or less than they were made of. */
const toleranceSec = 0.1;
const decoderBytesMax = 2 ** 30;

/** What a voice is like, by a recording of it alone. Throws an ApiError that names the field. */
export async function knownVoice(
  host: Pick<ServerHost, "readAudio">,
  networks: SpeakerNetworks,
  name: string,
  reference: VoiceReference,
  stop: AbortSignal,
): Promise<KnownVoice> {
  const bytes = bytesOf(await Bun.file(reference.path).bytes(), reference.label);
  const audio = await host.readAudio({
    ...{ kind: "stream", name: reference.label, stream: new Blob([bytes]).stream() },
    limits: { cpuSec: 60, memoryBytes: decoderBytesMax, fileBytes: bytes.length + 2 ** 20 },
    toSec: secMax + 1,
  }).catch((error: unknown) => {
    throw error instanceof InputError ? wrong(error.message) : error;
  });
  try {
    const seconds = audio.length / sampleRate;
    if (seconds < secMin - toleranceSec || seconds > secMax + toleranceSec) {
      const length = seconds > secMax ? `longer than ${secMax} s` : `${seconds.toFixed(1)} s long`;
      throw wrong(`${reference.label} is ${length}: it takes ${secMin} to ${secMax} s of one voice`);
    }
    const heard = await hearVoice(audio, networks, stop);
    if (heard === undefined) throw wrong(`${reference.label}: nobody speaks in it`);
    return { name, embedding: heard.embedding };
  } finally {
    await audio.close();
  }
}

/** Of a data URL; a file is taken as it is. */
function bytesOf(given: Uint8Array<ArrayBuffer>, label: string): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(given.buffer, given.byteOffset, Math.min(given.length, 200)).toString("latin1");
  if (!/^data:/i.test(text)) {
    if (/^(?:https?|file):/i.test(text) || given.length < 100) throw wrong(`${label} is no data URL`);
    return given;
  }
  const [head] = /^data:[^,]*;base64,/i.exec(text) ?? [];
  const coded = head === undefined
    ? undefined
    : Buffer.from(given.subarray(head.length)).toString("latin1").replaceAll(/\s/g, "");
  if (coded === undefined || coded === "" || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(coded)) {
    throw wrong(`${label} is no data URL in base64: data:audio/wav;base64,...`);
  }
  return new Uint8Array(Buffer.from(coded, "base64"));
}

function wrong(message: string): ApiError {
  return new ApiError(400, message, { param: "known_speaker_references", code: "invalid_value" });
}
