import { expect, test } from "bun:test";
import { bearerKey, checkHost, checkOrigin, isLoopback, ownerOf } from "./access.ts";
import { keyNamed, parseKeys } from "./keys.ts";

const rules = { keys: [], allowedHosts: ["asr.example.org", "*.inner.example"], origins: ["https://app.example"] };

test.each([
  ["127.0.0.1:8080", true],
  ["localhost", true],
  ["app.localhost:1", true],
  ["[::1]:8080", true],
  ["192.168.1.20:8080", true],
  ["asr.example.org", true],
  ["ASR.Example.org.:443", true],
  ["a.inner.example", true],
  ["inner.example", false],
  ["evil.example", false],
  ["asr.example.org.evil.example", false],
  ["127.0.0.1.evil.example", false],
  ["localhost.evil.example", false],
  ["evil.example@127.0.0.1", false],
  ["127.0.0.1:8080/path", false],
  ["[evil.example]", false],
  ["", false],
])("the host %s may be called: %p", (host, isAllowed) => {
  const check = () => checkHost(host, rules);
  if (isAllowed) check();
  else expect(check).toThrow("not called by that name");
});

test.each([
  [undefined, true],
  ["https://app.example", true],
  ["http://127.0.0.1:8080", true],
  ["http://127.0.0.1:8081", false],
  ["https://evil.example", false],
  ["null", false],
  ["file://127.0.0.1:8080", false],
  ["https://app.example.evil.example", false],
])("a page of %s may ask for changes: %p", (origin, isAllowed) => {
  const headers = new Headers({ host: "127.0.0.1:8080", ...(origin === undefined ? {} : { origin }) });
  const check = () => checkOrigin(headers, rules);
  if (isAllowed) check();
  else expect(check).toThrow("may not use this server");
});

test("only this machine reaches loopback addresses", () => {
  const of = (address: string) => isLoopback(address);
  expect(["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"].map(of)).toEqual([true, true, true, true, true]);
  expect(["0.0.0.0", "::", "10.0.0.1", "127.evil.example", "1270.0.0.1"].map(of)).not.toContain(true);
});

test("a request is its key's owner's, and nobody's without keys", () => {
  const keys = parseKeys("# team\nann: a-long-secret\n\nbob:another-secret\r\n", "keys.txt");
  expect(ownerOf("another-secret", { ...rules, keys })).toBe("bob");
  expect(ownerOf(undefined, rules)).toBe("");
  expect(() => ownerOf("a-long-secre", { ...rules, keys })).toThrow("the API key is wrong");
  expect(() => ownerOf(undefined, { ...rules, keys })).toThrow("an API key is needed");
  expect(bearerKey("bearer  abc")).toBe("abc");
  expect(bearerKey("Basic abc")).toBeUndefined();
});

test.each(["ann", "ann:", "ann:two words", "a n:secret-secret", "ann:short"])(
  "a key file with %j is refused",
  (line) => {
    const read = () => parseKeys(`# c\n${line}\n`, "keys.txt");
    expect(read).toThrow("keys.txt, line 2");
    for (const secret of ["two words", "secret-secret", "short:"]) expect(read).not.toThrow(secret);
  },
);

test("a name may be there once, and a file without keys is refused", () => {
  expect(() => parseKeys("a:12345678\na:23456789", "keys.txt")).toThrow("line 2: the name a is there twice");
  expect(() => parseKeys("# none\n", "keys.txt")).toThrow("holds no key");
  expect(keyNamed("env", "12345678", "here").digest).toHaveLength(32);
});
