/** The keys of clients. In: the text of a key file, and what a client sent. Out: whose key it is. Pure. */

import { createHash, timingSafeEqual } from "node:crypto";
import { UsageError } from "../errors.ts";

/** Of the key itself only a digest is kept. */
export type Key = { readonly name: string; readonly digest: Uint8Array };

const keyLengthMin = 8;

/** Lines `name:key`; empty lines and those that start with # say nothing. Messages name lines, never a key. */
export function parseKeys(text: string, label: string): Key[] {
  const keys: Key[] = [];
  for (const [index, line] of text.replace(/^\ufeff/, "").split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const place = `${label}, line ${index + 1}`;
    const [, name = "", key = ""] = /^\s*([\w.@-]{1,64})\s*:\s*(\S+)\s*$/.exec(line) ?? [];
    if (key === "") throw new UsageError(`${place}: is not 'name:key' (a name of letters, digits, '.', '@', '-', '_')`);
    if (keys.some((other) => other.name === name)) throw new UsageError(`${place}: the name ${name} is there twice`);
    keys.push(keyNamed(name, key, place));
  }
  if (keys.length === 0) throw new UsageError(`${label}: holds no key`);
  return keys;
}

/** `place` is where the key comes from, for messages. */
export function keyNamed(name: string, key: string, place: string): Key {
  if (key.length < keyLengthMin) throw new UsageError(`${place}: the key is shorter than ${keyLengthMin} characters`);
  return { name, digest: digestOf(key) };
}

/** The key that the client has; undefined if it is none of them. Takes the same time whichever it is. */
export function findKey(keys: readonly Key[], given: string): Key | undefined {
  const digest = digestOf(given);
  let found: Key | undefined;
  for (const key of keys) {
    if (timingSafeEqual(key.digest, digest)) found = key;
  }
  return found;
}

function digestOf(key: string): Uint8Array {
  return createHash("sha256").update(key).digest();
}
