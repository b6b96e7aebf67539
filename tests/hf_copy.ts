/**
 * Writes an `-hf` copy of a checkpoint folder in the original layout: tensors renamed and spread over three shards with
 * an index, the config flattened with Transformers' field names, and tokenizer.json instead of vocab.json + merges.txt.
 * In: a folder with the original's files. Out: a folder that must give the same transcripts. For tests of the loaders.
 */

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SHARDS = 3;

/** The form of the merges in tokenizer.json: pairs (newer files) or lines (older ones). */
export interface HfCopyOptions {
  merges?: "pairs" | "lines";
}

type Json = Record<string, unknown>;

interface TensorHeader {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

interface Tensor {
  name: string;
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** Reads `fromDir`, which does not change, and makes `toDir`. */
export function makeHfCopy(fromDir: string, toDir: string, options: HfCopyOptions = {}): void {
  mkdirSync(toDir, { recursive: true });
  const config = readJson(join(fromDir, "config.json"));
  const aligner = String((config.thinker_config as Json).model_type).includes("forced_aligner");
  writeJson(join(toDir, "config.json"), flattenConfig(config, aligner));
  const tensors = readTensors(join(fromDir, "model.safetensors"));
  for (const tensor of tensors) tensor.name = renameTensor(tensor.name, aligner);
  writeShards(toDir, tensors);
  writeJson(join(toDir, "tokenizer.json"), tokenizerJson(fromDir, options.merges ?? "pairs"));
  writeJson(join(toDir, "tokenizer_config.json"), { tokenizer_class: "Qwen2Tokenizer", eos_token: "<|im_end|>" });
  const generation = join(fromDir, "generation_config.json");
  if (existsSync(generation)) copyFileSync(generation, join(toDir, "generation_config.json"));
}

function readJson(path: string): Json {
  return JSON.parse(readFileSync(path, "utf8"));
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, JSON.stringify(value, null, 2) + "\n");
}

// --------------------------------------------------------------------------------------------------------- config

function flattenConfig(config: Json, aligner: boolean): Json {
  const thinker = config.thinker_config as Json;
  const flat: Json = {
    architectures: [aligner ? "Qwen3ASRForTokenClassification" : "Qwen3ASRForConditionalGeneration"],
    model_type: "qwen3_asr",
    audio_config: flattenAudio(thinker.audio_config as Json),
    audio_token_id: thinker.audio_token_id,
    text_config: flattenText(thinker.text_config as Json),
    tie_word_embeddings: (thinker.text_config as Json).tie_word_embeddings,
  };
  if (!aligner) return flat;
  return {
    ...flat,
    num_labels: thinker.classify_num,
    timestamp_token_id: config.timestamp_token_id,
    timestamp_segment_time: config.timestamp_segment_time,
  };
}

function flattenAudio(audio: Json): Json {
  const { encoder_attention_heads: heads, max_source_positions: _positions, ...rest } = audio;
  const renamed = { num_attention_heads: heads, num_key_value_heads: heads, max_position_embeddings: 13 };
  return { ...rest, model_type: "qwen3_asr_encoder", ...renamed };
}

function flattenText(text: Json): Json {
  const { rope_theta, rope_scaling: _scaling, tie_word_embeddings: _tied, ...rest } = text;
  return { ...rest, model_type: "qwen3", rope_parameters: { rope_theta, rope_type: "default" } };
}

// -------------------------------------------------------------------------------------------------------- tensors

function renameTensor(name: string, aligner: boolean): string {
  const rules: [string, string][] = [
    ["thinker.model.", "model.language_model."],
    ["thinker.lm_head.", aligner ? "score." : "lm_head."],
    ["thinker.audio_tower.proj1.", "model.multi_modal_projector.linear_1."],
    ["thinker.audio_tower.proj2.", "model.multi_modal_projector.linear_2."],
    ["thinker.audio_tower.", "model.audio_tower."],
  ];
  const rule = rules.find(([from]) => name.startsWith(from));
  if (!rule) throw new Error(`${name}: not a tensor of the original layout`);
  return rule[1] + name.slice(rule[0].length);
}

function readTensors(path: string): Tensor[] {
  const file = readFileSync(path);
  const headerBytes = Number(file.readBigUInt64LE(0));
  const start = 8 + headerBytes;
  const header = JSON.parse(file.toString("utf8", 8, start)) as Record<string, TensorHeader>;
  return Object.entries(header).filter(([name]) => name !== "__metadata__").map(([name, entry]) => {
    const [begin, end] = entry.data_offsets;
    return { name, dtype: entry.dtype, shape: entry.shape, bytes: file.subarray(start + begin, start + end) };
  });
}

/** Distributes the tensors one by one, so that neighbours (a weight and its bias) are in different files. */
function writeShards(toDir: string, tensors: Tensor[]): void {
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < SHARDS; shard++) {
    const name = `model-0000${shard + 1}-of-0000${SHARDS}.safetensors`;
    const part = tensors.filter((_, index) => index % SHARDS === shard);
    for (const tensor of part) weightMap[tensor.name] = name;
    writeFileSync(join(toDir, name), safetensorsBytes(part));
  }
  const totalSize = tensors.reduce((sum, tensor) => sum + tensor.bytes.length, 0);
  writeJson(join(toDir, "model.safetensors.index.json"), {
    metadata: { total_size: totalSize },
    weight_map: weightMap,
  });
}

function safetensorsBytes(tensors: Tensor[]): Uint8Array {
  const header: Json = { __metadata__: { format: "pt" } };
  let end = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - text.length % 8) % 8, " ")]); // Data starts at a multiple of 8.
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...tensors.map((tensor) => tensor.bytes)]);
}

// ------------------------------------------------------------------------------------------------------ tokenizer

const PRETOKENIZER =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" +
  "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

function tokenizerJson(fromDir: string, merges: "pairs" | "lines"): Json {
  const added = readJson(join(fromDir, "tokenizer_config.json")).added_tokens_decoder as Record<string, Json>;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: Object.entries(added).map(([id, token]) => ({ id: Number(id), ...token })),
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: PRETOKENIZER }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: readJson(join(fromDir, "vocab.json")),
      merges: readMerges(join(fromDir, "merges.txt")).map((line) => merges === "lines" ? line : line.split(" ")),
    },
  };
}

/** The lines of merges.txt, without its version line. */
function readMerges(path: string): string[] {
  const lines = readFileSync(path, "utf8").split("\n").filter((line) => line.length > 0);
  return lines[0]?.startsWith("#version") ? lines.slice(1) : lines;
}
