/**
 * For tests: a server on 127.0.0.1 that answers like both hubs and misbehaves on request, down to the bytes on the
 * wire. In: files and overrides. Out: its address and the requests it got.
 */

import { createHash } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";

export type HubRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly socket: Socket;
};

/** Answers a request itself and returns true, or returns false to leave it to the hub. */
export type Override = (request: HubRequest) => boolean;

export type FakeHub = {
  readonly url: string;
  readonly files: Map<string, Buffer>;
  readonly requests: HubRequest[];
  /** Tried in order before the hub's own answer. */
  readonly overrides: Override[];
  /** Number of requests for this file's bytes. */
  asked(name: string): HubRequest[];
  /** The ranges of these requests; "" if the whole file was asked for. */
  ranges(name: string): string[];
  close(): Promise<void>;
};

export const fakeRevision = "0123456789abcdef0123456789abcdef01234567";

/** Opens a hub that has the files of a small model. */
export async function openHub(files: Readonly<Record<string, Buffer>> = modelFiles()): Promise<FakeHub> {
  const requests: HubRequest[] = [];
  const overrides: Override[] = [];
  const stored = new Map(Object.entries(files));
  const sockets = new Set<Socket>();
  const asked = (name: string) => requests.filter(({ method, path }) => method === "GET" && path.endsWith(`/${name}`));
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // Clients that hang up are part of the tests.
    socket.on("close", () => sockets.delete(socket));
    onRequest(socket, (request) => {
      requests.push(request);
      if (!overrides.some((override) => override(request))) answer(request, stored);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files: stored,
    requests,
    overrides,
    asked,
    ranges: (name) => asked(name).map((request) => request.headers.range ?? ""),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Small stand-ins for a model's files; the weights are several network packets long. */
export function modelFiles(): Record<string, Buffer> {
  const weights = Buffer.alloc(300_000);
  for (let index = 0; index < weights.length; index++) weights[index] = (index * 31 + (index >> 8)) & 255;
  return {
    "config.json": Buffer.from(`{"model_type":"qwen3_asr"}`),
    "vocab.json": Buffer.from("{}"),
    "merges.txt": Buffer.from(""),
    "README.md": Buffer.from("not needed"),
    "model.safetensors": weights,
  };
}

/** Sends a whole answer and closes. */
export function send(
  request: HubRequest,
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
  body: Uint8Array | string = "",
): true {
  const bytes = Buffer.from(body);
  sendHead(request, status, { "content-length": bytes.length, ...headers });
  request.socket.end(request.method === "HEAD" ? "" : bytes);
  return true;
}

/** Sends only the first line and the headers. */
export function sendHead(
  request: HubRequest,
  status: number,
  headers: Readonly<Record<string, string | number>>,
): void {
  const lines = Object.entries({ connection: "close", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  request.socket.write(`HTTP/1.1 ${status} Status\r\n${lines.join("")}\r\n`);
}

/** Sends a file as the hub would, but drops the connection after `count` bytes of the body. */
export function sendThenDrop(request: HubRequest, file: Buffer, count: number): true {
  const { status, headers, body } = ranged(request, file);
  sendHead(request, status, headers);
  // The bytes need time to arrive: a reset would discard them.
  request.socket.write(body.subarray(0, count), () => setTimeout(() => request.socket.destroy(), 20));
  return true;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** The file list as Hugging Face sends it: weights are in LFS, the rest in git. */
export function treeOf(files: ReadonlyMap<string, Buffer>): Record<string, unknown>[] {
  const folder = { type: "directory", path: "figures", size: 0, oid: "0".repeat(40) };
  return [
    folder,
    ...[...files].map(([path, bytes]) => {
      if (!path.endsWith(".safetensors")) return { type: "file", path, size: bytes.length, oid: gitHash(bytes) };
      const lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 135 };
      return { type: "file", path, size: bytes.length, oid: "1".repeat(40), lfs };
    }),
  ];
}

function onRequest(socket: Socket, handle: (request: HubRequest) => void): void {
  let text = "";
  const onData = (chunk: Buffer) => {
    text += chunk.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return;
    socket.off("data", onData);
    socket.resume();
    const [first = "", ...lines] = text.slice(0, end).split("\r\n");
    const [method = "", path = ""] = first.split(" ");
    const headers = Object.fromEntries(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    handle({ method, path, headers, socket });
  };
  socket.on("data", onData);
}

function answer(request: HubRequest, files: ReadonlyMap<string, Buffer>): void {
  const { path } = request;
  const json = (value: unknown) => send(request, 200, { "content-type": "application/json" }, JSON.stringify(value));
  if (/^\/api\/models\/[^/]+\/[^/]+$/.test(path)) return void json({ sha: fakeRevision });
  if (path.includes(`/tree/${fakeRevision}?recursive=1`)) return void json(treeOf(files));
  if (/^\/api\/v1\/models\/[^/]+\/[^/]+\/repo\/files\?/.test(path)) return void json(scopeList(files));
  const name = /\/resolve\/[^/]+\/([^/?]+)$/.exec(path)?.[1];
  const file = name === undefined ? undefined : files.get(name);
  if (file === undefined) return void send(request, 404);
  const { status, headers, body } = ranged(request, file);
  send(request, status, headers, body);
}

function scopeList(files: ReadonlyMap<string, Buffer>): unknown {
  const entries = [...files].map(([Path, bytes]) => ({
    Path,
    Type: "blob",
    Size: bytes.length,
    Sha256: sha256(bytes),
  }));
  return { Code: 200, Success: true, Data: { Files: [{ Path: "figures", Type: "tree", Size: 0 }, ...entries] } };
}

type Part = { status: number; headers: Record<string, string | number>; body: Buffer };

function ranged(request: HubRequest, file: Buffer): Part {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const body = file.subarray(start);
  if (request.headers.range === undefined) return { status: 200, headers: { "content-length": file.length }, body };
  if (start >= file.length) return { status: 416, headers: { "content-length": 0 }, body: Buffer.alloc(0) };
  const range = `bytes ${start}-${file.length - 1}/${file.length}`;
  return { status: 206, headers: { "content-length": body.length, "content-range": range }, body };
}
