/** Makes elements. In: a tag, attributes, children. Out: the element. Text is only ever inserted as text. */

import { button as plainButton } from "../transcript/dom.ts";

export type Child = Node | string | undefined | false;

type Listeners = { readonly [Name in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Name]) => void };

export type Attributes = {
  readonly [name: string]: string | number | boolean | undefined | Listeners;
  /** By the events' names. */
  readonly on?: Listeners;
};

/** An attribute that is true has an empty value; one that is false or undefined is left out. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  const { on = {}, ...others } = attributes;
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, listener] of Object.entries(on)) made.addEventListener(name, listener as EventListener);
  made.append(...present(children));
  return made;
}

function present(children: readonly Child[]): (Node | string)[] {
  return children.filter((child): child is Node | string => child !== undefined && child !== false);
}

/** A button that does something in the page; `kind` is a class of the style sheet. */
export function button(label: string, kind: string, onClick: () => void, ...more: readonly Child[]): HTMLButtonElement {
  const made = plainButton(label, onClick);
  made.className = kind;
  made.prepend(...present(more));
  return made;
}

/** A button that shows a sign alone, and is read as its label. */
export function signButton(sign: Icon, label: string, onClick: () => void): HTMLButtonElement {
  const made = plainButton("", onClick, label);
  made.className = "sign";
  made.append(icon(sign));
  return made;
}

/** Strokes in a square of 24. */
const icons = {
  upload: "M12 16V4m0 0L7 9m5-5l5 5M4 16v3a1 1 0 001 1h14a1 1 0 001-1v-3",
  record: "M12 15a3 3 0 003-3V6a3 3 0 00-6 0v6a3 3 0 003 3zm-6-4a6 6 0 0012 0m-6 6v3",
  live: "M4 10v4m4-7v10m4-13v16m4-13v10m4-7v4",
  stop: "M7 7h10v10H7z",
  cancel: "M6 6l12 12M18 6L6 18",
  trash: "M5 7h14M10 7V5h4v2m-7 0l1 12h8l1-12m-7 3v6m4-6v6",
  save: "M12 4v12m0 0l-5-5m5 5l5-5M5 20h14",
  copy: "M9 9h10v11H9zM5 15V4h10",
} as const;

export type Icon = keyof typeof icons;

export function icon(name: Icon): SVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", icons[name]);
  svg.append(path);
  return svg;
}

/** Whether the text is on the clipboard. A page by plain http may not put it there: then it is selected where it is. */
export async function copied(text: string, shown: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(shown);
    return false;
  }
}
