/**
 * Compares the program's texts with references, as asr_regression.py of antirez/qwen-asr does: same flags, same rules.
 *
 *     bun tests/regression.ts [--samples-root DIR] [--binary FILE] [--model-dir DIR] [--arg=X]... [more flags: --help]
 *
 * Every NAME.wav below the root with a NAME.txt beside it is transcribed and compared with it. Before that, three
 * checks run: --past-text must not lose words, a stream must have the text of its reference, and a stream with caches
 * the text of one without. (The original runs the last with --silent, which uses no cache; here it is a real stream.)
 * Exit: 0 passed, 1 failed, 2 the setup is wrong. `--generate-missing` writes references with the program as it is.
 */

import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { distance } from "../bench/cer.ts";

const usage = `bun tests/regression.ts
  --samples-root DIR                 [samples]
  --binary FILE                      [dist/qwen-asr]
  --model-dir DIR                    [qwen3-asr-1.7b]
  --timeout-s SEC                    [1200]
  --max-norm-rate RATE               [0.20]
  --max-exact-rate RATE              [1.00]
  --arg X                            given to the program; repeatable, --arg=-t --arg=2
  --generate-missing, --refresh-refs
  --segment-check-only, --skip-segment-check, --segment-sample FILE
  --segment-min-ratio RATIO          [0.80]
  --stream-check-only, --skip-stream-check, --stream-sample FILE
  --stream-cache-check-only, --skip-stream-cache-check
  --stream-cache-model-dir DIR       [qwen3-asr-0.6b]
  --stream-cache-enc-window-sec SEC  [8.0]
  --stream-cache-threads N           [1]
  --stream-cache-sample FILE         repeatable
`;

/** Options as given: numbers are text, which `number` checks. */
const flags = {
  "samples-root": { type: "string", default: "samples" },
  binary: { type: "string", default: "dist/qwen-asr" },
  "model-dir": { type: "string", default: "qwen3-asr-1.7b" },
  "timeout-s": { type: "string", default: "1200" },
  "max-norm-rate": { type: "string", default: "0.20" },
  "max-exact-rate": { type: "string", default: "1.00" },
  arg: { type: "string", multiple: true, default: [] as string[] },
  "generate-missing": { type: "boolean", default: false },
  "refresh-refs": { type: "boolean", default: false },
  "segment-check-only": { type: "boolean", default: false },
  "skip-segment-check": { type: "boolean", default: false },
  "segment-sample": { type: "string", default: "night_of_the_living_dead_1968/89s_ill_come_back_as_soon_as_I_can.wav" },
  "segment-min-ratio": { type: "string", default: "0.80" },
  "stream-check-only": { type: "boolean", default: false },
  "skip-stream-check": { type: "boolean", default: false },
  "stream-sample": { type: "string", default: "jfk.wav" },
  "stream-cache-check-only": { type: "boolean", default: false },
  "skip-stream-cache-check": { type: "boolean", default: false },
  "stream-cache-model-dir": { type: "string", default: "qwen3-asr-0.6b" },
  "stream-cache-enc-window-sec": { type: "string", default: "8.0" },
  "stream-cache-threads": { type: "string", default: "1" },
  "stream-cache-sample": { type: "string", multiple: true, default: [] as string[] },
  help: { type: "boolean", short: "h", default: false },
} as const;

type Options = ReturnType<typeof parse>;

/** A wrong command line, or something missing: exit 2. */
class SetupError extends Error {}

/** The program itself failed: exit 1. */
class RunError extends Error {}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true }).values;
  } catch (error) {
    throw new SetupError((error as Error).message);
  }
}

function number(options: Options, name: keyof Options, accepts: (value: number) => boolean, range: string): number {
  const value = Number(options[name]);
  if (options[name] === "" || !accepts(value)) throw new SetupError(`--${name} must be ${range}, got ${options[name]}`);
  return value;
}

/** Letters and digits of any script, lower case; everything else is one space. */
export function normalised(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}\s]/gu, " ").replace(/\s+/gu, " ").trim();
}

/** The number of edits per character of the reference. */
export function editRate(reference: string, said: string): number {
  return distance([...reference], [...said]) / Math.max(1, [...reference].length);
}

type Check = { readonly name: string; readonly isPassed: boolean; readonly details: string };

class Regression {
  readonly checks: Check[] = [];
  readonly #timeoutMs: number;
  readonly #normMax: number;
  readonly #exactMax: number;

  constructor(readonly options: Options) {
    this.#timeoutMs = 1000 * number(options, "timeout-s", (value) => value > 0, "above 0");
    this.#normMax = number(options, "max-norm-rate", (value) => value >= 0, "0 or more");
    this.#exactMax = number(options, "max-exact-rate", (value) => value >= 0, "0 or more");
  }

  async run(): Promise<void> {
    const { options } = this;
    const only = onlyFlags(options);
    const wants = (check: "segment" | "stream" | "stream-cache") =>
      only === undefined ? !options[`skip-${check}-check`] : only === check;
    if (wants("segment")) await this.#segments();
    if (wants("stream")) await this.#stream();
    if (wants("stream-cache")) await this.#streamCache();
    if (only === undefined) await this.#quality();
  }

  async #quality(): Promise<void> {
    const root = this.options["samples-root"];
    const wavs = globSync("**/*.wav", { cwd: root }).sort().map((name) => join(root, name));
    if (wavs.length === 0) throw new SetupError(`no .wav below ${root}`);
    const mayWrite = this.options["generate-missing"] || this.options["refresh-refs"];
    let compared = 0;
    for (const wav of wavs) {
      const reference = referenceOf(wav);
      const isThere = existsSync(reference);
      if (!isThere && !this.options["generate-missing"]) continue;
      const said = await this.#whole(wav);
      if (mayWrite && (!isThere || this.options["refresh-refs"])) {
        if (said === "") throw new RunError(`${wav}: no text, so no reference`);
        writeFileSync(reference, `${said}\n`);
        console.log(`wrote ${reference}`);
      }
      this.#compare(wav, readFileSync(reference, "utf8").trim(), said);
      compared++;
    }
    if (compared === 0) {
      throw new SetupError(`no .wav below ${root} has a .txt beside it (--generate-missing writes them)`);
    }
  }

  /** Transcribes the clip in one piece; if that gives no text, in segments. */
  async #whole(wav: string): Promise<string> {
    const said = await this.#program(["-i", wav, "-S", "0"]);
    return said !== "" || this.options.arg.includes("-S") ? said : await this.#program(["-i", wav, "-S", "20"]);
  }

  #compare(name: string, reference: string, said: string): void {
    const exact = editRate(reference, said);
    const norm = editRate(normalised(reference), normalised(said));
    const isPassed = norm <= this.#normMax && exact <= this.#exactMax;
    this.#record(name, isPassed, `norm ${norm.toFixed(3)}, exact ${exact.toFixed(3)}`);
  }

  async #segments(): Promise<void> {
    const taken = ["-S", "--stream", "--stdin", "--past-text"];
    if (this.options.arg.some((arg) => taken.includes(arg))) {
      return console.log("segment check: skipped, --arg decides");
    }
    const minimum = number(this.options, "segment-min-ratio", (value) => value >= 0, "0 or more");
    const wav = this.#sample(this.options["segment-sample"]);
    const words = async (pastText: string) =>
      (await this.#program(["-i", wav, "-S", "20", "--past-text", pastText])).split(/\s+/).filter(Boolean).length;
    const [withPast, without] = [await words("yes"), await words("no")];
    if (without < 80) return console.log(`segment check: skipped, only ${without} words`);
    const ratio = withPast / Math.max(1, without);
    this.#record("segment check", ratio >= minimum, `${withPast} words with past text, ${without} without`);
  }

  async #stream(): Promise<void> {
    const wav = this.#sample(this.options["stream-sample"]);
    const reference = referenceOf(wav);
    if (!existsSync(reference)) throw new SetupError(`${reference} is missing (--generate-missing writes it)`);
    const said = await this.#program(["--stdin", "--stream"], { stdin: wav });
    this.#compare(`stream check, ${wav}`, readFileSync(reference, "utf8").trim(), said);
  }

  async #streamCache(): Promise<void> {
    const { options } = this;
    const window = number(options, "stream-cache-enc-window-sec", (value) => value >= 1 && value <= 8, "1 to 8");
    const threads = number(options, "stream-cache-threads", (value) => value > 0 && Number.isInteger(value), "above 0");
    const samples = options["stream-cache-sample"].length > 0 ? options["stream-cache-sample"] : cacheSamples;
    const model = folder(options["stream-cache-model-dir"]);
    for (const wav of samples.map((name) => this.#sample(name))) {
      const args = ["-t", String(threads), "-i", wav, "--stream", "--enc-window-sec", String(window), "--monitor"];
      const withCache = await this.#full(args, { model });
      const without = await this.#full(args, { model, environment: { QWEN_STREAM_NO_ENC_CACHE: "1" } });
      // The monitor shows the encoder only if it keeps what it has computed.
      const isReal = withCache.stderr.includes("▶") && !without.stderr.includes("▶");
      const isPassed = withCache.said === without.said && isReal;
      this.#record(`stream cache check, ${wav}`, isPassed, isReal ? "texts with and without" : "no cache was used");
    }
  }

  #sample(name: string): string {
    const path = existsSync(name) ? name : join(this.options["samples-root"], name);
    if (!existsSync(path)) throw new SetupError(`${path} is missing`);
    return resolve(path);
  }

  async #program(args: readonly string[], run: ProgramRun = {}): Promise<string> {
    return (await this.#full(args, run)).said;
  }

  async #full(args: readonly string[], { stdin, environment, model }: ProgramRun) {
    const words = [this.options.binary, "-d", model ?? folder(this.options["model-dir"]), ...args, ...this.options.arg];
    const child = Bun.spawn(words, {
      ...{ stdout: "pipe", stderr: "pipe", env: { ...process.env, ...environment } },
      stdin: stdin === undefined ? "ignore" : Bun.file(stdin),
      timeout: this.#timeoutMs,
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    const code = await child.exited;
    if (code === 0) return { said: stdout.trim(), stderr };
    const reason = child.signalCode ? `ended by ${child.signalCode}` : `exit ${code}`;
    throw new RunError(`${words.join(" ")}: ${reason}\n${stderr.trimEnd()}`);
  }

  #record(name: string, isPassed: boolean, details: string): void {
    this.checks.push({ name, isPassed, details });
    console.log(`${isPassed ? "ok    " : "FAILED"} ${name}: ${details}`);
  }
}

type ProgramRun = {
  readonly stdin?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly model?: string;
};

const cacheSamples = ["10s_back_down_the_road", "45s_dont_be_afraid_of_me"].map((name) =>
  `night_of_the_living_dead_1968/${name}.wav`
);

function referenceOf(wav: string): string {
  return wav.replace(/\.wav$/, ".txt");
}

function folder(path: string): string {
  if (!existsSync(path)) throw new SetupError(`${path} is missing`);
  return path;
}

/** The check that was asked for alone. */
function onlyFlags(options: Options): "segment" | "stream" | "stream-cache" | undefined {
  const only = (["segment", "stream", "stream-cache"] as const).filter((check) => options[`${check}-check-only`]);
  if (only.length > 1) {
    throw new SetupError(`${only.map((check) => `--${check}-check-only`).join(" and ")} exclude each other`);
  }
  if (only.length > 0 && (options["generate-missing"] || options["refresh-refs"])) {
    throw new SetupError(`--${only[0]}-check-only writes no references`);
  }
  return only[0];
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parse(args);
    if (options.help) {
      console.log(usage);
      return 0;
    }
    for (const path of [options.binary, options["samples-root"]]) folder(path);
    const regression = new Regression({ ...options, binary: resolve(options.binary) });
    await regression.run();
    const failed = regression.checks.filter(({ isPassed }) => !isPassed).length;
    console.log(`${regression.checks.length - failed} passed, ${failed} failed`);
    return failed > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof SetupError || error instanceof RunError)) throw error;
    console.error(error.message);
    return error instanceof SetupError ? 2 : 1;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
