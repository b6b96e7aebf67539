/** Tests with real processes: pipes that close or stall, full disks, signals. */

import { Turns } from "../writer.ts";
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { testWhere } from "../../tests/support/where.ts";
import { join } from "node:path";
import { printable } from "../writer.ts";

const script = join(import.meta.dir, "../../tests/support/fake_program.ts");
const words = (count: number) => Array.from({ length: count }, (_, i) => `词${i}`).join(" ");

/** Runs the fake program through a shell: words to say, delay per word, arguments, and what follows the command. */
async function shell(command: string): Promise<{ code: number; out: string; err: string }> {
  const program = `"${process.execPath}" "${script}"`;
  const child = Bun.spawn(["bash", "-c", command.replaceAll("PROGRAM", program)], { stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

test("text on stdout, the C program's lines on stderr", async () => {
  const { code, out, err } = await shell("PROGRAM 5 0 2s.wav");
  expect(out).toBe(`${words(5)}\n`);
  expect(code).toBe(0);
  expect(err).toMatchInlineSnapshot(`
    "Loading model from /models/small
    Detected: Qwen3-ASR-0.6B
    Model loaded.
    Language: English
    Inference: 200 ms, 5 text tokens (25.00 tok/s, encoding: 100ms, decoding: 100ms)
    Audio: 2.0 s processed in 0.2 s (10.00x realtime)
    "
  `);
});

test("a closed pipe ends the run quietly with 0", async () => {
  const { out, err } = await shell("PROGRAM 1000 2 100s.wav --debug | head -c 1; echo code ${PIPESTATUS[0]}");
  expect(out.slice(1)).toContain("code 0\n");
  expect(err).not.toContain("Inference");
  expect(err).not.toContain("rror");
});

test("a slow reader gets every byte", async () => {
  const { out } = await shell("PROGRAM 60000 0 4000s.wav -S 0 | (sleep 0.5; cat)");
  expect(out).toBe(`${words(60000)}\n`);
});

testWhere(existsSync("/dev/full"), "/dev/full")("a full disk is said, exit 1", async () => {
  const { code, err } = await shell("PROGRAM 5 0 2s.wav --silent > /dev/full");
  expect({ code, err }).toEqual({ code: 1, err: "qwen-asr: standard output: cannot write: no space left\n" });
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`${signal}: what is known is flushed, then the summary, then the process ends by the signal`, async () => {
    const child = Bun.spawn([process.execPath, script, "1000", "10", "100s.wav"], { stdout: "pipe", stderr: "pipe" });
    const reader = child.stdout.getReader();
    let out = "";
    while (!out.includes("词3")) out += new TextDecoder().decode((await reader.read()).value);
    child.kill(signal);
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      out += new TextDecoder().decode(read.value);
    }
    await child.exited;
    expect(child.signalCode).toBe(signal);
    expect(`${words(1000)}\n`).toStartWith(out.trimEnd());
    expect(out).toEndWith("\n");
    // The only segment was not heard to its end: no audio to boast of.
    expect(await child.stderr.text()).toMatch(/\nInference: 200 ms, \d+ text tokens [^\n]*\n$/);
  });
}

for (const [signal, code] of [["TERM", 143], ["HUP", 129]] as const) {
  test.concurrent(`a shell sees ${code} after SIG${signal}`, async () => {
    const stop = `pid=$!; sleep 1; kill -${signal} $pid; wait $pid; echo code $?`;
    expect((await shell(`PROGRAM 1000 10 100s.wav --silent >&2 & ${stop}`)).out).toBe(`code ${code}\n`);
  });
}

test.concurrent("with nobody reading, the second signal ends the process at once", async () => {
  const { out } = await shell(
    "exec 3> >(sleep 4); PROGRAM 60000 0 4000s.wav -S 0 >&3 & pid=$!; sleep 2; " + // The pipe is full by then.
      "kill -TERM $pid; sleep 0.2; kill -0 $pid && echo waits; kill -TERM $pid; wait $pid; echo code $?",
  );
  expect(out).toBe("waits\ncode 143\n");
});

testWhere(Bun.which("setsid") !== null, "setsid")("one Ctrl-C ends a shell's loop", async () => {
  // To the whole group, as a terminal sends it, when there is text: a busy machine takes its time to start.
  const interrupt = `(until [ -s '$f' ]; do sleep 0.1; done; kill -INT 0) &`;
  const loop = `for i in 1 2; do PROGRAM 1000 10 100s.wav >> '$f'; echo next >> '$f'; done`;
  const { out } = await shell(`f=$(mktemp); setsid bash -c '${interrupt} ${loop}'; code=$?; cat $f; rm $f; echo $code`);
  expect(out).toMatch(/^词0[^\n]*\n130\n$/);
});

testWhere(existsSync("/proc/self/status"), "/proc")("nohup: a hang-up changes nothing", async () => {
  const { out } = await shell(
    "trap '' HUP; PROGRAM 60 20 100s.wav --silent & pid=$!; sleep 0.8; kill -HUP $pid; wait $pid; echo done",
  );
  expect(out).toBe(`${words(60)}\ndone\n`);
});

test("printable", () => {
  expect(printable("a\nb\u001b[31m.wav")).toBe("a\\x0ab\\x1b[31m.wav");
  expect(printable("录音.wav")).toBe("录音.wav");
});

test("where text and messages share a place, a message has a line of its own", () => {
  const turns = new Turns();
  const said = (fd: number, text: string) => turns.apart(fd, text);
  expect(said(2, "Model loaded.\n")).toBe("Model loaded.\n");
  expect(said(1, "Today is")).toBe("Today is");
  expect(said(2, "4.0 s\n")).toBe("\n4.0 s\n");
  expect(said(2, "6.0 s\n")).toBe("6.0 s\n");
  expect(said(1, " Sunday.\n")).toBe(" Sunday.\n");
  expect(said(2, "8.0 s\n")).toBe("8.0 s\n");
  said(1, "drawn");
  said(1, "\r\u001b[K");
  expect(said(2, "above what was drawn\n")).toBe("above what was drawn\n");
  said(2, "50 %");
  expect(said(1, "text")).toBe("text");
});
