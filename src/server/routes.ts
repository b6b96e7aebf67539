/** Paths to endpoints. In: a request's method and path. Out: what serves it, or an ApiError. Pure. */

import { ApiError } from "./errors.ts";

export type Endpoint =
  | "page"
  | "pageFile"
  | "info"
  | "sample"
  | "login"
  | "logout"
  | "health"
  | "openapi"
  | "models"
  | "model"
  | "transcriptions"
  | "translations"
  | "alignments"
  | "asr"
  | "detectLanguage"
  | "metrics"
  | "realtime"
  | "stream"
  | "createJob"
  | "listJobs"
  | "showJob"
  | "deleteJob"
  | "cancelJob"
  | "jobResult"
  | "jobEvents"
  | "allResults"
  | "jobSound"
  | "jobPeaks"
  | "alignJob"
  | "putTranscript";

type Route = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Without /v1, with which every path is served, too. */
  readonly path: RegExp;
  readonly endpoint: Endpoint;
  /** As logs have it. */
  readonly name: string;
  /** No key is needed. */
  readonly isOpen?: boolean;
  /** A WebSocket is opened. */
  readonly isSocket?: boolean;
  /** The key may be in the query, as `key`. */
  readonly hasQueryKey?: boolean;
};

export const routes: readonly Route[] = [
  { method: "GET", path: /^\/$/, endpoint: "page", name: "/", isOpen: true },
  { method: "GET", path: /^\/page\/([\w.-]+)$/, endpoint: "pageFile", name: "/page/ID", isOpen: true },
  { method: "GET", path: /^\/info$/, endpoint: "info", name: "/v1/info" },
  { method: "GET", path: /^\/samples\/([^/]+)$/, endpoint: "sample", name: "/v1/samples/ID" },
  { method: "POST", path: /^\/login$/, endpoint: "login", name: "/login", isOpen: true },
  { method: "POST", path: /^\/logout$/, endpoint: "logout", name: "/logout", isOpen: true },
  { method: "GET", path: /^\/(?:healthz|readyz|health)$/, endpoint: "health", name: "/healthz", isOpen: true },
  { method: "GET", path: /^\/openapi\.json$/, endpoint: "openapi", name: "/openapi.json", isOpen: true },
  { method: "GET", path: /^\/models$/, endpoint: "models", name: "/v1/models" },
  { method: "GET", path: /^\/models\/([^/]+)$/, endpoint: "model", name: "/v1/models/ID" },
  {
    method: "POST",
    path: /^\/audio\/transcriptions$/,
    endpoint: "transcriptions",
    name: "/v1/audio/transcriptions",
  },
  { method: "POST", path: /^\/audio\/translations$/, endpoint: "translations", name: "/v1/audio/translations" },
  { method: "POST", path: /^\/audio\/alignments$/, endpoint: "alignments", name: "/v1/audio/alignments" },
  { method: "POST", path: /^\/asr$/, endpoint: "asr", name: "/asr", hasQueryKey: true },
  {
    ...{ method: "POST", path: /^\/detect-language$/, endpoint: "detectLanguage" },
    ...{ name: "/detect-language", hasQueryKey: true },
  },
  { method: "GET", path: /^\/metrics$/, endpoint: "metrics", name: "/metrics" },
  { method: "GET", path: /^\/realtime$/, endpoint: "realtime", name: "/v1/realtime", isSocket: true },
  { method: "GET", path: /^\/stream$/, endpoint: "stream", name: "/v1/stream", isSocket: true, hasQueryKey: true },
  { method: "POST", path: /^\/jobs$/, endpoint: "createJob", name: "/v1/jobs" },
  { method: "GET", path: /^\/jobs$/, endpoint: "listJobs", name: "/v1/jobs" },
  { method: "GET", path: /^\/results$/, endpoint: "allResults", name: "/v1/results" },
  { method: "GET", path: /^\/jobs\/([\w-]+)$/, endpoint: "showJob", name: "/v1/jobs/ID" },
  { method: "DELETE", path: /^\/jobs\/([\w-]+)$/, endpoint: "deleteJob", name: "/v1/jobs/ID" },
  { method: "POST", path: /^\/jobs\/([\w-]+)\/cancel$/, endpoint: "cancelJob", name: "/v1/jobs/ID/cancel" },
  { method: "GET", path: /^\/jobs\/([\w-]+)\/result$/, endpoint: "jobResult", name: "/v1/jobs/ID/result" },
  { method: "GET", path: /^\/jobs\/([\w-]+)\/events$/, endpoint: "jobEvents", name: "/v1/jobs/ID/events" },
  { method: "GET", path: /^\/jobs\/([\w-]+)\/audio$/, endpoint: "jobSound", name: "/v1/jobs/ID/audio" },
  { method: "GET", path: /^\/jobs\/([\w-]+)\/peaks$/, endpoint: "jobPeaks", name: "/v1/jobs/ID/peaks" },
  { method: "POST", path: /^\/jobs\/([\w-]+)\/align$/, endpoint: "alignJob", name: "/v1/jobs/ID/align" },
  { method: "PUT", path: /^\/jobs\/([\w-]+)\/result$/, endpoint: "putTranscript", name: "/v1/jobs/ID/result" },
];

export type Found = { readonly route: Route; readonly parameter: string | undefined };

/** Some clients are given the address with /v1 and add it once more; a slash at the end changes nothing. */
export function findRoute(method: string, path: string): Found {
  const bare = path.replace(/^(?:\/v1)+(?=\/)/, "").replace(/(?<=.)\/$/, "");
  const matching = routes.filter((route) => route.path.test(bare));
  const wanted = method === "HEAD" ? "GET" : method;
  const route = matching.find((one) => one.method === wanted);
  if (route) return { route, parameter: route.path.exec(bare)![1] };
  if (matching.length === 0) throw new ApiError(404, "there is no such endpoint", { code: "not_found" });
  const allow = matching.map((one) => one.method).join(", ");
  throw new ApiError(405, `use ${allow} here`, { code: "method_not_allowed", headers: { allow } });
}
