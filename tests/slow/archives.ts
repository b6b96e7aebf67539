/**
 * Every archive of a release, unpacked in a root that holds nothing but the C and C++ libraries of its system, hears a
 * clip with the demo model, and two clips at bf16 as the official implementation does: Linux in chroot (arm64 under
 * qemu), Windows under Wine. Prints a line for each, with its size, the newest symbols of glibc that it needs, and what
 * was heard; exit code 1 where one is not as it should be. macOS is not run. As root, on Debian.
 *
 *     node_modules/.bin/bun tests/slow/archives.ts [FOLDER]      by default dist/release/VERSION
 */

import { copyFileSync, cpSync, existsSync, mkdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { muslRoot } from "../../scripts/musl_root.ts";
import { prepareForWine, type Target, targets, wine } from "../../scripts/release_targets.ts";
import { clip, golden, modelDir, projectRoot, spokenText } from "../fixtures.ts";
import { executable, temporaryFolder } from "../harness.ts";

/** Runs the unpacked program where its root is "/", and returns what it prints. */
type Runner = (...args: readonly string[]) => string;

const folder = resolve(process.argv[2] ?? join(projectRoot, "dist", "release", packageFile.version));
const says = "Please open the old door.\n";
const newestGlibc = "2.28";
const machines = { x64: "x86_64", arm64: "aarch64" };
const compared = ["en-weather", "zh-weather"];
/** Half the least distance of a golden's two best logits would be 0.025. */
const logprobErrorMax = 0.02;

for (const target of targets) {
  const stem = `qwen-asr-${packageFile.version}-${target.name}`;
  const archive = ["tar.gz", "zip"].map((kind) => join(folder, `${stem}.${kind}`)).find((path) => existsSync(path));
  if (archive === undefined) {
    console.log(`skipped ${target.name}: no archive in ${folder}`);
    continue;
  }
  using root = temporaryFolder();
  const line = await tried(target, archive, stem, root.path).catch((error: Error) => `FAILED: ${error.message}`);
  if (line.startsWith("FAILED")) process.exitCode = 1;
  console.log(`${target.name}: ${(statSync(archive).size / 1e6).toFixed(1)} MB, ${line}`);
}

async function tried(target: Target, archive: string, stem: string, root: string): Promise<string> {
  if (archive.endsWith(".zip")) command("python3", "-m", "zipfile", "-e", archive, root);
  else command("tar", "-xzf", archive, "-C", root);
  const unpacked = join(root, stem);
  for (const name of ["LICENSE", "THIRD_PARTY_NOTICES", "sbom.cdx.json"]) {
    if (!existsSync(join(unpacked, name))) throw new Error(`has no ${name}`);
  }
  if (target.os === "macos") return "not run here";
  for (const name of ["en-short", ...compared]) copyFileSync(clip(name).wav, join(root, `${name}.wav`));
  cpSync(modelDir(), join(root, "model"), { recursive: true });
  const run = target.os === "windows" ? await underWine(unpacked, root) : await inRoot(target, stem, root);
  const heard = run("--silent", "--no-cache", "-d", "demo", "en-short.wav");
  if (heard !== says) throw new Error(`hears "${heard.trim()}"`);
  const seen = `hears the clip; ${compared.length} goldens at bf16, logprobs within ${comparedWithGoldens(run)}`;
  if (target.libc !== "glibc") return seen;
  // The library is inside the executable.
  const library = join(projectRoot, ".tools", "release", target.name, "libqwen_asr.bin");
  const files = [join(unpacked, "qwen-asr"), library].filter((path) => existsSync(path));
  return `${seen}; needs glibc ${files.map(glibcOf).join(", its library ")}`;
}

/** The texts are those of the goldens. Returns how far the words' log-probabilities are from those here. */
function comparedWithGoldens(run: Runner): string {
  const errors = compared.map((name) => {
    const args = ["--silent", "--no-cache", "--weights", "bf16", "-S", "0", "-f", "json"];
    const there = words(run(...args, "-d", "model", `${name}.wav`));
    const here = words(command(executable(), ...args, "-d", modelDir(), clip(name).wav));
    const wanted = spokenText(golden(name)!.plain);
    if (there.text !== wanted) throw new Error(`${name} at bf16 is "${there.text}", not "${wanted}"`);
    return Math.max(...there.logprobs.map((value, at) => Math.abs(value - here.logprobs[at]!)));
  });
  const largest = Math.max(...errors);
  if (!(largest <= logprobErrorMax)) throw new Error(`log-probabilities at bf16 differ by ${largest}`);
  return largest.toFixed(4);
}

function words(document: string): { readonly text: string; readonly logprobs: readonly number[] } {
  const { segments } = JSON.parse(document) as {
    readonly segments: { readonly text: string; readonly words: { readonly logprob: number }[] }[];
  };
  const logprobs = segments.flatMap((segment) => segment.words.map(({ logprob }) => logprob));
  return { text: segments.map(({ text }) => text).join(" "), logprobs };
}

async function underWine(unpacked: string, root: string): Promise<Runner> {
  const file = join(unpacked, "qwen-asr.exe");
  await prepareForWine(file);
  if (wine === undefined) throw new Error("needs wine64");
  return (...args) => command("env", "-C", root, wine!, file, ...args).replaceAll("\r\n", "\n");
}

async function inRoot(target: Target, stem: string, root: string): Promise<Runner> {
  for (const name of ["lib", "usr/lib", "tmp", "proc", "dev"]) mkdirSync(join(root, name), { recursive: true });
  if (target.libc === "musl") cpSync(await muslRoot(target.arch), root, { recursive: true, verbatimSymlinks: true });
  else placeGlibc(target, root);
  const emulator = target.arch === process.arch ? [] : [placeEmulator(root)];
  return (...args) => {
    command("mount", "--bind", "/proc", join(root, "proc"));
    command("mount", "--bind", "/dev", join(root, "dev"));
    try {
      return command("chroot", root, ...emulator, `/${stem}/qwen-asr`, ...args);
    } finally {
      command("umount", join(root, "dev"), join(root, "proc"));
    }
  };
}

function placeEmulator(root: string): string {
  const emulator = Bun.which("qemu-aarch64-static");
  if (emulator === null) throw new Error("needs qemu-user-static");
  copyFileSync(emulator, join(root, "qemu"));
  return "/qemu";
}

/** The five files that the executable needs, of this machine or of Debian's packages for cross compilers. */
function placeGlibc({ arch }: Target, root: string): void {
  const isHere = arch === process.arch;
  const triple = `${machines[arch]}-linux-gnu`;
  const from = isHere ? `/lib/${triple}` : `/usr/${triple}/lib`;
  if (!existsSync(from)) throw new Error(`needs libc6-${arch}-cross`);
  const loader = { x64: "lib64/ld-linux-x86-64.so.2", arm64: "lib/ld-linux-aarch64.so.1" }[arch];
  mkdirSync(join(root, loader, ".."), { recursive: true });
  copyFileSync(isHere ? `/${loader}` : join(from, basename(loader)), join(root, loader));
  for (const name of ["libc.so.6", "libpthread.so.0", "libdl.so.2", "libm.so.6"]) {
    copyFileSync(join(from, name), join(root, "lib", name));
  }
}

/** The newest version of symbols that a file needs; throws where that is newer than it may be. */
function glibcOf(path: string): string {
  const versions = [...command("readelf", "-V", path).matchAll(/GLIBC_(\d+\.\d+)/g)].map(([, version]) => version!);
  const [newest = "none"] = versions.sort((left, right) => Bun.semver.order(`${right}.0`, `${left}.0`));
  if (Bun.semver.order(`${newest}.0`, `${newestGlibc}.0`) > 0) throw new Error(`needs glibc ${newest}`);
  return newest;
}

function command(...parts: readonly string[]): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...parts], { timeout: 1_800_000 });
  if (exitCode !== 0) throw new Error(`${parts.slice(0, 3).join(" ")}: ${exitCode}: ${stderr.toString().trim()}`);
  return stdout.toString();
}
