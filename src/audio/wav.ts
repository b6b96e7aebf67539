/**
 * Incremental WAV reader (RIFF, RF64/BW64, Sony W64). In: bytes in pieces of any size. Out: mono f32 at its own rate.
 *
 * It never looks back, so pipes and files share it, and it holds at most one chunk header or frame. Damage that leaves
 * usable samples is a warning; any other throws an `InputError` of one line. Pure.
 */

import { InputError } from "../errors.ts";
import { type ByteDecoder, MonoDecoder, type SourceInfo } from "./pcm.ts";
import { parseWavFormat, WAV_FORMAT_BYTES_MAX, type WavFormat } from "./wav_format.ts";

/** Last 12 bytes of the W64 chunk GUIDs. The first four are the RIFF name in lower case. */
const W64_RIFF_TAIL = "2e91cf11a5d628db04c10000";
const W64_CHUNK_TAIL = "f3acd3118cd100c04f8edb8a";

/** First 16 bytes of a W64 file, in hex. */
export const W64_MAGIC = `72696666${W64_RIFF_TAIL}`;

/** Names of chunks that can follow an empty data chunk. Any other bytes there are samples of a stream. */
const KNOWN_CHUNKS = new Set(
  ("fmt |data|LIST|list|fact|cue |bext|iXML|JUNK|junk|FLLR|PAD |id3 |ID3 |smpl|inst|PEAK|plst|ltxt|labl|note|acid|" +
    "cart|axml|chna|_PMX|levl|mark|summ|DISP|umid|ds64|minf|elm1|regn|afsp|SAUR|strc|LGWV|AFAn").split("|"),
);

/** Sizes that writers leave if they do not know the length: all ones (less a header), sox, arecord. */
function isOpenSize(size: number): boolean {
  return size >= 0xffff_ff00 || size === 0x7fff_f000 || size === 0x7fff_ffff || size === 0x8000_0000;
}

type State = "form" | "chunk" | "body" | "skip" | "data" | "emptyData" | "done";
type Chunk = { readonly id: string; readonly at: number; readonly bytes: number };

export class WavDecoder implements ByteDecoder {
  readonly warnings: string[] = [];
  readonly #what: string;
  #state: State = "form";
  /** Bytes of the header being collected; it is read once there are `#need` of them. */
  #header = new Uint8Array(64);
  #headerBytes = 0;
  #need = 12;
  #offset = 0;
  #isW64 = false;
  /** From `ds64`: the size that is meant by a 32-bit data size of all ones. */
  #longDataBytes: number | undefined;
  #chunk: Chunk = { id: "", at: 0, bytes: 0 };
  /** Remaining bytes of the chunk, and of the padding after it. */
  #left = 0;
  #padBytes = 0;
  #format: WavFormat | undefined;
  #decoder: MonoDecoder | undefined;

  /** `name` begins error messages. */
  constructor(name: string) {
    this.#what = `${name}: WAV`;
  }

  /** Undefined until the fmt chunk has been read. */
  get info(): SourceInfo | undefined {
    return this.#format?.info;
  }

  push(bytes: Uint8Array): Float32Array {
    const runs: Float32Array[] = [];
    let at = 0;
    while (at < bytes.length && this.#state !== "done") {
      const rest = bytes.subarray(at);
      if (this.#state === "data") {
        at += this.#takeData(rest, runs);
      } else if (this.#state === "skip") {
        at += this.#takeSkip(rest);
      } else {
        at += this.#takeHeader(rest, runs);
      }
    }
    return joinRuns(runs);
  }

  end(): Float32Array {
    const runs: Float32Array[] = [];
    if (this.#state === "emptyData") this.#startOpenData(runs); // Fewer bytes than a chunk header: they are samples.
    if (this.#decoder === undefined) throw new InputError(`${this.#what} ${this.#whyNoData()}`);
    if (this.#state === "data" && Number.isFinite(this.#left)) this.#warnTruncated();
    const damaged = this.#decoder.damagedCount;
    if (damaged > 0) this.warnings.push(`${damaged} samples are not finite numbers, read as 0`);
    this.#state = "done";
    return joinRuns(runs);
  }

  #takeData(bytes: Uint8Array, runs: Float32Array[]): number {
    const taken = Math.min(bytes.length, this.#left);
    const run = this.#decoder!.push(bytes.subarray(0, taken));
    if (run.length > 0) runs.push(run);
    this.#left -= taken;
    this.#offset += taken;
    if (this.#left === 0) this.#wantChunk();
    return taken;
  }

  #takeSkip(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#left);
    this.#left -= taken;
    this.#offset += taken;
    if (this.#left === 0) this.#wantChunk();
    return taken;
  }

  #takeHeader(bytes: Uint8Array, runs: Float32Array[]): number {
    const taken = Math.min(bytes.length, this.#need - this.#headerBytes);
    this.#header.set(bytes.subarray(0, taken), this.#headerBytes);
    this.#headerBytes += taken;
    this.#offset += taken;
    if (this.#headerBytes === this.#need) this.#readHeader(runs);
    return taken;
  }

  /** Exactly `#need` bytes were collected; the reader either asks for more or moves to another state. */
  #readHeader(runs: Float32Array[]): void {
    switch (this.#state) {
      case "form":
        return this.#readForm();
      case "chunk":
        return this.#readChunk();
      case "body":
        return this.#readBody();
      case "emptyData":
        return this.#readAfterEmptyData(runs);
    }
  }

  #readForm(): void {
    if (this.#need === 12 && name(this.#header, 0) === "riff") {
      this.#need = 40; // W64: two GUIDs and a size.
      return;
    }
    if (this.#need === 40) {
      this.#isW64 = hex(this.#header, 4, 16) === W64_RIFF_TAIL && name(this.#header, 24) === "wave" &&
        hex(this.#header, 28, 40) === W64_CHUNK_TAIL;
    }
    const isRiff = ["RIFF", "RF64", "BW64"].includes(name(this.#header, 0)) && name(this.#header, 8) === "WAVE";
    if (!this.#isW64 && !isRiff) throw new InputError(`${this.#what} header is damaged: no RIFF/WAVE at its start`);
    this.#wantChunk();
  }

  #wantChunk(): void {
    this.#state = "chunk";
    this.#headerBytes = 0;
    this.#need = this.#isW64 ? this.#padBytes + 24 : 8;
  }

  #readChunk(): void {
    if (!this.#isW64 && this.#padBytes === 1 && this.#need === 8) {
      // Some writers leave out the pad byte: a known name right here is the next chunk.
      this.#padBytes = 0;
      if (!KNOWN_CHUNKS.has(name(this.#header, 0))) {
        this.#header.copyWithin(0, 1, 8);
        this.#headerBytes = 7;
        return;
      }
    }
    this.#chunk = this.#isW64 ? this.#parseW64Chunk() : this.#parseRiffChunk();
    this.#enterChunk();
  }

  #parseRiffChunk(): Chunk {
    const bytes = new DataView(this.#header.buffer).getUint32(4, true);
    const id = name(this.#header, 0);
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
    const isKnown = hex(this.#header, start + 4, start + 16) === W64_CHUNK_TAIL;
    const id = isKnown ? name(this.#header, start) : "????";
    const at = this.#offset - 24;
    if (size < 24 && !(id === "data" && size === 0)) {
      throw new InputError(`${this.#what} chunk at byte ${at} is ${size} bytes, smaller than its own header`);
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
    if (id === "fmt " && this.#format !== undefined) {
      this.warnings.push(`WAV has a second fmt chunk at byte ${this.#chunk.at}, ignored`);
    } else if (wanted > 0) {
      this.#state = "body";
      this.#need = Math.min(wanted, bytes);
      if (this.#need === 0) this.#readBody();
      return;
    }
    this.#state = "skip";
    if (bytes === 0) this.#wantChunk();
  }

  #readBody(): void {
    const body = this.#header.subarray(0, this.#headerBytes);
    if (this.#chunk.id === "fmt ") {
      this.#format = parseWavFormat(this.#what, body);
      this.warnings.push(...this.#format.warnings);
    } else if (body.length === 16) {
      const view = new DataView(body.buffer, body.byteOffset);
      const bytes = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
      this.#longDataBytes = bytes === 0 || bytes >= 2 ** 62 ? Infinity : bytes; // The writer never filled it in.
    }
    this.#left = this.#chunk.bytes - body.length;
    this.#state = "skip";
    if (this.#left === 0) this.#wantChunk();
  }

  #enterData(): void {
    if (this.#format === undefined) {
      throw new InputError(`${this.#what} data chunk at byte ${this.#chunk.at} comes before its fmt chunk`);
    }
    this.#decoder ??= new MonoDecoder(this.#format.sample, this.#format.info.channels);
    this.#decoder.dropPartial(); // A second data chunk starts with a new frame.
    this.#state = "data";
    if (this.#left > 0) return;
    this.#state = "emptyData";
    this.#need = this.#isW64 ? 16 : 4;
  }

  /** The header says "no samples": if another chunk follows that is true, else the size was never filled in. */
  #readAfterEmptyData(runs: Float32Array[]): void {
    const isChunk = this.#isW64 ? hex(this.#header, 4, 16) === W64_CHUNK_TAIL : KNOWN_CHUNKS.has(name(this.#header, 0));
    if (!isChunk) return this.#startOpenData(runs);
    this.#state = "chunk";
    this.#padBytes = 0;
    this.#need = this.#isW64 ? 24 : 8;
  }

  #startOpenData(runs: Float32Array[]): void {
    this.#state = "data";
    this.#left = Infinity;
    const run = this.#decoder!.push(this.#header.subarray(0, this.#headerBytes));
    if (run.length > 0) runs.push(run);
  }

  #warnTruncated(): void {
    const { blockBytes, info } = this.#format!;
    const seconds = (bytes: number) => (bytes / blockBytes / info.rate).toFixed(1);
    const { bytes } = this.#chunk;
    this.warnings.push(
      `WAV data is cut short: ${seconds(bytes - this.#left)} s of the ${seconds(bytes)} s in its header`,
    );
  }

  #whyNoData(): string {
    if (this.#state === "form") return `header is cut short after ${this.#offset} bytes`;
    const lack = this.#format === undefined ? "fmt chunk" : "data chunk";
    const { id, at, bytes } = this.#chunk;
    if (this.#state === "chunk" || id === "") return `has no ${lack}`;
    return `has no ${lack}: it ends inside the ${bytes}-byte chunk ${printable(id)} at byte ${at}`;
  }
}

function name(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function printable(id: string): string {
  return `"${id.replace(/[^ -~]/g, "?").trimEnd()}"`;
}

function hex(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += bytes[i].toString(16).padStart(2, "0");
  return text;
}

function joinRuns(runs: readonly Float32Array[]): Float32Array {
  if (runs.length === 1) return runs[0];
  const joined = new Float32Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    joined.set(run, at);
    at += run.length;
  }
  return joined;
}
