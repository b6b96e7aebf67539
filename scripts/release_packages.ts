/**
 * The packages of a release: npm, Python, Debian, and the manifests of Homebrew, AUR, winget and scoop. In: what is in
 * the archives of each target. Out: files by name. Pure.
 */

import { type Entry, zip } from "../src/server/zip.ts";
import { ar, gzip, tar, withFolders } from "./archives.ts";
import type { Target } from "./release_targets.ts";

/** What an archive of a target holds, and its published name with its hash. */
export type Built = {
  readonly target: Target;
  /** Read anew each time: those of all targets are more than a machine may have memory for. */
  readonly executable: () => Uint8Array;
  readonly archive: { readonly name: string; readonly sha256: string };
};

export type Release = {
  readonly version: string;
  /** The folder of the archives on the web. */
  readonly url: string;
  readonly description: string;
  readonly manual: Uint8Array;
  /** By the shells' names. */
  readonly completions: Readonly<Record<string, Uint8Array>>;
  readonly licence: Uint8Array;
  readonly notices: Uint8Array;
};

export type OutputFile = { readonly name: string; readonly bytes: Uint8Array };

/** Not "qwen-asr": the official Python package has that name. */
const packageName = "qwen-asr-cli";
const moduleName = "qwen_asr_cli";

/** Each is made when it is asked for. */
export function* packagesOf(release: Release, all: readonly Built[]): Generator<OutputFile> {
  yield npmMain(release, all);
  for (const built of all) {
    yield npmPlatform(release, built);
    yield wheel(release, built);
    if (built.target.libc === "glibc") yield debian(release, built);
  }
  yield* manifests(release, all);
}

const text = new TextEncoder();

function json(value: unknown): Uint8Array {
  return text.encode(`${JSON.stringify(value, undefined, 2)}\n`);
}

function executableName({ os }: Target): string {
  return os === "windows" ? "qwen-asr.exe" : "qwen-asr";
}

function documents({ licence, notices }: Release): Entry[] {
  return [{ path: "LICENSE", bytes: licence }, { path: "THIRD_PARTY_NOTICES", bytes: notices }];
}

const nodeNames = { linux: "linux", macos: "darwin", windows: "win32" } as const;

function npmName({ os, arch, libc }: Target): string {
  return `${packageName}-${nodeNames[os]}-${arch}${libc === "musl" ? "-musl" : ""}`;
}

/** One package for each system, which npm installs only there, and a small one that starts what is there. */
function npmMain(release: Release, packaged: readonly Built[]): OutputFile {
  const { version, description } = release;
  const optionalDependencies = Object.fromEntries(packaged.map(({ target }) => [npmName(target), version]));
  const about = { name: packageName, version, description, license: "MIT", bin: { "qwen-asr": "qwen-asr.js" } };
  return npmFile(packageName, version, [
    { path: "package.json", bytes: json({ ...about, engines: { node: ">=18" }, optionalDependencies }) },
    { path: "qwen-asr.js", bytes: text.encode(nodeLauncher), isExecutable: true },
    {
      path: "README.md",
      bytes: text.encode(`# ${packageName}\n\n${description}.\n\n    npx qwen-asr -d demo talk.wav\n`),
    },
    ...documents(release),
  ]);
}

function npmPlatform(release: Release, { target, executable }: Built): OutputFile {
  const { version, description } = release;
  const name = npmName(target);
  const about = { name, version, description: `${description} (${target.title})`, license: "MIT" };
  const where = { os: [nodeNames[target.os]], cpu: [target.arch], ...target.libc && { libc: [target.libc] } };
  return npmFile(name, version, [
    { path: "package.json", bytes: json({ ...about, ...where, preferUnplugged: true }) },
    { path: executableName(target), bytes: executable(), isExecutable: true },
    ...documents(release),
  ]);
}

function npmFile(name: string, version: string, entries: readonly Entry[]): OutputFile {
  const inFolder = entries.map((entry) => ({ ...entry, path: `package/${entry.path}` }));
  return { name: `npm/${name}-${version}.tgz`, bytes: gzip(tar(inFolder)) };
}

/** Signals that a terminal sends reach the program itself; those to this process are passed on. */
const nodeLauncher = `#!/usr/bin/env node
"use strict";
const { spawn } = require("node:child_process");

const isMusl = process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime;
const name = \`${packageName}-\${process.platform}-\${process.arch}\${isMusl ? "-musl" : ""}\`;
const file = process.platform === "win32" ? "qwen-asr.exe" : "qwen-asr";
let path;
try {
  path = require.resolve(\`\${name}/\${file}\`);
} catch {
  console.error(\`qwen-asr: \${name} is missing: install without --omit=optional, or there is none for this system\`);
  process.exit(1);
}
const child = spawn(path, process.argv.slice(2), { stdio: "inherit" });
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(\`qwen-asr: \${error.message}\`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
`;

function wheelTag({ os, arch, libc }: Target): string {
  const machine = { x64: "x86_64", arm64: "aarch64" }[arch];
  if (os === "linux") return `${libc === "musl" ? "musllinux_1_2" : "manylinux_2_28"}_${machine}`;
  if (os === "macos") return arch === "arm64" ? "macosx_13_0_arm64" : "macosx_13_0_x86_64";
  return "win_amd64";
}

function wheel(release: Release, { target, executable }: Built): OutputFile {
  const { version, description } = release;
  const tag = `py3-none-${wheelTag(target)}`;
  const info = `${moduleName}-${version}.dist-info`;
  const metadata = `Metadata-Version: 2.1\nName: ${packageName}\nVersion: ${version}\nSummary: ${description}\n` +
    `License: MIT\nRequires-Python: >=3.8\n`;
  const entries: Entry[] = [
    { path: `${moduleName}/__init__.py`, bytes: text.encode(pythonLauncher(executableName(target))) },
    { path: `${moduleName}/__main__.py`, bytes: text.encode("from . import main\n\nmain()\n") },
    { path: `${moduleName}/${executableName(target)}`, bytes: executable(), isExecutable: true },
    ...documents(release).map((entry) => ({ ...entry, path: `${info}/licenses/${entry.path}` })),
    { path: `${info}/METADATA`, bytes: text.encode(metadata) },
    {
      path: `${info}/WHEEL`,
      bytes: text.encode(`Wheel-Version: 1.0\nGenerator: qwen-asr\nRoot-Is-Purelib: false\nTag: ${tag}\n`),
    },
    { path: `${info}/entry_points.txt`, bytes: text.encode(`[console_scripts]\nqwen-asr = ${moduleName}:main\n`) },
  ];
  const record = entries.map(({ path, bytes }) => `${path},sha256=${urlHash(bytes)},${bytes.length}\n`).join("");
  const all = [...entries, { path: `${info}/RECORD`, bytes: text.encode(`${record}${info}/RECORD,,\n`) }];
  return { name: `pip/${moduleName}-${version}-${tag}.whl`, bytes: zip(all) };
}

function urlHash(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("base64url");
}

function pythonLauncher(file: string): string {
  return `"""Starts the program that this package carries."""

import os
import subprocess
import sys

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "${file}")


def main():
    if os.name != "nt":
        os.execv(PROGRAM, ["qwen-asr", *sys.argv[1:]])
    try:
        sys.exit(subprocess.call([PROGRAM, *sys.argv[1:]]))
    except KeyboardInterrupt:  # The program has had it as well.
        sys.exit(130)
`;
}

function debian(release: Release, { target, executable }: Built): OutputFile {
  const { version, description, manual, completions, licence, notices } = release;
  const architecture = target.arch === "x64" ? "amd64" : "arm64";
  const share = "./usr/share";
  const files: Entry[] = [
    { path: "./usr/bin/qwen-asr", bytes: executable(), isExecutable: true },
    { path: `${share}/bash-completion/completions/qwen-asr`, bytes: completions.bash! },
    { path: `${share}/doc/${packageName}/THIRD_PARTY_NOTICES`, bytes: notices },
    { path: `${share}/doc/${packageName}/copyright`, bytes: licence },
    { path: `${share}/fish/vendor_completions.d/qwen-asr.fish`, bytes: completions.fish! },
    { path: `${share}/man/man1/qwen-asr.1.gz`, bytes: gzip(manual) },
    { path: `${share}/zsh/vendor-completions/_qwen-asr`, bytes: completions.zsh! },
  ];
  const kibibytes = Math.ceil(files.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1024);
  const control = `Package: ${packageName}\nVersion: ${version}\nArchitecture: ${architecture}\n` +
    `Maintainer: qwen-asr <qwen-asr@localhost>\nInstalled-Size: ${kibibytes}\nDepends: libc6 (>= 2.28)\n` +
    `Recommends: ffmpeg\nSection: sound\nPriority: optional\nDescription: ${description}\n`;
  const part = (entries: readonly Entry[]) => gzip(tar(withFolders(entries)));
  return {
    name: `deb/${packageName}_${version}_${architecture}.deb`,
    bytes: ar([
      { path: "debian-binary", bytes: text.encode("2.0\n") },
      { path: "control.tar.gz", bytes: part([{ path: "./control", bytes: text.encode(control) }]) },
      { path: "data.tar.gz", bytes: part(files) },
    ]),
  };
}

/** Each only where all targets that it names were built. */
function manifests(release: Release, all: readonly Built[]): OutputFile[] {
  const of = (name: string) => all.find(({ target }) => target.name === name)?.archive;
  const [x64, arm64, mac, macX64, windows] = ["linux-x64", "linux-arm64", "macos-arm64", "macos-x64", "windows-x64"]
    .map(of);
  const files: Record<string, string> = {};
  if (x64 && arm64) files["aur/PKGBUILD"] = pkgbuild(release, x64, arm64);
  if (x64 && arm64 && mac && macX64) files["homebrew/qwen-asr-cli.rb"] = formula(release, { x64, arm64, mac, macX64 });
  if (windows) {
    files["scoop/qwen-asr-cli.json"] = scoop(release, windows);
    for (const [name, body] of Object.entries(winget(release, windows))) files[`winget/${name}`] = body;
  }
  return Object.entries(files).map(([name, body]) => ({ name, bytes: text.encode(body) }));
}

type Archive = Built["archive"];

/** What an archive's only folder is called. */
function folderOf({ name }: Archive): string {
  return name.replace(/\.(?:tar\.gz|zip)$/, "");
}

function pkgbuild({ version, url, description }: Release, x64: Archive, arm64: Archive): string {
  return `pkgname=${packageName}-bin
pkgver=${version.replaceAll("-", "_")}
pkgrel=1
pkgdesc="${description}"
arch=(x86_64 aarch64)
url="${url}"
license=(MIT)
depends=(glibc)
optdepends=('ffmpeg: other formats than WAV, MP3, FLAC, Ogg and WebM')
options=(!strip)
source_x86_64=("${url}/${x64.name}")
source_aarch64=("${url}/${arm64.name}")
sha256sums_x86_64=('${x64.sha256}')
sha256sums_aarch64=('${arm64.sha256}')

package() {
    cd qwen-asr-*/ || exit 1
    install -Dm755 qwen-asr "$pkgdir/usr/bin/qwen-asr"
    install -Dm644 man/qwen-asr.1 "$pkgdir/usr/share/man/man1/qwen-asr.1"
    install -Dm644 completions/qwen-asr.bash "$pkgdir/usr/share/bash-completion/completions/qwen-asr"
    install -Dm644 completions/_qwen-asr "$pkgdir/usr/share/zsh/site-functions/_qwen-asr"
    install -Dm644 completions/qwen-asr.fish "$pkgdir/usr/share/fish/vendor_completions.d/qwen-asr.fish"
    install -Dm644 LICENSE THIRD_PARTY_NOTICES -t "$pkgdir/usr/share/licenses/$pkgname"
}
`;
}

function formula({ version, url, description }: Release, archives: Readonly<Record<string, Archive>>): string {
  const place = (name: string) => `url "${url}/${archives[name]!.name}"\n      sha256 "${archives[name]!.sha256}"`;
  return `class QwenAsrCli < Formula
  desc "${description}"
  homepage "${url}"
  version "${version}"
  license "MIT"

  on_macos do
    on_arm do
      ${place("mac")}
    end
    on_intel do
      ${place("macX64")}
    end
  end

  on_linux do
    on_arm do
      ${place("arm64")}
    end
    on_intel do
      ${place("x64")}
    end
  end

  def install
    bin.install "qwen-asr"
    man1.install "man/qwen-asr.1"
    bash_completion.install "completions/qwen-asr.bash" => "qwen-asr"
    zsh_completion.install "completions/_qwen-asr"
    fish_completion.install "completions/qwen-asr.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/qwen-asr --version")
  end
end
`;
}

function scoop({ version, url, description }: Release, windows: Archive): string {
  return new TextDecoder().decode(json({
    ...{ version, description, homepage: url, license: "MIT" },
    architecture: {
      "64bit": { url: `${url}/${windows.name}`, hash: windows.sha256, extract_dir: folderOf(windows) },
    },
    bin: "qwen-asr.exe",
    suggest: { ffmpeg: "ffmpeg" },
  }));
}

function winget({ version, url, description }: Release, windows: Archive): Record<string, string> {
  const id = "qwen-asr-cli.qwen-asr-cli";
  const head = `PackageIdentifier: ${id}\nPackageVersion: ${version}\n`;
  const tail = (type: string) => `ManifestType: ${type}\nManifestVersion: 1.6.0\n`;
  return {
    [`${id}.yaml`]: `${head}DefaultLocale: en-US\n${tail("version")}`,
    [`${id}.locale.en-US.yaml`]: `${head}PackageLocale: en-US\nPublisher: qwen-asr-cli\nPackageName: qwen-asr\n` +
      `License: MIT\nShortDescription: ${description}\n${tail("defaultLocale")}`,
    [`${id}.installer.yaml`]: `${head}InstallerType: zip\nNestedInstallerType: portable\nNestedInstallerFiles:\n` +
      `- RelativeFilePath: ${folderOf(windows)}\\qwen-asr.exe\n  PortableCommandAlias: qwen-asr\nInstallers:\n` +
      `- Architecture: x64\n  InstallerUrl: ${url}/${windows.name}\n` +
      `  InstallerSha256: ${windows.sha256.toUpperCase()}\n${tail("installer")}`,
  };
}
