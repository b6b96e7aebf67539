/**
 * The HTTP server. In: the core with open models. Out: a port that is listened on, until it is told to stop. Every
 * failure becomes a reply here.
 */

import type { Server } from "bun";
import { InputError } from "../errors.ts";
import { Stopped } from "../stop.ts";
import { type AccessRules, allowedOrigin, bearerKey, checkHost, checkOrigin, ownerOf } from "./access.ts";
import { ApiError, apiError, isOurs } from "./errors.ts";
import type { Core } from "./hear.ts";
import { logLine } from "./log.ts";
import { findRoute, type Found } from "./routes.ts";
import { Service } from "./service.ts";
import { type RequestFacts, transcription } from "./transcriptions.ts";

/** Seconds without a byte after which a connection that sends a request is closed. */
const idleSec = 60;

const lastReplyMs = 500;

export type RunningServer = {
  readonly port: number;
  /** Takes no more requests, lets running ones end within the time for it, and closes the port. */
  stop(): Promise<void>;
};

type Bunny = Server<undefined>;

/** Throws an InputError where the port cannot be had. */
export function startServer(core: Core, log: (line: string) => void): RunningServer {
  const handler = new Handler(core, log);
  const { host, port } = core.settings;
  const bun = listen(host, port, (request, server) => handler.handle(request, server));
  return { port: bun.port!, stop: () => stopServer(bun, handler, core.settings.drainMs) };
}

function listen(
  hostname: string,
  port: number,
  fetch: (request: Request, server: Bunny) => Promise<Response>,
): Bunny {
  try {
    // The limit of a body is kept while it is read, so that its client is told.
    return Bun.serve({ hostname, port, fetch, idleTimeout: idleSec, maxRequestBodySize: Number.MAX_SAFE_INTEGER });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") throw new InputError(`port ${port} of ${hostname} is in use`, "--port names another");
    if (code === "EACCES") throw new InputError(`port ${port} of ${hostname}: permission denied`);
    throw new InputError(`cannot listen on ${hostname}:${port}: ${(error as Error).message}`);
  }
}

async function stopServer(bun: Bunny, handler: Handler, drainMs: number): Promise<void> {
  const closed = bun.stop();
  handler.refuse();
  await Promise.race([handler.idle(), new Promise((resolve) => setTimeout(resolve, drainMs))]);
  handler.drop();
  await handler.idle();
  // The last replies are on their way; clients that do not take them are left.
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, lastReplyMs))]);
  await bun.stop(true);
}

class Handler {
  readonly #core: Core;
  readonly #access: AccessRules;
  readonly #service: Service;
  readonly #log: (line: string) => void;
  readonly #end = new AbortController();
  #isOver = false;

  constructor(core: Core, log: (line: string) => void) {
    this.#core = core;
    this.#log = log;
    this.#service = new Service(core);
    const { keys, allowedHosts, origins } = core.settings;
    this.#access = { keys, allowedHosts, origins };
  }

  /** From now on, requests are told that the server ends. */
  refuse(): void {
    this.#isOver = true;
  }

  /** Ends what runs. */
  drop(): void {
    this.#end.abort();
  }

  /** Resolves when no request is left. */
  idle(): Promise<void> {
    return this.#service.idle();
  }

  async handle(request: Request, server: Bunny): Promise<Response> {
    const start = Date.now();
    const facts: RequestFacts & { found?: Found; owner: string } = { owner: "" };
    let response: Response;
    try {
      response = await this.#respond(request, server, facts);
    } catch (error) {
      if (isOurs(error) && !(error instanceof Stopped)) this.#log(`internal error: ${(error as Error).stack ?? error}`);
      response = errorResponse(error);
    }
    const origin = request.headers.get("origin");
    const allowed = origin === null ? undefined : allowedOrigin(origin, this.#access);
    if (allowed !== undefined) response.headers.set("access-control-allow-origin", allowed);
    if (this.#access.origins.length > 0) response.headers.append("vary", "origin");
    response.headers.set("x-content-type-options", "nosniff");
    const { audioSec, owner } = facts;
    const line = { time: new Date(start), method: request.method, endpoint: facts.found?.route.name, audioSec, owner };
    const address = server.requestIP(request)?.address ?? "-";
    this.#log(logLine({ ...line, address, status: response.status, tookMs: Date.now() - start }));
    return response;
  }

  async #respond(
    request: Request,
    server: Bunny,
    facts: RequestFacts & { found?: Found; owner: string },
  ): Promise<Response> {
    checkHost(request.headers.get("host"), this.#access);
    if (request.method === "OPTIONS") return preflight(request.headers, this.#access);
    const found = findRoute(request.method, pathOf(request.url));
    facts.found = found;
    if (!found.route.isOpen) facts.owner = ownerOf(bearerKey(request.headers.get("authorization")), this.#access);
    if (found.route.method !== "GET") checkOrigin(request.headers, this.#access);
    if (this.#isOver) throw new ApiError(503, "the server is ending", { code: "shutting_down" });
    switch (found.route.endpoint) {
      case "health":
        return new Response("OK", { headers: { "content-type": "text/plain" } });
      case "models":
        return Response.json({ object: "list", data: [this.#model()] });
      case "model":
        return Response.json({ ...this.#model(), id: decoded(found.parameter!) });
      case "transcriptions": {
        const stop = AbortSignal.any([request.signal, this.#end.signal]);
        // The runtime would close a connection on which nothing is sent for a while.
        const onTaken = () => server.timeout(request, 0);
        return await transcription(this.#service, request, stop, facts, onTaken);
      }
    }
  }

  #model() {
    const { name } = this.#core.models.transcriber.info;
    return { id: name, object: "model", created: 0, owned_by: "qwen-asr" };
  }
}

function errorResponse(error: unknown): Response {
  if (error instanceof Stopped) {
    const ending = new ApiError(503, "the request was given up", { code: "cancelled" });
    return Response.json(ending.body, { status: ending.status });
  }
  const { status, body, details } = apiError(error);
  return Response.json(body, { status, headers: { ...details.headers } });
}

function preflight(headers: Headers, rules: AccessRules): Response {
  const allowed = allowedOrigin(headers.get("origin") ?? "", rules);
  if (allowed === undefined) throw new ApiError(403, "pages of that origin may not use this server (see --cors)");
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
      "access-control-allow-headers": headers.get("access-control-request-headers") ?? "authorization, content-type",
      "access-control-max-age": "600",
    },
  });
}

function pathOf(url: string): string {
  try {
    return new URL(url).pathname;
  } catch {
    throw new ApiError(400, "the request's address is malformed", { code: "malformed_url" });
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ApiError(400, "the request's address is malformed", { code: "malformed_url" });
  }
}
