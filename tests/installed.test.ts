/** The executable alone, copied into hostile surroundings: it leaves nothing behind and needs little memory. */

import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { golden, hasClip, modelDir, spokenText } from "./fixtures.ts";
import { executable, folderIn, run as runIn, type RunOptions, temporaryFolder, userDefaults } from "./harness.ts";
import { expectNoStack, lines, shell, wav } from "./support/cli.ts";
import { isLinux, isRoot, testWhere } from "./support/where.ts";

const name = "en-short";
const text = `${spokenText(golden(name)!.plain)}\n`;

/** A folder with nothing but the executable and one recording. */
const alone = mkdtempSync(join(tmpdir(), "qwen-asr-alone-"));
const copy = join(alone, "qwen-asr");
copyFileSync(executable(), copy);
copyFileSync(wav(name), join(alone, "talk.wav"));
afterAll(() => {
  chmodSync(alone, 0o700);
  rmSync(alone, { recursive: true });
});

/** A run without what the tests share. */
function run(args: readonly string[], options: RunOptions = {}) {
  return runIn(args, { ...options, env: { ...userDefaults, ...options.env } });
}

/** Runs the copy with the model inside it. */
function runCopy(options: RunOptions = {}, ...args: string[]) {
  return run(["-d", "demo", "--silent", ...args, "talk.wav"], { executable: copy, cwd: alone, ...options });
}

describe("copied alone", () => {
  test("works, and adds nothing to its folder", async () => {
    expect(await runCopy()).toMatchObject({ code: 0, stdout: text, stderr: "" });
    expect(readdirSync(alone).sort()).toEqual(["qwen-asr", "talk.wav"]);
  });

  test("without HOME, without any environment", async () => {
    expect(await runCopy({ env: { HOME: undefined } })).toMatchObject({ code: 0, stdout: text, stderr: "" });
    const nothing = Object.fromEntries(
      ["PATH", "HOME", "TMPDIR", "LANG", "TZ", "TERM", "NO_COLOR"].map((key) => [key]),
    );
    expect(await runCopy({ env: nothing })).toMatchObject({ code: 0, stdout: text, stderr: "" });
  });

  test("from a folder that is not writable", async () => {
    chmodSync(alone, 0o500);
    try {
      const plain = await runCopy();
      expect(plain).toMatchObject({ code: 0, stdout: text, stderr: "" });
    } finally {
      chmodSync(alone, 0o700);
    }
  });

  testWhere(isLinux, "Linux")("from a working folder in which nobody can write", async () => {
    const result = await run(["-d", "demo", "--silent", join(alone, "talk.wav")], { executable: copy, cwd: "/proc" });
    expect(result).toMatchObject({ code: 0, stdout: text, stderr: "" });
  });

  testWhere(isLinux, "Linux")("with a TMPDIR that is missing, read-only, a file, or full", async () => {
    using folder = temporaryFolder();
    const readOnly = folderIn(folder.path, "read-only");
    chmodSync(readOnly, 0o500);
    for (const TMPDIR of ["/nowhere/tmp", readOnly, "/proc", join(alone, "talk.wav"), ""]) {
      const env = { TMPDIR, TMP: TMPDIR, TEMP: TMPDIR, BUN_TMPDIR: TMPDIR };
      expect({ TMPDIR, ...await runCopy({ env }) }).toMatchObject({ code: 0, stdout: text, stderr: "" });
    }
  });

  test("leaves nothing in TMPDIR, HOME or the working folder, however it ends", async () => {
    using folder = temporaryFolder();
    const [TMPDIR, HOME, cwd] = ["tmp", "home", "cwd"].map((each) => folderIn(folder.path, each));
    const env = { TMPDIR, HOME };
    const talk = join(alone, "talk.wav");
    const start = (...args: string[]) => run(["-d", "demo", ...args], { executable: copy, cwd: cwd!, env });
    expect((await start(talk)).stdout).toBe(text);
    expect((await start("/nowhere/x.wav")).code).toBe(1);
    const many = new Array<string>(50).fill(talk);
    const signalWhen = { text: "Language:", signal: "SIGKILL" } as const;
    const killed = await run(["-d", "demo", ...many], { executable: copy, cwd: cwd!, env, signalWhen });
    expect(killed.signal).toBe("SIGKILL");
    for (const each of [TMPDIR!, HOME!, cwd!]) expect(readdirSync(each)).toEqual([]);
  });

  test("finds its model by a relative path, and a recording with odd names", async () => {
    using folder = temporaryFolder();
    const odd = "it's -f \u4f60\u597d 100%.wav";
    copyFileSync(wav(name), join(folder.path, odd));
    const result = await run(["-d", "demo", "--silent", odd], { executable: copy, cwd: folder.path });
    expect(result).toMatchObject({ code: 0, stdout: text, stderr: "" });
  });
});

describe("surroundings", () => {
  test(".env, bunfig.toml and package.json of the working folder are not ours", async () => {
    using folder = temporaryFolder();
    const put = (file: string, content: string) => writeFileSync(join(folder.path, file), content);
    put("trap.js", `require("fs").writeFileSync(${JSON.stringify(join(folder.path, "sprung"))}, "")`);
    put("bunfig.toml", 'preload = ["./trap.js"]\n[run]\npreload = ["./trap.js"]\n');
    put(".env", "QWEN_ASR_MODEL=/from/dotenv\nQWEN_ASR_ISA=nonsense\n");
    put(".env.local", "QWEN_ASR_MODEL=/from/dotenv\nQWEN_ASR_ISA=nonsense\n");
    put("package.json", "{ broken");
    put("tsconfig.json", "{ broken");
    const result = await runCopy({ cwd: folder.path }, join(alone, "talk.wav"), "--", "/nowhere/x.wav");
    expect(result.stdout).toBe(text);
    const without = await run([join(alone, "talk.wav")], { executable: copy, cwd: folder.path });
    expect(without.stderr).toStartWith("qwen-asr: no model: ");
    expect(existsSync(join(folder.path, "sprung"))).toBe(false);
  });

  test("arguments of the runtime are not obeyed", async () => {
    for (
      const args of [["run", "x"], ["-e", "console.log(1)"], ["--print", "1"], ["--inspect"], ["--preload=./x.js"]]
    ) {
      const result = await run(args, { executable: copy, cwd: alone });
      expect(result.code).toBeGreaterThan(0);
      expect(result.stdout).toBe("");
      expect(result.stderr).toStartWith("qwen-asr: ");
    }
  });

  test("a planted library is not loaded", async () => {
    using folder = temporaryFolder();
    const names = ["libqwen_asr.so", "libqwen_asr.bin", "libqwen_asr.dylib", "libopenblas.so.0", "libgomp.so.1"];
    for (const each of names) writeFileSync(join(folder.path, each), "not a library");
    for (const cwd of [folder.path, alone]) {
      const env = { TMPDIR: folder.path };
      const result = await run(["-d", "demo", "--silent", join(alone, "talk.wav")], { executable: copy, cwd, env });
      expect(result).toMatchObject({ code: 0, stdout: text, stderr: "" });
    }
    expect(readdirSync(folder.path).sort()).toEqual([...names].sort());
  });

  testWhere(isLinux, "Linux")("the library is mapped from memory, not from a folder", async () => {
    using folder = temporaryFolder();
    const fifo = join(folder.path, "fifo");
    Bun.spawnSync(["mkfifo", fifo]);
    // The second recording never comes. Once the first one's text is there, the library is loaded.
    const command = `"$0" -d demo --silent talk.wav '${fifo}' >'${folder.path}/text' & p=$!; ` +
      `while [ ! -s '${folder.path}/text' ]; do sleep 0.05; done; grep 'r-xp.*qwen' /proc/$p/maps; ` +
      "kill -9 $p; wait $p 2>/dev/null";
    const { stdout } = await shell(copy, command, [], { cwd: alone });
    const mapped = lines(stdout).map((line) => line.split(/\s+/).slice(5).join(" ")).filter((path) => path !== copy);
    expect(mapped.filter((path) => path.startsWith("/memfd:")).length).toBeGreaterThan(0);
    expect(mapped.filter((path) => !path.startsWith("/memfd:"))).toEqual([]);
  });

  testWhere(isRoot && Bun.which("setpriv") !== null, "root and setpriv")(
    "as another user, in a folder of root's",
    async () => {
      const command = `exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0" "$@"`;
      chmodSync(alone, 0o755);
      const result = await shell(copy, command, ["-d", "demo", "--silent", "talk.wav"], { cwd: alone });
      chmodSync(alone, 0o700);
      expectNoStack(result);
      expect(result).toMatchObject({ code: 0, stdout: text, stderr: "" });
    },
  );
});

describe("memory", () => {
  const budget = 250 * 1024 * 1024;
  const weights = statSync(join(modelDir(), "model.safetensors")).size;

  /**
   * Peak memory of one run. A child starts with the peak of its parent, and the test runner is large, so the run is
   * started from a small process of its own.
   */
  async function peakOf(...args: string[]): Promise<number> {
    const script = `const { resourceUsage } = Bun.spawnSync(process.argv.slice(1));
      console.log(resourceUsage.maxRSS);`;
    const { stdout } = await run(["-e", script, executable(), ...args], { executable: process.execPath });
    expect(Number(stdout)).toBeGreaterThan(weights);
    return Number(stdout);
  }

  for (const clip of ["words-en-7", "en-weather"]) { // 12.2 s and 10.4 s
    testWhere(hasClip(clip), `the clip ${clip}`)(`${clip}: the weights file and less than 250 MB`, async () => {
      const peak = await peakOf("-d", modelDir(), "--silent", wav(clip));
      console.log(`${clip}: peak ${(peak / 1e6).toFixed(0)} MB, weights ${(weights / 1e6).toFixed(0)} MB`);
      expect(peak).toBeLessThan(weights + budget);
    });
  }

  test("the demo model, in memory, too", async () => {
    expect(await peakOf("-d", "demo", "--silent", wav("en-weather"))).toBeLessThan(2 * weights + budget);
  });
});

test("the fixture stays as it was", () => {
  expect(readFileSync(join(alone, "talk.wav")).equals(readFileSync(wav(name)))).toBe(true);
});
