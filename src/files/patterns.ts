/**
 * Patterns of file names, as shells have them: * and ? within a name, ** for any folders, [abc], [!abc], {one,two}.
 * In: a pattern. Out: a test of names. Pure.
 */

/** Whether shells would take this for a pattern. */
export function isPattern(text: string): boolean {
  return /[*?[{]/.test(text);
}

/**
 * A test of paths, with "/" between names: a pattern without a slash is about the last name, one with a slash about the
 * whole path.
 */
export function pathTest(pattern: string): (path: string) => boolean {
  const trimmed = pattern.replace(/^\.\//, "").replace(/\/+$/, "");
  const test = regex(trimmed.split("/").map((part) => part === "**" ? part : source(part)));
  return (path) => test.test(trimmed.includes("/") ? path.replace(/^\.\//, "") : path.slice(path.lastIndexOf("/") + 1));
}

/** A test of one name. A leading dot has to be written. */
export function nameTest(pattern: string): (name: string) => boolean {
  const test = regex([source(pattern)]);
  return (name) => test.test(name) && (!name.startsWith(".") || pattern.startsWith("."));
}

function regex(parts: readonly string[]): RegExp {
  const body = parts.map((part, index) => {
    const isLast = index === parts.length - 1;
    if (part === "**") return isLast ? ".*" : "(?:[^/]+/)*";
    return isLast ? part : `${part}/`;
  }).join("");
  return new RegExp(`^${body}$`, "su"); // A lone surrogate, a byte of a name that is no UTF-8, is one character.
}

/** One name of a pattern as the source of a regular expression. What is not closed stands for itself. */
function source(pattern: string): string {
  const braces = /^([^]*?)\{((?:[^{}]|\{[^{}]*\})*,(?:[^{}]|\{[^{}]*\})*)\}([^]*)$/.exec(pattern);
  if (braces) {
    const [, before, choices, after] = braces as unknown as [string, string, string, string];
    return `${plain(before)}(?:${alternatives(choices).map(source).join("|")})${source(after)}`;
  }
  return plain(pattern);
}

/** "a,{b,c}" -> "a" and "{b,c}". */
function alternatives(text: string): string[] {
  let depth = 0;
  const found = [""];
  for (const character of text) {
    depth += character === "{" ? 1 : character === "}" ? -1 : 0;
    if (character === "," && depth === 0) found.push("");
    else found[found.length - 1] += character;
  }
  return found;
}

function plain(pattern: string): string {
  return pattern.replace(/\[([!^]?)(\]?[^\]]*)\]|[^]/gu, (text, not?: string, set?: string) => {
    if (set) return `(?!/)[${not ? "^" : ""}${set.replace(/[\\\]\[&~|^]/g, "\\$&")}]`;
    return text === "*" ? "[^/]*" : text === "?" ? "[^/]" : escaped(text);
  });
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
