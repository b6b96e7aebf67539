/**
 * The two hubs, which list the needed files of a repository with address, size and hash. In: environment (endpoints,
 * token) and network. Out: a Listing, or a SourceError.
 */

import { InputError } from "../../errors.ts";
import {
  checkedSize,
  checkTotal,
  type Digest,
  gitDigest,
  type ListedFile,
  sha256Digest,
  wantedFiles,
} from "./file_list.ts";
import type { WantedFile } from "./file_list.ts";
import type { Environment } from "../folders.ts";
import { ask, askJson, type HttpOptions, type JsonAnswer, SourceError, type Token, withRetries } from "./http.ts";
import type { RetryOptions } from "./http.ts";

export type RemoteFile = {
  readonly name: string;
  readonly url: string;
  readonly size: number;
  readonly digest: Digest;
};

export type Listing = {
  readonly host: string;
  /** The commit that the files belong to, if the hub says. */
  readonly revision: string;
  readonly files: readonly RemoteFile[];
  readonly token?: Token;
};

export type Source = { readonly host: string; list(repo: string, network: Network): Promise<Listing> };

/** How to talk to a hub. */
export type Network = { readonly http: HttpOptions; readonly retry: RetryOptions };

const listBytesMax = 8e6;
const pagesMax = 20;

/** Hugging Face, then ModelScope, each at its own address or the one in the environment. */
export function modelSources(env: Environment): Source[] {
  const face = endpointOf(env, "HF_ENDPOINT", "https://huggingface.co");
  const scope = endpointOf(env, "MODELSCOPE_ENDPOINT", "https://www.modelscope.cn");
  const token = tokenOf(env, new URL(face).origin);
  return [
    { host: new URL(face).host, list: (repo, network) => listHuggingFace(face, token, repo, network) },
    { host: new URL(scope).host, list: (repo, network) => listModelScope(scope, repo, network) },
  ];
}

function tokenOf(env: Environment, origin: string): Token | undefined {
  const value = env.HF_TOKEN?.trim();
  if (!value) return undefined;
  if (!/^[\x21-\x7e]+$/.test(value)) throw new InputError("HF_TOKEN: not a token: it has spaces or special characters");
  return { origin, value };
}

function endpointOf(env: Environment, name: string, standard: string): string {
  const text = env[name]?.trim() || standard;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InputError(`${name}: not an http or https address: '${text}'`);
  }
  return text.replace(/\/+$/, "");
}

async function listHuggingFace(endpoint: string, token: Token | undefined, repo: string, network: Network) {
  const host = new URL(endpoint).host;
  const authorized = { ...network, http: { ...network.http, token } };
  const info = fields((await json(`${endpoint}/api/models/${repo}`, authorized)).value);
  const revision = info.sha;
  if (typeof revision !== "string" || !/^[0-9a-f]{40}$/.test(revision)) {
    throw new SourceError(`${host}: does not name a revision of ${repo}`);
  }
  const address = (name: string) => `${endpoint}/${repo}/resolve/${revision}/${name}`;
  const wanted = wantedFiles(
    host,
    await treeEntries(`${endpoint}/api/models/${repo}/tree/${revision}`, host, authorized),
  );
  const files: RemoteFile[] = [];
  for (const file of wanted) files.push(await completed(host, file, address(file.name), authorized));
  checkTotal(host, files.map((file) => file.size));
  return { host, revision, files, token };
}

/** All pages of the tree. Only the cursor is taken from the next page's address, so the token stays with its host. */
async function treeEntries(address: string, host: string, network: Network): Promise<ListedFile[]> {
  const entries: ListedFile[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const query = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const { value, headers } = await json(`${address}?recursive=1${query}`, network);
    if (!Array.isArray(value)) throw new SourceError(`${host}: its file list is not a list`);
    entries.push(...value.map(fields).filter((entry) => entry.type !== "directory").map(treeFile));
    cursor = nextCursor(headers.get("link"), address);
    if (cursor === undefined) return entries;
  }
  throw new SourceError(`${host}: its file list has more than ${pagesMax} pages`);
}

function treeFile(entry: Fields): ListedFile {
  if (entry.lfs === undefined || entry.lfs === null) {
    return { path: entry.path, size: entry.size, digest: gitDigest(entry.oid) };
  }
  // The entry's own oid is that of the pointer file, which is not what is downloaded.
  const lfs = fields(entry.lfs);
  return { path: entry.path, size: lfs.size ?? entry.size, digest: sha256Digest(lfs.oid) };
}

function nextCursor(link: string | null, base: string): string | undefined {
  const next = /<([^>]*)>\s*;\s*rel="?next"?/.exec(link ?? "")?.[1];
  if (next === undefined || !URL.canParse(next, base)) return undefined;
  return new URL(next, base).searchParams.get("cursor") ?? undefined;
}

/** Fills in what the list leaves out from the headers of the file itself. */
async function completed(host: string, file: WantedFile, url: string, network: Network): Promise<RemoteFile> {
  const { name, size, digest } = file;
  if (size !== undefined && digest !== undefined) return { name, url, size, digest };
  const isAnswer = (headers: Headers) => headers.has("x-linked-etag");
  const http = { ...network.http, method: "HEAD" as const, isAnswer };
  const { headers, discard } = await withRetries(network.retry, () => ask(url, http));
  await discard();
  const etag = (headers.get("x-linked-etag") ?? headers.get("etag") ?? "").replace(/^(W\/)?"(.*)"$/, "$2");
  const found = sha256Digest(etag) ?? gitDigest(etag) ?? digest;
  if (found === undefined) throw new SourceError(`${host}: gives no hash for ${name}`);
  const length = headers.get("x-linked-size") ?? headers.get("content-length");
  return { name, url, size: checkedSize(host, name, length === null ? size : Number(length)), digest: found };
}

async function listModelScope(endpoint: string, repo: string, network: Network): Promise<Listing> {
  const host = new URL(endpoint).host;
  const branch = "master";
  const { value } = await json(
    `${endpoint}/api/v1/models/${repo}/repo/files?Revision=${branch}&Recursive=true`,
    network,
  );
  const { Code, Message, Data } = fields(value);
  if (Code !== undefined && Code !== 200) {
    throw new SourceError(`${host}: ${JSON.stringify(Message ?? Code).slice(0, 200)}`); // Sent with status 200.
  }
  const entries = fields(Data).Files;
  if (!Array.isArray(entries)) throw new SourceError(`${host}: its file list is not a list`);
  const listed = entries.map(fields).filter((entry) => entry.Type !== "tree").map((entry) => ({
    path: entry.Path,
    size: entry.Size,
    digest: sha256Digest(entry.Sha256),
  }));
  const files = wantedFiles(host, listed).map(({ name, size, digest }) => {
    if (digest === undefined) throw new SourceError(`${host}: gives no hash for ${name}`);
    const url = `${endpoint}/models/${repo}/resolve/${branch}/${name}`;
    return { name, url, size: checkedSize(host, name, size), digest };
  });
  checkTotal(host, files.map((file) => file.size));
  return { host, revision: branch, files };
}

async function json(url: string, network: Network): Promise<JsonAnswer> {
  return await withRetries(network.retry, () => askJson(url, network.http, listBytesMax));
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields of a JSON object; other values have none. */
function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Fields : {};
}
