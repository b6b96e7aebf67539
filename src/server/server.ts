/**
 * The HTTP server. In: the core with open models. Out: a port that is listened on, until it is told to stop. Every
 * failure becomes a reply here.
 */

import type { Server, WebSocketHandler } from "bun";
import { InputError, InternalError } from "../errors.ts";
import { type AccessRules, allowedOrigin, bearerKey, checkHost, checkOrigin, ownerOf, protocolKey } from "./access.ts";
import { alignment } from "./alignments.ts";
import { ApiError, apiError, isOurs } from "./errors.ts";
import type { Fields } from "./fields.ts";
import { Guesses } from "./guesses.ts";
import type { Core } from "./hear.ts";
import type { ServerSettings } from "./host.ts";
import { infoReply } from "./info.ts";
import { alignStretch, putTranscript } from "./job_edits.ts";
import {
  allResults,
  cancelJob,
  createJob,
  deleteJob,
  foundJob,
  jobEvents,
  jobResult,
  jobSound,
  listJobs,
  showJob,
} from "./job_endpoints.ts";
import { Jobs } from "./jobs.ts";
import { type Ended, goneStatus, logLine } from "./log.ts";
import { logIn, logOut } from "./login.ts";
import { openApi } from "./openapi.ts";
import { tooManyStreams } from "./live.ts";
import { OwnStreams } from "./own_stream.ts";
import { Page } from "./page.ts";
import { RealtimeSession } from "./realtime.ts";
import { findRoute, type Found } from "./routes.ts";
import { Samples } from "./samples.ts";
import { Service } from "./service.ts";
import { cookieName, cookieOwner } from "./session_cookie.ts";
import type { Socket } from "./socket.ts";
import { type Connection, socketHandler } from "./sockets.ts";
import type { State } from "./state.ts";
import { asr, detectLanguage } from "./whisper_service.ts";
import type { Call } from "./task.ts";
import { transcription } from "./transcriptions.ts";
import { noTranslation } from "./translations.ts";
import { drain } from "./upload.ts";
import { startWyoming, type WyomingServer } from "./wyoming_server.ts";

/** Seconds without a byte after which a connection that sends a request is closed. */
const idleSec = 60;

const lastReplyMs = 500;
/** WebSockets on which nobody speaks, beside the live streams: clients hold some ready. */
const socketsBeside = 64;
const policyHeader = "content-security-policy";

export type RunningServer = {
  readonly port: number;
  /** Of Wyoming, where it is wanted. */
  readonly wyomingPort: number | undefined;
  /** Takes no more requests, lets running ones end within the time for it, and closes the port. */
  stop(): Promise<void>;
};

/** What the log says of a request. */
type Facts = Call["facts"] & { found?: Found; owner: string; readonly address: string };

type HttpServer = Server<Connection>;

/** Throws an InputError where the port cannot be had. */
export function startServer(core: Core, state: State, log: (line: string) => void): RunningServer {
  const handler = new Handler(core, state, log);
  const bun = listen(
    core.settings,
    (request, server) => handler.handle(request, server),
    socketHandler((error) => handler.logFailure(error)),
  );
  const { host, wyomingPort, drainMs } = core.settings;
  const wyoming = wyomingPort === undefined
    ? undefined
    : startWyoming(handler.service, host, wyomingPort, (error) => handler.logFailure(error));
  const stop = () => stopServer(bun, wyoming, handler, drainMs);
  return { port: bun.port!, wyomingPort: wyoming?.port, stop };
}

function listen(
  { host, port, tls }: ServerSettings,
  fetch: (request: Request, server: HttpServer) => Promise<Response | undefined>,
  websocket: WebSocketHandler<Connection>,
): HttpServer {
  try {
    // The limit of a body is kept while it is read, so that its client is told.
    const limits = { idleTimeout: idleSec, maxRequestBodySize: Number.MAX_SAFE_INTEGER };
    return Bun.serve({ hostname: host, port, fetch, websocket, ...limits, ...(tls && { tls }) });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") throw new InputError(`port ${port} of ${host} is in use`, "--port names another");
    if (code === "EACCES") throw new InputError(`port ${port} of ${host}: permission denied`);
    throw new InputError(`cannot listen on ${host}:${port}: ${(error as Error).message}`);
  }
}

async function stopServer(
  bun: HttpServer,
  wyoming: WyomingServer | undefined,
  handler: Handler,
  drainMs: number,
): Promise<void> {
  const closed = bun.stop();
  const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  handler.refuse();
  await Promise.race([handler.idle(), after(drainMs)]);
  await handler.drop();
  // The last replies are on their way; clients that do not take them are left, and so are those with live sound.
  await Promise.race([closed, after(lastReplyMs)]);
  wyoming?.stop();
  await bun.stop(true);
  await handler.idle();
  await handler.service.networks.close();
}

class Handler {
  readonly #core: Core;
  readonly #access: AccessRules;
  readonly service: Service;
  readonly #jobs: Jobs;
  readonly #streams: OwnStreams;
  readonly #page: Page;
  readonly #samples: Samples;
  readonly #log: (line: string) => void;
  readonly #guesses = new Guesses(Date.now);
  readonly #end = new AbortController();
  #isOver = false;
  /** WebSockets that are open. */
  #sockets = 0;

  constructor(core: Core, state: State, log: (line: string) => void) {
    this.#core = core;
    this.#log = log;
    this.service = new Service(core);
    this.#streams = new OwnStreams(this.service);
    this.#jobs = new Jobs(this.service, state, log);
    const { keys, allowedHosts, origins, samplesFolder, frameAncestors } = core.settings;
    this.#page = new Page(core.host.page, frameAncestors);
    this.#samples = new Samples(core.host.samples, samplesFolder);
    this.#access = { keys, allowedHosts, origins };
  }

  /** From now on, requests are told that the server ends. */
  refuse(): void {
    this.#isOver = true;
  }

  /** Ends what runs. */
  async drop(): Promise<void> {
    this.#end.abort();
    await this.#streams.endAll();
    await this.#jobs.end();
  }

  /** Resolves when no request is left. */
  idle(): Promise<void> {
    return this.service.idle();
  }

  /** undefined where the connection has become a WebSocket. */
  async handle(request: Request, server: HttpServer): Promise<Response | undefined> {
    const start = Date.now();
    const facts: Facts = { owner: "", address: this.#addressOf(request, server) };
    let response: Response | undefined;
    try {
      response = await this.#respond(request, server, facts);
    } catch (error) {
      this.#failed(error);
      response = errorResponse(error);
      if (request.body !== null) await endBody(request, response);
    }
    if (response) this.#finish(request, response);
    const told = (ended: Ended) => this.#tell(request.method, start, facts, ended);
    if (facts.ended) void facts.ended.then(told);
    else {
      server.timeout(request, idleSec); // Of what comes next on the connection.
      told({ status: request.signal.aborted ? goneStatus : response!.status });
    }
    return response;
  }

  /** Counts and logs a request that is over. */
  #tell(method: string, start: number, { found, owner, address, audioSec }: Facts, ended: Ended): void {
    const endpoint = found?.route.name;
    this.service.metrics.request(endpoint ?? "-", ended.status);
    const tookMs = Date.now() - start;
    this.#log(logLine({ time: new Date(start), method, endpoint, tookMs, audioSec, owner, address, ...ended }));
  }

  #failed(error: unknown): void {
    if (isOurs(error)) this.logFailure(error);
  }

  /** A failure of ours, for the log alone. */
  logFailure(error: unknown): void {
    this.#log(`internal error: ${(error as Error).stack ?? error}`);
  }

  /** Behind a proxy that can be trusted, the last address that it has added. */
  #addressOf(request: Request, server: HttpServer): string {
    const forwarded = this.#core.settings.trustsProxy ? request.headers.get("x-forwarded-for") : null;
    const last = forwarded?.split(",").at(-1)?.trim() ?? "";
    return /^[0-9a-f.:]{2,45}$/i.test(last) ? last : server.requestIP(request)?.address ?? "-";
  }

  #finish({ headers }: Request, response: Response): void {
    const origin = headers.get("origin");
    const allowed = origin === null ? undefined : allowedOrigin(origin, this.#access);
    if (allowed !== undefined) response.headers.set("access-control-allow-origin", allowed);
    if (this.#access.origins.length > 0) response.headers.append("vary", "origin");
    response.headers.set("x-content-type-options", "nosniff");
    // A transcript as a page is somebody's document: it has no part in this origin.
    if (response.headers.get("content-type")?.startsWith("text/html") && !response.headers.has(policyHeader)) {
      response.headers.set(policyHeader, "sandbox allow-scripts");
    }
  }

  #respond(request: Request, server: HttpServer, facts: Facts): Promise<Response> | Response | undefined {
    checkHost(request.headers.get("host"), this.#access);
    if (request.method === "OPTIONS") return preflight(request.headers, this.#access);
    const url = urlOf(request.url);
    const found = findRoute(request.method, url.pathname);
    facts.found = found;
    if (!found.route.isOpen) facts.owner = this.#ownerOf(request, url, found, facts.address, server.port!);
    if (found.route.method !== "GET" || found.route.isSocket) checkOrigin(request.headers, this.#access);
    if (this.#isOver) throw new ApiError(503, "the server is ending", { code: "shutting_down" });
    const query = queryOf(url);
    if (found.route.isSocket) return this.#upgrade(found, request, server, facts, query);
    if (found.route.endpoint === "login" || found.route.endpoint === "logout") {
      return this.#logInOrOut(found.route.endpoint, request, facts.address, server.port!);
    }
    return this.#serve(found, {
      ...{ request, facts, query, owner: facts.owner },
      stop: AbortSignal.any([request.signal, this.#end.signal]),
      // The runtime would close a connection on which nothing is sent for a while.
      onTaken: () => server.timeout(request, 0),
      onFailure: (error) => this.#failed(error),
    });
  }

  /** A key counts before a cookie: whoever sends one wants to be its owner. */
  #ownerOf({ headers }: Request, url: URL, { route }: Found, address: string, port: number): string {
    this.#guesses.check(address);
    const inQuery = route.hasQueryKey ? url.searchParams.get("key") ?? undefined : undefined;
    const inProtocol = route.isSocket ? protocolKey(headers.get("sec-websocket-protocol")) : undefined;
    const given = bearerKey(headers.get("authorization")) ?? inQuery ?? inProtocol;
    const { keys } = this.#access;
    const known = given === undefined && cookieOwner(headers.get("cookie"), cookieName(port), keys, Date.now());
    if (known) return known;
    try {
      return ownerOf(given, this.#access);
    } catch (error) {
      if (given !== undefined) this.#guesses.failed(address);
      throw error;
    }
  }

  #logInOrOut(which: "login" | "logout", request: Request, address: string, port: number) {
    const { tls, trustsProxy } = this.#core.settings;
    const isSecure = tls !== undefined || trustsProxy && request.headers.get("x-forwarded-proto") === "https";
    const cookie = cookieName(port);
    if (which === "logout") return logOut(cookie, isSecure);
    return logIn(request, { keys: this.#access.keys, guesses: this.#guesses, address, cookie, isSecure });
  }

  #upgrade({ route }: Found, request: Request, server: HttpServer, facts: Facts, query: Fields): undefined {
    const { owner } = facts;
    const { listenersMax } = this.#core.settings;
    if (this.#sockets >= listenersMax + socketsBeside) throw tooManyStreams();
    const begin = (socket: Socket) =>
      route.endpoint === "stream"
        ? this.#streams.session(socket, owner, query)
        : new RealtimeSession(this.service, socket, query["model"]?.at(-1) ?? "");
    const offered = request.headers.get("sec-websocket-protocol")?.split(",").map((one) => one.trim()) ?? [];
    const headers: Record<string, string> = offered.includes("realtime")
      ? { "sec-websocket-protocol": "realtime" }
      : {};
    const { promise, resolve } = Promise.withResolvers<Ended>();
    const ended = (failed = 101) => {
      this.#sockets--;
      resolve({ status: failed });
    };
    const data: Connection = { begin, ended, last: Promise.resolve(), waiting: 0 };
    if (server.upgrade(request, { data, headers })) {
      facts.ended = promise;
      this.#sockets++;
      return undefined;
    }
    throw new ApiError(426, "a WebSocket is served here", { headers: { upgrade: "websocket" } });
  }

  #serve({ route, parameter }: Found, call: Call): Promise<Response> | Response {
    switch (route.endpoint) {
      case "realtime":
      case "stream":
      case "login":
      case "logout":
        throw new InternalError("handled before");
      case "page":
        return this.#page.index(call.request);
      case "pageFile":
        return this.#page.file(parameter!);
      case "info":
        return this.#samples.names().then((names) => infoReply(this.#core, call.owner, names));
      case "sample":
        return this.#samples.reply(decoded(parameter!));
      case "openapi":
        return Response.json(openApi(this.#core.host.version));
      case "health":
        return new Response("OK", { headers: { "content-type": "text/plain" } });
      case "models":
        return Response.json({ object: "list", data: [this.#model()] });
      case "model":
        return Response.json({ ...this.#model(), id: decoded(parameter!) });
      case "transcriptions":
        return transcription(this.service, call);
      case "translations":
        throw noTranslation();
      case "alignments":
        return alignment(this.service, call);
      case "asr":
        return asr(this.service, call);
      case "detectLanguage":
        return detectLanguage(this.service, call);
      case "createJob":
        return createJob(this.#jobs, call);
      case "listJobs":
        return listJobs(this.#jobs, call);
      case "showJob":
        return showJob(this.#jobs, call, parameter!);
      case "deleteJob":
        return deleteJob(this.#jobs, call, parameter!);
      case "cancelJob":
        return cancelJob(this.#jobs, call, parameter!);
      case "jobResult":
        return jobResult(this.#jobs, call, parameter!);
      case "allResults":
        return allResults(this.#jobs, call);
      case "jobSound":
      case "jobPeaks":
        call.onTaken(); // It may have to be decoded first.
        return jobSound(this.#jobs, call, parameter!, route.endpoint);
      case "alignJob":
        call.onTaken();
        return alignStretch(this.#jobs, call, foundJob(this.#jobs, call, parameter!));
      case "putTranscript":
        return putTranscript(this.#jobs, call, foundJob(this.#jobs, call, parameter!));
      case "jobEvents":
        call.onTaken();
        return jobEvents(this.#jobs, call, parameter!);
      case "metrics": {
        const headers = { "content-type": "text/plain; version=0.0.4" };
        return new Response(this.service.metrics.text(this.service.gauges()), { headers });
      }
    }
  }

  #model() {
    const { name } = this.#core.models.transcriber.info;
    return { id: name, object: "model", created: 0, owned_by: "qwen-asr" };
  }
}

/** Of a request that failed: what is left of its body is waited for no longer than a moment. */
async function endBody({ body, bodyUsed }: Request, { headers }: Response): Promise<void> {
  if (!bodyUsed && !body!.locked) await drain(body!.getReader());
  headers.set("connection", "close");
}

function errorResponse(error: unknown): Response {
  const { status, body, details } = apiError(error);
  return Response.json(body, { status, headers: { ...details.headers } });
}

function preflight(headers: Headers, rules: AccessRules): Response {
  const allowed = allowedOrigin(headers.get("origin") ?? "", rules);
  if (allowed === undefined) throw new ApiError(403, "pages of that origin may not use this server (see --cors)");
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
      "access-control-allow-headers": headers.get("access-control-request-headers") ?? "authorization, content-type",
      "access-control-max-age": "600",
    },
  });
}

function urlOf(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new ApiError(400, "the request's address is malformed", { code: "malformed_url" });
  }
}

/** All but the key. */
function queryOf({ searchParams }: URL): Fields {
  const names = [...new Set(searchParams.keys())].filter((name) => name !== "key");
  return Object.fromEntries(names.map((name) => [name, searchParams.getAll(name)]));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ApiError(400, "the request's address is malformed", { code: "malformed_url" });
  }
}
