/**
 * Audio in other containers: a file's path or its bytes in, a float WAV stream out, by the user's own `ffmpeg`.
 *
 * ffmpeg keeps rate and channels, so mixing and resampling stay this program's own. It gets no terminal and no
 * protocol but files and pipes; feeding it and reading it run side by side, and neither waits for a dead process.
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { InputError } from "../errors.ts";
import type { ByteReader } from "./bytes.ts";

export type FfmpegInput =
  /** ffmpeg opens the file itself, and may seek in it. */
  | { readonly kind: "path"; readonly path: string }
  /** ffmpeg reads a pipe; `seeks` where the container's index may come last, so that it keeps a copy on disk. */
  | { readonly kind: "bytes"; readonly reader: ByteReader; readonly seeks: boolean };

const STDERR_CHARS_MAX = 1 << 16;

export function ffmpegPath(): string | null {
  return Bun.which("ffmpeg", { PATH: process.env.PATH ?? "" }); // By itself it asks the PATH of the start.
}

/** The installed ffmpeg, or one line that says there is none. `reason` says why it is wanted ("x.mp3: MP3 audio"). */
export function findFfmpeg(reason: string): string {
  const path = ffmpegPath();
  if (path !== null) return path;
  throw new InputError(
    `${reason} needs ffmpeg, which is not installed`,
    "install ffmpeg, or convert it to WAV on another machine",
  );
}

/** One run of ffmpeg, read as bytes of a WAV. */
export class FfmpegReader implements ByteReader {
  readonly #child: ChildProcess;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #exited: Promise<void>;
  readonly #feeding: ByteReader | undefined;
  #fed: Promise<void> = Promise.resolve();
  #feedError: unknown;
  #stderr = "";
  #hasExited = false;
  /** Wakes the feeder from what it waits for. */
  #onExit = () => {};

  /** `program` is from `findFfmpeg`. */
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

  /** After the last byte: what ffmpeg complained about, if it did. */
  async complaint(): Promise<string | undefined> {
    await this.#exited;
    await this.#feeding?.close(); // It may still wait for input that nobody wants.
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

  /** Writes until the input or ffmpeg ends; a closed pipe is an end, not an error. */
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

  /** What `work` gives, or undefined once ffmpeg is gone. (`Promise.race` would keep every chunk alive.) */
  #untilExit<Result>(work: Promise<Result>): Promise<Result | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#hasExited) return resolve(undefined);
      this.#onExit = () => resolve(undefined);
      work.then(resolve, reject);
    });
  }
}

function ffmpegArgs(input: FfmpegInput): string[] {
  // "file:" keeps a name such as "-x" or "http://..." a name.
  const url = input.kind === "path" ? `file:${input.path}` : input.seeks ? "cache:pipe:0" : "pipe:0";
  const protocols = input.kind === "path" ? "file,pipe" : "cache,pipe";
  const from = ["-nostdin", "-hide_banner", "-v", "error", "-protocol_whitelist", protocols, "-i", url];
  return [...from, "-map", "0:a:0", "-vn", "-sn", "-dn", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"];
}

/** ffmpeg's error lines without their noise: component addresses, advice, the file name it was given. */
function complaints(stderr: string): string[] {
  return stderr.split(/[\r\n]+/)
    .filter((line) => !/^\s*$|^\[cache @|Last message repeated|^To ignore this, add/.test(line))
    .map((line) => line.replace(/^(\[[^\]]* @ 0x[0-9a-f]+\] ?)+/, "").replace(/^(file|cache|pipe):.*: (?=[^:]*$)/, ""))
    .map((line) => line.startsWith("Stream map '0:a:0'") ? "no audio track" : line.trim());
}
