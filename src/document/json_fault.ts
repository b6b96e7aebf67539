/** Where a text stops being JSON, for people who edit it by hand. In: the text. Out: a place, what is missing. Pure. */

const MARK = "([{}[\\],:])";
const TEXT = '("(?:[^"\\\\\\x00-\\x1f]|\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*")';
const VALUE = "(?:-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|true|false|null)(?![\\w.])";
const TOKEN = new RegExp(`[ \\t\\r\\n]*(?:${MARK}|${TEXT}|${VALUE})`, "y");

/** What may come next; "end" of a list or an object is allowed where it has just begun or a value has ended. */
type Want =
  | "a value"
  | "a value or ]"
  | "a name in quotes"
  | "a name in quotes or }"
  | "a colon"
  | ", or ]"
  | ", or }"
  | "the end";

/** "line 3, column 14: , or } is expected"; undefined where the text is JSON. */
export function jsonFault(text: string): string | undefined {
  const open: ("[" | "{")[] = [];
  let want: Want = "a value";
  const afterValue = (): Want => open.length === 0 ? "the end" : open.at(-1) === "[" ? ", or ]" : ", or }";
  const next = (mark: string | undefined, isText: boolean): Want | undefined => {
    if (mark === undefined && want.startsWith("a value")) return afterValue();
    if (isText && want.startsWith("a name")) return "a colon";
    if ((mark === "[" || mark === "{") && want.startsWith("a value")) {
      open.push(mark);
      return mark === "[" ? "a value or ]" : "a name in quotes or }";
    }
    if ((mark === "]" && want.endsWith("]")) || (mark === "}" && want.endsWith("}"))) {
      open.pop();
      return afterValue();
    }
    if (mark === ":" && want === "a colon") return "a value";
    if (mark === "," && want.startsWith(",")) return open.at(-1) === "[" ? "a value" : "a name in quotes";
    return undefined;
  };
  let at = 0;
  for (;;) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    const then = found && next(found[1], found[2] !== undefined);
    if (!then) break;
    [want, at] = [then, TOKEN.lastIndex];
  }
  const rest = text.slice(at);
  if (want === "the end" && rest.trim() === "") return undefined;
  const place = at + rest.length - rest.trimStart().length;
  const lines = text.slice(0, place).split("\n");
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}: ${want} is expected`;
}
