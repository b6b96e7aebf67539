/**
 * The messages of errors that users meet, as the sources write them. In: the text of a source file. Out: each message,
 * with "…" for what is put into it.
 *
 * In TypeScript they are the first text of an error that is made (ApiError: the second), `const message`, what options
 * say of each other, what tables make of the system's codes, and what functions return that are named for reasons. In
 * Zig they are the sentences of failures that are not a C program's own mistakes, which the header explains.
 */

const kinds = "Usage|Input|Model|Shortage|User|Output|Unsupported|WavCodec|Source|Transient|WrongBytes|Api|Wyoming";
const made = new RegExp(`new (?:${kinds})Error\\(|\\bconst message =|(?<!\\.)\\bwrong\\((?=["\`])`, "g");
const ofOptions = /\bsays: /g;
const reason = /\bE[A-Z]{2,}: "([^"]+)"/g;
const giver = /(?:function |#)(?:\w*[rR]eason\w*|why\w*|unreadable|nothing\w*)\([^{;]*\{/g;
const failure = /\bfail\(\s*(?:error\.(?:Model|OutOfMemory|TooLong)|kind),\s*/g;

export function messagesOf(path: string, given: string): string[] {
  const source = given.replace(/(?:^| )\s*\/\/ .*$|^\s*\/?\*.*$/gm, ""); // Without comments.
  if (path.endsWith(".zig")) {
    const texts = [...source.matchAll(failure)].map(({ 0: call, index }) => zigText(source, index + call.length));
    return texts.filter(saysSomething);
  }
  const calls = [...source.matchAll(made), ...path.includes("/options/") ? source.matchAll(ofOptions) : []];
  const texts = calls.flatMap(({ 0: call, index }) => {
    let at = index + call.length;
    if (call.includes("Api")) at = endOf(source, at) + 1;
    const found = textsIn(source.slice(at, endOf(source, at)));
    return call.includes("Unsupported") ? found.map((text) => `${text} is not decoded by this program itself`) : found;
  });
  const reasons = [...source.matchAll(reason)].map(([, text]) => text!);
  for (const { 0: head, index } of source.matchAll(giver)) {
    const body = source.slice(index + head.length, closing(source, index + head.length, "}"));
    for (const { index } of body.matchAll(/\breturn (?=["`])/g)) {
      reasons.push(...textsIn(body.slice(index, endOf(body, index))));
    }
  }
  return [...texts, ...reasons].filter(saysSomething);
}

/** Others pass on what something else says. */
function saysSomething(text: string): boolean {
  return /\w\w+\W+\w\w/.test(text) || /\w{4}/.test(text) && /\s\S/.test(text.replaceAll("…: ", ""));
}

/** The message, or the messages between which it is decided. Texts that are joined by "+" are one. */
function textsIn(argument: string): string[] {
  const texts: string[] = [];
  let isJoined = false;
  for (let at = 0; at < argument.length; at++) {
    const mark = argument[at]!;
    if (mark === "+") isJoined = true;
    else if (mark === "?" || mark === ":" && !isJoined) isJoined = false;
    if (!`"'\``.includes(mark)) continue;
    const end = afterText(argument, at);
    const text = shown(argument.slice(at + 1, end - 1), mark === "`");
    if (isJoined && texts.length > 0) texts.push(texts.pop()! + text);
    else texts.push(text);
    at = end - 1;
    isJoined = false;
  }
  return texts;
}

function shown(text: string, isTemplate: boolean): string {
  let result = "";
  for (let at = 0; at < text.length; at++) {
    if (isTemplate && text.startsWith("${", at)) [result, at] = [`${result}…`, closing(text, at + 2, "}")];
    else if (text[at] === "\\") result += text[++at];
    else result += text[at];
  }
  return result.replace(/\{[\w-]+\}/g, "…");
}

/** Where the argument that begins at `from` ends: its comma, bracket or semicolon. */
function endOf(source: string, from: number): number {
  return closing(source, from, ",;)]}");
}

function closing(source: string, from: number, ends: string): number {
  let depth = 0;
  for (let at = from; at < source.length; at++) {
    const mark = source[at]!;
    if (`"'\``.includes(mark)) at = afterText(source, at) - 1;
    else if (mark === "/" && /[(,=]\s*$/.test(source.slice(Math.max(0, at - 4), at))) at = afterPattern(source, at) - 1;
    else if (depth === 0 && ends.includes(mark)) return at;
    else if ("([{".includes(mark)) depth++;
    else if (")]}".includes(mark)) depth--;
  }
  throw new Error(`no end: ${source.slice(from, from + 80)}`);
}

function afterText(source: string, from: number): number {
  const mark = source[from]!;
  for (let at = from + 1; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (mark === "`" && source.startsWith("${", at)) at = closing(source, at + 2, "}");
    else if (source[at] === mark) return at + 1;
  }
  throw new Error(`no end: ${source.slice(from, from + 80)}`);
}

function afterPattern(source: string, from: number): number {
  const [pattern = "/"] = /^\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\n\\[])+\//.exec(source.slice(from)) ?? [];
  return from + pattern.length;
}

/** The format that begins there: texts joined by "++", or lines after "\\". */
function zigText(source: string, from: number): string {
  const [format = ""] = /^(?:\s*(?:\+\+\s*)?(?:"(?:[^"\\]|\\.)*"|\w+))*/.exec(source.slice(from)) ?? [];
  const texts = [...format.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text!).join("");
  return texts.replace(/\{[^}]*\}/g, "…").replaceAll("\\", "");
}
