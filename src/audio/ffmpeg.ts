/**
 * Audio in other containers, decoded by the user's own `ffmpeg`. In: a file's path or its bytes. Out: a float WAV.
 *
 * ffmpeg keeps rate and channels, so this program mixes and resamples all audio alike. ffmpeg gets no terminal and no
 * protocol but files and pipes. Feeding it and reading it run concurrently, and neither waits for a dead process.
 */

import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { InputError } from "../errors.ts";
import type { ByteReader, ReplayReader } from "./bytes.ts";
import { type Container, parseContainer, type Track } from "./container.ts";
import { placed } from "./ffmpeg_place.ts";

export type FfmpegInput =
  /** ffmpeg opens the file itself, and may seek in it. */
  | { readonly kind: "path"; readonly path: string }
  /** A file without a name, in which ffmpeg may seek as well; it is closed with the reader. */
  | { readonly kind: "file"; readonly fd: number; readonly owner: Pick<ByteReader, "close"> }
  /** ffmpeg reads a pipe. */
  | { readonly kind: "bytes"; readonly reader: ReplayReader };

/** What a process of ffmpeg may take, where recordings come from strangers. */
export type ProcessLimits = {
  readonly cpuSec: number;
  /** Address space. */
  readonly memoryBytes: number;
  /** The size of any file that it writes. */
  readonly fileBytes: number;
};

/** The part of the container that is decoded; by default the track that ffmpeg itself would take. */
export type Wanted = {
  readonly track?: Track;
  readonly startSec?: number;
  /** Frames without times, one after the other: ffmpeg would count them as if their rate never changed. */
  readonly isBare?: boolean;
};

const STDERR_CHARS_MAX = 1 << 16;

export function ffmpegPath(): string | null {
  return Bun.which("ffmpeg", { PATH: process.env.PATH ?? "" }); // By default Bun.which reads the PATH of the start.
}

/** "ffmpeg version 5.1.6": what the installed one says of itself; undefined if there is none that runs. */
export async function ffmpegVersion(): Promise<string | undefined> {
  const path = ffmpegPath();
  if (path === null) return undefined;
  try {
    const child = Bun.spawn([path, "-version"], { stdin: "ignore", stdout: "pipe", stderr: "ignore", timeout: 5000 });
    const [line = ""] = (await child.stdout.text()).split("\n");
    return await child.exited === 0 ? line.replace(/ Copyright.*/, "") : undefined;
  } catch {
    return undefined; // Not an executable.
  }
}

/** The installed ffmpeg. Throws an InputError if there is none; `reason` says why it is wanted ("x.mp3: MP3 audio"). */
export function findFfmpeg(reason: string): string {
  const path = ffmpegPath();
  if (path !== null) return path;
  throw ffmpegMissing(reason);
}

export function ffmpegMissing(reason: string): InputError {
  return new InputError(
    `${reason} needs ffmpeg, which is not installed`,
    "install ffmpeg, or convert it to WAV on another machine",
  );
}

/** One run of ffmpeg, whose output is read as the bytes of a WAV. */
export class FfmpegReader implements ByteReader {
  readonly #child: ChildProcess;
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** Where the first sample lies on the time line; 0 where nobody says. */
  readonly #place: Promise<number>;
  readonly #exited: Promise<void>;
  readonly #feeding: Pick<ByteReader, "close"> | undefined;
  #fed: Promise<void> = Promise.resolve();
  #feedError: unknown;
  #stderr = "";
  #hasExited = false;
  readonly #isLimited: boolean;
  /** Wakes the feeder, whatever it is waiting for. */
  #onExit = () => {};

  /** `program` is the path that `findFfmpeg` returned. */
  constructor(program: string, input: FfmpegInput, wanted: Wanted = {}, limits?: ProcessLimits) {
    const child = spawnFfmpeg(program, ffmpegArgs(input, wanted), standardInput(input), "pipe", limits);
    this.#child = child;
    this.#isLimited = limits !== undefined;
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
    let foundPlace = (_place: number) => {};
    this.#place = new Promise((resolve) => foundPlace = resolve);
    if (wanted.isBare) foundPlace(0);
    void this.#exited.then(() => foundPlace(0));
    this.#chunks = placed((child.stdout as Readable)[Symbol.asyncIterator](), this.#place);
    let latest = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      if (this.#stderr.length < STDERR_CHARS_MAX) this.#stderr += text;
      latest += text;
      const place = firstPlace(latest);
      if (place !== undefined) foundPlace(place);
      latest = latest.slice(latest.lastIndexOf("\n") + 1);
    });
    if (input.kind === "file") this.#feeding = input.owner;
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
    const { signalCode, exitCode } = this.#child;
    if (lines.length > 0 || exitCode === 0) return lines.at(-1);
    // At the limit it gets a signal, on which it ends by itself, or is killed.
    if (this.#isLimited && (signalCode !== null || exitCode === 255)) return "it takes too much to decode";
    return `ended with ${signalCode ?? `exit code ${exitCode}`}`;
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

/** What ffmpeg says of a container without decoding it; undefined where it does not know it. */
export async function probeContainer(
  program: string,
  input: FfmpegInput,
  limits?: ProcessLimits,
): Promise<Container | undefined> {
  const args = [...common, "-v", "info", ...inputArgs(input)];
  const child = spawnFfmpeg(program, args, standardInput(input), "ignore", limits);
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    if (stderr.length < STDERR_CHARS_MAX) stderr += text;
  });
  const exited = new Promise<undefined>((resolve) => {
    child.once("close", () => resolve(undefined));
    child.once("error", () => resolve(undefined));
  });
  if (input.kind === "bytes") await feedHead(input.reader, child.stdin!, exited);
  await exited;
  return parseContainer(stderr);
}

/** Writes what a reader keeps, for as long as ffmpeg wants it; reading then begins at the start again. */
async function feedHead(reader: ReplayReader, stdin: Writable, exited: Promise<undefined>): Promise<void> {
  let isOpen = true;
  const closed = exited.then(() => void (isOpen = false));
  stdin.on("error", () => isOpen = false);
  for (let index = 0; isOpen; index++) {
    const chunk = await Promise.race([reader.chunkAt(index), exited]);
    if (chunk === undefined || !isOpen) break;
    await Promise.race([new Promise((resolve) => stdin.write(chunk, resolve)), closed]);
  }
  if (isOpen) stdin.end();
}

/** A shell sets the limits and becomes ffmpeg. One that a system does not have is left out. */
function spawnFfmpeg(
  program: string,
  args: readonly string[],
  input: "ignore" | "pipe" | number,
  output: "pipe" | "ignore",
  limits: ProcessLimits | undefined,
): ChildProcess {
  const options: SpawnOptions = {
    stdio: [input, output, "pipe"],
    env: { ...process.env, AV_LOG_FORCE_NOCOLOR: "1" },
  };
  if (limits === undefined) return spawn(program, args, options);
  const { cpuSec, memoryBytes, fileBytes } = limits;
  const wanted = [["t", cpuSec], ["v", memoryBytes / 1024], ["f", fileBytes / 512]] as const;
  const set = wanted.map(([flag, most]) => `ulimit -${flag} ${Math.ceil(most)} 2>/dev/null || :`).join("; ");
  // Each thread more would ask for addresses of its own.
  const command = ["-c", `${set}; exec "$0" "$@"`, program, "-filter_threads", "1", "-threads", "1", ...args];
  return spawn("/bin/sh", command, options);
}

const common = ["-nostdin", "-hide_banner"];

function standardInput(input: FfmpegInput): "ignore" | "pipe" | number {
  return input.kind === "path" ? "ignore" : input.kind === "file" ? input.fd : "pipe";
}

function inputArgs(input: FfmpegInput): string[] {
  const [url, protocols] = inputUrl(input);
  return ["-protocol_whitelist", protocols, "-i", url];
}

function inputUrl(input: FfmpegInput): readonly [string, string] {
  if (input.kind === "bytes") return ["pipe:0", "pipe"];
  // From its first byte on, wherever another reader of it has stopped.
  if (input.kind === "file") return ["subfile,,start,0,end,0,,:file:/dev/stdin", "file,subfile"];
  return [`file:${input.path}`, "file,pipe"]; // With "file:", a name such as "-x" or "http://..." is one of a file.
}

function ffmpegArgs(input: FfmpegInput, { track, startSec, isBare = false }: Wanted): string[] {
  // By itself ffmpeg lets time begin where the mapped stream does, if that is one of a transport stream.
  const times = startSec === undefined ? [] : ["-copyts"];
  const map = track === undefined ? [] : ["-map", `0:${track.stream}`];
  const filters = isBare ? [] : ["-af", `${timeLine(startSec)},aresample=async=1`];
  const to = ["-vn", "-sn", "-dn", ...filters, "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"];
  return [...common, "-v", "error", ...times, ...inputArgs(input), ...map, ...to];
}

/** No recording pauses for so long: times that jump further ahead are broken. */
const HOLE_SEC_MAX = 6 * 3600;

/**
 * The places of decoded samples on the container's time line, for the filter that fills holes. Where times jump back (a
 * file joined to another) or absurdly far, sound goes on from where it is: what follows would be dropped. A container
 * that begins before 0 does so for the encoder's delay alone, which the decoder has cut off already.
 *
 * The place of the first samples is printed, for `placed`: ffmpeg could fill up to there by itself, but would do so
 * again wherever the sound changes its channels or rate, as films on television do, because its filters begin anew.
 */
function timeLine(startSec = 0): string {
  const place = `if(isnan(PTS),ld(1),PTS+ld(0)-round(${Math.max(0, startSec)}*SR))`; // ld(1): where sound is.
  const jumps = `gt(ld(2),ld(1)+${HOLE_SEC_MAX}*SR)+gt(NB_CONSUMED_SAMPLES,0)*lt(ld(2),ld(1)-SR/10)`;
  const goOn = `if(${jumps},st(0,ld(0)+ld(1)-ld(2));st(2,ld(1)),0)`;
  const print = `if(gt(NB_CONSUMED_SAMPLES,0),0,print(ld(2),${errorLevel}))`;
  return `asetpts='st(2,${place});${goOn};${print};st(1,ld(2)+NB_SAMPLES);ld(2)'`;
}

/** The log level of errors in ffmpeg, at which the place is printed. */
const errorLevel = 16;
const printed = /^(?:\[Eval @ [^\]]*\] ?)?(-?\d+\.\d{6})$/;

function firstPlace(stderr: string): number | undefined {
  const line = stderr.split(/[\r\n]+/).slice(0, -1).find((line) => printed.test(line));
  return line === undefined ? undefined : Math.round(Number(printed.exec(line)![1]));
}

/** Lines that give no reason: advice, repetitions, and what newer versions say of their own options and output. */
const aside = /^\s*$|Last message repeated|^To ignore this|^Failed to set|^Error (parsing options|opening output)/;

/** ffmpeg's reasons, without component addresses and the file name it was given. */
export function complaints(stderr: string): string[] {
  return stderr.split(/[\r\n]+/)
    .filter((line) => !aside.test(line) && !printed.test(line))
    .map((line) =>
      line.replace(/^(\[[^\]]* @ 0x[0-9a-f]+\] ?)+/, "").replace(/^(subfile|file|pipe)[:,].*: (?=[^:]*$)/, "")
    )
    .map((line) => /^Stream map '0:|^Output file #0 does not contain/.test(line) ? "no audio track" : line.trim());
}
