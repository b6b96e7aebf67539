/**
 * Addresses without what they let a stranger do. In: text with URLs in it. Out: the same without passwords and keys.
 *
 * What is shown ends up in logs, tables and transcripts that are sent on, so what may be a key is taken for one: of a
 * query, only values stay that are numbers or say a format.
 */

const HIDDEN = "***";
/** Not what ends a sentence or a name in it. */
const url = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>`]*[^\s"'<>`:;,.)]/gi;
const harmlessNames = /^(format|ext|lang|language|type|track|start|end|dl|download|alt|v|quality|rate|channels)$/i;
const secretNames =
  /auth|cred|key|pass|pin$|pw|secret|sig|token|jwt|sess|cookie|ticket|code|otp|access|nonce|hmac|hash|policy/i;

/** A text in which no URL tells who may fetch it: user and password, and the values of a query. */
export function withoutSecrets(text: string): string {
  return text.includes("://") ? text.replace(url, hidden) : text;
}

function hidden(found: string): string {
  const [, scheme, rest] = /^([^:]+:\/\/)(.*)$/s.exec(found)!;
  const at = userEnd(rest!);
  const place = at < 0 ? rest! : `${HIDDEN}${rest!.slice(at)}`;
  const from = place.search(/[?#]/);
  if (from < 0) return scheme + place;
  return scheme + place.slice(0, from) + place.slice(from).replace(/([?#&;])([^?#&;]*)/g, (_, mark, part) => {
    return mark + hiddenPart(part);
  });
}

/**
 * Where the "@" behind user and password is; -1: there is none. A password may hold an unescaped "/" or "?", which
 * makes the address malformed: what stands before its first "/" is then no host with a port.
 */
function userEnd(rest: string): number {
  const host = /^[^/?#\\]*/.exec(rest)![0];
  const isHost = /^(\[[^\]]*\]|[^:]*)(:\d*)?$/.test(host);
  return host.includes("@") || isHost ? host.lastIndexOf("@") : rest.lastIndexOf("@");
}

/** "key=value", or a word without a name. */
function hiddenPart(part: string): string {
  const at = part.indexOf("=");
  const [name, value] = at < 0 ? ["", part] : [part.slice(0, at), part.slice(at + 1)];
  const isPlain = /^\d{0,10}$/.test(value) || harmlessNames.test(name) && /^[\w.,-]{0,16}$/.test(value);
  return isPlain && !secretNames.test(name) || value === "" ? part : `${at < 0 ? "" : `${name}=`}${HIDDEN}`;
}
