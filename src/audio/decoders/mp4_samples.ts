/** Where the samples of an MP4 track are, in the file and in time. In: tables, fragments. Out: samples. Pure. */

import { boxes, findBox, u16, u32, u64 } from "./boxes.ts";
import type { Edit } from "./mp4_track.ts";

/** What MP4 calls a sample: a packet. */
export type Sample = {
  /** In the file. */
  readonly place: number;
  readonly bytes: number;
  /** In the track's own time. */
  readonly time: number;
  readonly duration: number;
  /** Which description of the track is its own, from 0. */
  readonly description: number;
};

/** A sample that is heard, or that a codec must see before. */
export type Heard = {
  readonly sample: Sample;
  /** Where its first sound belongs on the file's time line, in seconds; undefined where nothing of it is heard. */
  readonly atSec: number | undefined;
  /** Seconds at its beginning that are not heard, and those that are; Infinity: all. */
  readonly skipSec: number;
  readonly keepSec: number;
};

/** A codec gets so much of what is before the first sound that is heard. */
const PREROLL_SEC = 1;
/** Damaged tables can claim any number of samples: more than those of four days are not looked at. */
const SAMPLES_MAX = 1 << 24;
/** And of a fragment not more than those of some hours. */
const FRAGMENT_SAMPLES_MAX = 1 << 20;

/** The samples of a `stbl` box, in their order. Only what is asked for is looked at. */
export function* tableSamples(tables: Uint8Array): Generator<Sample> {
  const table = (name: string) => findBox(tables, name) ?? new Uint8Array(0);
  const sizeOf = sampleSizes(tables);
  const chunks = table("stsc");
  const places = chunkPlaces(tables);
  const durations = durationRuns(table("stts"));
  const runsCount = Math.min(u32(chunks, 4), Math.floor((chunks.length - 8) / 12));
  let [index, time, run] = [0, 0, 0];
  for (let chunk = 0; chunk < places.count && run < runsCount; chunk++) {
    while (run + 1 < runsCount && u32(chunks, 8 + (run + 1) * 12) <= chunk + 1) run++;
    const samplesCount = u32(chunks, 8 + run * 12 + 4);
    const description = Math.max(0, u32(chunks, 8 + run * 12 + 8) - 1);
    let place = places.at(chunk);
    for (let left = samplesCount; left > 0; left--, index++) {
      const bytes = sizeOf(index);
      if (bytes === undefined || index >= SAMPLES_MAX) return;
      const duration = durations();
      yield { place, bytes, time, duration, description };
      place += bytes;
      time += duration;
    }
  }
}

/** Whether all samples of a `stbl` box stand behind `from` in their order. */
export function areInOrder(tables: Uint8Array, from: number): boolean {
  const { count, at } = chunkPlaces(tables);
  for (let chunk = 0, last = from; chunk < count; last = at(chunk++)) if (at(chunk) < last) return false;
  return true;
}

function chunkPlaces(tables: Uint8Array) {
  const wide = findBox(tables, "co64");
  const places = wide ?? findBox(tables, "stco") ?? new Uint8Array(0);
  const count = Math.min(u32(places, 4), Math.floor((places.length - 8) / (wide ? 8 : 4)));
  const at = (chunk: number) => wide ? u64(places, 8 + chunk * 8) : u32(places, 8 + chunk * 4);
  return { count, at };
}

/** Bytes of the sample of that number; undefined behind the last. */
function sampleSizes(tables: Uint8Array): (index: number) => number | undefined {
  const compact = findBox(tables, "stz2");
  const sizes = compact ?? findBox(tables, "stsz") ?? new Uint8Array(0);
  const count = u32(sizes, 8);
  if (compact) {
    const bits = compact[7];
    return (index) => {
      const at = 12 + Math.floor(index * bits! / 8);
      if (index >= count || at >= compact.length) return undefined;
      return bits === 16 ? u16(compact, at) : bits === 8 ? compact[at] : compact[at]! >> (index % 2 === 0 ? 4 : 0) & 15;
    };
  }
  const each = u32(sizes, 4);
  if (each > 0) return (index) => index < count ? each : undefined;
  return (index) => index < count && 12 + index * 4 + 4 <= sizes.length ? u32(sizes, 12 + index * 4) : undefined;
}

/** The duration of one sample after the other; the last one's for all that are not in the table. */
function durationRuns(table: Uint8Array): () => number {
  const count = Math.min(u32(table, 4), Math.floor((table.length - 8) / 8));
  let [run, left, duration] = [0, 0, 0];
  return () => {
    while (left === 0 && run < count) {
      left = u32(table, 8 + run * 8);
      duration = u32(table, 12 + run * 8);
      run++;
    }
    if (left > 0) left--;
    return duration;
  };
}

/** What holds for the samples of fragments that do not say otherwise. */
export type FragmentDefaults = { readonly description: number; readonly duration: number; readonly bytes: number };

export function fragmentDefaults(movie: Uint8Array, track: number): FragmentDefaults {
  const all = boxes(findBox(movie, "mvex") ?? new Uint8Array(0)).filter(({ name }) => name === "trex");
  const body = all.find(({ body }) => u32(body, 4) === track)?.body ?? new Uint8Array(0);
  return { description: Math.max(0, u32(body, 8) - 1), duration: u32(body, 12), bytes: u32(body, 16) };
}

/** A track's part of a fragment. */
type Fragment = {
  readonly track: number;
  readonly body: Uint8Array;
  /** When it begins, in the track's own time; undefined: where the one before ends. */
  readonly time: number | undefined;
};

export function fragmentsOf(moof: Uint8Array): Fragment[] {
  return boxes(moof).filter(({ name }) => name === "traf").map(({ body }) => {
    const time = findBox(body, "tfdt");
    return {
      track: u32(findBox(body, "tfhd") ?? new Uint8Array(0), 4),
      body,
      time: time && (time[0] === 1 ? u64(time, 4) : u32(time, 4)),
    };
  });
}

/** The samples of that track in a fragment; `before`: the end of the one before, in the track's own time. */
export function* fragmentSamples(
  moof: Uint8Array,
  moofPlace: number,
  track: number,
  defaults: FragmentDefaults,
  before: number,
): Generator<Sample> {
  let time = before;
  let samplesLeft = FRAGMENT_SAMPLES_MAX;
  let end = moofPlace; // Of the data of the part before.
  for (const fragment of fragmentsOf(moof)) {
    const head = partHead(fragment.body, moofPlace, end, defaults);
    if (fragment.track === track) time = fragment.time ?? time;
    let place = head.base;
    for (const { name, body } of boxes(fragment.body)) {
      if (name !== "trun") continue;
      const run = runHead(body);
      if (run.offset !== undefined) place = head.base + run.offset;
      if (fragment.track !== track && !run.hasSizes) {
        place += run.count * head.bytes;
        continue;
      }
      for (let index = 0; index < run.count && samplesLeft-- > 0; index++) {
        const sample = run.read(index);
        if (sample === undefined) break;
        const { duration = head.duration, bytes = head.bytes } = sample;
        if (fragment.track === track) {
          yield { place, bytes, time, duration, description: head.description };
          time += duration;
        }
        place += bytes;
      }
    }
    end = place;
  }
}

/** The `tfhd` of a part. */
function partHead(part: Uint8Array, moofPlace: number, end: number, defaults: FragmentDefaults) {
  const head = findBox(part, "tfhd") ?? new Uint8Array(0);
  const flags = u32(head, 0) & 0xff_ffff;
  let at = 8;
  const field = <Value>(flag: number, bytes: number, read: (at: number) => Value, otherwise: Value): Value => {
    if ((flags & flag) === 0) return otherwise;
    at += bytes;
    return read(at - bytes);
  };
  const word = (at: number) => u32(head, at);
  return {
    base: field(0x1, 8, (at) => u64(head, at), (flags & 0x2_0000) !== 0 ? moofPlace : end),
    description: field(0x2, 4, (at) => Math.max(0, word(at) - 1), defaults.description),
    duration: field(0x8, 4, word, defaults.duration),
    bytes: field(0x10, 4, word, defaults.bytes),
  };
}

/** The head of a `trun`, and its rows. */
function runHead(body: Uint8Array) {
  const flags = u32(body, 0) & 0xff_ffff;
  const has = (flag: number) => (flags & flag) !== 0;
  const from = 8 + (has(0x1) ? 4 : 0) + (has(0x4) ? 4 : 0);
  const rowBytes = 4 * [0x100, 0x200, 0x400, 0x800].filter(has).length;
  const read = (index: number): { duration?: number; bytes?: number } | undefined => {
    const at = from + index * rowBytes;
    if (at + rowBytes > body.length) return undefined;
    const duration = has(0x100) ? { duration: u32(body, at) } : {};
    return has(0x200) ? { ...duration, bytes: u32(body, at + (has(0x100) ? 4 : 0)) } : duration;
  };
  return { count: u32(body, 4), offset: has(0x1) ? u32(body, 8) | 0 : undefined, hasSizes: has(0x200), read };
}

/**
 * What is heard of the samples, in the order of the edits. `restart` gives them from the first on. Only the sound of an
 * edit before the last one is cut at its end: behind the last comes what the encoder added, as ffmpeg has it.
 */
export function* heard(restart: () => Iterable<Sample>, edits: readonly Edit[], timescale: number): Generator<Heard> {
  let stepsLeft = 2 * SAMPLES_MAX;
  for (const [index, { startSec, mediaTime, durationSec }] of edits.entries()) {
    const isLast = index === edits.length - 1;
    for (const sample of restart()) {
      if (stepsLeft-- === 0) return;
      const fromSec = (sample.time - mediaTime) / timescale;
      const sampleSec = sample.duration / timescale;
      if (fromSec >= durationSec) break;
      if (fromSec + sampleSec <= -PREROLL_SEC || sample.bytes === 0) continue;
      if (fromSec + sampleSec <= 0 && fromSec < 0) yield { sample, atSec: undefined, skipSec: Infinity, keepSec: 0 };
      else {
        const skipSec = Math.max(0, -fromSec);
        const keepSec = isLast ? Infinity : durationSec - fromSec - skipSec;
        yield { sample, atSec: startSec + fromSec, skipSec, keepSec };
      }
    }
  }
}
