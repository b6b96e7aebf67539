/** Names and sizes in a WAV's layout: what opens a file or a chunk, and which sizes mean "unknown". Bytes in. Pure. */

/** Last 12 bytes of the W64 chunk GUIDs; the first four are the RIFF name in lower case. */
const W64_RIFF_TAIL = "2e91cf11a5d628db04c10000";
const W64_CHUNK_TAIL = "f3acd3118cd100c04f8edb8a";

/** First 16 bytes of a W64 file, in hex. */
export const W64_MAGIC = `72696666${W64_RIFF_TAIL}`;

const RIFF_FORM_BYTES = 12;
const W64_FORM_BYTES = 40;
const RIFF_NAMES = ["RIFF", "RF64", "BW64"];

/** Names that open a chunk wherever they stand; other bytes after the data may be samples that no header counts. */
const KNOWN_CHUNKS = new Set(
  ("fmt |data|LIST|list|fact|cue |bext|iXML|JUNK|junk|FLLR|PAD |id3 |ID3 |smpl|inst|PEAK|plst|ltxt|labl|note|acid|" +
    "cart|axml|chna|_PMX|levl|mark|summ|DISP|umid|ds64|minf|elm1|regn|afsp|SAUR|strc|LGWV|AFAn").split("|"),
);

/** Sizes that writers leave in place when they cannot know: all ones (less a header), sox, arecord. */
export function isOpenSize(size: number): boolean {
  return size >= 0xffff_ff00 || size === 0x7fff_f000 || size === 0x7fff_ffff || size === 0x8000_0000;
}

/** A known chunk opens at `at`. */
export function isKnownChunk(bytes: Uint8Array, at: number, isW64: boolean): boolean {
  return isW64 ? hex(bytes, at + 4, at + 16) === W64_CHUNK_TAIL : KNOWN_CHUNKS.has(chunkName(bytes, at));
}

/** What opens at `at` looks like a RIFF chunk: a name that people give, and less than 16 MB. */
export function isLikelyChunk(bytes: Uint8Array, at: number): boolean {
  return at + 8 <= bytes.length && /^[A-Za-z0-9_ ]{4}$/.test(chunkName(bytes, at)) && bytes[at + 7] === 0;
}

/** Bytes of the header that opens a WAV at `at`: 12 of RIFF, 40 of W64; 0 where there is none. */
export function formBytes(bytes: Uint8Array, at: number): number {
  if (RIFF_NAMES.includes(chunkName(bytes, at)) && chunkName(bytes, at + 8) === "WAVE") return RIFF_FORM_BYTES;
  const isW64 = hex(bytes, at, at + 16) === W64_MAGIC && chunkName(bytes, at + 24) === "wave" &&
    hex(bytes, at + 28, at + 40) === W64_CHUNK_TAIL;
  return isW64 ? W64_FORM_BYTES : 0;
}

/** Where a RIFF WAV opens in `bytes`, -1 where none does. */
export function findForm(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = buffer.indexOf("WAVE", 8, "latin1"); at >= 0; at = buffer.indexOf("WAVE", at + 1, "latin1")) {
    if (formBytes(bytes, at - 8) > 0) return at - 8;
  }
  return -1;
}

/** How many bytes at the end may be the beginning of a form: 0 to 11. */
export function formPrefixBytes(bytes: Uint8Array): number {
  for (let count = Math.min(RIFF_FORM_BYTES - 1, bytes.length); count > 0; count--) {
    const start = chunkName(bytes, bytes.length - count);
    if (!RIFF_NAMES.some((name) => name.startsWith(start))) continue;
    if ("WAVE".startsWith(chunkName(bytes, bytes.length - count + 8))) return count;
  }
  return 0;
}

export function chunkName(bytes: Uint8Array, at: number): string {
  return at < 0 ? "" : String.fromCharCode(...bytes.subarray(at, at + 4));
}

export function printableName(id: string): string {
  return `"${id.replace(/[^ -~]/g, "?").trimEnd()}"`;
}

function hex(bytes: Uint8Array, from: number, to: number): string {
  return Array.from(bytes.subarray(from, to), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
