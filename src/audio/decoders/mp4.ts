/**
 * MP4 and QuickTime. In: bytes, from any place that is asked for. Out: the packets of one audio track.
 *
 * The index (`moov`) says where each packet is; it may come last, and fragments (`moof`) have parts of it. Of what is
 * not the track's only the heads of boxes are wanted, so that a film is not read whole where bytes can be skipped.
 */

import { InputError } from "../../errors.ts";
import { chooseTrack, type Track } from "../container.ts";
import { AAC_SAMPLES } from "./aac.ts";
import { boxes, findBox, i32, readBoxHead, u32 } from "./boxes.ts";
import {
  areInOrder,
  type FragmentDefaults,
  fragmentDefaults,
  fragmentSamples,
  fragmentsOf,
  type Heard,
  heard,
  tableSamples,
} from "./mp4_samples.ts";
import {
  describedSetup,
  type Mp4Track,
  notedDelay,
  readDescriptions,
  readTrack,
  startOf,
  withoutDelay,
} from "./mp4_track.ts";
import { type CodecSetup, type Demuxer, type Packet, UnsupportedError } from "./packets.ts";
import { Pending } from "./pending.ts";

/** No index is longer: a day of film has some ten MB. */
const INDEX_BYTES_MAX = 1 << 27;
/** No packet of sound is longer. */
const SAMPLE_BYTES_MAX = 1 << 21;
/** Boxes of a file, by which its place is found again after damage. */
const TOP = ["moof", "moov", "mdat", "sidx", "styp", "free", "mfra"];

/** What the index says of the file and of the track that is read. */
type Movie = {
  readonly all: readonly Mp4Track[];
  readonly track: Mp4Track;
  readonly descriptions: ReturnType<typeof readDescriptions>;
  readonly isFragmented: boolean;
  readonly defaults: FragmentDefaults;
};

export class Mp4Demuxer implements Demuxer {
  setup: CodecSetup | undefined;
  tracks: readonly Track[] = [];
  track: Track | undefined;
  lostBytes = 0;
  isCut = false;
  /** Bytes at places that were passed already may be asked for. */
  mayGoBack = true;
  readonly #name: string;
  readonly #wanted: string | undefined;
  readonly #pending = new Pending();
  #jumps = false;
  /** Where the next box of the file begins. */
  #boxAt = 0;
  #movie: Movie | undefined;
  #samples: Iterator<Heard> | undefined;
  /** The one that is read next. */
  #next: Heard | undefined;
  /** Of the codec as it is set up now. */
  #description = 0;
  #rate = 0;
  /** Where the file's time line begins. */
  #startSec: number | undefined;
  /** End of what was read, in the track's own time. */
  #time = 0;
  #furthest = 0;
  #takenBytes = 0;

  constructor(name: string, wanted: string | undefined) {
    this.#name = name;
    this.#wanted = wanted;
  }

  push(bytes: Uint8Array): Packet[] {
    this.#pending.append(bytes);
    this.#furthest = Math.max(this.#furthest, this.#pending.at + this.#pending.length);
    const packets: Packet[] = [];
    while (this.#step(packets));
    return packets;
  }

  jump(): number | undefined {
    this.#jumps = true;
    const place = this.#wantedPlace;
    const { at, length } = this.#pending;
    if (place === Infinity || (place >= at && place <= at + length)) return undefined;
    this.#pending.restart(place);
    return place;
  }

  end(): Packet[] {
    if (this.#movie === undefined) {
      throw new InputError(`${this.#name}: MP4 without its index (moov): cut off, or no recording`);
    }
    this.isCut = this.#next !== undefined || (this.#movie.isFragmented && this.#pending.length > 0);
    return [];
  }

  /** Boxes that begin before the next sample come first: a fragment may be among them. */
  get #isBoxNext(): boolean {
    if (this.#next === undefined) return true;
    return this.#movie!.isFragmented && this.#boxAt <= this.#next.sample.place;
  }

  /** Of the next byte that is looked at; Infinity where nothing more is wanted. */
  get #wantedPlace(): number {
    if (!this.#isBoxNext) return this.#next!.sample.place;
    return this.#movie === undefined || this.#movie.isFragmented ? this.#boxAt : Infinity;
  }

  /** Reads what is next. Returns false if more bytes are needed. */
  #step(packets: Packet[]): boolean {
    const place = this.#wantedPlace;
    const { at, length } = this.#pending;
    if (place < at) {
      if (this.#isBoxNext) return this.#seekBox();
      return !this.#jumps && this.#take(new Uint8Array(0), packets);
    }
    if (place !== Infinity) this.#pending.dropTo(place);
    else this.#pending.drop(length);
    if (place > at + length) return false;
    return this.#isBoxNext ? this.#box() : this.#sample(packets);
  }

  #sample(packets: Packet[]): boolean {
    const { bytes } = this.#next!.sample;
    if (bytes > SAMPLE_BYTES_MAX) return this.#take(new Uint8Array(0), packets);
    if (this.#pending.length < bytes) return false;
    const data = this.#pending.view.slice(0, bytes);
    this.#pending.drop(bytes);
    this.#takenBytes += bytes;
    if (this.#takenBytes > 2 * this.#furthest) { // A damaged index names the same bytes over and over.
      this.lostBytes += bytes;
      this.#next = undefined;
      this.#samples = undefined;
      return true;
    }
    return this.#take(data, packets);
  }

  /** The next sample as a packet; without `data` it is lost. */
  #take(data: Uint8Array, packets: Packet[]): true {
    const { sample } = this.#next!;
    const setup = sample.description === this.#description ? undefined : this.#setupOf(sample.description);
    packets.push(this.#packet(this.#next!, setup === null ? new Uint8Array(0) : data, setup ?? undefined));
    this.#time = sample.time + sample.duration;
    this.#advance();
    return true;
  }

  /** The codec begins anew; null where the description cannot be used. */
  #setupOf(description: number): CodecSetup | null {
    try {
      const setup = describedSetup(`${this.#name}: MP4`, this.#movie!.descriptions[description]!);
      this.#description = description;
      this.#rate = setup.rate;
      return setup;
    } catch (error) {
      if (error instanceof InputError || error instanceof TypeError) return null;
      throw error;
    }
  }

  #packet({ sample, atSec, skipSec, keepSec }: Heard, data: Uint8Array, setup: CodecSetup | undefined): Packet {
    const rate = this.#rate;
    const stated = Math.round(sample.duration * rate / this.#movie!.track.timescale);
    const samples = this.setup!.codec === "aac" ? AAC_SAMPLES : stated;
    const begins = setup ? { setup } : {};
    if (atSec === undefined) return { data, samples, skip: Number.MAX_SAFE_INTEGER, ...begins };
    const at = Math.round((atSec - this.#startSec!) * rate);
    const skip = Math.max(Math.round(skipSec * rate), -at); // Nothing is heard before 0.
    const keep = keepSec === Infinity ? {} : { keep: Math.max(0, Math.round(keepSec * rate)) };
    return { data, samples, at, skip, ...keep, ...begins };
  }

  #advance(): void {
    const next = this.#samples?.next();
    this.#next = next?.done === false ? next.value : undefined;
  }

  /** The box at the front. */
  #box(): boolean {
    const { view } = this.#pending;
    const head = readBoxHead(view, 0);
    if (head === "more") return false;
    if (head === "none") return this.#seekBox();
    const isNeeded = head.name === (this.#movie === undefined ? "moov" : "moof");
    if (isNeeded && head.bytes <= INDEX_BYTES_MAX) {
      if (view.length < head.bytes) return false;
      const body = view.slice(head.headBytes, head.bytes);
      if (this.#movie === undefined) this.#readMovie(body);
      else this.#readFragment(body, this.#boxAt);
    }
    this.#boxAt += head.bytes;
    return true;
  }

  /** Goes to the next box that a file is made of. */
  #seekBox(): boolean {
    const { view, at } = this.#pending;
    const bytes = Buffer.from(view.buffer, view.byteOffset, view.length);
    const places = TOP.map((name) => bytes.indexOf(name, 5) - 4).filter((place) => place > 0);
    const lost = places.length > 0 ? Math.min(...places) : Math.max(0, view.length - 7);
    this.lostBytes += lost;
    this.#pending.drop(lost);
    this.#boxAt = at + lost;
    return places.length > 0;
  }

  #readMovie(body: Uint8Array): void {
    if (findBox(body, "cmov")) throw new UnsupportedError(`${this.#name}: QuickTime audio with a packed index`);
    const header = findBox(body, "mvhd") ?? new Uint8Array(0);
    const scale = u32(header, header[0] === 1 ? 20 : 12) || 1;
    const all = boxes(body).filter(({ name }) => name === "trak").map(({ body }) => readTrack(body, scale));
    const audio = all.filter(({ kind }) => kind === "audio");
    this.tracks = audio.map((track) => ({ stream: all.indexOf(track), ...track.about }));
    const container = { format: "mov,mp4", startSec: 0, tracks: this.tracks, isGuess: false };
    this.track = chooseTrack(this.#name, container, this.#wanted);
    const track = withoutDelay(all[this.track.stream]!, notedDelay(body));
    if (track.isElsewhere) throw new UnsupportedError(`${this.#name}: QuickTime audio in another file`);
    const descriptions = readDescriptions(track);
    if (descriptions[0] === undefined) throw new InputError(`${this.#name}: MP4 is damaged: no audio is described`);
    this.setup = describedSetup(`${this.#name}: MP4`, descriptions[0]);
    this.#rate = this.setup.rate;
    const isFragmented = findBox(body, "mvex") !== undefined;
    this.#movie = { all, track, descriptions, isFragmented, defaults: fragmentDefaults(body, track.id) };
    this.#startSec = startSecOf(all);
    this.mayGoBack = track.edits.length > 1 || !areInOrder(track.tables, this.#boxAt);
    this.#samples = heard(() => tableSamples(track.tables), track.edits, track.timescale);
    this.#advance();
    const isBefore = this.#next !== undefined && this.#next.sample.place < this.#boxAt;
    if (isBefore && !this.#jumps) throw new UnsupportedError(`${this.#name}: MP4 audio in front of its index`);
  }

  #readFragment(body: Uint8Array, place: number): void {
    const { all, track, defaults } = this.#movie!;
    const parts = fragmentsOf(body).flatMap(({ track: id, time = 0 }) => {
      const track = all.find((track) => track.id === id);
      return track ? [startOf(track, time)] : [];
    });
    if (parts.length > 0) this.#startSec ??= Math.min(...parts);
    this.#startSec ??= 0;
    const edit = { ...track.edits[0]!, durationSec: Infinity };
    const before = this.#time;
    this.#samples = heard(() => fragmentSamples(body, place, track.id, defaults, before), [edit], track.timescale);
    this.#advance();
  }
}

/** Whether the index stands behind the sound; also where `head`, the file's beginning, does not tell. */
export function isIndexLast(head: Uint8Array): boolean {
  for (let at = 0;;) {
    const box = readBoxHead(head, at);
    if (typeof box === "string" || box.name === "mdat") return true;
    if (box.name === "moov" || box.name === "moof") return false;
    at += box.bytes;
  }
}

/** When the first track begins; undefined where none has samples in the index. */
function startSecOf(tracks: readonly Mp4Track[]): number | undefined {
  const starts = tracks.filter(({ kind }) => kind !== "other").flatMap((track) => {
    const [first] = tableSamples(track.tables);
    if (first === undefined) return [];
    const shifts = findBox(track.tables, "ctts");
    const shown = shifts && u32(shifts, 4) > 0 && track.kind === "video" ? Math.max(0, i32(shifts, 12)) : 0;
    return [startOf(track, first.time + shown)];
  });
  return starts.length > 0 ? Math.max(0, Math.min(...starts)) : undefined;
}
