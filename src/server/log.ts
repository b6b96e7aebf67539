/** One line a request, for the log: when, what, how it went, how long; nothing of what was said or sent. Pure. */

/** How a request ended whose reply, or connection, goes on after its headers. */
export type Ended = Pick<LoggedRequest, "status" | "bytes">;

/** Of a client that left before its reply. */
export const goneStatus = 499;

export type LoggedRequest = {
  readonly time: Date;
  readonly method: string;
  /** The endpoint; undefined where there is none of that name, which is not repeated. */
  readonly endpoint: string | undefined;
  readonly status: number;
  readonly tookMs: number;
  /** That a stream of events took. */
  readonly bytes?: number | undefined;
  readonly audioSec?: number | undefined;
  /** Whose key it was; "" without keys. */
  readonly owner: string;
  readonly address: string;
};

export function logLine(request: LoggedRequest): string {
  const { time, method, endpoint = "-", status, tookMs, bytes, audioSec, owner, address } = request;
  const named = /^[A-Z]{1,10}$/.test(method) ? method : "-";
  const audio = audioSec === undefined ? "" : ` audio=${audioSec.toFixed(1)}s`;
  const sent = bytes === undefined ? "" : ` bytes=${bytes}`;
  const key = owner === "" ? "" : ` key=${owner}`;
  return `${time.toISOString()} ${address} ${named} ${endpoint} ${status} ${
    (tookMs / 1000).toFixed(3)
  }s${audio}${sent}${key}`;
}
