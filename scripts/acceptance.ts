/**
 * Makes a report on a model with real weights: the machine, the model, a known sentence, error rates over a folder,
 * speed. Markdown on stdout, progress on stderr. Exit 1 if a run failed or the known sentence is wrong.
 *
 * FOLDER has NAME.wav with the truth in NAME.txt (or in "text" of NAME.json); without -w it is the fixtures' audio.
 * The sentence is jfk.wav, a well-known clip that is not ours to ship: --jfk FILE, else FOLDER/jfk.wav.
 */

import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { characterErrors } from "../bench/cer.ts";
import { flatten, markdownTable, type Measured, readSummary, renderClips } from "../bench/report.ts";
import { cacheFolder } from "../src/model/cache_folder.ts";
import { fixturesRoot } from "../tests/fixtures.ts";
import { executable, run } from "../tests/harness.ts";

const jfkTruth =
  "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country.";
const usage = "Usage: scripts/acceptance -d DIR [-w FOLDER] [--jfk FILE] [-t N] [-- OPTIONS...]";
const runMsMax = 60 * 60_000;

type Job = { readonly model: string; readonly options: readonly string[] };
type Input = { readonly name: string; readonly wav: string; readonly truth: string };

/** Passes $QWEN_ASR_ISA and the like on to the executable, which gets a clean environment from the harness. */
function inherited(): Record<string, string> {
  const asked = Object.entries(process.env).filter(([name]) => /^(QWEN_ASR_ISA|OPENBLAS_)/.test(name));
  const cache = cacheFolder(process.env); // Packed weights are made once, as in the user's own runs.
  return { ...Object.fromEntries(asked), ...(cache && { QWEN_ASR_CACHE: cache }) } as Record<string, string>;
}

async function transcribe(job: Job, input: Input): Promise<Measured> {
  process.stderr.write(`acceptance: ${input.name}\n`);
  const result = await run(["-d", job.model, ...job.options, "-i", resolve(input.wav)], {
    timeoutMs: runMsMax,
    env: inherited(),
  });
  const failed = result.code !== 0 &&
    `exit ${result.code ?? result.signal}: ${result.stderr.trim().split("\n").at(-1)}`;
  return {
    name: input.name,
    truth: input.truth,
    said: result.stdout.trim(),
    summary: readSummary(result.stderr),
    peakBytes: result.peakBytes,
    failure: failed || "",
  };
}

function machineSection(version: string): string {
  const rows = [
    ["executable", version],
    ["system", `${type()} ${release()} ${process.arch}`],
    ["processor", `${cpus()[0]?.model ?? "?"}, ${cpus().length} logical, ${availableParallelism()} for us`],
    ["memory", `${(totalmem() / 1e9).toFixed(1)} GB`],
    ["variables", flatten(inherited()).map(([name, value]) => `${name}=${value}`).join(" ") || "none"],
  ];
  return `## Machine\n\n${markdownTable(["", ""], rows)}`;
}

/** Counts tensors by this script's own reading of the headers, then reports what the engine opened. */
async function modelSection(job: Job): Promise<{ text: string; failed: boolean }> {
  const names = readdirSync(job.model).filter((name) => !name.startsWith(".")).sort();
  const rows = names.map((
    name,
  ) => [name, String(statSync(join(job.model, name)).size), tensorsOf(join(job.model, name))]);
  const files = markdownTable(["file", "bytes", "tensors"], rows);
  const info = await run(["info", "-d", job.model], { timeoutMs: runMsMax, env: inherited() });
  if (info.code !== 0) {
    return { text: `## Model\n\n${files}\n\`info\` failed, exit ${info.code}: ${info.stderr.trim()}\n`, failed: true };
  }
  const facts = markdownTable(["opened as", ""], flatten(JSON.parse(info.stdout)));
  return { text: `## Model\n\n${files}\n${facts}`, failed: false };
}

/** "311 (BF16)": from the header of a safetensors file; "" for other files. */
function tensorsOf(path: string): string {
  if (!path.endsWith(".safetensors")) return "";
  const file = openSync(path, "r");
  try {
    const size = Buffer.alloc(8);
    readSync(file, size, 0, 8, 0);
    const headerBytes = Number(size.readBigUInt64LE(0));
    if (headerBytes > 100e6) return `no header: it would have ${headerBytes} bytes`;
    const header = Buffer.alloc(headerBytes);
    readSync(file, header, 0, headerBytes, 8);
    const { __metadata__: _, ...tensors } = JSON.parse(header.toString("utf8"));
    const types = new Set(Object.values(tensors).map((tensor) => (tensor as { dtype: string }).dtype));
    return `${Object.keys(tensors).length} (${[...types].sort().join(", ")})`;
  } finally {
    closeSync(file);
  }
}

async function sentenceSection(job: Job, wav: string | undefined): Promise<{ text: string; failed: boolean }> {
  const title = "## The known sentence\n\n";
  if (!wav) return { text: `${title}Not tried: no jfk.wav (give it with --jfk FILE).\n`, failed: false };
  const measured = await transcribe(job, { name: "jfk", wav, truth: jfkTruth });
  const failed = measured.failure !== "" || characterErrors(jfkTruth, measured.said).edits > 0;
  return { text: `${title}${failed ? "WRONG" : "Right, word for word."}\n\n${renderClips([measured])}`, failed };
}

function inputsOf(folder: string): Input[] {
  const names = readdirSync(folder).filter((name) => name.toLowerCase().endsWith(".wav")).sort();
  const inputs = names.flatMap((file) => {
    const name = file.slice(0, -".wav".length);
    const truth = truthOf(join(folder, name));
    return truth === undefined ? [] : [{ name, wav: join(folder, file), truth }];
  });
  if (inputs.length === 0) throw new Error(`${folder}: no WAV file with its text beside it (NAME.txt)`);
  return inputs;
}

function truthOf(path: string): string | undefined {
  if (existsSync(`${path}.txt`)) return readFileSync(`${path}.txt`, "utf8").trim();
  if (existsSync(`${path}.json`)) return JSON.parse(readFileSync(`${path}.json`, "utf8")).text;
  return undefined;
}

async function report(job: Job, folder: string, jfk: string | undefined): Promise<boolean> {
  const inputs = inputsOf(folder);
  const version = (await run(["--version"])).stdout.trim();
  const command = ["scripts/acceptance", ...process.argv.slice(2)].join(" ");
  console.log(`# qwen-asr acceptance, ${new Date().toISOString().slice(0, 10)}\n\n    ${command}\n`);
  console.log(machineSection(version));
  const model = await modelSection(job);
  console.log(model.text);
  const inFolder = join(folder, "jfk.wav");
  const sentence = await sentenceSection(job, jfk ?? (existsSync(inFolder) ? inFolder : undefined));
  console.log(sentence.text);
  const clips: Measured[] = [];
  for (const input of inputs) clips.push(await transcribe(job, input));
  console.log(`## ${folder === defaultFolder() ? "The fixtures (synthetic voices)" : folder}\n`);
  console.log(
    "Before comparing: NFKC, lower case, no punctuation or symbols. CER leaves out spaces; in WER each Chinese",
  );
  console.log("character is a word. Times include the load of the model's pages that a run touches first.\n");
  console.log(renderClips(clips));
  return model.failed || sentence.failed || clips.some(({ failure }) => failure !== "");
}

function defaultFolder(): string {
  return join(fixturesRoot(), "audio");
}

function argumentsOf(): { job: Job; folder: string; jfk: string | undefined } {
  const { values, positionals } = parseArgs({
    options: {
      model: { type: "string", short: "d" },
      wavs: { type: "string", short: "w" },
      threads: { type: "string", short: "t" },
      jfk: { type: "string" },
    },
    allowPositionals: true, // After --, for the executable.
  });
  if (!values.model) throw new Error("-d DIR is missing: the folder of the checkpoint");
  if (!existsSync(values.model)) throw new Error(`no folder ${values.model}`);
  const threads = values.threads ? ["-t", values.threads] : [];
  const job = { model: resolve(values.model), options: [...threads, ...positionals] };
  return { job, folder: values.wavs ?? defaultFolder(), jfk: values.jfk };
}

try {
  executable();
  const { job, folder, jfk } = argumentsOf();
  process.exitCode = await report(job, folder, jfk) ? 1 : 0;
} catch (error) {
  console.error(`acceptance: ${(error as Error).message}\n${usage}`);
  process.exitCode = 2;
}
