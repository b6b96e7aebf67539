/**
 * Markup as data. In: elements. Out: HTML in which a text is always text. The page makes nodes of the same elements, so
 * a transcript looks the same in both. Pure.
 */

export type Markup = {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (Markup | string)[];
};

/** An attribute without a value is not written. */
export function element(
  tag: string,
  attributes: Readonly<Record<string, string | undefined>>,
  ...children: readonly (Markup | string)[]
): Markup {
  const given = Object.entries(attributes).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { tag, attributes: Object.fromEntries(given), children };
}

/** Elements without content: they have no closing tag. */
const empty = new Set(["br", "meta"]);

export function html(node: Markup | string): string {
  if (typeof node === "string") return escaped(node);
  return `${openingTag(node)}${node.children.map(html).join("")}${empty.has(node.tag) ? "" : `</${node.tag}>`}`;
}

/** The tag alone, for an element whose content is written as it becomes known. */
export function openingTag({ tag, attributes }: Markup): string {
  return `<${tag}${Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(value)}"`).join("")}>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Characters that HTML does not allow become U+FFFD, as readers of HTML would have it. */
export function escaped(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character]!);
}
