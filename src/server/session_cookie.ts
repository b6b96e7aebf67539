/**
 * The cookie that a page's user has instead of a key. In: keys, a cookie, the time. Out: whose it is. Pure.
 *
 * It says whose it is and until when, signed with a digest of the key: no list of sessions has to be kept, a server
 * that is started again knows its users, and with the key its cookies end too.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import type { Key } from "./keys.ts";

export const cookieSec = 30 * 86_400;

/** Cookies of one host are shared by all its ports: each has a name of its own. */
export function cookieName(port: number): string {
  return `qwen_asr_${port}`;
}

export function signedCookie(key: Key, nowMs: number): string {
  const end = Math.floor(nowMs / 1000) + cookieSec;
  return `${key.name}.${end}.${signature(key, end)}`;
}

/** Whose cookie it is; undefined where it is nobody's, or its time is over. */
export function cookieOwner(
  cookies: string | null,
  name: string,
  keys: readonly Key[],
  nowMs: number,
): string | undefined {
  for (const one of (cookies ?? "").split(";")) {
    const [, given, owner, end, sign] = /^\s*([^=\s]+)=([\w.@-]+)\.(\d{1,12})\.([\w-]{43})\s*$/.exec(one) ?? [];
    const key = given === name ? keys.find((other) => other.name === owner) : undefined;
    if (key === undefined || Number(end) * 1000 <= nowMs) continue;
    if (timingSafeEqual(Buffer.from(sign!), Buffer.from(signature(key, Number(end))))) return key.name;
  }
  return undefined;
}

/** The value of Set-Cookie; an empty `value` ends the cookie. */
export function setCookie(name: string, value: string, isSecure: boolean): string {
  const age = value === "" ? 0 : cookieSec;
  return `${name}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}

function signature({ name, digest }: Key, endSec: number): string {
  return createHmac("sha256", digest).update(`page ${name} ${endSec}`).digest("base64url");
}
