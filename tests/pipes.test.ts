/** The executable among other programs: standard input, pipes that are slow or close early, devices, signals. */

import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { golden, modelDir, spokenText } from "./fixtures.ts";
import { executable, fixedEnvironment, run, type RunOptions, temporaryFolder } from "./harness.ts";
import { expectNoStack, expectRefusal, lines, qwen, shell, wav } from "./support/cli.ts";
import { ffmpeg, isLinux, isRoot, testWhere } from "./support/where.ts";

const name = "en-short";
const text = `${spokenText(golden(name)!.plain)}\n`;
const wavBytes = new Uint8Array(readFileSync(wav(name)));
const pcmBytes = wavBytes.subarray(44);

const encodedName = "en-digits"; // Its text survives MP3.

/** Encodes a clip with ffmpeg; undefined if ffmpeg or the encoder is missing. */
function encoded(...format: string[]): Uint8Array | undefined {
  if (!ffmpeg) return undefined;
  const args = ["-v", "error", "-i", wav(encodedName), ...format, "-"];
  const { stdout, exitCode } = Bun.spawnSync([ffmpeg, ...args], { stderr: "ignore" });
  return exitCode === 0 && stdout.length > 0 ? stdout : undefined;
}

/** The pieces, with a pause after every `pauseEvery` of them. */
function slowly(bytes: Uint8Array, sizes: readonly number[], pauseEvery: number): ReadableStream<Uint8Array> {
  let at = 0;
  let count = 0;
  return new ReadableStream({
    async pull(controller) {
      if (at >= bytes.length) return controller.close();
      const size = sizes[count++ % sizes.length]!;
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
      if (count % pauseEvery === 0) await Bun.sleep(1);
    },
  });
}

/** Runs the nano in a shell that knows the command as "$0" "$@". */
function piped(command: string, args: readonly string[] = [], options: RunOptions = {}) {
  return shell(executable(), command, ["-d", modelDir(), ...args], options);
}

describe("standard input", () => {
  test("cat x.wav | qwen-asr --stdin, or -, or /dev/stdin", async () => {
    for (const input of ["--stdin", "-", "/dev/stdin"]) {
      const result = await piped(`cat '${wav(name)}' | "$0" "$@"`, ["--silent", input]);
      expect({ input, ...result }).toMatchObject({ input, code: 0, stdout: text, stderr: "" });
    }
  });

  test("< x.wav", async () => {
    expect(await piped(`exec "$0" "$@" <'${wav(name)}'`, ["--silent", "-"])).toMatchObject({ code: 0, stdout: text });
  });

  test("raw s16le, with and without --raw", async () => {
    expect(await qwen(["--silent", "--stdin"], { stdin: pcmBytes })).toMatchObject({ code: 0, stdout: text });
    expect(await qwen(["--silent", "--raw", "-"], { stdin: pcmBytes })).toMatchObject({ code: 0, stdout: text });
  });

  test("--raw-format, --raw-rate and --raw-channels", async () => {
    const mono = new Int16Array(pcmBytes.slice().buffer);
    const floats = Float32Array.from(mono, (value) => value / 32768);
    const asFloat = ["--silent", "--raw-format", "f32le", "-"];
    expect(await qwen(asFloat, { stdin: new Uint8Array(floats.buffer) })).toMatchObject({ code: 0, stdout: text });
    const doubled = Int16Array.from({ length: mono.length * 2 }, (_, index) => mono[index >> 1]!);
    const bytes = new Uint8Array(doubled.buffer);
    const stereo = await qwen(["--silent", "--raw-channels", "2", "-"], { stdin: bytes });
    expect(stereo).toMatchObject({ code: 0, stdout: text });
    const faster = await qwen(["--raw-rate", "32000", "-"], { stdin: bytes });
    expect(faster.stdout).toBe(text);
    expect(faster.stderr).toContain(`Audio: ${(mono.length / 16_000).toFixed(1)} s processed`);
  });

  test("--raw takes even a WAV as samples", async () => {
    const { code, stderr } = await qwen(["--debug", "--raw", "-"], { stdin: wavBytes });
    expect(code).toBe(0);
    expect(stderr).toContain(`Audio: ${wavBytes.length / 2} samples`);
  });

  test("bytes that come one at a time, or in odd pieces", async () => {
    // The header byte by byte, then pieces that split samples.
    for (const sizes of [[...new Array<number>(60).fill(1), 4099, 1, 7001], [997], [3, 65_537]]) {
      for (const bytes of [wavBytes, pcmBytes]) {
        const result = await qwen(["--silent", "-"], { stdin: slowly(bytes, sizes, 16) });
        expect({ sizes: sizes.slice(-2), ...result }).toMatchObject({ code: 0, stdout: text, stderr: "" });
      }
    }
  });

  test("nothing, or closed", async () => {
    expectRefusal(await qwen(["-"], { stdin: new Uint8Array(0) }), 1, /^qwen-asr: standard input: no data$/);
    expectRefusal(await piped('exec "$0" "$@" <&-', ["-"]), 1, /^qwen-asr: standard input: no data$/);
    expectRefusal(await piped('exec "$0" "$@" </dev/null', ["--stdin"]), 1, /^qwen-asr: standard input: no data$/);
  });

  test("a WAV with unknown length, as pipes have", async () => {
    const streaming = wavBytes.slice();
    new DataView(streaming.buffer).setUint32(4, 0xffff_ffff, true);
    new DataView(streaming.buffer).setUint32(40, 0xffff_ffff, true);
    expect(await qwen(["--silent", "-"], { stdin: streaming })).toMatchObject({ code: 0, stdout: text, stderr: "" });
  });

  test("half a WAV: what is there", async () => {
    const result = await qwen(["-"], { stdin: wavBytes.subarray(0, wavBytes.length - 2001) });
    expect(result.code).toBe(0);
    expect(result.stdout).toStartWith("Please open");
    expect(lines(result.stderr).filter((line) => line.startsWith("qwen-asr: standard input: ")).length).toBe(1);
  });

  const mp3 = encoded("-b:a", "160k", "-f", "mp3");
  testWhere(mp3 !== undefined, "ffmpeg with MP3")("cat x.mp3 | qwen-asr --stdin", async () => {
    const heard = `${spokenText(golden(encodedName)!.plain)}\n`;
    expect(await qwen(["--silent", "--stdin"], { stdin: mp3! })).toMatchObject({ code: 0, stdout: heard, stderr: "" });
    using folder = temporaryFolder();
    const path = join(folder.path, "-odd name:x.mp3");
    writeFileSync(path, mp3!);
    const result = await qwen(["--silent", "--", "./-odd name:x.mp3"], { cwd: folder.path });
    expect(result).toMatchObject({ code: 0, stdout: heard, stderr: "" });
  });

  testWhere(ffmpeg !== null, "ffmpeg")("ffmpeg -f s16le | qwen-asr --stdin", async () => {
    const decode = `'${ffmpeg}' -v error -i '${wav(name)}' -f s16le -ar 16000 -ac 1 - | "$0" "$@"`;
    expect(await piped(decode, ["--silent", "--stdin"])).toMatchObject({ code: 0, stdout: text, stderr: "" });
  });

  test("AMR without ffmpeg: a line that says so, and what to do", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "x.amr");
    writeFileSync(path, "#!AMR\n\0\0\0");
    const result = await qwen([path], { env: { PATH: folder.path } });
    expectRefusal(result, 1, /x\.amr: AMR audio needs ffmpeg, which is not installed/);
    expect(result.stderr).toContain("hint: install ffmpeg");
  });
});

test("a terminal has no recording to give: said at once", async () => {
  let output = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([executable(), "-d", "demo", "-"], {
    terminal: { cols: 80, rows: 24, data: (_terminal, bytes) => void (output += decoder.decode(bytes)) },
  });
  const code = await Promise.race([child.exited, Bun.sleep(5000)]);
  child.kill("SIGKILL");
  await Bun.sleep(50); // Time for the last bytes to arrive.
  expect({ code, output: output.split("\r\n").slice(0, -1) }).toEqual({
    code: 1,
    output: ["qwen-asr: standard input: is a terminal", "hint: pipe a recording into it, or name a file"],
  });
});

describe("inputs that are none", () => {
  const content: Record<string, [Uint8Array | string, RegExp]> = {
    "page.html": ["<!DOCTYPE html><html><body>404</body></html>", /looks like HTML, not audio/],
    "picture.wav": [Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13), /looks like a PNG image/],
    "archive.wav": ["PK\x03\x04\x14\0\0\0\x08\0", /looks like a ZIP archive/],
    "notes.txt": ["Dear all,\nminutes of the meeting\n", /looks like text/],
    "data.json": ['{"error": "not found"}', /looks like JSON/],
    "empty.wav": ["", /empty file/],
    "header.wav": [wavBytes.subarray(0, 20), /header\.wav: /],
    "riff.wav": ["RIFF", /riff\.wav: /],
    "zeros.bin": [new Uint8Array(5000), /not a WAV and no other audio format known here/],
  };
  for (const [file, [bytes, says]] of Object.entries(content)) {
    test(file, async () => {
      using folder = temporaryFolder();
      const path = join(folder.path, file);
      writeFileSync(path, bytes);
      expectRefusal(await qwen([path]), 1, says);
    });
  }

  test("html and zip on standard input are not decoded as noise", async () => {
    for (const file of ["page.html", "archive.wav", "picture.wav"]) {
      const [bytes, says] = content[file]!;
      expectRefusal(await qwen(["-"], { stdin: typeof bytes === "string" ? bytes : bytes }), 1, says);
    }
  });

  test("a header and no samples: an empty text, or one line", async () => {
    const result = await qwen(["-"], { stdin: wavBytes.subarray(0, 44) });
    expectNoStack(result);
    expect(result.stdout.trim()).toBe("");
    expect([0, 1]).toContain(result.code!);
  });

  test("a sample rate of 0, and of 4 GHz", async () => {
    for (const rate of [0, 0xffff_ffff]) {
      const bytes = wavBytes.slice();
      new DataView(bytes.buffer).setUint32(24, rate, true);
      expectRefusal(await qwen(["-"], { stdin: bytes }), 1, /rate/);
    }
  });

  test("a directory, a missing file, an endless name", async () => {
    using folder = temporaryFolder();
    expectRefusal(await qwen([folder.path]), 1, /directory|folder/);
    expectRefusal(await qwen([join(folder.path, "no.wav")]), 1, /no such file/);
    expectRefusal(await qwen([join(folder.path, "x".repeat(300))]), 1, /name/);
  });

  testWhere(!isRoot, "a user other than root")("a file that may not be read", async () => { // Root may read everything.
    using folder = temporaryFolder();
    const closed = join(folder.path, "closed.wav");
    writeFileSync(closed, wavBytes);
    chmodSync(closed, 0);
    expectRefusal(await qwen([closed]), 1, /permission/);
  });

  test("a FIFO is read as a pipe is", async () => {
    using folder = temporaryFolder();
    const fifo = join(folder.path, "fifo.wav");
    expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
    const result = await piped(`cat '${wav(name)}' > '${fifo}' & exec "$0" "$@" '${fifo}'`, ["--silent"]);
    expect(result).toMatchObject({ code: 0, stdout: text, stderr: "" });
  });
});

describe("standard output", () => {
  test("| head -c 1: a quiet end", async () => {
    const loud = await piped('{ "$0" "$@"; echo "code $?" >&2; } | head -c 1', [wav("en-weather"), wav("en-weather")]);
    expect(loud.stdout.length).toBe(1);
    expect(lines(loud.stderr)).toEqual([
      `Loading model from ${modelDir()}`,
      expect.stringMatching(/^Detected: /),
      "Model loaded.",
      expect.stringMatching(/^Language: English \(.*en-weather\.wav\)$/),
      "code 0",
    ]);
    const silent = await piped('{ "$0" "$@"; echo "code $?" >&2; } | true', ["--silent", wav(name)]);
    expect(silent).toMatchObject({ stdout: "", stderr: "code 0\n" });
    const help = await piped('{ "$0" --licenses; echo "code $?" >&2; } | head -c 1');
    expect(help.stderr).toBe("code 0\n");
  });

  test("a full disk: one line, exit 1", async () => {
    for (const args of [["--silent", wav(name)], ["--help"], ["--licenses"], ["--version"]]) {
      const result = await piped('exec "$0" "$@" >/dev/full', args);
      expectRefusal(result, 1, /^qwen-asr: standard output: cannot write: no space left$/);
    }
  });

  testWhere(isLinux, "/proc")("no standard output: one line, exit 1", async () => {
    for (const args of [["--silent", wav(name)], ["--version"]]) {
      const result = await piped('exec "$0" "$@" >&-', args);
      expectRefusal(result, 1, /^qwen-asr: standard output: cannot write: it is closed$/);
    }
    for (const fine of [">/dev/null", "1<>/dev/null"]) {
      expect(await piped(`exec "$0" "$@" ${fine}`, ["--version"])).toMatchObject({ code: 0, stderr: "" });
    }
    const elsewhere = await piped('exec "$0" "$@" >&-', ["--silent", "-o", "/dev/null", wav(name)]);
    expect(elsewhere).toMatchObject({ code: 0, stderr: "" });
  });

  test("a full disk under stderr does not matter", async () => {
    expect(await piped('exec "$0" "$@" 2>/dev/full', [wav(name)])).toMatchObject({ code: 0, stdout: text });
  });

  test("a reader that takes its time gets everything", async () => {
    const result = await piped('"$0" "$@" | { sleep 0.5; cat; }', ["--silent", wav(name), wav("en-digits")]);
    expect(lines(result.stdout).length).toBe(2);
    const licences = await piped('"$0" --licenses | { sleep 0.5; wc -c; }');
    expect(Number(licences.stdout)).toBeGreaterThan(70_000);
  });
});

describe("signals", () => {
  const many = new Array<string>(20).fill(wav("en-45s"));
  const whole = spokenText(golden("en-45s")!.plain);

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`${signal} while decoding: what was said stays`, async () => {
      const result = await qwen(many, { signalWhen: { text: "Language:", signal } });
      expect(result).toMatchObject({ code: null, signal });
      expect(result.stdout).toEndWith("\n");
      expect(result.stderr).toMatch(/\nCut short: \S+en-45s\.wav\nNot begun: (\S+en-45s\.wav, )+\S+en-45s\.wav\n$/);
      for (const line of lines(result.stdout)) expect(whole).toStartWith(line);
      expect(lines(result.stdout).length).toBeLessThan(many.length);
      expectNoStack(result);
      expect(result.stderr).not.toContain("qwen-asr:");
      expect(result.cpuMs).toBeWithin(1, 5000);
    });

    test(`${signal} with -o: the file has what was known`, async () => {
      using folder = temporaryFolder();
      const path = join(folder.path, "text.txt");
      // In the second file: the first one's text is out by then.
      const args = ["-o", path, wav("zh-weather"), ...many];
      const result = await qwen(args, { signalWhen: { text: "Language: English", signal } });
      expect(result.signal).toBe(signal);
      expect(readFileSync(join(folder.path, "text.part.txt"), "utf8")).toStartWith(
        `${spokenText(golden("zh-weather")!.plain)}\n`,
      );
    });

    test(`${signal} while waiting for standard input`, async () => {
      using folder = temporaryFolder();
      const fifo = join(folder.path, "fifo");
      Bun.spawnSync(["mkfifo", fifo]);
      for (const input of ["-", fifo]) {
        const child = Bun.spawn([executable(), "-d", modelDir(), input], {
          env: fixedEnvironment(folder.path),
          stdin: "pipe",
          stdout: "pipe",
          stderr: "pipe",
        });
        await Bun.sleep(300); // It says nothing while it waits.
        child.kill(signal);
        await Promise.race([child.exited, Bun.sleep(5000)]);
        child.kill("SIGKILL");
        const stderr = await new Response(child.stderr).text();
        expect({ input, signal: child.signalCode, stderr }).toEqual({ input, signal, stderr: "" });
      }
    });
  }

  test("a signal while the model loads", async () => {
    const result = await qwen(many, { signalWhen: { text: "Loading model", signal: "SIGINT" } });
    expect(result).toMatchObject({ signal: "SIGINT", stdout: "" });
    expectNoStack(result);
  });
});

testWhere(process.platform === "linux", "Linux")("names that are not UTF-8: read, written, shown escaped", () => {
  using folder = temporaryFolder();
  const script = String.raw`
    for name in $'lat\xe9' $'\xff\xfe' $'d\xe4/\xfc x' $'\xe6\xbc\xa2\xe6'; do
      mkdir -p "$(dirname "$name")"
      cp "$1" "$name.wav"
      "$2" -d "$3" --silent -f srt,json -o "$name" "$name.wav" >/dev/null || exit 1
      "$2" render "$name.json" -o $'out\xdf/' || exit 1
      "$2" -d "$3" --silent --with-filename "$name.wav" || exit 1
    done
    "$2" $'no\xe9.wav'`;
  const child = Bun.spawnSync(["bash", "-c", script, "-", wav(name), executable(), modelDir()], {
    ...{ cwd: folder.path, env: fixedEnvironment(folder.path) },
  });
  const said = child.stdout.toString();
  expect(child.stderr.toString()).toBe("qwen-asr: no\\xe9.wav: no such file\n");
  expect(said).toBe(
    ["lat\\xe9", "\\xff\\xfe", "d\\xe4/\\xfc x", "漢\\xe6"].map((each) => `${each}.wav: ${text}`).join(""),
  );
  const listed = Bun.spawnSync(["bash", "-c", "LC_ALL=C ls -b . d* out*"], { cwd: folder.path }).stdout.toString();
  for (
    const wanted of [
      "lat\\351.srt",
      "lat\\351.json",
      "\\377\\376.srt",
      "\\374\\ x.srt",
      "lat\\351.txt",
      "\\374\\ x.txt",
    ]
  ) {
    expect(listed).toContain(`${wanted}\n`);
  }
  expect(listed).not.toContain("\\357\\277\\275"); // U+FFFD.
});

// The runtime ends before our first line runs.
test("a working folder that is gone: one line", async () => {
  using folder = temporaryFolder();
  const gone = join(folder.path, "gone");
  mkdirSync(gone);
  const command = `cd '${gone}' && rmdir '${gone}' && exec "$0" "$@"`;
  const result = await run(["-c", command, executable(), "--silent", "-d", modelDir(), wav(name)], {
    executable: "/bin/sh",
  });
  expectNoStack(result);
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(lines(result.stderr)).toEqual([expect.stringContaining("current working directory was deleted")]);
});
