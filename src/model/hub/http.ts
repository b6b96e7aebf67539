/**
 * One HTTP exchange with a hub. Redirects are followed by hand, the token goes to one host only, silence is limited,
 * and every failure becomes one of two errors: worth another try, or not. In: address and limits. Out: an answer whose
 * body is read in chunks.
 */

import { setTimeout as sleep } from "node:timers/promises";

/** This source cannot deliver, and asking again would not help. */
export class SourceError extends Error {}

/** Asking again may help. */
export class TransientError extends Error {
  constructor(message: string, readonly retryAfterMs = 0) {
    super(message);
  }
}

export type Token = { readonly origin: string; readonly value: string };

export type HttpOptions = {
  readonly stop: AbortSignal;
  /** Longest silence before the connection counts as dead. */
  readonly stallMs: number;
  readonly token?: Token;
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  /** If it returns true, a redirect already answers the question and is not followed. */
  readonly isAnswer?: (headers: Headers) => boolean;
};

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  /** The body in pieces as they arrive. Throws a TransientError if the connection drops or falls silent. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Discards the rest of the body. */
  discard(): Promise<void>;
};

const redirectsMax = 10;
const redirectCodes = new Set([301, 302, 303, 307, 308]);
const retryAfterMaxMs = 60_000;

/** Asks, follows redirects, and returns an answer with a status below 300 or 416. */
export async function ask(address: string, options: HttpOptions): Promise<Answer> {
  const first = parseAddress(address, undefined);
  let url = first;
  const isPlainAllowed = url.protocol === "http:"; // The user chose an address without encryption.
  for (let redirects = 0; redirects <= redirectsMax; redirects++) {
    const answer = await askOnce(url, options);
    if (!redirectCodes.has(answer.status) || options.isAnswer?.(answer.headers)) {
      return await checked(url, answer, url.origin !== first.origin);
    }
    await answer.discard();
    url = redirectTarget(answer.headers.get("location") ?? "", url, isPlainAllowed);
  }
  throw new SourceError(`${url.host}: more than ${redirectsMax} redirects`);
}

/** Reads the whole of a small body as JSON. */
export async function askJson(address: string, options: HttpOptions, bytesMax: number): Promise<JsonAnswer> {
  const answer = await ask(address, options);
  const host = new URL(address).host;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.chunks()) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new SourceError(`${host}: its file list is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  try {
    return { value: JSON.parse(Buffer.concat(chunks).toString("utf8")), headers: answer.headers };
  } catch {
    throw new SourceError(`${host}: its file list is not JSON`);
  }
}

export type JsonAnswer = { readonly value: unknown; readonly headers: Headers };

export type RetryOptions = {
  readonly retriesMax: number;
  readonly retryBaseMs: number;
  readonly stop: AbortSignal;
  /** Called before each pause. */
  readonly onRetry?: (error: TransientError, waitMs: number) => void;
};

/** Counts failures in a row, and waits longer after each. */
export class Retries {
  #failures = 0;

  constructor(readonly options: RetryOptions) {}

  /** Something arrived: counting starts again. */
  progress(): void {
    this.#failures = 0;
  }

  /** Waits before another try. Throws if the error is final or there were enough tries. */
  async pause(error: unknown): Promise<void> {
    const { retriesMax, retryBaseMs, stop, onRetry } = this.options;
    if (!(error instanceof TransientError)) throw error;
    if (this.#failures >= retriesMax) {
      const tries = this.#failures + 1;
      throw new SourceError(tries === 1 ? error.message : `${error.message} (tried ${tries} times)`);
    }
    const waitMs = Math.max(retryBaseMs * 2 ** this.#failures, error.retryAfterMs);
    this.#failures++;
    onRetry?.(error, waitMs);
    await sleep(waitMs, undefined, { signal: stop }).catch(() => stop.throwIfAborted());
  }
}

/** Runs an exchange until it succeeds or retrying is pointless. */
export async function withRetries<T>(options: RetryOptions, exchange: () => Promise<T>): Promise<T> {
  const retries = new Retries(options);
  for (;;) {
    try {
      return await exchange();
    } catch (error) {
      options.stop.throwIfAborted();
      await retries.pause(error);
    }
  }
}

/** The target of a redirect. Rejects other schemes than http and https, and plain http unless that is allowed. */
export function redirectTarget(location: string, from: URL, isPlainAllowed: boolean): URL {
  const next = parseAddress(location, from);
  if (next.protocol === "http:" && !isPlainAllowed) {
    throw new SourceError(`${from.host} redirects to ${next.host} without encryption`);
  }
  return next;
}

function parseAddress(address: string, base: URL | undefined): URL {
  const url = URL.canParse(address, base) ? new URL(address, base) : undefined;
  if (address === "" || url === undefined) throw new SourceError(`${base?.host ?? address}: redirects to nowhere`);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new SourceError(`${base?.host ?? address}: not an http or https address: ${url.protocol}`);
  }
  return url;
}

async function askOnce(url: URL, options: HttpOptions): Promise<Answer> {
  const { stop, stallMs, token } = options;
  const headers = new Headers({ "user-agent": "qwen-asr", "accept-encoding": "identity", ...options.headers });
  // Redirects lead to storage hosts of other owners, and the token is for the hub alone.
  if (token && token.origin === url.origin) headers.set("authorization", `Bearer ${token.value}`);
  const controller = new AbortController();
  const onStop = () => controller.abort();
  stop.throwIfAborted();
  stop.addEventListener("abort", onStop, { once: true });
  const exchange = fetch(url, {
    method: options.method ?? "GET",
    headers,
    redirect: "manual",
    signal: controller.signal,
  });
  try {
    const response = await untilStall(exchange, stallMs, url.host);
    return bodyOf(response, { url, stop, stallMs, controller, onStop });
  } catch (error) {
    controller.abort();
    stop.removeEventListener("abort", onStop);
    stop.throwIfAborted();
    throw asTransient(error, url.host);
  }
}

type Connection = {
  readonly url: URL;
  readonly stop: AbortSignal;
  readonly stallMs: number;
  readonly controller: AbortController;
  readonly onStop: () => void;
};

function bodyOf(response: Response, connection: Connection): Answer {
  const { url, stop, stallMs, controller, onStop } = connection;
  const discard = async () => {
    stop.removeEventListener("abort", onStop);
    await response.body?.cancel().catch(() => {});
    controller.abort();
  };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader();
    try {
      // One piece is read ahead: a connection that breaks loses what was not requested yet.
      let next = reader?.read();
      while (reader && next) {
        const { done, value } = await untilStall(next, stallMs, url.host);
        if (done) return;
        next = reader.read();
        next.catch(() => {}); // The failure is reported when its turn comes.
        if (value.length > 0) yield value;
      }
    } catch (error) {
      stop.throwIfAborted();
      throw asTransient(error, url.host);
    } finally {
      stop.removeEventListener("abort", onStop);
      // Not awaited: the end of a dead connection may never be confirmed.
      reader?.cancel().catch(() => {});
      controller.abort();
    }
  }
  return { status: response.status, headers: response.headers, chunks, discard };
}

async function checked(url: URL, answer: Answer, isElsewhere: boolean): Promise<Answer> {
  const { status } = answer;
  if (status < 300 || status === 416 || redirectCodes.has(status)) return answer;
  await answer.discard();
  switch (status) {
    case 401:
    case 403:
      // A storage host's signed address has expired: the hub makes a new one.
      if (isElsewhere) throw new TransientError(`${url.host} refuses access (${status})`);
      throw new SourceError(`${url.host} refuses access (${status}); a token in HF_TOKEN may be missing or wrong`);
    case 404:
    case 410:
      throw new SourceError(`${url.host} does not have ${url.pathname} (${status})`);
    case 408:
    case 429:
      throw new TransientError(`${url.host} is busy (${status})`, retryAfterMs(answer.headers));
    default:
      if (status >= 500) throw new TransientError(`${url.host} fails (${status})`, retryAfterMs(answer.headers));
      throw new SourceError(`${url.host} answers ${status}`);
  }
}

/** The pause that the header asks for, in seconds or as a date; at most a minute. */
function retryAfterMs(headers: Headers): number {
  const text = headers.get("retry-after");
  if (text === null) return 0;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), retryAfterMaxMs) : 0;
}

async function untilStall<T>(promise: Promise<T>, stallMs: number, host: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stall = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TransientError(`${host}: nothing came for ${stallMs / 1000} s`)), stallMs);
  });
  promise.catch(() => {}); // If the clock wins, a later failure does not matter.
  try {
    return await Promise.race([promise, stall]);
  } finally {
    clearTimeout(timer);
  }
}

/** Certificates do not become valid by asking again; any other network error may be temporary. */
function asTransient(error: unknown, host: string): Error {
  if (error instanceof TransientError || error instanceof SourceError) return error;
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  if (/cert|self.?signed|tls/i.test(code)) return new SourceError(`${host}: its certificate is not accepted (${code})`);
  return new TransientError(`${host}: ${networkReason(code, message)}`);
}

function networkReason(code: string, message: string): string {
  if (/refused/i.test(code)) return "connection refused";
  if (/notfound|dns|failedtoresolve/i.test(code)) return "no such host";
  if (code === "EAI_AGAIN") return "no network, or no name server answers";
  if (/closed|reset|socket/i.test(code) || /closed|reset/i.test(message)) return "connection dropped";
  // Only the first sentence is kept: Bun adds advice for programmers.
  return message.split(/[.\n]/, 1)[0] ?? message;
}
