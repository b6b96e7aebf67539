/**
 * Downloads one file: resumes where an earlier run stopped, retries if the connection drops, and gives the file its
 * name only if its hash is right. Throws a SourceError if this hub cannot deliver, an InputError if this machine fails.
 */

import { join } from "node:path";
import { partSuffix } from "../folders.ts";
import { type Answer, ask, type HttpOptions, Retries, type RetryOptions, SourceError, TransientError } from "./http.ts";
import { PartFile } from "./part_file.ts";
import type { RemoteFile } from "./sources.ts";

export type TransferOptions = {
  readonly http: HttpOptions;
  readonly retry: RetryOptions;
  /** Called with the number of bytes of this file that are on disk. */
  readonly onOffset: (offset: number) => void;
  /** A remark for the reader. */
  readonly onNote: (text: string) => void;
};

/** The bytes are not those of the list: the file is fetched again. */
class WrongBytesError extends Error {}

export async function fetchFile(file: RemoteFile, folder: string, options: TransferOptions): Promise<void> {
  const part = await PartFile.open(join(folder, file.name + partSuffix), file, options.http.stop);
  try {
    options.onOffset(part.offset);
    await fill(part, file, options);
    await part.publish(join(folder, file.name));
  } finally {
    await part.close();
  }
}

async function fill(part: PartFile, file: RemoteFile, options: TransferOptions): Promise<void> {
  const retries = new Retries(options.retry);
  let highest = part.offset;
  for (let isRepeated = false;;) {
    try {
      if (part.offset < file.size) await receive(part, file, options);
      return verify(part, file);
    } catch (error) {
      options.http.stop.throwIfAborted();
      if (error instanceof WrongBytesError) {
        // Bytes of an earlier run may be of another version, so they do not count as a try of this one.
        const isLast = isRepeated && !part.isResumed;
        isRepeated ||= !part.isResumed;
        await startOver(part, error, isLast, options);
        highest = 0;
      } else {
        // A server that ignores ranges sends the same bytes again: only new ones count as progress.
        if (part.offset > highest) retries.progress();
        highest = Math.max(highest, part.offset);
        await retries.pause(error);
      }
    }
  }
}

async function startOver(part: PartFile, error: WrongBytesError, isLast: boolean, options: TransferOptions) {
  await part.restart();
  options.onOffset(0);
  if (isLast) {
    await part.remove();
    throw new SourceError(error.message);
  }
  options.onNote(`${error.message}; starting this file over`);
}

function verify(part: PartFile, file: RemoteFile): void {
  const { algorithm, hex } = file.digest;
  const got = part.hex();
  if (got !== hex) throw new WrongBytesError(`${file.name}: wrong bytes: expected ${algorithm} ${hex}, got ${got}`);
}

async function receive(part: PartFile, file: RemoteFile, options: TransferOptions): Promise<void> {
  const headers = part.offset > 0 ? { range: `bytes=${part.offset}-` } : undefined;
  const answer = await ask(file.url, { ...options.http, headers });
  try {
    checkAnswer(answer, part.offset, file);
    if (answer.status === 200 && part.offset > 0) await part.restart(); // The server does not support ranges.
  } catch (error) {
    await answer.discard();
    throw error;
  }
  for await (const chunk of answer.chunks()) {
    if (part.offset + chunk.length > file.size) {
      throw new WrongBytesError(`${file.name}: more than the expected ${file.size} bytes`);
    }
    await part.append(chunk);
    options.onOffset(part.offset);
  }
  if (part.offset < file.size) {
    throw new TransientError(`${file.name}: connection dropped at ${part.offset} of ${file.size} bytes`);
  }
}

function checkAnswer(answer: Answer, offset: number, file: RemoteFile): void {
  const { status, headers } = answer;
  if (status === 416) throw new WrongBytesError(`${file.name}: the server has nothing after ${offset} bytes`);
  if (status !== 200 && status !== 206) throw new SourceError(`${file.name}: the server answers ${status}`);
  const isEncoded = !/^(identity)?$/i.test(headers.get("content-encoding") ?? "");
  if (status === 206) return checkRange(headers.get("content-range"), isEncoded, offset, file);
  const length = headers.get("content-length");
  if (length !== null && !isEncoded && Number(length) !== file.size) {
    throw new WrongBytesError(`${file.name}: ${length} bytes where ${file.size} are expected`);
  }
}

function checkRange(range: string | null, isEncoded: boolean, offset: number, file: RemoteFile): void {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range ?? "");
  const isTotalRight = match?.[3] === "*" || Number(match?.[3]) === file.size;
  if (isEncoded || !match || Number(match[1]) !== offset || !isTotalRight) {
    throw new WrongBytesError(`${file.name}: the server sends another part than asked for (${range})`);
  }
}
