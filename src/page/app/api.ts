/** The server's API, as the page uses it. In: requests. Out: what it answers, or an ApiFailure with its words. */

import type { WordFlag } from "../../document/document.ts";

export type Info = {
  readonly version: string;
  readonly model: string;
  readonly languages: readonly { readonly name: string; readonly code: string }[];
  readonly aligner: boolean;
  /** It can tell who speaks. */
  readonly speakers: boolean;
  readonly samples: readonly string[];
  readonly upload_bytes_max: number;
  readonly audio_seconds_max: number;
  readonly keys: boolean;
  readonly owner: string;
  /** The demo model serves, which knows a few words. */
  readonly demo: boolean;
  /** The model that will take its place. */
  readonly download?: Download;
};

export type Download = {
  readonly model: string;
  readonly bytes_done: number;
  /** 0: not known yet. */
  readonly bytes_total: number;
  /** Why it does not come; it is tried again. */
  readonly error?: string;
};

export type JobStatus = "queued" | "running" | "done" | "failed" | "cancelled";

export type Job = {
  readonly id: string;
  readonly status: JobStatus;
  readonly name: string;
  readonly bytes: number;
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly audio_seconds?: number;
  readonly heard_seconds?: number;
  readonly eta_seconds?: number;
  readonly language?: string;
  /** It was cancelled, and there is the text until then. */
  readonly partial?: true;
  readonly error?: { readonly message: string };
};

/** An event of a job; which members there are depends on its type. */
export type JobEvent = {
  readonly type: string;
  readonly delta?: string;
  readonly drop?: number;
  readonly error?: { readonly message: string };
} & Partial<Pick<Job, "audio_seconds" | "heard_seconds" | "eta_seconds" | "language">>;

/** What POST /v1/jobs/ID/align answers. */
export type Aligned = {
  readonly words: readonly {
    readonly text: string;
    readonly start: number;
    readonly end: number;
    readonly flag?: WordFlag;
  }[];
};

/** Fields of a form. */
export type Fields = Readonly<Record<string, string>>;

/** `status` 0: the server was not reached. `againSec`: when it may be asked again, if it says so. */
export class ApiFailure extends Error {
  constructor(readonly status: number, message: string, readonly againSec?: number) {
    super(message);
  }
}

/** Throws an ApiFailure. */
export async function call<Answer>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<Answer> {
  return await (await request(path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  })).json();
}

/** Sends JSON that is a text already. */
export async function put(path: string, json: string): Promise<void> {
  await request(path, { method: "PUT", body: json, headers: { "content-type": "application/json" } });
}

export async function bytesOf(path: string): Promise<Blob> {
  return await (await request(path)).blob();
}

export async function textOf(path: string): Promise<string> {
  return await (await request(path)).text();
}

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, init).catch((error) => {
    throw new ApiFailure(0, (error as Error).message);
  });
  if (response.ok) return response;
  throw new ApiFailure(response.status, messageIn(await response.text().catch(() => "")) ?? response.statusText);
}

function messageIn(body: string): string | undefined {
  try {
    const message = JSON.parse(body)?.error?.message;
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}

/** Makes a job of a recording. `onProgress` is told the share that is sent. */
export function createJob(
  file: File,
  fields: Fields,
  onProgress: (share: number) => void,
  stop: AbortSignal,
): Promise<Job> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file, file.name);
  // fetch does not say how much of a body is sent.
  const sending = new XMLHttpRequest();
  const { promise, resolve, reject } = Promise.withResolvers<Job>();
  sending.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 1 : loaded / total);
  sending.onload = () => {
    if (sending.status === 202) resolve(JSON.parse(sending.responseText));
    else {
      const againSec = Number(sending.getResponseHeader("retry-after") ?? NaN);
      reject(new ApiFailure(sending.status, messageIn(sending.responseText) ?? sending.statusText, againSec));
    }
  };
  sending.onerror = () => reject(new ApiFailure(0, ""));
  sending.onabort = () => reject(new DOMException("cancelled", "AbortError"));
  stop.addEventListener("abort", () => sending.abort(), { once: true });
  sending.open("POST", "v1/jobs");
  sending.send(form);
  return promise;
}

/** Makes a job of an earlier one's recording. */
export async function createJobAgain(id: string, fields: Fields): Promise<Job> {
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...fields, recording: id })) form.append(name, value);
  return await (await request("v1/jobs", { method: "POST", body: form })).json();
}

const eventNames = [
  ...["transcript.text.delta", "transcript.text.done", "job.tail", "job.srt", "job.progress"],
  ...["job.done", "job.failed", "job.cancelled", "error"],
];
const lastNames = ["transcript.text.done", "job.done", "job.failed", "job.cancelled"];

export type JobListener = {
  /** All comes from the start. */
  onStart(): void;
  onEvent(event: JobEvent): void;
  /** The connection broke; it is made again. */
  onBroken(): void;
};

/** What a job tells: all so far, then what comes. */
export function listen(id: string, { onStart, onEvent, onBroken }: JobListener): { close(): void } {
  const source = new EventSource(`v1/jobs/${id}/events`);
  source.onopen = onStart;
  for (const name of eventNames) {
    source.addEventListener(name, (message) => {
      if (!(message instanceof MessageEvent)) return onBroken();
      if (lastNames.includes(name) || name === "error") source.close();
      onEvent(JSON.parse(message.data));
    });
  }
  return source;
}

/** Where a job's transcript is, in a format. */
export function resultPath(id: string, format: string): string {
  return `v1/jobs/${id}/result?response_format=${format}`;
}
