/** AAC: what its headers say, and which kinds are decoded here. In: bytes. Out: a configuration, a setup. Pure. */

import { checkSourceShape } from "../limits.ts";
import { BitReader } from "./bits.ts";
import { type CodecSetup, UnsupportedError } from "./packets.ts";

/** Samples per channel of a packet of AAC-LC. */
export const AAC_SAMPLES = 1024;

/** What an AudioSpecificConfig or an ADTS header says. */
export type AacConfig = {
  /** MPEG-4's number of the kind of audio: 2 is AAC-LC. */
  readonly objectType: number;
  /** Of the core, in Hz. */
  readonly rate: number;
  /** Which speakers there are; 0 where a program config says so. */
  readonly layout: number;
  /** Samples of a packet. */
  readonly samples: number;
  /** Whether the upper half of the band comes as a description (HE-AAC); undefined: the packets tell. */
  readonly hasSbr: boolean | undefined;
};

const LC = 2;
const SBR = 5;
const PS = 29;
const PARAMETERS_SYNC = 0x2b7;

const KINDS: Readonly<Record<number, string>> = {
  ...{ 1: "AAC Main", 3: "AAC SSR", 4: "AAC LTP", 6: "AAC Scalable", 17: "ER AAC-LC", 20: "ER AAC Scalable" },
  ...{ 23: "AAC-LD", 32: "MP1", 33: "MP2", 34: "MP3", 36: "ALS", 39: "AAC-ELD", 42: "xHE-AAC" },
};

const RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];
/** Other rates are coded as these are down to these bounds. */
const RATE_BOUNDS = [92_017, 75_132, 55_426, 46_009, 37_566, 27_713, 23_004, 18_783, 13_856, 11_502, 9391, 0];

/** By layout: how many channels, for each in the order of a WAV which one of a packet it is, a WAV's mask. */
const LAYOUTS: readonly { readonly order: readonly number[]; readonly mask: number }[] = [
  { order: [], mask: 0 },
  { order: [0], mask: 0x4 },
  { order: [0, 1], mask: 0x3 },
  { order: [1, 2, 0], mask: 0x7 },
  { order: [1, 2, 0, 3], mask: 0x107 },
  { order: [1, 2, 0, 3, 4], mask: 0x37 },
  { order: [1, 2, 0, 5, 3, 4], mask: 0x3f },
  { order: [1, 2, 0, 7, 5, 6, 3, 4], mask: 0x63f },
];

/** Reads an AudioSpecificConfig; undefined where it is damaged. */
export function readAudioConfig(bytes: Uint8Array): AacConfig | undefined {
  const bits = new BitReader(bytes);
  let objectType = readObjectType(bits);
  const rate = readRate(bits);
  const layout = bits.read(4);
  let hasSbr: boolean | undefined;
  if (objectType === SBR || objectType === PS) {
    hasSbr = true;
    readRate(bits);
    objectType = readObjectType(bits);
  }
  const isGeneral = [1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23].includes(objectType);
  const samples = isGeneral && bits.read(1) === 1 ? 960 : AAC_SAMPLES;
  if (isGeneral && bits.read(1) === 1) bits.read(14); // The delay of a core coder.
  if (isGeneral) bits.read(1);
  const elements = isGeneral && layout === 0 ? readProgram(bits) : undefined;
  if (hasSbr === undefined && bits.left >= 16 && bits.read(11) === PARAMETERS_SYNC && readObjectType(bits) === SBR) {
    hasSbr = bits.read(1) === 1;
  }
  if (bits.left < 0) return undefined;
  return { objectType, rate, layout: elements ? layoutOf(elements) : layout, samples, hasSbr };
}

/** The layout that a packet's own program config names, which it begins with; 0 where there is none or a rare one. */
export function layoutOfPacket(packet: Uint8Array): number {
  const bits = new BitReader(packet);
  if (bits.read(3) !== 5) return 0;
  const elements = readProgram(bits);
  return bits.left < 0 ? 0 : layoutOf(elements);
}

/** `what` begins messages: "talk.m4a: MP4". Throws an UnsupportedError for other kinds than AAC-LC and HE-AAC. */
export function aacSetup(what: string, config: AacConfig, format: string): CodecSetup {
  const { objectType, rate, layout, samples, hasSbr } = config;
  if (objectType !== LC) throw new UnsupportedError(`${what} ${KINDS[objectType] ?? `kind ${objectType}`} audio`);
  if (samples !== AAC_SAMPLES) throw new UnsupportedError(`${what} AAC-${samples} audio`);
  const speakers = LAYOUTS[layout];
  if (layout === 0 || speakers === undefined) throw new UnsupportedError(`${what} AAC audio with rare channels`);
  const { order, mask } = speakers;
  checkSourceShape(`${what} AAC`, rate, order.length);
  return {
    ...{ codec: "aac", rate, channels: order.length, header: plainConfig(rate, layout), format, order, mask },
    ...(hasSbr === undefined ? {} : { hasSbr }),
  };
}

/** An AudioSpecificConfig of AAC-LC with nothing else in it. */
function plainConfig(rate: number, layout: number): Uint8Array {
  const code = rateCode(rate);
  return Uint8Array.of(LC << 3 | code >> 1, (code & 1) << 7 | layout << 3);
}

function rateCode(rate: number): number {
  const code = RATES.indexOf(rate);
  return code >= 0 ? code : RATE_BOUNDS.findIndex((bound) => rate >= bound);
}

/** The rate that stands at `code` of the table; 0 where none does. */
export function rateOf(code: number): number {
  return RATES[code] ?? 0;
}

function readObjectType(bits: BitReader): number {
  const type = bits.read(5);
  return type === 31 ? 32 + bits.read(6) : type;
}

function readRate(bits: BitReader): number {
  const code = bits.read(4);
  return code === 15 ? bits.read(24) : rateOf(code);
}

/** "single", "pair" or "low" for each element of a program, in the order in which packets have them. */
type Elements = readonly ("single" | "pair" | "low")[];

function readProgram(bits: BitReader): Elements {
  bits.read(4 + 2 + 4);
  const counts = [bits.read(4), bits.read(4), bits.read(4)]; // Front, side, back.
  const lowCount = bits.read(2);
  const dataCount = bits.read(3);
  const couplingCount = bits.read(4);
  for (const mixdownBits of [4, 4, 3]) if (bits.read(1) === 1) bits.read(mixdownBits);
  const speakers = counts.flatMap((count) =>
    Array.from({ length: count }, () => {
      const isPair = bits.read(1) === 1;
      bits.read(4);
      return isPair ? "pair" : "single";
    })
  );
  for (let left = lowCount + dataCount; left > 0; left--) bits.read(4);
  for (let left = couplingCount; left > 0; left--) bits.read(5);
  bits.align();
  for (let left = bits.read(8); left > 0; left--) bits.read(8);
  return [...speakers, ...Array.from({ length: lowCount }, () => "low" as const)];
}

/** The layouts' elements, in their order. */
const ELEMENTS = [
  ...["", "single", "pair", "single pair", "single pair single", "single pair pair", "single pair pair low"],
  "single pair pair pair low",
];

function layoutOf(elements: Elements): number {
  return Math.max(0, ELEMENTS.indexOf(elements.join(" ")));
}
