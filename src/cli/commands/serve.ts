/**
 * `qwen-asr serve`: options -> a server that runs until a signal ends it, and an exit code. What is wrong with keys and
 * addresses is said before the model is opened.
 */

import { join } from "node:path";
import { InputError, UsageError } from "../../errors.ts";
import { dataFolder } from "../../model/folders.ts";
import { openModels } from "../../pipeline/models.ts";
import { isLoopback } from "../../server/access.ts";
import { isReadableByOthers, remove, temporaryFolder } from "../../server/folder.ts";
import { type Key, keyNamed, parseKeys } from "../../server/keys.ts";
import { State } from "../../server/state.ts";
import { startServer } from "../../server/server.ts";
import { tlsFault } from "../../server/tls.ts";
import { printable } from "../../writer.ts";
import type { ServeOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { exitCode } from "../terminal.ts";

export async function serve(parts: ProgramParts, options: ServeOptions): Promise<number> {
  const { stderr, stop } = parts.terminal;
  const say = (line: string) => options.verbosity === "silent" || stderr.write(`${line}\n`);
  const { host, isOpen } = options;
  const keys = await readKeys(parts, options, say);
  if (keys.length === 0 && !isOpen && !isLoopback(host)) {
    throw new UsageError(`--host ${host} is open to others: clients need keys (--api-key-file), or give --no-auth`);
  }
  if (options.wyomingPort !== undefined && !isOpen && !isLoopback(host)) {
    throw new UsageError(`--wyoming on --host ${host} is open to others, and has no keys: it needs --no-auth`);
  }
  const tls = await readTls(parts, options);
  const { folder, isTemporary } = await folderOf(parts, options);
  using state = State.open(folder);
  const models = await openModels(parts, { ...options, language: "" }, stop.drain, ({ kind, text }) => {
    if (kind !== "debug" || options.verbosity === "debug") say(text);
  });
  try {
    const settings = { ...options, language: "", keys, tls, folder };
    const server = startServer({ host: parts, settings, models }, state, say);
    say(`Listening on ${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${server.port}`);
    if (server.wyomingPort !== undefined) say(`Wyoming on port ${server.wyomingPort}`);
    await aborted(stop.drain);
    await server.stop();
  } finally {
    await models.transcriber.close();
    await models.timer?.close();
    if (isTemporary) await remove(folder);
  }
  return exitCode(parts.terminal, false);
}

/** The folder of the state; one that goes with the server where there is no place for another. */
async function folderOf({ env }: Pick<ProgramParts, "env">, { stateFolder }: ServeOptions) {
  const data = dataFolder(env);
  const folder = stateFolder ?? (data && join(data, "serve"));
  return folder === undefined ? { folder: await temporaryFolder(), isTemporary: true } : { folder, isTemporary: false };
}

async function readTls(parts: Pick<ProgramParts, "readText">, { tlsFiles }: ServeOptions) {
  if (tlsFiles === undefined) return undefined;
  const cert = await readNamed(parts, "--tls-cert", tlsFiles.cert);
  const key = await readNamed(parts, "--tls-key", tlsFiles.key);
  const wrong = tlsFault(cert, key);
  if (wrong) throw new UsageError(`${wrong.option} ${printable(tlsFiles[wrong.file])}: ${wrong.fault}`);
  return { cert, key };
}

/** The text of a file that an option names. */
async function readNamed({ readText }: Pick<ProgramParts, "readText">, option: string, path: string): Promise<string> {
  try {
    return await readText(path);
  } catch (error) {
    throw error instanceof InputError ? new UsageError(`${option} ${error.message}`) : error;
  }
}

async function readKeys(
  parts: Pick<ProgramParts, "readText" | "env">,
  { keyFile }: ServeOptions,
  say: (line: string) => void,
): Promise<Key[]> {
  const keys: Key[] = [];
  if (keyFile !== undefined) {
    const label = `--api-key-file ${printable(keyFile)}`;
    keys.push(...parseKeys(await readNamed(parts, "--api-key-file", keyFile), label));
    if (await isReadableByOthers(keyFile)) say(`${label}: others on this machine can read it (chmod 600)`);
  }
  const own = parts.env.QWEN_ASR_API_KEY;
  if (own) keys.push(keyNamed("env", own, "$QWEN_ASR_API_KEY"));
  return keys;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
