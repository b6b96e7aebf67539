/**
 * `qwen-asr serve`: options -> a server that runs until a signal ends it, and an exit code. What is wrong with keys and
 * addresses is said before the model is opened. A model that has to be fetched takes the place of the demo model.
 */

import { join } from "node:path";
import { InputError, ModelError, UsageError, UserError } from "../../errors.ts";
import { findModel } from "../../model/catalog.ts";
import { dataFolder, modelFolder } from "../../model/folders.ts";
import { fetchModel } from "../../model/hub/fetch_model.ts";
import { type Models, openModels } from "../../pipeline/models.ts";
import { isLoopback } from "../../server/access.ts";
import { Arrival } from "../../server/arrival.ts";
import { isReadableByOthers, remove, temporaryFolder } from "../../server/folder.ts";
import { type Key, keyNamed, parseKeys } from "../../server/keys.ts";
import { serverHealth } from "../../server/health.ts";
import type { ServerSettings } from "../../server/host.ts";
import { State } from "../../server/state.ts";
import { type RunningServer, startServer } from "../../server/server.ts";
import { tlsFault } from "../../server/tls.ts";
import { printable } from "../../writer.ts";
import type { ServeOptions } from "../parse.ts";
import type { ProgramParts } from "../parts.ts";
import { exitCode } from "../terminal.ts";

export async function serve(parts: ProgramParts, options: ServeOptions): Promise<number> {
  if (options.asksHealth) return await askHealth(parts, options);
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
  const arrival = await arrivalOf(parts, options, say);
  const { folder, isTemporary } = await folderOf(parts, options);
  const settings = { ...options, model: options.download ?? options.model, language: "", keys, tls, folder };
  try {
    using state = State.open(folder);
    await new Serving(parts, settings, state, options.verbosity === "debug", say).run(arrival, stop.drain);
  } finally {
    if (isTemporary) await remove(folder);
  }
  return exitCode(parts.terminal, false);
}

/** A server with a model, and then perhaps with another one. */
class Serving {
  constructor(
    readonly parts: ProgramParts,
    readonly settings: ServerSettings,
    readonly state: State,
    readonly isDebug: boolean,
    readonly say: (line: string) => void,
  ) {}

  /** Until the signal, and until what runs has ended. */
  async run(arrival: Arrival | undefined, stop: AbortSignal): Promise<void> {
    let models = await this.#open(arrival ? "demo" : this.settings.model, stop);
    try {
      let server = this.#start(models, this.settings.port, arrival);
      const next = arrival && await this.#arrived(arrival, stop);
      if (next) {
        await server.stop();
        await closeModels(models);
        models = next;
        server = this.#start(models, server.port);
      }
      await aborted(stop);
      await server.stop();
    } finally {
      await closeModels(models);
    }
  }

  async #open(model: string | undefined, stop: AbortSignal): Promise<Models> {
    return await openModels(this.parts, { ...this.settings, model }, stop, ({ kind, text }) => {
      if (kind !== "debug" || this.isDebug) this.say(text);
    });
  }

  #start(models: Models, port: number, arrival?: Arrival): RunningServer {
    const settings = { ...this.settings, port };
    const arriving = arrival && (() => arrival.state);
    const core = { host: this.parts, settings, models, ...(arriving && { arriving }) };
    const server = startServer(core, this.state, this.say);
    const { tls, host } = settings;
    this.say(`Listening on ${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${server.port}`);
    if (server.wyomingPort !== undefined) this.say(`Wyoming on port ${server.wyomingPort}`);
    return server;
  }

  /** The model that was waited for; undefined where the demo model goes on instead, or the signal came. */
  async #arrived(arrival: Arrival, stop: AbortSignal): Promise<Models | undefined> {
    try {
      await arrival.come(stop);
      return await this.#open(this.settings.model, stop);
    } catch (error) {
      if (stop.aborted) return undefined;
      if (!(error instanceof UserError)) throw error;
      arrival.failed(`${error.message}; the demo model goes on`);
      return undefined;
    }
  }
}

async function closeModels({ transcriber, timer }: Models): Promise<void> {
  await transcriber.close();
  await timer?.close();
}

/** What fetches the model of --download; undefined where it is there, or none is wanted. */
async function arrivalOf(
  parts: ProgramParts,
  { download, align, aligner }: ServeOptions,
  say: (line: string) => void,
): Promise<Arrival | undefined> {
  if (download === undefined) return undefined;
  const folder = modelFolder(parts.env, download);
  if (folder === undefined) throw new InputError("no place to store models: set QWEN_ASR_HOME");
  if (align) await parts.locateAligner(aligner, false); // It will be needed, and is not fetched.
  try {
    await parts.locateModel(download);
    return undefined;
  } catch (error) {
    if (!(error instanceof ModelError)) throw error; // It is not there, or not all of it.
  }
  const io = { ...parts.download, isTerminal: false, env: parts.env, say: (text: string) => say(text.trimEnd()) };
  return new Arrival(
    download,
    (onBytes, stop) => fetchModel(findModel(download)!, folder, { ...io, onBytes }, stop),
    say,
  );
}

/** For `HEALTHCHECK`: exit code 0, or an InputError. */
async function askHealth({ terminal }: Pick<ProgramParts, "terminal">, { host, port, tlsFiles }: ServeOptions) {
  await serverHealth({ host, port, isSecure: tlsFiles !== undefined }, terminal.stop.drain);
  return exitCode(terminal, false);
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
