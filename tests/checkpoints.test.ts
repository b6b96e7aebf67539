/**
 * Checkpoint folders: damaged ones are rejected with one line that names the file and the tensor, each by the library
 * and one of every kind by the executable; unusual ones give the same text.
 */

import { afterAll, describe, expect, test } from "bun:test";
import { closeSync, openSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { EngineError, STATUS } from "../src/engine/native.ts";
import { golden, modelDir, spokenText } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { makeHfCopy } from "./hf_copy.ts";
import { native } from "./native.ts";
import {
  headerBytes,
  linkedCopy,
  nanoWeights,
  readJson,
  replaceFile,
  weightsFile,
  writeConvertedWeights,
  writeHeadWeights,
  writeHollowWeights,
} from "./support/checkpoint.ts";
import { expectRefusal, lines, wav } from "./support/cli.ts";

const names = ["en-short", "zh-weather", "en-digits"];
const texts = names.map((name) => spokenText(golden(name)!.plain));

async function expectGolden(folder: string): Promise<void> {
  const result = await run(["-d", folder, "--silent", ...names.map(wav)]);
  expect(result).toMatchObject({ code: 0, stderr: "" });
  expect(lines(result.stdout)).toEqual(texts);
}

/** Expects the library to refuse the folder by a line that begins with the path of its `file`. */
function expectDamage(folder: string, file: string, says: RegExp): void {
  const refusal = refusalOf(folder);
  expect(refusal).toMatch(says);
  expect(refusal).toStartWith(`${join(folder, file)}: `);
  expect(refusal).not.toContain("\n");
}

/** What is wrong with the model, as the library says it. */
function refusalOf(folder: string): string {
  try {
    native().closeModel(native().openFolder(folder, 1));
  } catch (error) {
    if (error instanceof EngineError && error.status === STATUS.model) return error.message;
    throw error;
  }
  throw new Error("the library opens it");
}

/** Expects both, the library and the executable, to refuse the folder. */
async function expectRefusedRun(folder: string, file: string, says: RegExp): Promise<void> {
  expectDamage(folder, file, says);
  const result = await run(["-d", folder, "--silent", wav("en-short")]);
  expectRefusal(result, 3, says);
  expect(lines(result.stderr).length).toBe(1);
  expect(result.stderr).toStartWith(`qwen-asr: ${join(folder, file)}: `);
}

type Json = Record<string, unknown>;

describe("damaged weights", () => {
  const vNorm = "thinker.model.layers.3.input_layernorm.weight";
  const fc1 = "thinker.audio_tower.layers.2.fc1.weight";
  const cases: Record<string, { change: (header: ReturnType<typeof nanoWeights>["header"]) => void; says: RegExp }> = {
    "a missing tensor": {
      change: (header) => delete header[fc1],
      says: /tensor "thinker\.audio_tower\.layers\.2\.fc1\.weight" is missing/,
    },
    "a wrong shape of the same size": {
      change: (header) => header[fc1]!.shape.reverse(),
      says: /tensor "thinker.*\.2\.fc1\.weight" has shape \[128, 512\], the config makes it \[512, 128\]/,
    },
    "a shape that its bytes do not hold": {
      change: (header) => header[vNorm]!.shape = [256],
      says: /tensor "thinker\.model\.layers\.3\.input_layernorm\.weight"/,
    },
    "a shape that overflows": {
      change: (header) => header[vNorm]!.shape = [2 ** 40, 2 ** 40],
      says: /tensor "thinker\.model\.layers\.3\.input_layernorm\.weight"/,
    },
    "a dtype that is no weight": {
      change: (header) => header[vNorm]!.dtype = "I16",
      says: /tensor "thinker\.model\.layers\.3\.input_layernorm\.weight" is i16, not bf16, f16 or f32/i,
    },
    "a dtype that does not exist": {
      change: (header) => header[vNorm]!.dtype = "BF17",
      says: /tensor "thinker\.model\.layers\.3\.input_layernorm\.weight".*BF17/,
    },
    "a tensor behind the end": {
      change: (header) => header[vNorm]!.data_offsets = [2 ** 33, 2 ** 33 + 256],
      says: /tensor "thinker\.model\.layers\.3\.input_layernorm\.weight"/,
    },
    "a tensor that ends before it starts": {
      change: (header) => header[vNorm]!.data_offsets.reverse(),
      says: /tensor "thinker\.model\.layers\.3\.input_layernorm\.weight"/,
    },
    "a negative offset": {
      change: (header) => header[vNorm]!.data_offsets = [-256, 0],
      says: /tensor "thinker\.model\.layers\.3\.input_layernorm\.weight"/,
    },
    "one layer more than the config has": {
      change: (header) => {
        for (const [name, tensor] of Object.entries(header)) {
          if (name.includes("model.layers.5.")) header[name.replace(".5.", ".6.")] = tensor;
        }
      },
      says: /tensor "thinker\.model\.layers\.6\.|overlap/,
    },
  };
  for (const [title, { change, says }] of Object.entries(cases)) {
    test(title, () => {
      using folder = temporaryFolder();
      const model = linkedCopy(folder.path, [weightsFile]);
      writeHollowWeights(model, change);
      expectDamage(model, weightsFile, says);
    });
  }

  test("truncated: by a byte, in the middle, in the header, in the length, empty", () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path, [weightsFile]);
    const { header, data } = nanoWeights();
    const size = headerBytes(header).length + data.length;
    for (const missing of [1, data.length >> 1, data.length, data.length + 1000, size - 7, size]) {
      writeHollowWeights(model, () => {}, missing);
      expectDamage(model, weightsFile, missing <= data.length ? /tensor "|header/ : /header|bytes|short|empty/);
    }
  });

  test("the last tensor is the one that is named when a byte is missing", async () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path, [weightsFile]);
    writeHollowWeights(model, () => {}, 1);
    const { header, data } = nanoWeights();
    const [last] = Object.entries(header).find(([, { data_offsets: [, to] }]) => to === data.length)!;
    await expectRefusedRun(model, weightsFile, new RegExp(`tensor "${last.replaceAll(".", "\\.")}"`));
  });

  test("a header that is no JSON, an array, or says it has 2^60 bytes", () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path, [weightsFile]);
    for (const text of ["{".padEnd(64), "[]".padEnd(64), '{"a": {"dtype": 1}}'.padEnd(64), "\0".repeat(64)]) {
      replaceFile(model, weightsFile, Buffer.concat([Buffer.from([64, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(text)]));
      expectDamage(model, weightsFile, /./);
    }
    replaceFile(model, weightsFile, Buffer.from([0, 0, 0, 0, 0, 0, 0, 16, 0x7b, 0x7d]));
    expectDamage(model, weightsFile, /header/);
  });

  test("what came instead of the weights: a web page, an LFS pointer, a folder", async () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path, [weightsFile]);
    replaceFile(model, weightsFile, "<!DOCTYPE html><title>404</title>".padEnd(2000));
    await expectRefusedRun(model, weightsFile, /./);
    replaceFile(model, weightsFile, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 45665728\n");
    expectDamage(model, weightsFile, /./);
    rmSync(join(model, weightsFile));
    symlinkSync(model, join(model, weightsFile));
    expectDamage(model, weightsFile, /./);
  });
});

describe("shards", () => {
  const index = `${weightsFile}.index.json`;
  const copy = temporaryFolder();
  const sharded = join(copy.path, "hf");
  makeHfCopy(modelDir(), sharded);
  afterAll(() => copy[Symbol.dispose]());

  test("an -hf copy: renamed, in three shards, flat config, tokenizer.json", () => expectGolden(sharded));

  test("tokenizer.json with merges as lines", async () => {
    using folder = temporaryFolder();
    const lined = join(folder.path, "hf");
    makeHfCopy(modelDir(), lined, { merges: "lines" });
    await expectGolden(lined);
  });

  test("a missing shard is named", async () => {
    const name = "model-00002-of-00003.safetensors";
    renameSync(join(sharded, name), join(sharded, "away"));
    try {
      const result = await run(["-d", sharded, "--silent", wav("en-short")]);
      expectRefusal(result, 3, /model-00002-of-00003\.safetensors/);
    } finally {
      renameSync(join(sharded, "away"), join(sharded, name));
    }
  });

  test("a truncated shard is named, with a tensor of it", async () => {
    const name = "model-00003-of-00003.safetensors";
    const { size } = Bun.file(join(sharded, name));
    const fd = openSync(join(sharded, name), "r+");
    const last = new Uint8Array(await Bun.file(join(sharded, name)).slice(size - 2).arrayBuffer());
    try {
      truncateSync(join(sharded, name), size - 2);
      await expectRefusedRun(sharded, name, /tensor "/);
    } finally {
      writeSync(fd, last, 0, 2, size - 2);
      closeSync(fd);
    }
    await expectGolden(sharded);
  });

  test("an index that is damaged", async () => {
    const whole = await Bun.file(join(sharded, index)).text();
    const map = JSON.parse(whole) as { weight_map: Record<string, string> };
    const [first] = Object.keys(map.weight_map);
    const cases: [string, RegExp][] = [
      ["{", /JSON/],
      ["", /./],
      ["[]", /./],
      ['{"weight_map": {}}', /weight_map|tensor|none/],
      ['{"weight_map": 7}', /weight_map/],
      [whole.replace(`"${first}": "model-`, `"${first}": "../model-`), /not a plain file name/],
      [whole.replace(`"${first}": "model-00001`, `"${first}": "model-00002`), /tensor ".*" should be in/],
      [whole.replace(`"${first}"`, '"no.such.tensor"'), /tensor "no\.such\.tensor"/],
    ];
    try {
      for (const [text, says] of cases) {
        expect(text).not.toBe(whole);
        writeFileSync(join(sharded, index), text);
        expect(refusalOf(sharded)).toMatch(says);
      }
    } finally {
      writeFileSync(join(sharded, index), whole);
    }
  });
});

describe("config.json", () => {
  type Change = (config: { thinker_config: Record<"audio_config" | "text_config", Json> } & Json) => void;
  const cases: Record<string, { change: Change; says: RegExp; file?: string }> = {
    "another model": { change: (config) => config.model_type = "llama", says: /model_type "llama" is not a Qwen3-ASR/ },
    "no text_config": {
      change: (config) => delete (config.thinker_config as Partial<typeof config.thinker_config>).text_config,
      says: /text_config/,
    },
    "a width of 0": { change: (config) => config.thinker_config.text_config.hidden_size = 0, says: /hidden_size/ },
    "a width that is text": {
      change: (config) => config.thinker_config.audio_config.d_model = "128",
      says: /d_model/,
    },
    "layers without end": {
      change: (config) => config.thinker_config.text_config.num_hidden_layers = 1e9,
      says: /num_hidden_layers/,
    },
    "a fraction of a head": {
      change: (config) => config.thinker_config.text_config.num_attention_heads = 4.5,
      says: /num_attention_heads/,
    },
    "heads that do not share": {
      change: (config) => config.thinker_config.text_config.num_key_value_heads = 3,
      says: /num_attention_heads is 4, not a multiple of 3/,
    },
    "a layer more than the weights have": {
      change: (config) => config.thinker_config.text_config.num_hidden_layers = 7,
      says: /tensor "thinker\.model\.layers\.6\..*" is missing/,
      file: weightsFile,
    },
    "a layer less": {
      change: (config) => config.thinker_config.audio_config.encoder_layers = 5,
      says: /tensor "thinker\.audio_tower\.layers\.5\..*" is of a layer too many/,
      file: weightsFile,
    },
    "an untied head that is not there": {
      change: (config) => config.thinker_config.text_config.tie_word_embeddings = false,
      says: /tensor "thinker\.lm_head\.weight" is missing/,
      file: weightsFile,
    },
  };
  for (const [title, { change, says, file = "config.json" }] of Object.entries(cases)) {
    test(title, () => {
      using folder = temporaryFolder();
      const model = linkedCopy(folder.path);
      const config = readJson(model, "config.json") as Parameters<Change>[0];
      change(config);
      replaceFile(model, "config.json", JSON.stringify(config));
      expectDamage(model, file, says);
    });
  }

  test("bad JSON, empty, an array, nested without end", async () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path);
    for (const text of ["", "{", "[]", "null", '{"model_type": "qwen3_asr",}', "[".repeat(100_000), "\xff\xfe"]) {
      replaceFile(model, "config.json", text);
      expectDamage(model, "config.json", /./);
    }
    await expectRefusedRun(model, "config.json", /JSON/);
  });
});

describe("tokenizer", () => {
  test("none", async () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path, ["vocab.json"]);
    expectRefusal(await run(["-d", model, "--silent", wav("en-short")]), 3, /vocab\.json/);
    const merges = linkedCopy(join(folder.path, "2"), ["merges.txt"]);
    expectRefusal(await run(["-d", merges, "--silent", wav("en-short")]), 3, /merges\.txt/);
  });

  test("bad JSON in vocab.json, and one of another model", async () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path);
    for (const text of ["{", "", "[1, 2]", '{"a": "b"}', '{"a": -1}', '{"a": 1e30}', '{"a": 0, "b": 0}']) {
      replaceFile(model, "vocab.json", text);
      expectDamage(model, "vocab.json", /./);
    }
    replaceFile(model, "vocab.json", JSON.stringify({ "!": 0, '"': 1, "hello": 2 }));
    expectRefusal(await run(["-d", model, "--silent", wav("en-short")]), 3, /./);
  });

  test("a vocabulary larger than the embedding", async () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path);
    const vocab = { ...readJson(modelDir(), "vocab.json"), "newword": 200_000 };
    replaceFile(model, "vocab.json", JSON.stringify(vocab));
    expectRefusal(
      await run(["-d", model, "--silent", wav("en-short")]),
      3,
      /ids up to 200000, the model only 151936 rows/,
    );
  });

  test("special tokens that are missing", async () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path);
    const config = readJson(modelDir(), "tokenizer_config.json");
    replaceFile(model, "tokenizer_config.json", JSON.stringify({ ...config, added_tokens_decoder: {} }));
    expectRefusal(await run(["-d", model, "--silent", wav("en-short")]), 3, /<\|/);
    replaceFile(model, "tokenizer_config.json", "{");
    await expectRefusedRun(model, "tokenizer_config.json", /byte 1/);
  });
});

describe("the same text", () => {
  for (const dtype of ["F16", "F32"] as const) {
    test(`from ${dtype} weights`, async () => {
      using folder = temporaryFolder();
      const model = linkedCopy(folder.path, [weightsFile]);
      writeConvertedWeights(model, dtype);
      await expectGolden(model);
    });
  }

  test("with a byte order mark, CRLF merges, and files that do not matter", async () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path, ["preprocessor_config.json", "chat_template.json", "generation_config.json"]);
    const merges = await Bun.file(join(modelDir(), "merges.txt")).text();
    replaceFile(model, "merges.txt", merges.replaceAll("\n", "\r\n"));
    writeFileSync(join(model, "README.md"), "# model");
    writeFileSync(join(model, "optimizer.bin"), "junk");
    await expectGolden(model);
  });

  test("a head of its own is used where the config says so, and only there", async () => {
    using folder = temporaryFolder();
    const model = linkedCopy(folder.path, [weightsFile]);
    const [stop, bang] = [".", "!"].map((token) => readJson(modelDir(), "vocab.json")[token] as number);
    writeHeadWeights(model, stop!, bang!);
    await expectGolden(model); // The config ties the head: the stored one is not used.
    const config = readJson(model, "config.json") as { thinker_config: { text_config: Json } };
    config.thinker_config.text_config.tie_word_embeddings = false;
    replaceFile(model, "config.json", JSON.stringify(config));
    const result = await run(["-d", model, "--silent", wav("en-short")]);
    expect(result.code).toBe(0);
    expect(result.stdout).toStartWith(texts[0]!.replace(".", "!"));
  });
});

describe("QWEN_ASR_ISA", () => {
  test("a name that is none: one line that lists them", async () => {
    const env = { QWEN_ASR_ISA: "nonsense" };
    const result = await run(["-d", modelDir(), "--silent", wav("en-short")], { env });
    expectRefusal(result, 2, /QWEN_ASR_ISA=nonsense.*generic/);
  });

  test("of another kind of processor", async () => {
    const env = { QWEN_ASR_ISA: process.arch === "x64" ? "neon" : "avx2" };
    const result = await run(["-d", modelDir(), "--silent", wav("en-short")], { env });
    expectRefusal(result, 2, /QWEN_ASR_ISA=\w+/);
  });
});
