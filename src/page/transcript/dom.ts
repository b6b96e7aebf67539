/** Nodes of markup, and listeners that end together. All text becomes text nodes. */

import type { Markup } from "../../output/markup.ts";

export function nodeOf(markup: Markup | string): Node {
  if (typeof markup === "string") return document.createTextNode(markup);
  const node = document.createElement(markup.tag);
  for (const [name, value] of Object.entries(markup.attributes)) node.setAttribute(name, value);
  node.append(...markup.children.map(nodeOf));
  return node;
}

/** A button with a text; `label` where what it shows is a sign. */
export function button(text: string, onClick: () => void, label?: string): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  if (label !== undefined) {
    made.setAttribute("aria-label", label);
    made.title = label;
  }
  made.addEventListener("click", onClick);
  return made;
}

export function div(className: string, ...children: readonly (Node | string)[]): HTMLDivElement {
  const made = document.createElement("div");
  made.className = className;
  made.append(...children);
  return made;
}

/** A list of which one is chosen: values and their texts. */
export function select(
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  chosen: string,
): HTMLSelectElement {
  const made = document.createElement("select");
  made.setAttribute("aria-label", label);
  made.title = label;
  for (const [value, text] of options) made.append(new Option(text, value, false, value === chosen));
  return made;
}

/** Whether keys belong to what has the focus: text that is being written, a list that is open. */
export function takesKeys(target: EventTarget | null): boolean {
  return target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}
