/** Reads the options of the server. In: the options that were given. Out: typed values. Pure. */

import { UsageError } from "../errors.ts";
import type { Choices } from "./choices.ts";

/** What holds while the server runs, as it was asked for. */
export type ServeRules = {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Names, lower case; "*.example.org" is all below it. */
  readonly allowedHosts: readonly string[];
  /** Origins of pages that may use it, lower case; "*": all. */
  readonly origins: readonly string[];
  /** Origins of pages that may show the server's page in a frame. */
  readonly frameAncestors: readonly string[];
  /** The last address in X-Forwarded-For is the client's. */
  readonly trustsProxy: boolean;
  /** Port for Wyoming; 0: a free one; undefined: none. */
  readonly wyomingPort: number | undefined;
  /** The models are closed when nothing was asked for so long; undefined: never. */
  readonly unloadMs: number | undefined;
  readonly uploadBytesMax: number;
  readonly audioSecMax: number;
  readonly queueMax: number;
  /** Live recordings at a time. */
  readonly listenersMax: number;
  readonly drainMs: number;
  /** Finished jobs stay so long. */
  readonly keepMs: number;
  /** What jobs may keep on disk. */
  readonly stateBytesMax: number;
  /** Recordings that the page offers to try, a path; undefined: only the program's own. */
  readonly samplesFolder: string | undefined;
};

/** The rest names files, by their paths. */
export type ServeChoices = ServeRules & {
  /** The model to fetch while the demo model serves; undefined: that of the usual places serves. */
  readonly download: string | undefined;
  /** A server that runs is asked how it is, and none is started. */
  readonly asksHealth: boolean;
  /** undefined: there is no such file. */
  readonly keyFile: string | undefined;
  /** A public address may be served without keys. */
  readonly isOpen: boolean;
  /** undefined: plain HTTP. */
  readonly tlsFiles: { readonly cert: string; readonly key: string } | undefined;
  /** undefined: the usual place. */
  readonly stateFolder: string | undefined;
};

export function serveChoices(choices: Choices): ServeChoices {
  const host = choices.text("host") ?? "127.0.0.1";
  if (!/^[\w.:-]+$/.test(host)) throw new UsageError(`--host '${host}' is no address`);
  const [cert, key] = [choices.text("tls-cert"), choices.text("tls-key")];
  return {
    download: choices.text("download"),
    asksHealth: choices.has("health"),
    host,
    port: choices.number("port"),
    keyFile: choices.text("api-key-file"),
    isOpen: choices.has("no-auth"),
    allowedHosts: list(choices, "allow-host", /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*$/, "a name, or *.name"),
    origins: list(choices, "cors", /^(?:\*|[a-z][a-z0-9+.-]*:\/\/[\w.\[\]:-]+)$/, "https://name, or *"),
    frameAncestors: list(choices, "frame-ancestors", /^https?:\/\/[\w.\[\]:*-]+$/, "https://name"),
    trustsProxy: choices.has("trust-proxy"),
    tlsFiles: cert === undefined || key === undefined ? undefined : { cert, key },
    wyomingPort: choices.has("wyoming") ? choices.number("wyoming") : undefined,
    unloadMs: choices.number("unload-idle-min") * 60_000 || undefined,
    uploadBytesMax: choices.number("upload-max") * 2 ** 20,
    audioSecMax: choices.number("audio-max-hours") * 3600,
    queueMax: choices.number("queue-max"),
    listenersMax: choices.number("streams"),
    drainMs: choices.number("drain-sec") * 1000,
    stateFolder: choices.text("state"),
    stateBytesMax: choices.number("state-max") * 2 ** 20,
    keepMs: choices.number("keep") * 3_600_000,
    samplesFolder: choices.text("samples"),
  };
}

/** Values with commas between them, lower case. */
function list(choices: Choices, name: string, pattern: RegExp, wanted: string): string[] {
  const values = (choices.text(name) ?? "").split(",").map((value) => value.trim().toLowerCase()).filter(Boolean);
  const wrong = values.find((value) => !pattern.test(value));
  if (wrong !== undefined) throw new UsageError(`--${name} takes ${wanted}, got '${wrong}'`);
  return values;
}
