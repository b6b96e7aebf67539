/**
 * Who may use the server. In: a request's headers and the settings. Out: whose request it is, or an ApiError. Pure.
 *
 * The host that a browser calls is checked against DNS rebinding: a page of another site whose name was turned to this
 * machine has that name in its requests. The origin is checked where something changes, against pages of other sites.
 */

import { ApiError } from "./errors.ts";
import { findKey, type Key } from "./keys.ts";

export type AccessRules = {
  readonly keys: readonly Key[];
  readonly allowedHosts: readonly string[];
  readonly origins: readonly string[];
};

const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** Whether only this machine can reach the address. */
export function isLoopback(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, "").toLowerCase();
  return bare === "localhost" || bare === "::1" || bare.startsWith("127.") && ipv4.test(bare);
}

/** Throws where the Host header is a name that nobody allowed. */
export function checkHost(header: string | null, { allowedHosts }: AccessRules): void {
  const name = hostName(header ?? "");
  if (name !== undefined && (isLocalName(name) || allowedHosts.some((pattern) => matches(name, pattern)))) return;
  throw new ApiError(403, "this server is not called by that name (see --allow-host)", { code: "host_not_allowed" });
}

/** The name or address in a Host header, lower case; undefined where it is malformed. */
function hostName(header: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]*:[0-9a-f:.]*)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(header) ?? [];
  if (bracketed !== undefined) return bracketed.toLowerCase();
  return plain?.toLowerCase().replace(/\.$/, "");
}

function isLocalName(name: string): boolean {
  return ipv4.test(name) || name.includes(":") || name === "localhost" || name.endsWith(".localhost");
}

function matches(name: string, pattern: string): boolean {
  return pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) : name === pattern;
}

/** Throws where a page of another site asks for a change. Programs that are no browser send no origin. */
export function checkOrigin(headers: Headers, rules: AccessRules): void {
  const origin = headers.get("origin");
  if (origin === null || allowedOrigin(origin, rules) !== undefined || isSameHost(origin, headers.get("host"))) return;
  throw new ApiError(403, "pages of that origin may not use this server (see --cors)", { code: "origin_not_allowed" });
}

/** The value of Access-Control-Allow-Origin; undefined where the page may not read the answer. */
export function allowedOrigin(origin: string, { origins }: AccessRules): string | undefined {
  return origins.includes("*") ? "*" : origins.includes(origin.toLowerCase()) ? origin : undefined;
}

function isSameHost(origin: string, host: string | null): boolean {
  if (host === null || !/^https?:\/\//i.test(origin)) return false;
  return origin.replace(/^https?:\/\//i, "").toLowerCase() === host.toLowerCase();
}

/** Whose request it is; "" where there are no keys. `given` is the key that came with it, if one did. */
export function ownerOf(given: string | undefined, { keys }: AccessRules): string {
  if (keys.length === 0) return "";
  const found = given === undefined ? undefined : findKey(keys, given);
  if (found) return found.name;
  const message = given === undefined ? "an API key is needed: Authorization: Bearer KEY" : "the API key is wrong";
  throw new ApiError(401, message, { code: "invalid_api_key", headers: { "www-authenticate": "Bearer" } });
}

/** The key in an Authorization header. */
export function bearerKey(header: string | null): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
}

/** The key among the subprotocols of a WebSocket, where browsers, which can send no other header, put it. */
export function protocolKey(header: string | null): string | undefined {
  return /(?:^|,)\s*openai-insecure-api-key\.([^\s,]+)/.exec(header ?? "")?.[1];
}
