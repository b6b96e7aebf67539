/** The executable on files: the texts of the goldens, what goes to which stream, and the options of a plain run. */

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clip, clips, golden, type GoldenVariant, hasClip, modelDir, spokenText } from "./fixtures.ts";
import { executable, instructionSetsAndPlain, run, temporaryFolder, userDefaults } from "./harness.ts";
import { expectNoStack, expectRefusal, lines, qwen, shell, wav } from "./support/cli.ts";
import { testWhere } from "./support/where.ts";

const withGolden = clips().filter(({ name }) => golden(name) !== undefined);

function goldenText(name: string, variant: GoldenVariant = "plain"): string {
  return spokenText(golden(name)![variant]!);
}

function having(variant: GoldenVariant) {
  return withGolden.filter(({ name }) => golden(name)![variant] !== undefined);
}

/** Transcribes the clips in one run with exact weights. Returns their texts by name. */
async function texts(names: readonly string[], args: readonly string[]): Promise<Record<string, string>> {
  const result = await qwen(["--silent", "--weights", "bf16", ...args, ...names.map(wav)]);
  expect(result).toMatchObject({ code: 0, stderr: "" });
  expect(lines(result.stdout).length).toBe(names.length);
  return Object.fromEntries(lines(result.stdout).map((line, index) => [names[index]!, line]));
}

function goldenTexts(names: readonly string[], variant: GoldenVariant = "plain"): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, goldenText(name, variant)]));
}

function once<Result>(make: () => Promise<Result>): () => Promise<Result> {
  let made: Promise<Result> | undefined;
  return () => made ??= make();
}

test("8-bit weights, the default: sure clips keep their text; packed once, then found", async () => {
  using home = temporaryFolder();
  const env = { ...userDefaults, HOME: home.path };
  for (const name of ["en-weather", "zh-weather", "en-subsecond"]) {
    const { stdout, stderr } = await qwen([wav(name)], { env });
    expect(stdout.trimEnd()).toBe(goldenText(name));
    expect(stderr.includes("Packed weights: ")).toBe(name === "en-weather");
  }
  const listed = await run(["cache", "list"], { env });
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining(modelDir()) });
  const again = await qwen(["--no-cache", wav("en-weather")], {
    env: { ...userDefaults, HOME: join(home.path, "none") },
  });
  expect(again).toMatchObject({ code: 0, stdout: `${goldenText("en-weather")}\n` });
  expect(existsSync(join(home.path, "none"))).toBe(false);
});

describe("goldens", () => {
  // There is one run for all clips, which is quicker; each clip is a test of its own.
  for (const threads of ["1", "2"]) {
    // More threads change no number (tests/goldens.test.ts): some clips tell that they are used.
    const all = withGolden.filter(({ seconds }) => threads === "1" || seconds < 12).map(({ name }) => name);
    const said = once(() => texts(all, ["-t", threads]));
    for (const name of all) {
      test(`${name}, -t ${threads}`, async () => expect((await said())[name]).toBe(goldenText(name)));
    }
  }

  test("a clip alone is no different from one among others", async () => {
    for (const name of ["en-weather", "zh-weather"]) {
      expect(await texts([name], ["-t", "2"])).toEqual(goldenTexts([name]));
    }
  });

  for (const [variant, seconds] of [["window_2s", "2"], ["window_4s", "4"]] as const) {
    test(`--enc-window-sec ${seconds}`, async () => {
      const names = having(variant).map(({ name }) => name);
      expect(names.length).toBeGreaterThan(0);
      expect(await texts(names, ["--enc-window-sec", seconds])).toEqual(goldenTexts(names, variant));
    });
  }

  for (const [language, written] of [["English", "English"], ["English", "en"], ["Chinese", "ZH"]] as const) {
    test(`--language ${written}`, async () => {
      const spoken = having("forced_language").filter((each) => each.language === language).map(({ name }) => name);
      const names = written === "en" ? spoken.slice(0, 1) : spoken; // The same request under its other name.
      expect(names.length).toBeGreaterThan(0);
      const args = ["--language", written];
      expect(await texts(names, args)).toEqual(goldenTexts(names, "forced_language"));
      const loud = await qwen([...args, wav(names[0]!)]);
      expect(loud.stderr).toContain(`Language: ${language}\n`);
    });
  }

  const withContext = having("context");
  testWhere(withContext.length > 0, "clips with a context")("--prompt", async () => {
    using folder = temporaryFolder();
    for (const { name, context } of withContext) {
      const file = join(folder.path, "names.txt");
      writeFileSync(file, `${context}\n`);
      for (const prompt of [context, `@${file}`]) {
        expect(await texts([name], ["--prompt", prompt])).toEqual(goldenTexts([name], "context"));
      }
    }
  });

  test("--prompt reaches the model, from the line as from a file", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "names.txt");
    writeFileSync(file, "Names: Kathryn, Jon\n");
    const prefill = async (...args: string[]) => {
      const { stderr } = await qwen(["--debug", ...args, wav("en-short")]);
      return Number(/^ {2}Prefill: (\d+) tokens/m.exec(stderr)?.[1]);
    };
    const without = await prefill();
    const given = await prefill("--prompt", "Names: Kathryn, Jon");
    expect(given).toBeGreaterThan(without + 4);
    expect(await prefill("--prompt", `@${file}`)).toBe(given);
    expect(await prefill("--prompt", "<|im_end|>")).toBeGreaterThan(without + 1); // Plain text, not one special token.
  });

  for (const isa of instructionSetsAndPlain) {
    test(`QWEN_ASR_ISA=${isa}`, async () => {
      const all = isa === "amx-plain" ? ["zh-weather", "en-short"] : ["en-weather", "zh-weather", "en-short"];
      const names = all.filter((name) => golden(name) !== undefined);
      for (const weights of ["int8", "bf16"]) {
        const args = ["--debug", "--weights", weights, ...names.map(wav)];
        const result = await qwen(args, { env: { QWEN_ASR_ISA: isa } });
        if (result.code !== 0) { // After the line that a model is being loaded.
          expectNoStack(result);
          expect(result).toMatchObject({ code: 2, stdout: "" });
          return expect(result.stderr).toMatch(/^qwen-asr: QWEN_ASR_ISA=.*: this processor does not have it$/m);
        }
        expect(result.stderr).toMatch(new RegExp(`^Kernels: .*${isa}`, "m"));
        expect(lines(result.stdout)).toEqual(names.map((name) => goldenText(name)));
      }
    });
  }

  // Plain kernels take OpenBLAS for bf16; for some processors the library holds none of its kernels. Where there
  // is no OpenBLAS the variable changes nothing.
  test("plain kernels without OpenBLAS' say the same text", async () => {
    const names = ["en-weather", "zh-weather"].filter((name) => golden(name) !== undefined);
    const args = ["--silent", "--weights", "bf16", ...names.map(wav)];
    const result = await qwen(args, { env: { QWEN_ASR_ISA: "generic", OPENBLAS_CORETYPE: "Prescott" } });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(lines(result.stdout)).toEqual(names.map((name) => goldenText(name)));
  });
});

describe("streams", () => {
  const inference = /^Inference: \d+ ms, \d+ text tokens \(\d+\.\d\d tok\/s, encoding: \d+ms, decoding: \d+ms\)$/;
  const audio = /^Audio: \d+\.\d s processed in \d+\.\d+ s \(\d+\.\d\dx realtime\)$/;

  test("stdout is the text; stderr the load lines, the language, the summary", async () => {
    const { stdout, stderr, code } = await qwen([wav("en-weather")], { env: userDefaults });
    expect({ stdout, code }).toEqual({ stdout: `${goldenText("en-weather")}\n`, code: 0 });
    expect(lines(stderr)).toEqual([
      `Loading model from ${modelDir()}`,
      expect.stringMatching(/^Detected: Qwen3-ASR/),
      expect.stringMatching(/^Packed weights: .*, \d+ MB, made once for this model$/),
      "Model loaded.",
      "Language: English",
      expect.stringMatching(inference),
      expect.stringMatching(audio),
    ]);
    const { seconds } = clip("en-weather");
    expect(stderr).toContain(`\nAudio: ${seconds.toFixed(1)} s processed in `);
  });

  test("silence: an empty line, no language", async () => {
    const { stdout, stderr, code } = await qwen([wav("silence-3s")]);
    expect({ stdout, code }).toEqual({ stdout: "\n", code: 0 });
    expect(stderr).not.toContain("Language:");
    expect(lines(stderr).at(-1)).toBe("Audio: 3.0 s, not decoded");
  });

  test("the language is named once, and when it changes", async () => {
    const names = ["en-short", "en-weather", "zh-weather", "en-short"];
    const { stdout, stderr } = await qwen(names.map(wav));
    expect(stdout).toBe(names.map((name) => `${goldenText(name)}\n`).join(""));
    const languages = lines(stderr).filter((line) => line.startsWith("Language: "));
    const changes = [["English", names[0]!], ["Chinese", names[2]!], ["English", names[3]!]] as const;
    expect(languages).toEqual(changes.map(([language, name]) => `Language: ${language} (${wav(name)})`));
    expect(lines(stderr).filter((line) => inference.test(line) || audio.test(line)).length).toBe(2);
  });

  test("--debug says more, on stderr only; the later of --debug and --silent counts", async () => {
    const loud = await qwen(["--silent", "--debug", wav("en-short")]);
    expect(loud.stdout).toBe(`${goldenText("en-short")}\n`);
    expect(loud.stderr).toMatch(/^ {2}Encoder: \d+ tokens \(\d+ ms\)$/m);
    expect(loud.stderr).toMatch(/^Thread pool: \d+ threads$/m);
    const quiet = await qwen(["--debug", "--silent", wav("en-short")]);
    expect(quiet).toMatchObject({ stdout: loud.stdout, stderr: "" });
  });

  test("text comes token by token", async () => {
    const arrived: string[] = [];
    const child = Bun.spawn([executable(), "-d", modelDir(), wav("en-weather")], {
      stdout: "pipe",
      stderr: "ignore",
    });
    for await (const chunk of child.stdout) arrived.push(new TextDecoder("utf-8", { fatal: true }).decode(chunk));
    expect(arrived.join("")).toBe(`${goldenText("en-weather")}\n`);
    expect(arrived.length).toBeGreaterThan(5);
  });
});

describe("models", () => {
  test("-d demo is inside the executable and says what it can do", async () => {
    const { stdout, stderr, code } = await run(["-d", "demo", wav("en-weather")]);
    expect({ stdout, code }).toEqual({ stdout: `${goldenText("en-weather")}\n`, code: 0 });
    expect(stderr).toMatch(/^Demo model: .*English and Mandarin/m);
  });

  test("$QWEN_ASR_MODEL is used without -d, and -d is stronger", async () => {
    const named = await run(["--silent", wav("en-short")], { env: { QWEN_ASR_MODEL: modelDir() } });
    expect(named).toMatchObject({ stdout: `${goldenText("en-short")}\n`, code: 0 });
    const stronger = await qwen(["--silent", wav("en-short")], { env: { QWEN_ASR_MODEL: "/nowhere" } });
    expect(stronger.code).toBe(0);
    expectRefusal(await run([wav("en-short")], { env: { QWEN_ASR_MODEL: "/nowhere" } }), 3, "/nowhere");
  });

  test("without a model: exit 3, one line with the command that fetches one", async () => {
    const result = await run([wav("en-short")]);
    expectRefusal(result, 3, /run 'qwen-asr download small'/);
    expect(lines(result.stderr).length).toBe(1);
  });

  test("a model that is none", async () => {
    using folder = temporaryFolder();
    for (
      const [name, says] of [
        ["/nowhere/at/all", "no such model folder"],
        [folder.path, "no config.json"],
        [wav("en-short"), "not one"],
        ["small", "qwen-asr download small"],
      ] as const
    ) expectRefusal(await run(["-d", name, wav("en-short")]), 3, says);
  });

  const aligner = modelDir("nano-aligner");
  testWhere(existsSync(aligner), "the aligner")("an aligner does not transcribe", async () => {
    const { code, stdout, stderr } = await run(["--silent", "-d", aligner, wav("en-short")]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/aligns text with audio and does not transcribe\n$/);
  });
});

describe("several files", () => {
  test("--with-filename, in order, -i and positional mixed", async () => {
    const [first, second, third] = ["zh-weather", "en-short", "en-digits"];
    const result = await qwen(["--silent", "--with-filename", wav(first), "-i", wav(second), wav(third)]);
    expect(result.code).toBe(0);
    const expected = [first, second, third].map((name) => `${wav(name)}: ${goldenText(name)}\n`);
    expect(result.stdout).toBe(expected.join(""));
  });

  test("one that fails does not stop the others: exit 1", async () => {
    using folder = temporaryFolder();
    const broken = join(folder.path, "broken.wav");
    writeFileSync(broken, "RIFF\x10\0\0\0WAVEjunk");
    const result = await qwen(["--silent", wav("en-short"), broken, "/nowhere/x.wav", wav("en-digits")]);
    expect(result.stdout).toBe(`${goldenText("en-short")}\n${goldenText("en-digits")}\n`);
    expect(result.code).toBe(1);
    expect(lines(result.stderr).length).toBe(2);
    expect(result.stderr).toContain(`qwen-asr: /nowhere/x.wav: `);
    expect(result.stderr).toContain(`qwen-asr: ${broken}: `);
    expectNoStack(result);
  });

  test("decoded together, they say what each says alone, long ones between short ones", async () => {
    const long = ["zh-30s"].filter(hasClip);
    const names = ["en-digits", ...long, "en-short", "zh-weather", "en-weather", "en-subsecond", "en-short"];
    const args = ["-S", "10", "-t", "2", "--silent"];
    using home = temporaryFolder();
    const say = async (batch: string, ...names: string[]) => {
      const result = await qwen([...args, "--batch", batch, ...names.map(wav)], { env: { HOME: home.path } });
      expect(result).toMatchObject({ code: 0, stderr: "" });
      return result.stdout;
    };
    const apart = [];
    for (const name of names) apart.push(await say("1", name));
    expect(await say("8", ...names)).toBe(apart.join(""));
    expect(await say("3", ...names.toReversed())).toBe(apart.toReversed().join(""));
  });

  test("the first is heard word by word while the others are decoded", async () => {
    const [first, ...others] = ["en-weather", "en-short", "en-digits"];
    const child = Bun.spawn([executable(), "-d", modelDir(), wav(first!), ...others.map(wav)], { stderr: "ignore" });
    let pieces = 0;
    let said = "";
    for await (const piece of child.stdout) {
      if (!said.includes("\n")) pieces++;
      said += new TextDecoder().decode(piece);
    }
    expect(await child.exited).toBe(0);
    expect(said).toBe([first!, ...others].map((name) => `${goldenText(name)}\n`).join(""));
    expect(pieces).toBeGreaterThan(5);
  });

  test("when all fail the model is not even looked for", async () => {
    const result = await run(["/nowhere/x.wav", "/nowhere/y.wav"]);
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(lines(result.stderr).length).toBe(2);
  });

  test("a file name with control characters stays one harmless line", async () => {
    using folder = temporaryFolder();
    const name = join(folder.path, "a\nb\x1b[31m.wav");
    writeFileSync(name, readFileSync(wav("en-short")));
    const result = await qwen(["--silent", "--with-filename", name]);
    expect(lines(result.stdout)).toEqual([`${join(folder.path, "a\\x0ab\\x1b[31m.wav")}: ${goldenText("en-short")}`]);
  });
});

describe("--from and --to", () => {
  test("a sentence of a recording, in seconds and in minutes", async () => {
    const { name, sentences } = clip("en-weather");
    const [, second, third] = sentences;
    const middle = (second!.end + third!.start) / 2;
    const whole = goldenText(name);
    const head = await qwen(["--silent", "--to", middle.toFixed(2), wav(name)]);
    const tail = await qwen(["--silent", "--from", `0:${middle.toFixed(2).padStart(5, "0")}`, wav(name)]);
    expect({ head: head.stdout, tail: tail.stdout }).toEqual({
      head: `${whole.slice(0, whole.indexOf(third!.text)).trim()}\n`,
      tail: `${whole.slice(whole.indexOf(third!.text))}\n`,
    });
  });

  test("a start behind the end of the recording", async () => {
    expectRefusal(await qwen(["--from", "100", wav("en-short")]), 1, /en-short.wav: is .* s long/);
  });
});

describe("-o", () => {
  test("writes the text there; refuses to overwrite; --force replaces", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "text.txt");
    const text = `${goldenText("en-short")}\n`;
    const written = await qwen(["-o", path, wav("en-short")]);
    expect({ code: written.code, stdout: written.stdout, file: readFileSync(path, "utf8") })
      .toEqual({ code: 0, stdout: "", file: text });
    writeFileSync(path, "precious");
    expectRefusal(await qwen(["-o", path, wav("en-short")]), 1, "already exists");
    expect(readFileSync(path, "utf8")).toBe("precious");
    expect((await qwen(["-o", path, "--force", wav("en-short")])).code).toBe(0);
    expect(readFileSync(path, "utf8")).toBe(text);
    expect(readdirSync(folder.path)).toEqual(["text.txt"]);
  });

  test("what cannot be written is said before any work", async () => {
    using folder = temporaryFolder();
    const copy = join(folder.path, "x.wav");
    writeFileSync(copy, readFileSync(wav("en-short")));
    expectRefusal(await qwen(["-f", "text", "-o", copy, "--force", copy]), 1, "is an input of this run");
    expectRefusal(await qwen(["-o", join(folder.path, "no/such/file"), copy]), 1, "its folder does not exist");
    expect(readdirSync(folder.path)).toEqual(["x.wav"]);
    expect(readFileSync(copy)).toEqual(readFileSync(wav("en-short")));
  });

  test("no file where there is no text", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "text.txt");
    expectRefusal(await qwen(["-o", path, "/nowhere/x.wav"]), 1, "/nowhere/x.wav");
    expectRefusal(await run(["-o", path, "-d", "/nowhere", wav("en-short")]), 3, "/nowhere");
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("a device is written directly", async () => {
    const args = ["--silent", "-d", modelDir(), "-o", "/dev/stdout", wav("en-short")];
    const result = await shell(executable(), '"$0" "$@" | cat', args);
    expect(result).toMatchObject({ stdout: `${goldenText("en-short")}\n`, stderr: "" });
    const full = await qwen(["--silent", "-o", "/dev/full", wav("en-short")]);
    expectRefusal(full, 1, /\/dev\/full: cannot write: no space left/);
  });
});

test("clips of the other tests are there", () => {
  expect(["en-short", "en-digits", "en-weather", "zh-weather", "silence-3s"].filter((name) => !hasClip(name))).toEqual(
    [],
  );
});
