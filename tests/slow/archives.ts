/**
 * Every archive of a release, unpacked in a root that holds nothing but the C and C++ libraries of its system, hears a
 * clip with the demo model: Linux in chroot (arm64 under qemu), Windows under Wine. Prints a line for each, with its
 * size, the newest symbols of glibc that it needs, and what was heard; exit code 1 where one is not as it should be.
 * macOS is not run. As root, on Debian: what musl's systems have comes from Debian's musl and from a wheel that carries
 * their C++ library.
 *
 *     node_modules/.bin/bun tests/slow/archives.ts [FOLDER]      by default dist/release/VERSION
 */

import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { prepareForWine, type Target, targets } from "../../scripts/release_targets.ts";
import { clip, projectRoot } from "../fixtures.ts";
import { temporaryFolder } from "../harness.ts";

const folder = resolve(process.argv[2] ?? join(projectRoot, "dist", "release", packageFile.version));
const says = "Please open the old door.\n";
const newestGlibc = "2.28";
const machines = { x64: { debian: "amd64", machine: "x86_64" }, arm64: { debian: "arm64", machine: "aarch64" } };

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
  copyFileSync(clip("en-short").wav, join(root, "clip.wav"));
  if (target.os === "macos") return "not run here";
  const heard = target.os === "windows" ? await underWine(unpacked, root) : inRoot(target, stem, root);
  if (heard.replaceAll("\r\n", "\n") !== says) throw new Error(`hears "${heard.trim()}"`);
  if (target.libc !== "glibc") return "hears the clip";
  // The library is inside the executable.
  const library = join(projectRoot, ".tools", "release", target.name, "libqwen_asr.bin");
  const files = [join(unpacked, "qwen-asr"), library].filter((path) => existsSync(path));
  return `hears the clip; needs glibc ${files.map(glibcOf).join(", its library ")}`;
}

async function underWine(unpacked: string, root: string): Promise<string> {
  const executable = join(unpacked, "qwen-asr.exe");
  await prepareForWine(executable);
  const wine = ["wine64", "/usr/lib/wine/wine64"].find((name) => Bun.which(name) !== null);
  if (wine === undefined) throw new Error("needs wine64");
  return command(wine, executable, "--silent", "--no-cache", "-d", "demo", join(root, "clip.wav"));
}

function inRoot(target: Target, stem: string, root: string): string {
  for (const name of ["lib", "usr/lib", "tmp", "proc", "dev"]) mkdirSync(join(root, name), { recursive: true });
  if (target.libc === "musl") placeMusl(target, root);
  else placeGlibc(target, root);
  const emulator = target.arch === process.arch ? [] : [placeEmulator(root)];
  command("mount", "--bind", "/proc", join(root, "proc"));
  command("mount", "--bind", "/dev", join(root, "dev"));
  try {
    return command("chroot", root, ...emulator, `/${stem}/qwen-asr`, "--silent", "-d", "demo", "/clip.wav");
  } finally {
    command("umount", join(root, "dev"), join(root, "proc"));
  }
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
  const triple = `${machines[arch].machine}-linux-gnu`;
  const from = isHere ? `/lib/${triple}` : `/usr/${triple}/lib`;
  if (!existsSync(from)) throw new Error(`needs libc6-${arch}-cross`);
  const loader = { x64: "lib64/ld-linux-x86-64.so.2", arm64: "lib/ld-linux-aarch64.so.1" }[arch];
  mkdirSync(join(root, loader, ".."), { recursive: true });
  copyFileSync(isHere ? `/${loader}` : join(from, basename(loader)), join(root, loader));
  for (const name of ["libc.so.6", "libpthread.so.0", "libdl.so.2", "libm.so.6"]) {
    copyFileSync(join(from, name), join(root, "lib", name));
  }
}

/** musl of Debian 13 (the C++ library has relocations that 1.2.3 does not know), C++ of a wheel for Alpine. */
function placeMusl({ arch }: Target, root: string): void {
  const { debian, machine } = machines[arch];
  const work = join(projectRoot, ".tools", "release", `musl-${debian}`);
  const libc = join(work, "usr/lib", `${machine}-linux-musl`, "libc.so");
  if (!existsSync(libc)) fetchMusl(work, debian, machine);
  copyFileSync(libc, join(root, "lib", `ld-musl-${machine}.so.1`));
  symlinkSync(`ld-musl-${machine}.so.1`, join(root, "lib", `libc.musl-${machine}.so.1`));
  const libraries = join(work, "wheel", "pyzmq.libs");
  for (const name of readdirSync(libraries)) {
    if (name.startsWith("libgcc_s")) copyFileSync(join(libraries, name), join(root, "usr/lib", name));
    if (name.startsWith("libstdc++")) copyFileSync(join(libraries, name), join(root, "usr/lib/libstdc++.so.6"));
  }
}

function fetchMusl(work: string, debian: string, machine: string): void {
  for (const name of ["lists/partial", "archives/partial"]) mkdirSync(join(work, name), { recursive: true });
  const mirror = command("apt-get", "indextargets", "--format", "$(REPO_URI)").split("\n")[0]!;
  const source = `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} trixie main`;
  const fetch = `cd "$0" && printf '%s\\n' '${source}' > sources.list && apt-get -q "$@" update && ` +
    `apt-get -q "$@" download musl && dpkg-deb -x musl_*.deb .`;
  const options = [
    ...[`Dir::Etc::sourcelist=${work}/sources.list`, "Dir::Etc::sourceparts=/none", `Dir::State::lists=${work}/lists`],
    ...[`Dir::Cache=${work}`, "Dir::State::status=/dev/null", "APT::Sandbox::User=root", "Acquire::Languages=none"],
    ...[`APT::Architecture=${debian}`, `APT::Architectures=${debian}`],
  ];
  command("sh", "-c", fetch, work, ...options.flatMap((option) => ["-o", option]));
  const wheel = ["--no-deps", "--only-binary=:all:", "--python-version", "311", "--abi", "cp311", "pyzmq==27.3.0"];
  command("pip", "download", "-q", "-d", work, "--platform", `musllinux_1_2_${machine}`, ...wheel);
  const [file] = readdirSync(work).filter((name) => name.endsWith(".whl"));
  cpSync(join(work, file!), join(work, "wheel.zip"));
  command("python3", "-m", "zipfile", "-e", join(work, "wheel.zip"), join(work, "wheel"));
}

/** The newest version of symbols that a file needs; throws where that is newer than it may be. */
function glibcOf(path: string): string {
  const versions = [...command("readelf", "-V", path).matchAll(/GLIBC_(\d+\.\d+)/g)].map(([, version]) => version!);
  const [newest = "none"] = versions.sort((left, right) => Bun.semver.order(`${right}.0`, `${left}.0`));
  if (Bun.semver.order(`${newest}.0`, `${newestGlibc}.0`) > 0) throw new Error(`needs glibc ${newest}`);
  return newest;
}

function command(...parts: readonly string[]): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...parts], { timeout: 600_000 });
  if (exitCode !== 0) throw new Error(`${parts.slice(0, 3).join(" ")}: ${exitCode}: ${stderr.toString().trim()}`);
  return stdout.toString();
}
