/**
 * Incremental WAV reader (RIFF, RF64/BW64, Sony W64). In: bytes in pieces of any size. Out: mono f32 at its own rate.
 *
 * It never looks back, so pipes and files share it, and it holds at most one header, frame or window. Sizes in headers
 * are often wrong (a recorder that died, more than 4 GiB), and files are joined: a window of bytes after the stated end
 * decides what follows, and sound is read on. Damage that leaves usable samples is a warning; any other throws an
 * `InputError` of one line. Pure.
 */

import { InputError } from "../errors.ts";
import { counted } from "../units.ts";
import { joinedLine } from "./joined_line.ts";
import type { ChannelChoice } from "./mix.ts";
import { type ByteDecoder, chosen, MonoDecoder, type SourceInfo } from "./pcm.ts";
import { isBlank, judgeBytes } from "./plausible.ts";
import { findSignature, id3Bytes, SIGNATURE_BYTES, startAt } from "./starts.ts";
import { parseWavFormat, WAV_FORMAT_BYTES_MAX, type WavFormat } from "./wav_format.ts";
import {
  chunkName,
  findForm,
  formBytes,
  formPrefixBytes,
  isKnownChunk,
  isLikelyChunk,
  isOpenSize,
  printableName,
} from "./wav_layout.ts";

/** Bytes after the data that decide what they are; the first few already tell a chunk. */
const WINDOW_BYTES = 16_384;
const WINDOW_BYTES_MIN = 48;
/** Shorter leftovers after the data hold nothing that could be heard. */
const LEFTOVER_SEC = 0.02;
/** A difference in size that is no loss of sound. */
const TRIFLE_SEC = 0.05;
/** A blank stretch up to this long is silence where sound follows it. */
const BLANK_BYTES_MAX = 1 << 25;
/** More chunks than any writer makes: the header is damaged. */
const CHUNKS_MAX = 100_000;

type State = "form" | "chunk" | "body" | "skip" | "data" | "after" | "blank" | "done";
type Chunk = { readonly id: string; readonly at: number; readonly bytes: number };
const NO_BYTES = new Uint8Array(0);

export class WavDecoder implements ByteDecoder {
  readonly warnings: string[] = [];
  readonly #what: string;
  #state: State = "form";
  /** Bytes of the header or window being collected; `#need` of them are wanted before it is read. */
  #header = new Uint8Array(WINDOW_BYTES);
  #headerBytes = 0;
  #need = 12;
  #offset = 0;
  #isW64 = false;
  /** From `ds64`: the size that a 32-bit data size of all ones stands for. */
  #longDataBytes: number | undefined;
  #chunk: Chunk = { id: "", at: 0, bytes: 0 };
  #chunksCount = 0;
  /** Bytes left of the chunk, and of the padding after it. */
  #left = 0;
  #padBytes = 0;
  #format: WavFormat | undefined;
  #decoder: MonoDecoder | undefined;
  #channels: ChannelChoice;
  /** The format that `#decoder` reads. */
  #decoderFormat: WavFormat | undefined;
  /** The header that is read is that of another WAV, after the sound of the first. */
  #isJoined = false;
  /** The end of the data so far, where another WAV may begin in it. */
  #held: Uint8Array = NO_BYTES;
  /** Bytes of the data beyond its stated size. */
  #overrunBytes = 0;
  /** A stretch of one byte value after the data, so far. */
  #blank = { value: 0, bytes: 0 };

  /**
   * `name` opens error messages; from byte `blankFrom` on the file is known to hold one value over and over; `choice`
   * says which channels are read, by those of the first sound.
   */
  constructor(name: string, readonly blankFrom = Infinity, readonly choice?: number | "each") {
    this.#what = `${name}: WAV`;
  }

  /** Undefined until the fmt chunk was read. */
  get info(): SourceInfo | undefined {
    return this.#format?.info;
  }

  /** Nothing that follows would be read. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  push(bytes: Uint8Array): Float32Array {
    const runs: Float32Array[] = [];
    this.#take(bytes, runs);
    return joinRuns(runs);
  }

  end(): Float32Array {
    const runs: Float32Array[] = [];
    while (this.#state === "after" && this.#headerBytes > 0) this.#decide(runs, true);
    if (this.#decoder === undefined) throw new InputError(`${this.#what} ${this.#whyNoData()}`);
    this.#decode(this.#held, runs);
    this.#warnOfSize();
    this.#closeDecoder();
    this.#state = "done";
    return joinRuns(runs);
  }

  #take(bytes: Uint8Array, runs: Float32Array[]): void {
    for (let at = 0; at < bytes.length && this.#state !== "done";) {
      at += this.#takeSome(bytes.subarray(at), runs);
    }
  }

  /** Returns how many bytes it took. */
  #takeSome(bytes: Uint8Array, runs: Float32Array[]): number {
    switch (this.#state) {
      case "data":
        return this.#takeData(bytes, runs);
      case "skip":
        return this.#takeSkip(bytes);
      case "blank":
        return this.#takeBlank(bytes);
      default:
        return this.#takeHeader(bytes, runs);
    }
  }

  /** Bytes that were looked at already are read as what they turned out to be. */
  #takeAgain(bytes: Uint8Array, runs: Float32Array[]): void {
    this.#offset -= bytes.length;
    this.#take(bytes, runs);
  }

  #takeData(bytes: Uint8Array, runs: Float32Array[]): number {
    const isOpen = this.#left === Infinity;
    const taken = Math.min(bytes.length, isOpen ? Math.max(0, this.blankFrom - this.#offset) : this.#left);
    const data = joinBytes(this.#held, bytes.subarray(0, taken));
    this.#held = NO_BYTES;
    this.#left -= taken;
    this.#offset += taken;
    if (isOpen) this.#overrunBytes += taken;
    const formAt = findForm(data);
    if (formAt >= 0) {
      this.#leaveForForm(data, formAt, runs);
      return taken;
    }
    if (isOpen && this.#leaveForOther(data, runs)) return bytes.length;
    const heldBytes = this.#left === 0 ? 0 : isOpen ? SIGNATURE_BYTES - 1 : formPrefixBytes(data);
    this.#held = data.slice(Math.max(0, data.length - heldBytes));
    this.#decode(data.subarray(0, data.length - this.#held.length), runs);
    if (this.#left === 0) this.#wantAfter();
    else if (taken < bytes.length) this.#state = "done"; // Nothing but blank bytes follows.
    return taken;
  }

  /** Another WAV opens in the middle of the data. */
  #leaveForForm(data: Uint8Array, formAt: number, runs: Float32Array[]): void {
    const beyond = data.length - formAt;
    this.#decode(data.subarray(0, formAt), runs);
    this.#left += beyond;
    this.#overrunBytes -= Math.min(this.#overrunBytes, beyond);
    this.#warnOfSize();
    this.#wantForm();
    this.#takeAgain(data.slice(formAt), runs);
  }

  /** A file of another kind opens in data whose size nobody knows. */
  #leaveForOther(data: Uint8Array, runs: Float32Array[]): boolean {
    const other = findSignature(data);
    if (other === undefined) return false;
    this.#decode(data.subarray(0, other.at), runs);
    this.#overrunBytes -= Math.min(this.#overrunBytes, data.length - other.at);
    this.#stopAtOther(other.name, this.#offset - data.length + other.at);
    return true;
  }

  #stopAtOther(name: string, at: number): void {
    this.warnings.push(joinedLine({ name, at, after: "WAV" }));
    this.#state = "done";
  }

  #decode(bytes: Uint8Array, runs: Float32Array[]): void {
    const run = this.#decoder!.push(bytes);
    if (run.length > 0) runs.push(run);
  }

  #takeSkip(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#left);
    this.#left -= taken;
    this.#offset += taken;
    if (this.#left === 0) this.#wantNext();
    return taken;
  }

  #takeBlank(bytes: Uint8Array): number {
    if (this.#offset >= this.blankFrom) {
      this.#state = "done";
      return bytes.length;
    }
    const { value } = this.#blank;
    const end = isBlank(bytes, value) ? bytes.length : bytes.findIndex((byte) => byte !== value);
    this.#blank.bytes += end;
    this.#offset += end;
    if (end < bytes.length) this.#leaveBlank();
    return end;
  }

  #leaveBlank(): void {
    if (this.#decoder) this.#wantWindow();
    else this.#wantChunk();
  }

  #takeHeader(bytes: Uint8Array, runs: Float32Array[]): number {
    const taken = Math.min(bytes.length, this.#need - this.#headerBytes);
    this.#header.set(bytes.subarray(0, taken), this.#headerBytes);
    this.#headerBytes += taken;
    this.#offset += taken;
    if (this.#headerBytes === this.#need) this.#readHeader(runs);
    return taken;
  }

  /** Exactly `#need` bytes are there; the reader either asks for more or moves to another state. */
  #readHeader(runs: Float32Array[]): void {
    switch (this.#state) {
      case "form":
        return this.#readForm();
      case "chunk":
        return this.#readChunk();
      case "body":
        return this.#readBody();
      case "after":
        return this.#decide(runs, false);
    }
  }

  /** Another WAV follows the one before: all but the format is forgotten. */
  #wantForm(): void {
    this.#isJoined = true;
    this.#longDataBytes = undefined;
    this.#overrunBytes = 0;
    this.#state = "form";
    this.#headerBytes = 0;
    this.#need = 12;
  }

  #readForm(): void {
    if (this.#need === 12 && chunkName(this.#header, 0) === "riff") {
      this.#need = 40; // W64: two GUIDs and a size.
      return;
    }
    const header = this.#header.subarray(0, this.#headerBytes);
    if (formBytes(header, 0) === 0) throw new InputError(`${this.#what} header is damaged: no RIFF/WAVE at its start`);
    this.#isW64 = this.#need === 40;
    this.#padBytes = 0;
    this.#wantChunk();
  }

  /** After a chunk: another before the data, anything after it. */
  #wantNext(): void {
    if (this.#decoder) this.#wantAfter();
    else this.#wantChunk();
  }

  #wantChunk(): void {
    this.#chunksCount++;
    if (this.#chunksCount > CHUNKS_MAX) {
      throw new InputError(`${this.#what} header is damaged: no sound in its first ${CHUNKS_MAX} chunks`);
    }
    this.#state = "chunk";
    this.#headerBytes = 0;
    this.#need = this.#isW64 ? this.#padBytes + 24 : 8;
  }

  #readChunk(): void {
    if (!this.#isW64 && this.#padBytes === 1 && this.#need === 8) {
      // Some writers leave the pad byte out: a known name right here is the next chunk.
      this.#padBytes = 0;
      if (!isKnownChunk(this.#header, 0, false)) {
        this.#header.copyWithin(0, 1, 8);
        this.#headerBytes = 7;
        return;
      }
    }
    if (isBlank(this.#header.subarray(0, this.#need), 0)) return this.#startBlank(0, this.#need);
    this.#chunk = this.#isW64 ? this.#parseW64Chunk() : this.#parseRiffChunk();
    this.#enterChunk();
  }

  #parseRiffChunk(): Chunk {
    const bytes = new DataView(this.#header.buffer).getUint32(4, true);
    const id = chunkName(this.#header, 0);
    this.#padBytes = bytes % 2;
    if (id === "data" && bytes === 0xffff_ffff && this.#longDataBytes !== undefined) {
      this.#padBytes = this.#longDataBytes % 2;
      return { id, at: this.#offset - 8, bytes: this.#longDataBytes };
    }
    return { id, at: this.#offset - 8, bytes: id === "data" && isOpenSize(bytes) ? Infinity : bytes };
  }

  #parseW64Chunk(): Chunk {
    const start = this.#padBytes;
    const view = new DataView(this.#header.buffer);
    const size = view.getUint32(start + 16, true) + view.getUint32(start + 20, true) * 2 ** 32;
    const id = isKnownChunk(this.#header, start, true) ? chunkName(this.#header, start) : "????";
    const at = this.#offset - 24;
    if (size < 24 && !(id === "data" && size === 0)) {
      throw new InputError(
        `${this.#what} chunk at byte ${at} is ${counted(size, "byte")}, smaller than its own header`,
      );
    }
    this.#padBytes = (8 - size % 8) % 8;
    const isOpen = id === "data" && size >= 2 ** 62;
    return { id, at, bytes: isOpen ? Infinity : Math.max(0, size - 24) };
  }

  #enterChunk(): void {
    const { id, bytes } = this.#chunk;
    this.#left = bytes;
    this.#headerBytes = 0;
    if (id === "data") return this.#enterData();
    const wanted = id === "fmt " ? WAV_FORMAT_BYTES_MAX : id === "ds64" ? 16 : 0;
    if (id === "fmt " && this.#format !== undefined && !this.#isJoined) {
      this.warnings.push(`WAV has a second fmt chunk at byte ${this.#chunk.at}, ignored`);
    } else if (wanted > 0) {
      this.#state = "body";
      this.#need = Math.min(wanted, bytes);
      if (this.#need === 0) this.#readBody();
      return;
    }
    this.#state = "skip";
    if (bytes === 0) this.#wantNext();
  }

  #readBody(): void {
    const body = this.#header.subarray(0, this.#headerBytes);
    if (this.#chunk.id === "fmt ") {
      if (this.#isJoined) return this.#readJoinedFormat(body);
      this.#format = parseWavFormat(this.#what, body);
      this.warnings.push(...this.#format.warnings);
    } else if (body.length === 16) {
      const view = new DataView(body.buffer, body.byteOffset);
      const bytes = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
      this.#longDataBytes = bytes === 0 || bytes >= 2 ** 62 ? Infinity : bytes; // A stream's writer never came back.
    }
    this.#skipRest(body.length);
  }

  #skipRest(readBytes: number): void {
    this.#left = this.#chunk.bytes - readBytes;
    this.#state = "skip";
    if (this.#left === 0) this.#wantNext();
  }

  /** A WAV that follows another is heard where its rate is the same; what it holds else is left, with a line. */
  #readJoinedFormat(body: Uint8Array): void {
    const { rate } = this.#format!.info;
    const format = formatOrReason("the WAV", body);
    if (typeof format === "string" || format.info.rate !== rate) {
      const why = typeof format === "string" ? format : `its rate is ${format.info.rate} Hz, not ${rate} Hz`;
      this.warnings.push(`another WAV follows at byte ${this.#chunk.at - 12}, not read: ${why}`);
      this.#state = "done";
      return;
    }
    this.#format = format;
    this.#isJoined = false;
    this.#skipRest(body.length);
  }

  #enterData(): void {
    if (this.#format === undefined) {
      throw new InputError(`${this.#what} data chunk at byte ${this.#chunk.at} comes before its fmt chunk`);
    }
    if (this.#decoderFormat !== this.#format) {
      this.#closeDecoder();
      const { sample, info, channelMask } = this.#format;
      this.#channels ??= chosen(this.choice, info.channels);
      this.#decoder = new MonoDecoder(sample, info.channels, channelMask, this.#channels);
      this.#decoderFormat = this.#format;
    }
    this.#decoder!.dropPartial(); // A second data chunk starts on a frame of its own.
    this.#state = "data";
    this.#overrunBytes = 0;
    if (this.#left === 0) this.#wantAfter();
  }

  #closeDecoder(): void {
    if (this.#decoder) this.warnings.push(...this.#decoder.notes(this.#decoderFormat!.info.rate));
  }

  /** The header says that the chunk is over. What follows decides whether that is true. */
  #wantAfter(): void {
    this.#blank = { value: 0, bytes: 0 };
    this.#wantWindow();
  }

  #wantWindow(): void {
    this.#state = this.#offset >= this.blankFrom ? "done" : "after";
    this.#headerBytes = 0;
    this.#need = WINDOW_BYTES_MIN;
  }

  #startBlank(value: number, bytes: number): void {
    this.#blank = { value, bytes: this.#blank.bytes + bytes };
    this.#state = "blank";
  }

  /** The window is full, or all that is left is in it: a chunk, another WAV, samples, or nothing to be heard. */
  #decide(runs: Float32Array[], isEnd: boolean): void {
    const window = this.#header.slice(0, this.#headerBytes);
    const other = this.#findOther(window);
    if (other !== undefined) return this.#stopAtOther(other.name, this.#offset - window.length + other.at);
    const known = this.#findKnown(window);
    if (known !== undefined) return this.#enterKnown(window, known, runs);
    const { id, bytes } = this.#chunk;
    if (id === "data" && bytes === 0 && this.#blank.bytes === 0) return this.#readOn(window, runs); // Never filled in.
    if (!isEnd && this.#need < WINDOW_BYTES) {
      this.#need = WINDOW_BYTES;
      return;
    }
    const { sample, blockBytes, info } = this.#decoderFormat!;
    const aligned = window.subarray((blockBytes - this.#decoder!.partialBytes) % blockBytes);
    const verdict = judgeBytes(aligned, sample, info.channels);
    if (verdict === "blank") return this.#startBlank(window[0]!, window.length);
    const isLeftover = isEnd && window.length < LEFTOVER_SEC * blockBytes * info.rate;
    const mayBeData = id === "data" && !isLeftover && this.#blank.bytes <= BLANK_BYTES_MAX;
    if (verdict === "samples" && mayBeData) return this.#readOn(window, runs);
    const formAt = findForm(window);
    if (formAt >= 0) return this.#enterKnown(window, formAt, runs);
    if (!isLeftover) {
      this.warnings.push(`WAV: what follows its sound from byte ${this.#offset - window.length} on is not read`);
    }
    this.#state = "done";
  }

  /** Where in the window a file of another kind opens: at its start, after the pad byte, after a tag. */
  #findOther(window: Uint8Array): { readonly name: string; readonly at: number } | undefined {
    for (const at of new Set([0, this.#padBytes])) {
      const name = startAt(window, at + id3Bytes(window, at));
      if (name !== undefined && name !== "WAV") return { name, at };
    }
    return undefined;
  }

  /** Where in the window a chunk or another WAV opens: at its start or after the pad byte. */
  #findKnown(window: Uint8Array): number | undefined {
    const places = this.#isW64 ? [this.#padBytes] : [0, this.#padBytes];
    const isKnown = (at: number) => formBytes(window, at) > 0 || isKnownChunk(window, at, this.#isW64);
    return places.find(isKnown) ?? (this.#isW64 ? undefined : places.find((at) => isLikelyChunk(window, at)));
  }

  #enterKnown(window: Uint8Array, at: number, runs: Float32Array[]): void {
    this.#padBytes = 0;
    if (formBytes(window, at) > 0) this.#wantForm();
    else this.#wantChunk();
    this.#takeAgain(window.subarray(at), runs);
  }

  /** Samples that no header counts go on to the end of the file. */
  #readOn(window: Uint8Array, runs: Float32Array[]): void {
    this.#state = "data";
    this.#left = Infinity;
    const { value, bytes } = this.#blank;
    this.#overrunBytes += bytes;
    for (let left = bytes; left > 0; left -= WINDOW_BYTES) {
      this.#decode(new Uint8Array(Math.min(left, WINDOW_BYTES)).fill(value), runs);
    }
    this.#takeAgain(window, runs);
  }

  /** A stated size that is not the real one, where the data ends. */
  #warnOfSize(): void {
    const { id, bytes } = this.#chunk;
    if (id !== "data" || bytes === 0 || bytes === Infinity) return;
    const { blockBytes, info } = this.#decoderFormat!;
    const isOver = this.#overrunBytes > 0;
    const off = isOver ? this.#overrunBytes : this.#left;
    const offSec = off / blockBytes / info.rate;
    const seconds = (count: number) => (count / blockBytes / info.rate).toFixed(offSec < 0.5 ? 2 : 1);
    if (isOver) {
      this.warnings.push(`WAV holds ${seconds(bytes + off)} s, not the ${seconds(bytes)} s in its header: all is read`);
    } else if (off > 0 && off === this.#chunk.at + 8) {
      this.warnings.push(`WAV data size counts the ${counted(off, "byte")} of its header too; nothing is missing`);
    } else if (off > 0 && offSec < TRIFLE_SEC) {
      this.warnings.push(`WAV data is ${counted(off, "byte")} shorter than its header says`);
    } else if (off > 0) {
      this.warnings.push(`WAV data is cut short: ${seconds(bytes - off)} s of the ${seconds(bytes)} s in its header`);
    }
  }

  #whyNoData(): string {
    if (this.#state === "form") return `header is cut short after ${counted(this.#offset, "byte")}`;
    const lack = this.#format === undefined ? "fmt chunk" : "data chunk";
    const { id, at, bytes } = this.#chunk;
    if (this.#state === "chunk" || this.#state === "blank" || id === "") return `has no ${lack}`;
    return `has no ${lack}: it ends inside the ${bytes}-byte chunk ${printableName(id)} at byte ${at}`;
  }
}

function formatOrReason(what: string, body: Uint8Array): WavFormat | string {
  try {
    return parseWavFormat(what, body);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

function joinRuns(runs: readonly Float32Array[]): Float32Array {
  if (runs.length === 1) return runs[0]!;
  const joined = new Float32Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    joined.set(run, at);
    at += run.length;
  }
  return joined;
}
