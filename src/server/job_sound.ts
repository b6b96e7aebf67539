/**
 * The recording of a job for players. In: a job. Out: what was heard as WAV, in ranges, and bars to draw. Browsers play
 * every recording so, and none is sent to them as what its sender says it is. It is decoded when it is first asked for,
 * lies beside the recording, and goes with it.
 */

import { open, rename } from "node:fs/promises";
import { wavHeader } from "../audio/wav_header.ts";
import { peaksOf } from "../output/peaks.ts";
import { sampleRate } from "../units.ts";
import { ApiError } from "./errors.ts";
import { transcriptionRequest } from "./fields.ts";
import { remove } from "./folder.ts";
import { closeUpload, readUpload } from "./hear.ts";
import type { LoadedAudio } from "./host.ts";
import type { Service } from "./service.ts";
import type { JobRow, State } from "./state.ts";

/** A decoded recording. */
export type JobSound = { readonly path: string; readonly samples: number; readonly peaks: readonly number[] };

/** What it takes to decode them. */
type Sounds = { readonly service: Service; readonly state: State };

type Owner = { readonly row: JobRow; sound: Promise<JobSound> | undefined };

const sampleBytes = 2;
const headerBytes = 44;
const blockSamples = 2 ** 20;

export function soundOf(sounds: Sounds, job: Owner): Promise<JobSound> {
  job.sound ??= decode(sounds, job.row).catch((error) => {
    job.sound = undefined; // The next one tries again.
    throw error;
  });
  return job.sound;
}

/** All of the recording, whatever part of it was asked for: times are those of the whole. */
async function decode({ service, state }: Sounds, row: JobRow): Promise<JobSound> {
  const leave = service.admit();
  try {
    if (!await Bun.file(row.file.path).exists()) {
      throw notKept();
    }
    const request = transcriptionRequest(row.fields, false);
    const whole = { ...request.options, fromSec: undefined, toSec: undefined, splitChannels: false };
    const read = () => readUpload(service.core, { ...request, options: whole }, row.file);
    const { sides: [side] } = await service.reading(row.file.bytes, new AbortController().signal, read);
    try {
      const path = state.soundPath(row.id);
      await writeWav(side!, path);
      return { path, samples: side!.length, peaks: peaksOf(side!.levels, 0, (side!.length / sampleRate) * 1000) };
    } finally {
      await closeUpload({ sides: [side!] });
    }
  } finally {
    leave();
  }
}

export function notKept(): ApiError {
  return new ApiError(410, "the recording was not kept (see --keep)", { code: "not_kept" });
}

/** Whole or not at all. */
async function writeWav(side: LoadedAudio, path: string): Promise<void> {
  const fresh = `${path}.part`;
  const file = await open(fresh, "w", 0o600);
  try {
    await file.writeFile(wavHeader(side.length * sampleBytes));
    for (let at = 0; at < side.length; at += blockSamples) {
      const samples = await side.read(at, Math.min(side.length, at + blockSamples));
      const rounded = Int16Array.from(samples, (sample) => Math.round(Math.min(1, Math.max(-1, sample)) * 32_767));
      await file.writeFile(new Uint8Array(rounded.buffer));
    }
    await file.close();
    await rename(fresh, path);
  } catch (error) {
    await file.close().catch(() => {});
    await remove(fresh);
    throw error;
  }
}

/** Samples of [from, to) seconds, within the recording. */
export async function soundSamples({ path, samples }: JobSound, fromSec: number, toSec: number): Promise<Float32Array> {
  const [from, to] = [fromSec, toSec].map((sec) => Math.min(samples, Math.max(0, Math.round(sec * sampleRate))));
  const part = Bun.file(path).slice(headerBytes + from! * sampleBytes, headerBytes + to! * sampleBytes);
  return Float32Array.from(new Int16Array(await part.arrayBuffer()), (sample) => sample / 32_768);
}

export async function soundReply(sounds: Sounds, job: Owner, range: string | null): Promise<Response> {
  const { path, samples } = await soundOf(sounds, job);
  const size = headerBytes + samples * sampleBytes;
  const headers = { "content-type": "audio/wav", "accept-ranges": "bytes", "cache-control": "no-store" };
  const wanted = rangeOf(range, size);
  if (wanted === undefined) return new Response(Bun.file(path), { headers });
  const { from, to } = wanted;
  if (from >= to) {
    throw new ApiError(416, "there is no such part of the recording", {
      headers: { "content-range": `bytes */${size}` },
    });
  }
  return new Response(Bun.file(path).slice(from, to), {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${from}-${to - 1}/${size}` },
  });
}

type Range = { readonly from: number; readonly to: number };

/** [from, to) of a Range header; undefined where it asks for all, or for what is not served: several ranges. */
export function rangeOf(header: string | null, size: number): Range | undefined {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  if (first === undefined || first === "" && last === "") return undefined;
  if (first === "") return { from: Math.max(0, size - Number(last)), to: size };
  return { from: Number(first), to: last === "" ? size : Math.min(size, Number(last) + 1) };
}

export async function peaksReply(sounds: Sounds, job: Owner): Promise<Response> {
  const { samples, peaks } = await soundOf(sounds, job);
  const rounded = peaks.map((peak) => Math.round(peak * 1000) / 1000);
  return Response.json({ object: "transcription.peaks", seconds: samples / sampleRate, peaks: rounded });
}
