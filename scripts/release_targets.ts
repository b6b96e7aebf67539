/**
 * The systems that a release is for, and how its executable is made for each: the native library by Zig, Bun's build
 * for that system from npm (the compiler fetches it), and both put together. In: a target. Out: files in its folder.
 */

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { nativeOptions, projectRoot, runCommand, zig } from "./commands.ts";
import { signed } from "./macho_signature.ts";
import { muslRoot } from "./musl_root.ts";

export type Target = {
  /** In the names of files. */
  readonly name: string;
  readonly os: "linux" | "macos" | "windows";
  readonly arch: "x64" | "arm64";
  readonly libc?: "glibc" | "musl";
  readonly zigTarget: string;
  readonly bunTarget: string;
  /** What multiplies f32 matrices where vectors are narrow. */
  readonly blas: "openblas" | "accelerate" | "none";
  /** For people. */
  readonly title: string;
};

const linux = { os: "linux", libc: "glibc", blas: "openblas" } as const;
const musl = { os: "linux", libc: "musl", blas: "none" } as const;
const x64 = { arch: "x64", zigTarget: "x86_64-linux-gnu.2.28" } as const;

export const targets: readonly Target[] = [
  { name: "linux-x64", ...linux, ...x64, bunTarget: "bun-linux-x64", title: "Linux, x86-64" },
  {
    ...{ name: "linux-arm64", ...linux, arch: "arm64", zigTarget: "aarch64-linux-gnu.2.28" },
    ...{ bunTarget: "bun-linux-arm64", title: "Linux, arm64" },
  },
  {
    ...{ name: "linux-x64-musl", ...musl, arch: "x64", zigTarget: "x86_64-linux-musl" },
    ...{ bunTarget: "bun-linux-x64-musl", title: "Linux with musl (Alpine), x86-64" },
  },
  {
    ...{ name: "linux-arm64-musl", ...musl, arch: "arm64", zigTarget: "aarch64-linux-musl" },
    ...{ bunTarget: "bun-linux-arm64-musl", title: "Linux with musl (Alpine), arm64" },
  },
  {
    ...{ name: "macos-arm64", os: "macos", arch: "arm64", zigTarget: "aarch64-macos.13.0", blas: "accelerate" },
    ...{ bunTarget: "bun-darwin-arm64", title: "macOS 13, Apple silicon" },
  },
  {
    ...{ name: "macos-x64", os: "macos", arch: "x64", zigTarget: "x86_64-macos.13.0", blas: "accelerate" },
    ...{ bunTarget: "bun-darwin-x64", title: "macOS 13, Intel" },
  },
  {
    ...{ name: "windows-x64", os: "windows", arch: "x64", zigTarget: "x86_64-windows-gnu", blas: "none" },
    ...{ bunTarget: "bun-windows-x64", title: "Windows 10, x86-64" },
  },
];

/** What runs programs for Windows here, if it is installed. */
export const wine: string | undefined = ["wine64", "/usr/lib/wine/wine64"].find((name) => Bun.which(name) !== null);

const machines = { x64: "x86_64", arm64: "aarch64" };

/** The command that runs a target's executable here; undefined: nothing here does. Progress as buildExecutable. */
export async function runnerOf({ name, os, arch, libc }: Target): Promise<readonly string[] | undefined> {
  const isHere = os === { linux: "linux", darwin: "macos" }[process.platform as string] && arch === process.arch;
  if (isHere && libc !== "musl") return [];
  if (os === "windows") return wine === undefined ? undefined : [wine];
  const emulator = `qemu-${machines[arch]}`;
  if (os !== "linux" || Bun.which(emulator) === null) return undefined;
  const glibc = `/usr/${machines[arch]}-linux-gnu`;
  if (libc === "glibc") return existsSync(glibc) ? [emulator, "-L", glibc] : undefined;
  try {
    // Also on this processor: the emulator finds musl in that folder, where nobody has to be root.
    return [emulator, "-L", await muslRoot(arch)];
  } catch (error) {
    process.stderr.write(`${name}: not tried, there is no musl here: ${(error as Error).message}\n`);
    return undefined;
  }
}

/**
 * Further processors that an executable is tried on. Bun's build for x86-64 needs no AVX2 (npm's "baseline" of 1.4.5
 * has the same bytes), and the library chooses its kernels, so there is no archive of its own for older processors.
 */
export function otherRunnersOf({ name }: Target): readonly (readonly string[])[] {
  if (name !== "linux-x64" || Bun.which("qemu-x86_64") === null) return [];
  return [["qemu-x86_64", "-cpu", "Westmere"]];
}

const work = join(projectRoot, ".tools", "release");

/** Builds a target's executable and returns its path; progress goes to standard error. */
export async function buildExecutable(target: Target): Promise<string> {
  const folder = join(work, target.name);
  rmSync(join(folder, "out"), { recursive: true, force: true });
  mkdirSync(join(folder, "out"), { recursive: true });
  const library = await buildLibrary(target, folder);
  // The name goes into the executable, so it is the same in every run.
  const file = join(folder, "out", target.os === "windows" ? "qwen-asr.exe" : "qwen-asr");
  const bundler = join(projectRoot, "scripts", "release_compile.ts");
  await done([process.execPath, bundler, target.bunTarget, library, file], `${target.name}: executable`);
  // Bun signs what it makes for Apple silicon; for Intel the signature of its own build stays, and fits no more.
  if (target.name === "macos-x64") writeFileSync(file, signed(new Uint8Array(readFileSync(file)), "qwen-asr"));
  return file;
}

/** Puts beside an executable what Wine lacks. */
export async function prepareForWine(executable: string): Promise<void> {
  const source = join(projectRoot, "scripts", "wine_prng.zig");
  const options = [
    "-dynamic",
    "-target",
    "x86_64-windows-gnu",
    "-OReleaseSmall",
    "-fstrip",
    "--name",
    "bcryptprimitives",
  ];
  const file = join(dirname(executable), "bcryptprimitives.dll");
  await done([zig, "build-lib", ...options, source, `-femit-bin=${file}`], "a library that Wine lacks");
}

async function buildLibrary(target: Target, folder: string): Promise<string> {
  const options = [
    ...["-Doptimize=ReleaseSafe", `-Dtarget=${target.zigTarget}`, "-Dcpu=baseline", `-Dblas=${target.blas}`],
    ...target.blas === "openblas" ? [`-Dopenblas-a=${await openblas(target.arch)}`] : [],
  ];
  await done([zig, "build", "--prefix", folder, ...options], `${target.name}: library`);
  const [name] = ["lib/libqwen_asr.so", "lib/libqwen_asr.dylib", "bin/qwen_asr.dll"].filter((path) =>
    existsSync(join(folder, path))
  );
  // One name for every system, as src/embed.ts has it.
  const library = join(folder, "libqwen_asr.bin");
  copyFileSync(join(folder, name!), library);
  return library;
}

/** The static OpenBLAS for a processor: this machine's, or Debian's for another, downloaded and not installed. */
async function openblas(arch: Target["arch"]): Promise<string> {
  if (arch === process.arch) {
    const option = nativeOptions().find((one) => one.startsWith("-Dopenblas-a="));
    if (option !== undefined) return option.slice("-Dopenblas-a=".length);
  }
  const debian = { x64: "amd64", arm64: "arm64" }[arch];
  const folder = join(work, `openblas-${debian}`);
  const triple = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[arch];
  const file = join(folder, "usr/lib", triple, "openblas-pthread/libopenblas.a");
  if (existsSync(file)) return file;
  mkdirSync(join(folder, "lists/partial"), { recursive: true });
  mkdirSync(join(folder, "archives/partial"), { recursive: true });
  const apt = [
    ...[
      "-o",
      `APT::Architecture=${debian}`,
      "-o",
      `APT::Architectures=${debian}`,
      "-o",
      "Dir::State::status=/dev/null",
    ],
    ...["-o", `Dir::State::lists=${folder}/lists`, "-o", `Dir::Cache=${folder}`, "-o", "APT::Sandbox::User=root"],
  ];
  await done(["apt-get", "-q", ...apt, "update"], `OpenBLAS for ${debian}: list`);
  const fetch = `cd "$0" && apt-get -q "$@" download libopenblas-pthread-dev`;
  await done(["sh", "-c", fetch, folder, ...apt], `OpenBLAS for ${debian}: package`);
  const [archive] = readdirSync(folder).filter((name) => name.endsWith(".deb"));
  await done(["dpkg-deb", "-x", join(folder, archive!), folder], `OpenBLAS for ${debian}: files`);
  if (!existsSync(file)) throw new Error(`${archive}: has no ${file}`);
  return file;
}

/** Compiling takes minutes, but much longer on a machine that others keep busy. */
const stepMsMax = 3 * 60 * 60_000;

/** Throws with what the command printed if it fails. */
async function done(command: readonly string[], title: string): Promise<void> {
  process.stderr.write(`${title}\n`);
  const { output, code } = await runCommand(command, stepMsMax);
  if (code !== 0) throw new Error(`${title} failed:\n${output}`);
}
