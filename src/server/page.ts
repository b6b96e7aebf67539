/**
 * The web page's files. In: their names and places. Out: replies with the headers that keep other sites and injected
 * scripts away. Scripts and styles have their hash in their address, so browsers keep them for good.
 */

import { ApiError } from "./errors.ts";
import type { PageFile } from "./host.ts";

/**
 * Nothing but this server's own files runs or is asked for, and no other page shows this one in a frame but those that
 * may. Not every browser takes the WebSockets of the page's host for its own.
 */
const policyOf = (host: string, ancestors: readonly string[]) =>
  [
    "default-src 'self'",
    `connect-src 'self' ws://${host} wss://${host}`,
    "img-src 'self' data:",
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${ancestors.join(" ") || "'none'"}`,
    "object-src 'none'",
  ].join("; ");

const contentTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

type LoadedFile = { readonly bytes: Uint8Array<ArrayBuffer>; readonly type: string; readonly hash: string };

type Loaded = { readonly index: LoadedFile; readonly others: ReadonlyMap<string, LoadedFile> };

export class Page {
  #loaded: Promise<Loaded> | undefined;

  /** `ancestors`: origins of pages that may show this one in a frame. */
  constructor(readonly files: readonly PageFile[], readonly ancestors: readonly string[] = []) {}

  /** The page itself, which names the others. */
  async index({ headers }: Request): Promise<Response> {
    const { index } = await this.#load();
    const etag = `"${index.hash}"`;
    const policy = policyOf(headers.get("host") ?? "", this.ancestors); // Which was checked.
    const own = { etag, "cache-control": "no-cache", "content-security-policy": policy };
    if (headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers: own });
    // An older header, which knows no list.
    const frames: Record<string, string> = this.ancestors.length > 0 ? {} : { "x-frame-options": "DENY" };
    return new Response(index.bytes, {
      headers: { ...own, "content-type": index.type, "referrer-policy": "no-referrer", ...frames },
    });
  }

  /** One of the others, by its name with the hash: "app-0123456789abcdef.js". */
  async file(name: string): Promise<Response> {
    const found = (await this.#load()).others.get(name);
    if (found === undefined) throw new ApiError(404, "there is no such file", { code: "not_found" });
    const caching = "public, max-age=31536000, immutable";
    return new Response(found.bytes, { headers: { "content-type": found.type, "cache-control": caching } });
  }

  #load(): Promise<Loaded> {
    return this.#loaded ??= load(this.files);
  }
}

async function load(files: readonly PageFile[]): Promise<Loaded> {
  const others = new Map<string, LoadedFile>();
  let html = "";
  const addresses = new Map<string, string>();
  for (const { name, read } of files) {
    const bytes = await read();
    if (name === "index.html") html = new TextDecoder().decode(bytes);
    else {
      const file = loaded(name, bytes);
      const hashed = name.replace(/(?=\.\w+$)/, `-${file.hash}`);
      others.set(hashed, file);
      addresses.set(name, hashed);
    }
  }
  const named = html.replace(
    /page\/([\w.]+)/g,
    (whole, name) => addresses.has(name) ? `page/${addresses.get(name)}` : whole,
  );
  return { index: loaded("index.html", new TextEncoder().encode(named)), others };
}

function loaded(name: string, bytes: Uint8Array<ArrayBuffer>): LoadedFile {
  const type = contentTypes[/\.(\w+)$/.exec(name)?.[1] ?? ""] ?? "application/octet-stream";
  const hash = new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 16);
  return { bytes, type, hash };
}
