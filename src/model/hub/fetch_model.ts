/**
 * Fetches a whole model into a folder, from the first hub that delivers. Every file is checked, and `.complete` is
 * written last. Files of an interrupted run are used. Files that no download made are never replaced.
 */

import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../errors.ts";
import type { OfficialModel } from "../catalog.ts";
import type { DownloadMachine } from "./download_io.ts";
import { completeMarker, type Environment, type MarkedFile, type Marker, partSuffix, readMarker } from "../folders.ts";
import { underwayMarker, writeMarker } from "../folders.ts";
import { SourceError } from "./http.ts";
import { lockFolder } from "./lock.ts";
import { fileMatches, local } from "./part_file.ts";
import { formatBytes, Progress } from "./progress.ts";
import { type Listing, modelSources, type Network, type RemoteFile, type Source } from "./sources.ts";
import { fetchFile } from "./transfer.ts";

/** The machine, the user's environment, where lines for people go, and who counts the bytes. */
export type FetchHost = DownloadMachine & {
  readonly env: Environment;
  say(text: string): void;
  onBytes?(done: number, total: number): void;
};

/** Returns whether anything had to be fetched. Throws an InputError, or the reason of `stop`. */
export async function fetchModel(
  model: OfficialModel,
  folder: string,
  io: FetchHost,
  stop: AbortSignal,
): Promise<"fetched" | "already"> {
  const sources = modelSources(io.env); // A wrong address is reported before anything is made.
  if (await isComplete(folder, model)) return "already";
  await local(folder, () => mkdir(folder, { recursive: true }));
  const lock = await lockFolder(folder);
  try {
    if (await isComplete(folder, model)) return "already"; // The process that held the lock before did it.
    const owned = await ownedFiles(folder, model);
    await fromFirstSource(sources, { model, folder, io, stop, owned });
    return "fetched";
  } finally {
    lock.release();
  }
}

type Job = {
  readonly model: OfficialModel;
  readonly folder: string;
  readonly io: FetchHost;
  readonly stop: AbortSignal;
  /** The files that downloads made here, by name; it grows. */
  readonly owned: Map<string, MarkedFile>;
};

async function isComplete(folder: string, model: OfficialModel): Promise<boolean> {
  const marker = await readMarker(folder, completeMarker);
  if (marker?.model !== model.name) return false;
  // If both markers exist, a run died between its last two steps, and this one finishes them.
  if (await stat(join(folder, underwayMarker)).then(() => true, () => false)) return false;
  for (const file of marker.files) {
    const entry = await stat(join(folder, file.name)).catch(() => undefined);
    if (!entry?.isFile() || entry.size !== file.size) return false;
  }
  return true;
}

/** The files that may be replaced. Rejects a folder with another model. */
async function ownedFiles(folder: string, model: OfficialModel): Promise<Map<string, MarkedFile>> {
  const owned = new Map<string, MarkedFile>();
  for (const name of [completeMarker, underwayMarker]) {
    const marker = await readMarker(folder, name);
    if (marker === undefined) continue;
    if (marker.model !== model.name) {
      throw new InputError(`${folder}: the model ${marker.model} is in there`, "choose another folder with --dir");
    }
    for (const file of marker.files) owned.set(file.name, file);
  }
  return owned;
}

async function fromFirstSource(sources: readonly Source[], job: Job): Promise<void> {
  const failures: string[] = [];
  for (const [index, source] of sources.entries()) {
    try {
      return await fromSource(source, job);
    } catch (error) {
      job.stop.throwIfAborted();
      // The problem is this machine's, or ours: another hub would not help.
      if (!(error instanceof SourceError)) throw error;
      const { message } = error;
      failures.push(message.includes(source.host) ? message : `${source.host}: ${message}`);
      const next = sources[index + 1];
      if (next) job.io.say(`${failures.at(-1)}; trying ${next.host}\n`);
    }
  }
  throw new InputError(
    `download ${job.model.name}: ${failures.join("; ")}`,
    "what has been fetched is kept: run the same command again to continue",
  );
}

async function fromSource(source: Source, job: Job): Promise<void> {
  const { model, folder, io, stop, owned } = job;
  const listing = await source.list(model.repo, listNetwork(io, stop));
  const missing = await missingFiles(listing, job);
  const marker = markerOf(model, listing);
  for (const file of marker.files) owned.set(file.name, file);
  // The list is longer than this hub's if another hub was tried before.
  await local(folder, () => writeMarker(folder, underwayMarker, { ...marker, files: [...owned.values()] }));
  await checkSpace(missing, job);
  await fetchMissing(listing, missing, job);
  await finish(marker, job);
}

/** The files that are not there yet. Throws an InputError if something else has one of the names. */
async function missingFiles(listing: Listing, { folder, stop, owned }: Job): Promise<RemoteFile[]> {
  const missing: RemoteFile[] = [];
  for (const file of listing.files) {
    const path = join(folder, file.name);
    const entry = await stat(path).catch(() => undefined);
    const isRight = entry?.isFile() && entry.size === file.size && await fileMatches(path, file, stop);
    if (isRight) continue;
    if (entry && !(entry.isFile() && owned.has(file.name))) {
      throw new InputError(`${path}: there is another file of this name`, "choose an empty folder with --dir");
    }
    missing.push(file);
  }
  // Small files first: a problem with a hub shows before the gigabytes are fetched.
  return missing.sort((a, b) => a.size - b.size);
}

async function checkSpace(missing: readonly RemoteFile[], { folder, io }: Job): Promise<void> {
  let needed = 0;
  for (const file of missing) {
    const part = await stat(join(folder, file.name + partSuffix)).catch(() => undefined);
    needed += file.size - Math.min(part?.size ?? 0, file.size);
  }
  const free = await io.freeBytes(folder);
  if (free === undefined || free >= needed) return;
  throw new InputError(
    `${folder}: not enough space: ${formatBytes(needed)} are needed, ${formatBytes(free)} are free`,
    "make room, or choose another place with --dir or QWEN_ASR_HOME",
  );
}

async function fetchMissing(listing: Listing, missing: readonly RemoteFile[], job: Job): Promise<void> {
  const { model, folder, io, stop } = job;
  const totalBytes = listing.files.reduce((sum, file) => sum + file.size, 0);
  const missingBytes = missing.reduce((sum, file) => sum + file.size, 0);
  io.say(`${model.repo} from ${listing.host} to ${folder}: ${formatBytes(totalBytes)}, ${model.licence}\n`);
  const progress = new Progress({
    label: model.name,
    totalBytes,
    doneBytes: totalBytes - missingBytes,
    isTerminal: io.isTerminal,
    ...(io.columns ? { columns: io.columns } : {}),
    write: io.say,
    ...(io.onBytes ? { onBytes: io.onBytes } : {}),
  });
  const { stallMs, retriesMax, retryBaseMs } = io.limits;
  const onNote = (text: string) => progress.note(text);
  const retry = { retriesMax, retryBaseMs, stop, onRetry: (error: Error) => onNote(`${error.message}; trying again`) };
  const http = { stop, stallMs, token: listing.token };
  try {
    for (const file of missing) {
      await fetchFile(file, folder, { http, retry, onNote, onOffset: (offset) => progress.offset(offset) });
      progress.finished(file.name, file.size);
    }
  } finally {
    progress.end();
  }
}

async function finish(marker: Marker, { folder, owned }: Job): Promise<void> {
  await local(folder, async () => {
    const current = new Set(marker.files.map((file) => file.name));
    for (const name of owned.keys()) {
      await rm(join(folder, name + partSuffix), { force: true });
      // Files of another version are removed: an engine that finds two sets of weights could take the wrong one.
      if (!current.has(name)) await rm(join(folder, name), { force: true });
    }
    await writeMarker(folder, completeMarker, marker);
    await rm(join(folder, underwayMarker), { force: true });
  });
}

function markerOf(model: OfficialModel, listing: Listing): Marker {
  const files = listing.files.map(({ name, size, digest }) => ({
    name,
    size,
    hash: `${digest.algorithm}:${digest.hex}`,
  }));
  return { model: model.name, revision: listing.revision, source: listing.host, files };
}

/** How a hub is asked for its list of files. */
export function listNetwork({ limits }: Pick<FetchHost, "limits">, stop: AbortSignal): Network {
  return {
    http: { stop, stallMs: limits.listStallMs },
    retry: { retriesMax: limits.listRetriesMax, retryBaseMs: limits.retryBaseMs, stop },
  };
}
