/** Tests of a release's packages and bill of materials, with scripts in the place of executables. */

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageFile from "../package.json" with { type: "json" };
import { testWhere } from "../tests/support/where.ts";
import { projectRoot } from "./commands.ts";
import { type Built, packagesOf, type Release } from "./release_packages.ts";
import { billOfMaterials } from "./release_sbom.ts";
import { targets } from "./release_targets.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const release: Release = {
  ...{ version: "1.2.3", url: "https://example.org/v1.2.3", description: "Speech to text" },
  manual: bytes(".TH QWEN 1\n"),
  completions: { bash: bytes("b"), zsh: bytes("z"), fish: bytes("f"), powershell: bytes("p") },
  ...{ licence: bytes("MIT"), notices: bytes("others") },
};
const built: readonly Built[] = targets.map((target) => ({
  target,
  executable: () => bytes('#!/bin/sh\necho "ran $*"\n'),
  archive: { name: `qwen-asr-1.2.3-${target.name}.tar.gz`, sha256: "ab".repeat(32) },
}));
const packages = [...packagesOf(release, built)];

function inFolder(work: (folder: string, run: (...command: string[]) => string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "qwen-asr-test-"));
  try {
    work(folder, (...command) => {
      const { stdout, stderr, exitCode } = Bun.spawnSync(command, { cwd: folder });
      expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
      return stdout.toString();
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("each system has its npm package and wheel, and those with glibc a Debian package", () => {
  const names = packages.map(({ name }) => name);
  expect(names).toContain("npm/qwen-asr-cli-1.2.3.tgz");
  expect(names.filter((name) => /linux-x64-1\.2\.3|manylinux\w+x86_64/.test(name)).length).toBe(2);
  expect(names.filter((name) => name.startsWith("npm/")).length).toBe(targets.length + 1);
  expect(names).toContain("deb/qwen-asr-cli_1.2.3_arm64.deb");
  expect(names).toContain("aur/PKGBUILD");
});

testWhere(Bun.which("dpkg-deb") !== null, "dpkg-deb")(
  "the Debian package unpacks to where Debian has these files",
  () => {
    inFolder((folder, run) => {
      writeFileSync(join(folder, "it.deb"), packages.find(({ name }) => name.endsWith("_amd64.deb"))!.bytes);
      expect(run("dpkg-deb", "-f", "it.deb", "Package", "Version", "Depends")).toBe(
        "Package: qwen-asr-cli\nVersion: 1.2.3\nDepends: libc6 (>= 2.28)\n",
      );
      run("dpkg-deb", "-x", "it.deb", "root");
      expect(run("root/usr/bin/qwen-asr", "a", "b")).toBe("ran a b\n");
      expect(run("gzip", "-dc", "root/usr/share/man/man1/qwen-asr.1.gz")).toBe(".TH QWEN 1\n");
    });
  },
);

test("the wheel's record has the hash of every file, and its launcher starts the program", () => {
  const name = `x86_64.whl`;
  inFolder((folder, run) => {
    writeFileSync(join(folder, "it.whl"), packages.find((one) => one.name.endsWith(name))!.bytes);
    const script = `import base64, csv, hashlib, io, zipfile
z = zipfile.ZipFile('it.whl')
rows = list(csv.reader(io.StringIO(z.read('qwen_asr_cli-1.2.3.dist-info/RECORD').decode())))
assert sorted(r[0] for r in rows) == sorted(z.namelist())
for path, digest, size in rows[:-1]:
    data = z.read(path)
    assert digest == 'sha256=' + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('='), path
    assert int(size) == len(data)
z.extractall()`;
    run("python3", "-c", script);
    run("chmod", "+x", "qwen_asr_cli/qwen-asr");
    expect(run("python3", "-m", "qwen_asr_cli", "-d", "demo")).toBe("ran -d demo\n");
  });
});

test("the bill of materials has a row for each notice, with versions, and an npm address for packages", () => {
  const notices = readFileSync(join(projectRoot, "THIRD_PARTY_NOTICES"), "utf8");
  const { components } = billOfMaterials("1.2.3", notices, packageFile.dependencies) as {
    components: { name: string; version?: string; purl?: string; licenses: unknown[] }[];
  };
  const rows = notices.split("\n=====")[0]!.match(/^ {1,2}\d+\. /gm)!;
  expect(components.length).toBe(rows.length);
  const version = (name: string) => components.find((one) => one.name === name)?.version;
  expect([version("Bun"), version("Zig"), version("Qwen3 tokenizer")]).toEqual([
    packageFile.devDependencies.bun,
    "0.16.0",
    undefined,
  ]);
  for (const [name, known] of Object.entries(packageFile.dependencies)) {
    if (name === "jieba-wasm") continue; // Named "Jieba for WebAssembly".
    expect(components.find((one) => one.name === name)?.purl).toBe(`pkg:npm/${name}@${known}`);
  }
});
