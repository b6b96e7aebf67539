/**
 * One recording of a client on its way: received, read, heard in its turn, and gone. In: a request with a form. Out:
 * what was heard. The file and the place in the queue are given back by `close`, whatever happened.
 */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Stopped } from "../stop.ts";
import { counted } from "../units.ts";
import { ApiError } from "./errors.ts";
import { type Fields, type TranscriptionRequest, transcriptionRequest } from "./fields.ts";
import { remove } from "./folder.ts";
import {
  closeUpload,
  hear,
  type Heard,
  type HearEvent,
  type JournalStep,
  type ReadUpload,
  readUpload,
  shortSecMax,
} from "./hear.ts";
import type { Ended } from "./log.ts";
import type { KnownVoice } from "../speakers/names.ts";
import type { Service } from "./service.ts";
import { knownVoice } from "./speakers.ts";
import { referenceField, removeReferences, takeForm, type UploadedFile, type VoiceReference } from "./upload.ts";

/** A request, and what its handling needs of the server. */
export type Call = {
  readonly request: Request;
  /** The query, which some clients use instead of fields. */
  readonly query: Fields;
  /** Aborted when the client has left, or the server ends. */
  readonly stop: AbortSignal;
  /** Whose key came with it; "" without keys. */
  readonly owner: string;
  /** For the request's line in the log. */
  readonly facts: { audioSec?: number; ended?: Promise<Ended> };
  /** To be called when all of the request is there: from then on the client waits in silence. */
  readonly onTaken: () => void;
  /** To be told what fails after the headers of the reply. */
  readonly onFailure: (error: unknown) => void;
};

/** A form that was taken, with its recording, and recordings of voices, which go when it is disposed of. */
export type Received = AsyncDisposable & {
  readonly fields: Fields;
  readonly file: UploadedFile;
  readonly references: readonly VoiceReference[];
};

type OpenTask = Pick<Received, "fields" | "file"> & {
  readonly voices?: readonly KnownVoice[];
  readonly stop: AbortSignal;
  readonly isKept: boolean;
  readonly wantsVoice?: boolean;
};

const stallMs = 30_000;
const graceMs = 300_000;
const slownessMax = 60;

export class Task implements AsyncDisposable {
  readonly #startedAt = Date.now();
  /** undefined while it waits and is put away. */
  #read: ReadUpload | undefined;
  durationSec = 0;
  /** Channels that are heard apart. */
  sidesCount = 1;

  private constructor(
    readonly service: Service,
    readonly fields: Fields,
    readonly wanted: TranscriptionRequest,
    readonly file: UploadedFile,
    readonly voices: readonly KnownVoice[],
    /** Whether the file stays when the task is over. */
    readonly isKept: boolean,
    readonly leave: () => void,
  ) {}

  /** Takes the form and reads its recording. `fieldsOf` says what its fields mean. Throws an ApiError. */
  static async begin(service: Service, call: Call, fieldsOf = (form: Received): Fields => form.fields): Promise<Task> {
    const leave = service.admit();
    const path = join(service.core.settings.folder, "uploads", `request-${randomUUID()}`);
    try {
      await using form = await receive(service, call, path);
      const [{ file }, { stop }] = [form, call];
      const fields = fieldsOf(form);
      const voices = await knownVoices(service, requestOf(service, fields), form.references, stop);
      const task = await Task.open(service, { fields, file, voices, stop, isKept: false }, leave);
      call.facts.audioSec = task.durationSec;
      return task;
    } catch (error) {
      leave();
      await remove(path);
      throw error;
    }
  }

  /** Reads a recording that is there. */
  static async open(service: Service, opened: OpenTask, leave = () => {}): Promise<Task> {
    const { fields, file, voices = [], isKept, stop, wantsVoice = false } = opened;
    const asked = requestOf(service, fields);
    const wanted = { ...asked, wantsVoice: asked.wantsVoice || wantsVoice };
    const task = new Task(service, fields, wanted, file, voices, isKept, leave);
    await task.#readInTurn(stop);
    return task;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#putAway();
    if (!this.isKept) await remove(this.file.path);
    this.leave();
  }

  async #readInTurn(stop: AbortSignal): Promise<ReadUpload> {
    const { service, file } = this;
    const read = await service.reading(file.bytes, stop, () => readUpload(service.core, this.wanted, file));
    this.#read = read;
    this.durationSec = read.durationSec;
    this.sidesCount = read.sides.length;
    return read;
  }

  /** Gives back what its samples take: a few bytes can stand for gigabytes of them. */
  async #putAway(): Promise<void> {
    const read = this.#read;
    this.#read = undefined;
    if (read) await closeUpload(read);
  }

  /** Hears it when it is its turn, of which `onTurn` is told; `onPart` has what was heard of it where it ends early. */
  async hear(
    stop: AbortSignal,
    onEvent: (event: HearEvent) => void = () => {},
    { journal = [], onTurn, onPart }: {
      readonly journal?: readonly JournalStep[];
      readonly onTurn?: () => void;
      readonly onPart?: (part: Heard) => void;
    } = {},
  ): Promise<Heard> {
    const work = (signal: AbortSignal, read: ReadUpload) => {
      onTurn?.();
      const { service, wanted, file, voices } = this;
      return hear(service, { ...wanted, voices }, file, read, signal, onEvent, journal, onPart);
    };
    const heard = await this.inTurn(stop, work);
    this.service.metrics.heard(heard.durationSec, (Date.now() - this.#startedAt) / 1000, heard.textTokens);
    return heard;
  }

  /**
   * Does `work` when it is its turn. A long recording that has to wait is read once more then. What takes far longer
   * than any recording of its length should is given up.
   */
  async inTurn<T>(stop: AbortSignal, work: (stop: AbortSignal, read: ReadUpload) => Promise<T>): Promise<T> {
    const { durationSec, service } = this;
    if (durationSec > shortSecMax && service.isBusy(durationSec)) await this.#putAway();
    return await service.hearing(durationSec, stop, async () => {
      const deadline = AbortSignal.timeout(graceMs + durationSec * 1000 * slownessMax);
      try {
        return await work(AbortSignal.any([stop, deadline]), this.#read ?? await this.#readInTurn(stop));
      } catch (error) {
        if (!(error instanceof Stopped) || stop.aborted || !deadline.aborted) throw error;
        throw new ApiError(504, "the recording took too long", { code: "deadline_exceeded" });
      }
    });
  }
}

/** Takes the form of a request; its recording goes to `path`. `instead` finds one for a form without. */
export async function receive(
  { core }: Service,
  { request, onTaken }: Call,
  path: string,
  instead = (_: Fields): Promise<UploadedFile | undefined> => Promise.resolve(undefined),
): Promise<Received> {
  const { uploadBytesMax } = core.settings;
  const rules = { path, bytesMax: uploadBytesMax, stallMs, now: Date.now };
  const { fields, file, references } = await takeForm(request, rules);
  onTaken();
  const dispose = () => removeReferences(references);
  try {
    return { fields, file: fileOf(file ?? await instead(fields)), references, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** What the voices of the form's references are like. Throws an ApiError. */
export async function knownVoices(
  service: Service,
  { knownNames, speakers }: TranscriptionRequest,
  references: readonly VoiceReference[],
  stop: AbortSignal,
): Promise<KnownVoice[]> {
  if (knownNames.length + references.length > 0 && speakers === undefined) {
    const message = "known_speaker_names need response_format=diarized_json or speakers, without split_channels";
    throw new ApiError(400, message, { param: "known_speaker_names", code: "invalid_value" });
  }
  if (knownNames.length !== references.length) {
    const counts = `${counted(knownNames.length, "name")} and ${counted(references.length, "reference")}`;
    const message = `${counts} of known speakers: each name needs its reference`;
    throw new ApiError(400, message, { param: referenceField, code: "invalid_value" });
  }
  const voices: KnownVoice[] = [];
  try {
    for (const [index, reference] of references.entries()) {
      const name = knownNames[index]!;
      const work = async () =>
        await knownVoice(service.core.host, await service.networks.open(), name, reference, stop);
      voices.push(await service.reading(Bun.file(reference.path).size, stop, work));
    }
    return voices;
  } catch (error) {
    throw stop.aborted ? new Stopped() : error;
  }
}

function fileOf(file: UploadedFile | undefined): UploadedFile {
  if (file === undefined) {
    throw new ApiError(400, "the form has no 'file'", { param: "file", code: "missing_required_parameter" });
  }
  if (file.bytes === 0) throw new ApiError(400, "the file is empty", { param: "file", code: "invalid_file" });
  return file;
}

export function noAligner(param?: string): ApiError {
  return new ApiError(400, "this server has no aligner (see --aligner)", {
    ...(param && { param }),
    code: "no_aligner",
  });
}

/** What the fields ask for. Throws an ApiError, also where the server's models cannot do it. */
export function requestOf(service: Service, fields: Fields): TranscriptionRequest {
  const { models } = service.core;
  const request = transcriptionRequest(fields, models.timer !== undefined);
  checkPossible(service, request);
  return request;
}

function checkPossible({ core }: Service, { options, format, speakers }: TranscriptionRequest): void {
  const { models, host, settings } = core;
  if (options.align && models.timer === undefined) throw noAligner("align");
  const { language } = options;
  const { languages } = models.transcriber.info;
  if (language !== "" && languages.length > 0 && !languages.includes(language)) {
    throw new ApiError(400, `the model does not know ${language}`, { param: "language", code: "invalid_value" });
  }
  if (speakers === undefined || host.hasSpeakers() && !settings.lowMemory) return;
  const why = settings.lowMemory ? "runs with --low-memory" : "has no weights of the speaker networks";
  const param = format === "diarized_json" || format === "rttm" ? "response_format" : "speakers";
  throw new ApiError(400, `this server ${why}: it does not tell speakers apart`, { param, code: "no_speakers" });
}
