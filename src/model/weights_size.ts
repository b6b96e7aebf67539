/**
 * How much memory a model's weights take at each precision, before it is opened. In: its folder, of which only the
 * headers are read. Out: bytes; rather too many for files that are not as we know them.
 */

import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { folderOnDisk } from "../path_bytes.ts";
import type { WeightsSize } from "./catalog.ts";
import type { ModelPlace } from "./locate.ts";

/** Bytes per weight: 32 of them and a scale of 16 bits, in blocks of 34 and 18 bytes. */
const [byte8, byte4] = [34 / 32, 18 / 32];

/** The models inside this program, unpacked and packed. */
const builtIn: WeightsSize = { bf16: 80e6, int8: 80e6, int4: 80e6 };

const headBytesMax = 64 * 2 ** 20;

export async function weightsSize(place: ModelPlace): Promise<WeightsSize> {
  if (place.kind !== "folder") return builtIn;
  const names = (await readdir(folderOnDisk(place.path))).filter((name) => name.endsWith(".safetensors"));
  const counts = new Map<string, number>();
  for (const name of names) {
    for (const [tensor, count] of await tensorsOf(join(place.path, name))) counts.set(tensor, count);
  }
  return sizeOf(counts, isTied(await readFile(join(place.path, "config.json"), "utf8").catch(() => "")));
}

/** `counts`: elements by the tensors' names. `tied`: the head is the embedding, although it has its own tensor. */
export function sizeOf(counts: ReadonlyMap<string, number>, tied: boolean): WeightsSize {
  let [all, four] = [0, 0];
  for (const [name, count] of counts) {
    if (tied && /(?:^|\.)lm_head\.weight$/.test(name)) continue;
    all += count;
    if (isFourBits(name)) four += count;
  }
  return { bf16: 2 * all, int8: all * byte8, int4: (all - four) * byte8 + four * byte4 };
}

/** Of int4, the decoder's matrices but for the attention's output. */
function isFourBits(name: string): boolean {
  return !name.includes("audio_tower") &&
    /\.layers\.\d+\.(?:self_attn\.[qkv]_proj|mlp\.(?:gate|up|down)_proj)\.weight$/.test(name);
}

function isTied(config: string): boolean {
  return /"tie_word_embeddings"\s*:\s*true/.test(config);
}

/** Elements of each tensor in a file; none if it is not what it should be, which opening it will say. */
async function tensorsOf(path: string): Promise<[string, number][]> {
  const file = await open(path);
  try {
    const length = new BigUint64Array(1);
    await file.read(new Uint8Array(length.buffer), 0, 8, 0);
    const bytes = Number(length[0]);
    if (bytes > headBytesMax) return [];
    const head = new Uint8Array(bytes);
    await file.read(head, 0, bytes, 8);
    const tensors = Object.entries(JSON.parse(new TextDecoder().decode(head)) as Record<string, { shape?: number[] }>);
    return tensors.map(([name, { shape }]) => [name, shape?.reduce((product, side) => product * side, 1) ?? 0]);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return [];
    throw error;
  } finally {
    await file.close();
  }
}
