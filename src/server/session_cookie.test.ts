import { expect, test } from "bun:test";
import { parseKeys } from "./keys.ts";
import { cookieOwner, cookieSec, setCookie, signedCookie } from "./session_cookie.ts";

const keys = parseKeys("ann:secret-of-ann\nb.o-b@x:secret-of-bob", "keys");
const [ann, bob] = keys;
const now = 1_700_000_000_000;
const name = "qwen_asr_8080";
const owner = (cookies: string | null, at = now, known = keys) => cookieOwner(cookies, name, known, at);

test("a cookie is its key's owner's, among others, until its time is over", () => {
  for (const key of [ann!, bob!]) {
    const value = signedCookie(key, now);
    expect(owner(`theme=dark; ${name}=${value}; a=b`)).toBe(key.name);
    expect(owner(`${name}=${value}`, now + cookieSec * 1000 - 1)).toBe(key.name);
    expect(owner(`${name}=${value}`, now + cookieSec * 1000)).toBeUndefined();
  }
});

test("what was changed, or is of another port or key, is nobody's", () => {
  const value = signedCookie(ann!, now);
  const [, end, sign] = value.split(".");
  const others = [
    `${name}=${value.slice(0, -1)}${value.endsWith("A") ? "B" : "A"}`,
    `${name}=ann.${Number(end) + 1}.${sign}`,
    `${name}=b.o-b@x.${end}.${sign}`,
    `qwen_asr_8081=${value}`,
    `${name}=`,
    `${name}=ann`,
    "",
    null,
  ];
  expect(others.map((cookies) => owner(cookies))).toEqual(others.map(() => undefined));
  expect(owner(`${name}=${value}`, now, parseKeys("ann:another-key-of-ann", "keys"))).toBeUndefined();
});

test("scripts cannot read it, other sites cannot use it", () => {
  const [pair, ...attributes] = setCookie(name, "v", true).split("; ");
  expect(pair).toBe(`${name}=v`);
  expect(attributes).toEqual(["Path=/", `Max-Age=${cookieSec}`, "HttpOnly", "SameSite=Strict", "Secure"]);
  expect(setCookie(name, "", false)).toBe(`${name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`);
});
