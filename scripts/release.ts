/**
 * Makes the files of a release (scripts/release says how it is called): in dist/release/VERSION, whatever was there
 * before is replaced. Every executable that can run here transcribes a clip first, natively, under qemu or Wine.
 *
 * Two runs give the same bytes on one machine, with the same OpenBLAS.
 */

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import packageFile from "../package.json" with { type: "json" };
import { manPage } from "../src/cli/man.ts";
import { completions } from "../src/cli/shells/completions.ts";
import { shells } from "../src/cli/shells/surface.ts";
import { type Entry, zip } from "../src/server/zip.ts";
import { gzip, tar } from "./archives.ts";
import { projectRoot } from "./commands.ts";
import { type Built, packagesOf, type Release } from "./release_packages.ts";
import { billOfMaterials } from "./release_sbom.ts";
import { buildExecutable, otherRunnersOf, prepareForWine, runnerOf, type Target, targets } from "./release_targets.ts";

type Made = Built & {
  /** What was seen of it here. */
  readonly seen: string;
  readonly megabytes: number;
};

const text = new TextEncoder();

function chosenTargets(only: string | undefined): readonly Target[] {
  const names = only?.split(",");
  const unknown = names?.filter((name) => !targets.some((target) => target.name === name)) ?? [];
  const known = targets.map(({ name }) => name).join(", ");
  if (unknown.length > 0) throw new Error(`no system ${unknown.join(", ")}: ${known}`);
  return targets.filter(({ name }) => names?.includes(name) ?? true);
}

async function makeRelease(version: string, chosen: readonly Target[], url: string | undefined): Promise<void> {
  if (version !== packageFile.version) {
    throw new Error(
      `package.json has version ${packageFile.version}: change it, and CHANGELOG.md, to release ${version}`,
    );
  }
  if (statSync(join(projectRoot, "zig-out", "speakers.safetensors")).size === 0) {
    throw new Error("this build has no speaker networks: scripts/setup --speakers fetches them");
  }
  const folder = join(projectRoot, "dist", "release", version);
  rmSync(folder, { recursive: true, force: true });
  const sums = new Map<string, string>();
  const write = (name: string, bytes: Uint8Array, mode = 0o644) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes, { mode });
    sums.set(name, sha256(bytes));
  };
  const release = releaseOf(version, url ?? `https://example.org/qwen-asr/${version}`);
  const sbom = json(billOfMaterials(version, new TextDecoder().decode(release.notices), packageFile.dependencies));
  const made: Made[] = [];
  for (const target of chosen) {
    made.push(await make(target, release, sbom, write));
    Bun.gc(true);
  }
  for (const { name, bytes } of packagesOf(release, made)) {
    write(name, bytes);
    Bun.gc(true); // Each may be of 170 MB, and as much again on its way.
  }
  write("sbom.cdx.json", sbom);
  write("NOTES.md", text.encode(notesOf(version, made)));
  const lines = [...sums].sort(([a], [b]) => a < b ? -1 : 1).map(([name, sum]) => `${sum}  ${name}\n`);
  writeFileSync(join(folder, "SHA256SUMS"), lines.join(""));
  console.error(`${sums.size} files and their sums in ${folder}`);
  if (url === undefined) console.error("the manifests name example.org: give --url before they are published");
}

function releaseOf(version: string, url: string): Release {
  const file = (name: string) => new Uint8Array(readFileSync(join(projectRoot, name)));
  return {
    ...{ version, url, description: packageFile.description },
    manual: text.encode(manPage(version)),
    completions: Object.fromEntries(shells.map((shell) => [shell, text.encode(completions(shell))])),
    licence: file("LICENSE"),
    notices: file("THIRD_PARTY_NOTICES"),
  };
}

async function make(
  target: Target,
  release: Release,
  sbom: Uint8Array,
  write: (name: string, bytes: Uint8Array, mode?: number) => void,
): Promise<Made> {
  const path = await buildExecutable(target);
  const runner = await runnerOf(target);
  if (target.os === "windows" && runner !== undefined) await prepareForWine(path);
  const seen = runner === undefined ? "untested" : seenWith(runner, target, path, release.version);
  const executable = new Uint8Array(readFileSync(path));
  const stem = `qwen-asr-${release.version}-${target.name}`;
  const isWindows = target.os === "windows";
  write(isWindows ? `${stem}.exe` : stem, executable, 0o755);
  const entries = contents(release, sbom, basename(path), executable).map((entry) => (
    { ...entry, path: `${stem}/${entry.path}` }
  ));
  const name = isWindows ? `${stem}.zip` : `${stem}.tar.gz`;
  const bytes = isWindows ? zip(entries) : gzip(tar(entries));
  write(name, bytes);
  const archive = { name, sha256: sha256(bytes) };
  return {
    target,
    executable: () => new Uint8Array(readFileSync(path)),
    megabytes: executable.length / 1e6,
    archive,
    seen,
  };
}

/** What an archive holds. */
function contents(
  { manual, completions, licence, notices }: Release,
  sbom: Uint8Array,
  name: string,
  executable: Uint8Array,
): Entry[] {
  const names: Readonly<Record<string, string>> = {
    ...{ bash: "qwen-asr.bash", zsh: "_qwen-asr", fish: "qwen-asr.fish", powershell: "qwen-asr.ps1" },
  };
  return [
    { path: name, bytes: executable, isExecutable: true },
    { path: "LICENSE", bytes: licence },
    { path: "THIRD_PARTY_NOTICES", bytes: notices },
    { path: "README.md", bytes: new Uint8Array(readFileSync(join(projectRoot, "README.md"))) },
    { path: "sbom.cdx.json", bytes: sbom },
    { path: "man/qwen-asr.1", bytes: manual },
    ...shells.map((shell) => ({ path: `completions/${names[shell]}`, bytes: completions[shell]! })),
  ];
}

const sample = { clip: "samples/fixtures/audio/en-short.wav", says: "Please open the old door.\n" };

/** Has the executable say its version and hear a clip. Throws if it runs and is wrong. */
function seenWith(runner: readonly string[], target: Target, path: string, version: string): string {
  for (const one of [runner, ...otherRunnersOf(target)]) tryOut(one, target, path, version);
  const others = otherRunnersOf(target).map(([, , processor]) => `, and on ${processor} under qemu`).join("");
  const where = runner.length === 0 ? "here" : `under ${basename(runner[0]!)}`;
  return `the demo model, ${where}${target.libc === "musl" ? " with Debian's musl" : ""}${others}`;
}

function tryOut(runner: readonly string[], target: Target, path: string, version: string): void {
  const run = (...args: string[]) => {
    const command = [...runner, path, ...args];
    const { stdout, stderr, exitCode } = Bun.spawnSync(command, { cwd: projectRoot, timeout: 600_000 });
    if (exitCode !== 0) throw new Error(`${target.name}: ${args[0]} ends with ${exitCode}: ${stderr.toString()}`);
    return stdout.toString().replaceAll("\r\n", "\n");
  };
  const [says, heard] = [run("--version"), run("--silent", "--no-cache", "-d", "demo", sample.clip)];
  if (says !== `qwen-asr ${version}\n` || heard !== sample.says) {
    throw new Error(`${target.name}: says "${says.trim()}" and hears "${heard.trim()}"`);
  }
}

function notesOf(version: string, made: readonly Made[]): string {
  const rows = made.map(({ target, megabytes, archive, seen }) =>
    `| ${target.title} | ${archive.name} | ${megabytes.toFixed(0)} MB | ${seen} |\n`
  );
  const changes = readFileSync(join(projectRoot, "CHANGELOG.md"), "utf8");
  const own = changes.split(/^## /m).find((part) => part.startsWith(`${version}\n`));
  if (own === undefined) throw new Error(`CHANGELOG.md has no "## ${version}"`);
  return `# qwen-asr ${version}\n\n| system | archive | executable | tested with |\n|---|---|---|---|\n${
    rows.join("")
  }\n` +
    `Sums are in SHA256SUMS. What is untested was built, and never run.\n${own.slice(version.length).trimEnd()}\n`;
}

function json(value: unknown): Uint8Array {
  return text.encode(`${JSON.stringify(value, undefined, 2)}\n`);
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

if (import.meta.main) {
  const { values, positionals: [version, ...rest] } = parseArgs({
    options: { only: { type: "string" }, url: { type: "string" } },
    allowPositionals: true,
  });
  try {
    if (version === undefined || rest.length > 0) throw new Error("which version?");
    await makeRelease(version, chosenTargets(values.only), values.url);
  } catch (error) {
    console.error(`release: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
