/**
 * What a microphone hears, through `arecord` (Linux) or `ffmpeg`. In: the name of a device. Out: the command that gives
 * raw 16-bit samples at 16 kHz, one channel; and the devices there are.
 */

import { InputError } from "../errors.ts";
import { printable } from "../writer.ts";
import { ffmpegPath } from "./ffmpeg.ts";
import type { Command } from "./command.ts";

export const microphoneName = "microphone";
const hint = "--mic list names the devices";

function arecordPath(): string | null {
  return process.platform === "linux" ? Bun.which("arecord", { PATH: process.env.PATH ?? "" }) : null;
}

/** Throws an InputError where no program is installed that listens. */
export function microphoneCommand(device: string): Command {
  const arecord = arecordPath();
  const failure = (program: string) => (said: string) =>
    new InputError(`${microphoneName}: ${program}: ${reason(said, device)}`, hint);
  if (arecord !== null) {
    const format = ["-q", "-t", "raw", "-f", "S16_LE", "-r", "16000", "-c", "1"];
    return { words: [arecord, "-D", device, ...format], failure: failure("arecord") };
  }
  const ffmpeg = ffmpegPath();
  if (ffmpeg === null) throw nothingListens();
  const from = process.platform === "darwin"
    ? ["-f", "avfoundation", "-i", `:${device}`]
    : ["-f", "alsa", "-i", device];
  const to = ["-ar", "16000", "-ac", "1", "-f", "s16le", "pipe:1"];
  return { words: [ffmpeg, "-nostdin", "-hide_banner", "-v", "error", ...from, ...to], failure: failure("ffmpeg") };
}

function nothingListens(): InputError {
  return process.platform === "linux"
    ? new InputError(
      `${microphoneName}: needs arecord or ffmpeg, and neither is installed`,
      "install alsa-utils or ffmpeg",
    )
    : new InputError(`${microphoneName}: needs ffmpeg, which is not installed`, "install ffmpeg");
}

/** The last line without the program's own name: "audio open error: No such file or directory". */
function reason(said: string, device: string): string {
  const last = said.split(/[\r\n]+/).map((line) => line.trim()).findLast((line) => line !== "");
  return printable(last?.replace(/^(arecord: )?\w+:\d+: /, "").replace(/^\[[^\]]*\] ?/, "") ?? `${device}: it ended`);
}

/** The devices by name, each with what it is called. Throws InputError. */
export async function listMicrophones(): Promise<string[]> {
  const arecord = arecordPath();
  const ffmpeg = ffmpegPath();
  if (arecord === null && ffmpeg === null) throw nothingListens();
  const devices = process.platform === "darwin"
    ? ["-hide_banner", "-f", "avfoundation", "-list_devices", "true", "-i", ""]
    : ["-hide_banner", "-sources", "alsa"];
  const words = arecord === null ? [ffmpeg!, ...devices] : [arecord, "-L"];
  const child = Bun.spawn(words, { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 10_000 });
  const [out, said] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  const found = (arecord === null ? fromFfmpeg(`${out}\n${said}`) : fromArecord(out)).filter((line) => {
    return line !== "" && !line.startsWith("null");
  });
  if (found.length === 0) throw new InputError(`${microphoneName}: no device is found`);
  return found;
}

/** A name at the start of a line, and what it is in the indented lines below it. */
function fromArecord(out: string): string[] {
  return out.split(/\n(?=\S)/).map((entry) => {
    const [name = "", what = ""] = entry.split("\n");
    return what.trim() === "" ? name.trim() : `${name.trim()}  ${what.trim()}`;
  });
}

/** "* default [Default device]", and on macOS "[AVFoundation ...] [0] Built-in Microphone" below the audio devices. */
function fromFfmpeg(said: string): string[] {
  const sources = [...said.matchAll(/^[* ] (\S+) \[(.*?)\]/gm)].map(([, name, what]) => `${name}  ${what}`);
  const audio = said.split("AVFoundation audio devices:")[1] ?? "";
  return [...sources, ...[...audio.matchAll(/\] \[(\d+)\] (.*)$/gm)].map(([, name, what]) => `${name}  ${what}`)];
}
