/** A page's user logs in and out. In: a key. Out: a cookie that scripts cannot read, or an ApiError. */

import { ApiError } from "./errors.ts";
import type { Guesses } from "./guesses.ts";
import { jsonObject } from "./json_request.ts";
import { findKey, type Key } from "./keys.ts";
import { setCookie, signedCookie } from "./session_cookie.ts";

const bodyBytesMax = 4096;

export type LoginRules = {
  readonly keys: readonly Key[];
  readonly guesses: Guesses;
  readonly address: string;
  readonly cookie: string;
  /** Whether the client came by https. */
  readonly isSecure: boolean;
};

/** `{"key": KEY}` */
export async function logIn(
  request: Request,
  { keys, guesses, address, cookie, isSecure }: LoginRules,
): Promise<Response> {
  guesses.check(address);
  const given = await keyIn(request);
  const key = findKey(keys, given);
  if (key === undefined) {
    guesses.failed(address);
    throw new ApiError(401, "the key is wrong", { code: "invalid_api_key" });
  }
  const headers = { "set-cookie": setCookie(cookie, signedCookie(key, Date.now()), isSecure) };
  return Response.json({ object: "login", owner: key.name }, { headers });
}

export function logOut(cookie: string, isSecure: boolean): Response {
  return Response.json({ object: "login", owner: "" }, { headers: { "set-cookie": setCookie(cookie, "", isSecure) } });
}

async function keyIn(request: Request): Promise<string> {
  const { key } = await jsonObject(request, bodyBytesMax);
  if (typeof key === "string") return key.trim();
  throw new ApiError(400, 'the body is not {"key": KEY}', { code: "malformed_body" });
}
