/**
 * Audio in other containers, decoded by the user's own `ffmpeg`. In: a file's path or its bytes. Out: a float WAV.
 *
 * ffmpeg keeps rate and channels, so this program mixes and resamples all audio alike. ffmpeg gets no terminal and no
 * protocol but files and pipes. Feeding it and reading it run concurrently, and neither waits for a dead process.
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { InputError } from "../errors.ts";
import type { ByteReader } from "./bytes.ts";

export type FfmpegInput =
  /** ffmpeg opens the file itself, and may seek in it. */
  | { readonly kind: "path"; readonly path: string }
  /** ffmpeg reads a pipe. `seeks`: the container's index may come last, so ffmpeg keeps a copy on disk. */
  | { readonly kind: "bytes"; readonly reader: ByteReader; readonly seeks: boolean };

const STDERR_CHARS_MAX = 1 << 16;

export function ffmpegPath(): string | null {
  return Bun.which("ffmpeg", { PATH: process.env.PATH ?? "" }); // By default Bun.which reads the PATH of the start.
}

/** The installed ffmpeg. Throws an InputError if there is none; `reason` says why it is wanted ("x.mp3: MP3 audio"). */
export function findFfmpeg(reason: string): string {
  const path = ffmpegPath();
  if (path !== null) return path;
  throw new InputError(
    `${reason} needs ffmpeg, which is not installed`,
    "install ffmpeg, or convert it to WAV on another machine",
  );
}

/** One run of ffmpeg, whose output is read as the bytes of a WAV. */
export class FfmpegReader implements ByteReader {
  readonly #child: ChildProcess;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #exited: Promise<void>;
  readonly #feeding: ByteReader | undefined;
  #fed: Promise<void> = Promise.resolve();
  #feedError: unknown;
  #stderr = "";
  #hasExited = false;
  /** Wakes the feeder, whatever it is waiting for. */
  #onExit = () => {};

  /** `program` is the path that `findFfmpeg` returned. */
  constructor(program: string, input: FfmpegInput) {
    const child = spawn(program, ffmpegArgs(input), {
      stdio: [input.kind === "path" ? "ignore" : "pipe", "pipe", "pipe"],
      env: { ...process.env, AV_LOG_FORCE_NOCOLOR: "1" },
    });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      const settle = () => {
        this.#hasExited = true;
        this.#onExit();
        resolve();
      };
      child.once("close", settle);
      child.once("error", (error) => {
        this.#stderr += `\n${error.message}`;
        settle();
      });
    });
    this.#chunks = (child.stdout as Readable)[Symbol.asyncIterator]();
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      if (this.#stderr.length < STDERR_CHARS_MAX) this.#stderr += text;
    });
    if (input.kind === "bytes") {
      this.#feeding = input.reader;
      this.#fed = this.#feed(input.reader, child.stdin!).catch((error) => {
        this.#feedError = error;
        child.stdin!.destroy();
      });
    }
  }

  async next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#chunks.next();
    return done ? undefined : value;
  }

  /** After the last byte: throws what ffmpeg complained about, if it did. */
  async complaint(): Promise<string | undefined> {
    await this.#exited;
    await this.#feeding?.close(); // It may still be waiting for input that is no longer wanted.
    await this.#fed;
    if (this.#feedError !== undefined) throw this.#feedError;
    const lines = complaints(this.#stderr);
    if (lines.length === 0 && this.#child.exitCode !== 0) {
      return `ended with ${this.#child.signalCode ?? `exit code ${this.#child.exitCode}`}`;
    }
    return lines.at(-1);
  }

  async close(): Promise<void> {
    this.#child.kill("SIGKILL");
    this.#child.stdout!.destroy();
    await this.#exited;
    await this.#feeding?.close();
    await this.#fed;
  }

  /** Writes until the input or ffmpeg ends. A closed pipe is an end, not an error. */
  async #feed(reader: ByteReader, stdin: Writable): Promise<void> {
    let open = true;
    stdin.on("error", () => open = false);
    stdin.once("close", () => open = false);
    while (open && !this.#hasExited) {
      const chunk = await this.#untilExit(reader.next());
      if (chunk === undefined || !open) break;
      await this.#untilExit(new Promise((resolve) => stdin.write(chunk, resolve)));
    }
    if (open) stdin.end();
  }

  /** The result of `work`, or undefined once ffmpeg has exited. (`Promise.race` would keep every chunk alive.) */
  #untilExit<Result>(work: Promise<Result>): Promise<Result | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#hasExited) return resolve(undefined);
      this.#onExit = () => resolve(undefined);
      work.then(resolve, reject);
    });
  }
}

function ffmpegArgs(input: FfmpegInput): string[] {
  // With "file:", a name such as "-x" or "http://..." is taken as a file name.
  const url = input.kind === "path" ? `file:${input.path}` : input.seeks ? "cache:pipe:0" : "pipe:0";
  const protocols = input.kind === "path" ? "file,pipe" : "cache,pipe";
  const from = ["-nostdin", "-hide_banner", "-v", "error", "-protocol_whitelist", protocols, "-i", url];
  return [...from, "-map", "0:a:0", "-vn", "-sn", "-dn", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"];
}

/** ffmpeg's error lines without component addresses, advice and the file name it was given. */
function complaints(stderr: string): string[] {
  return stderr.split(/[\r\n]+/)
    .filter((line) => !/^\s*$|^\[cache @|Last message repeated|^To ignore this, add/.test(line))
    .map((line) => line.replace(/^(\[[^\]]* @ 0x[0-9a-f]+\] ?)+/, "").replace(/^(file|cache|pipe):.*: (?=[^:]*$)/, ""))
    .map((line) => line.startsWith("Stream map '0:a:0'") ? "no audio track" : line.trim());
}
