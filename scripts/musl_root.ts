/**
 * A root with what systems with musl have beside an executable of ours: libc, libstdc++, libgcc. In: a processor. Out:
 * a folder, made once. On Debian: musl is Debian 13's (the C++ library has relocations that musl 1.2.3 does not know),
 * downloaded and not installed; C++ comes out of a Python wheel for Alpine that carries it.
 */

import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { projectRoot, runCommand } from "./commands.ts";

const machines = { x64: { debian: "amd64", machine: "x86_64" }, arm64: { debian: "arm64", machine: "aarch64" } };

/** The folder with lib/ and usr/lib/. Throws where Debian's packages or the wheel cannot be had. */
export async function muslRoot(arch: "x64" | "arm64"): Promise<string> {
  const { debian, machine } = machines[arch];
  const root = join(projectRoot, ".tools", "release", `musl-${debian}`);
  if (existsSync(root)) return root;
  const fresh = `${root}.tmp`;
  rmSync(fresh, { recursive: true, force: true });
  for (const name of ["lib", "usr/lib"]) mkdirSync(join(fresh, name), { recursive: true });
  await placeMusl(fresh, debian, machine);
  await placeLibraries(fresh, machine);
  rmSync(join(fresh, "parts"), { recursive: true });
  renameSync(fresh, root);
  return root;
}

async function placeMusl(root: string, debian: string, machine: string): Promise<void> {
  const parts = join(root, "parts");
  for (const name of ["lists/partial", "archives/partial"]) mkdirSync(join(parts, name), { recursive: true });
  const mirror = (await done("apt-get", "indextargets", "--format", "$(REPO_URI)")).split("\n")[0]!;
  const source = `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} trixie main`;
  const fetch = `cd "$0" && printf '%s\\n' '${source}' > sources.list && apt-get -q "$@" update && ` +
    `apt-get -q "$@" download musl && dpkg-deb -x musl_*.deb .`;
  const options = [
    ...[
      `Dir::Etc::sourcelist=${parts}/sources.list`,
      "Dir::Etc::sourceparts=/none",
      `Dir::State::lists=${parts}/lists`,
    ],
    ...[`Dir::Cache=${parts}`, "Dir::State::status=/dev/null", "APT::Sandbox::User=root", "Acquire::Languages=none"],
    ...[`APT::Architecture=${debian}`, `APT::Architectures=${debian}`],
  ];
  await done("sh", "-c", fetch, parts, ...options.flatMap((option) => ["-o", option]));
  const loader = `ld-musl-${machine}.so.1`;
  copyFileSync(join(parts, "usr/lib", `${machine}-linux-musl`, "libc.so"), join(root, "lib", loader));
  symlinkSync(loader, join(root, "lib", `libc.musl-${machine}.so.1`));
}

async function placeLibraries(root: string, machine: string): Promise<void> {
  const parts = join(root, "parts");
  const wheel = ["--no-deps", "--only-binary=:all:", "--python-version", "311", "--abi", "cp311", "pyzmq==27.3.0"];
  await done(
    ...["python3", "-m", "pip", "download", "-q", "--disable-pip-version-check", "-d", parts],
    ...["--platform", `musllinux_1_2_${machine}`, ...wheel],
  );
  const [file] = readdirSync(parts).filter((name) => name.endsWith(".whl"));
  await done("python3", "-m", "zipfile", "-e", join(parts, file!), join(parts, "wheel"));
  const libraries = join(parts, "wheel", "pyzmq.libs");
  for (const name of readdirSync(libraries)) {
    if (name.startsWith("libgcc_s")) copyFileSync(join(libraries, name), join(root, "usr/lib", name));
    if (name.startsWith("libstdc++")) copyFileSync(join(libraries, name), join(root, "usr/lib/libstdc++.so.6"));
  }
}

async function done(...command: readonly string[]): Promise<string> {
  const { output, code } = await runCommand(command, 10 * 60_000);
  if (code !== 0) throw new Error(`${command.slice(0, 3).join(" ")}: ${code}: ${output.trim()}`);
  return output;
}
