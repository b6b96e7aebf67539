/**
 * Recordings on the network, through `ffmpeg`. In: a URL. Out: the command that gives them as a WAV. Nothing is fetched
 * unless that was allowed: a name in a list must not make this machine ask others.
 */

import { InputError } from "../errors.ts";
import { printable } from "../writer.ts";
import { complaints, findFfmpeg } from "./ffmpeg.ts";
import type { Command } from "./command.ts";

/** Whether a name is a URL and not a file's. */
export function isUrl(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(path);
}

const schemes = ["https:", "http:"];
/** A playlist at the URL leads no further: to no file, and to no other protocol. */
const protocols = "https,tls,tcp,http,crypto";
/** A server that sends nothing for so long has failed. */
const silenceMicroseconds = 30_000_000;

/** Throws an InputError where it may not be fetched, or cannot be. `isAllowed` undefined: there is no option for it. */
export function urlCommand(url: string, isAllowed: boolean | undefined): Command {
  const name = printable(url);
  if (!isAllowed) {
    throw new InputError(
      `${name}: is a URL, which is not fetched`,
      isAllowed === undefined ? "download it first" : "--allow-url allows it",
    );
  }
  const parsed = URL.parse(url);
  if (parsed === null || !schemes.includes(parsed.protocol)) {
    throw new InputError(`${name}: only https:// and http:// are fetched`);
  }
  const program = findFfmpeg(`${name}: a URL`);
  const from = ["-protocol_whitelist", protocols, "-rw_timeout", `${silenceMicroseconds}`, "-i", parsed.href];
  const to = ["-vn", "-sn", "-dn", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"];
  const failure = (said: string) => new InputError(`${name}: ffmpeg: ${reason(said, parsed.href)}`);
  return { words: [program, "-nostdin", "-hide_banner", "-v", "error", ...from, ...to], failure };
}

/** The first thing that it complains of, without the URL. */
function reason(said: string, url: string): string {
  const lines = complaints(said).map((line) => line.replace(`${url}: `, "").replace(/^Error opening input: /, ""));
  return printable(lines[0] ?? "cannot be fetched");
}
