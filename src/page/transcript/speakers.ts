/**
 * Who speaks, on a page: a colour for each speaker, and names that can be changed. In: names as they are met. Out:
 * classes of the style sheet; a list of the speakers; which name becomes which.
 */

import { speakerName } from "../../speakers/label.ts";
import { button, div, select } from "./dom.ts";
import type { Strings } from "./strings.ts";

/** Those of theme.css. */
const coloursCount = 8;

export class SpeakerColours {
  readonly #numbers = new Map<string, number>();
  #count = 0;

  /** The class of a colour: "s1" for the first speaker that is asked for, and so on; after the last comes the first. */
  of(name: string): string {
    const number = this.#numbers.get(name) ?? this.#count++;
    this.#numbers.set(name, number);
    return `s${number % coloursCount + 1}`;
  }

  /** Who gets another name keeps the colour. */
  renamed(from: string, to: string): void {
    const number = this.#numbers.get(from);
    if (number !== undefined && !this.#numbers.has(to)) this.#numbers.set(to, number);
  }
}

/** Lines have the colours of those who speak in them; one without a name goes on with the one before. */
export function colourLines(text: ParentNode, colours: SpeakerColours): void {
  let colour: string | undefined;
  for (const line of text.querySelectorAll(".par")) {
    const name = line.querySelector(".who")?.textContent;
    if (name) colour = colours.of(name);
    if (colour !== undefined) line.classList.add(colour);
  }
}

/** Who says it, of all speakers and one that is not there yet. Nobody is chosen where that is not known. */
export function speakerSelect(
  names: readonly string[],
  strings: Strings,
  chosen: string | undefined,
): HTMLSelectElement {
  const all = chosen === undefined ? names : [...new Set([...names, chosen])];
  const another = firstFree(all);
  return select(
    strings.speaker,
    [
      ...(chosen === undefined ? [["", "–"] as const] : []),
      ...all.map((name) => [name, name] as const),
      [another, `${strings.newSpeaker} ${another}`],
    ],
    chosen ?? "",
  );
}

/** As speakers are called whose names nobody knows. */
function firstFree(names: readonly string[]): string {
  for (let number = 1;; number++) if (!names.includes(`Speaker ${number}`)) return `Speaker ${number}`;
}

export type SpeakerListGiven = {
  readonly strings: Strings;
  readonly colours: SpeakerColours;
  /** All that `from` says is `to`'s from now on. */
  readonly onRename: (from: string, to: string) => void;
};

/** The speakers, each a button that changes the name. */
export class SpeakerList {
  readonly element = div("speakers");
  readonly #given: SpeakerListGiven;
  readonly #list = div("names");
  readonly #message = div("message");
  #names: readonly string[] = [];
  #form: HTMLFormElement | undefined;
  /** Where the focus goes when the form is closed. */
  #back: (() => void) | undefined;

  constructor(given: SpeakerListGiven) {
    this.#given = given;
    const { strings } = given;
    this.#list.setAttribute("role", "group");
    this.#list.setAttribute("aria-label", strings.speakers);
    this.#message.setAttribute("role", "status");
    this.element.append(this.#list, this.#message);
  }

  /** In order of first speech. */
  show(names: readonly string[]): void {
    this.#close();
    this.#names = names;
    this.#message.textContent = "";
    this.element.hidden = names.length === 0;
    const title = document.createElement("span");
    title.textContent = `${this.#given.strings.speakers}:`;
    this.#list.replaceChildren(title, ...names.map((name) => this.#chip(name)));
  }

  /** The name can be written; `beside`: at this label instead of below the list. */
  open(name: string, beside: HTMLElement = this.#list): void {
    this.#close();
    this.#form = this.#newForm(name);
    this.#back = () => this.#chipOf(name)?.focus();
    beside.after(this.#form);
    this.#form.querySelector("input")!.select();
  }

  #chip(name: string): HTMLButtonElement {
    const { strings, colours } = this.#given;
    const chip = button("", () => this.open(name), `${strings.rename} ${name}`);
    chip.className = `speaker ${colours.of(name)}`;
    chip.dataset["name"] = name;
    const shown = document.createElement("bdi");
    shown.textContent = name;
    chip.append(shown);
    return chip;
  }

  #chipOf(name: string): HTMLButtonElement | undefined {
    return [...this.#list.querySelectorAll<HTMLButtonElement>(".speaker")].find((chip) =>
      chip.dataset["name"] === name
    );
  }

  #newForm(name: string): HTMLFormElement {
    const { strings } = this.#given;
    const form = document.createElement("form");
    form.className = "renaming";
    form.setAttribute("aria-label", `${strings.rename} ${name}`);
    const input = document.createElement("input");
    input.value = name;
    input.maxLength = 100;
    input.autocomplete = "off";
    input.dir = "auto";
    input.setAttribute("aria-label", strings.speakerName);
    const joins = div("joins");
    joins.setAttribute("role", "status");
    const others = this.#names.filter((other) => other !== name);
    const told = () => joins.textContent = others.includes(nameIn(input)) ? strings.joins : "";
    input.addEventListener("input", told);
    const same = sameAs(others, strings, (other) => {
      input.value = other;
      told();
    });
    const done = button(strings.done, () => {});
    done.type = "submit";
    form.append(
      input,
      ...(others.length > 0 ? [same] : []),
      done,
      button(strings.cancel, () => this.#close(true)),
      joins,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#apply(name, nameIn(input));
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.#close(true);
    });
    // Words of the text are no part of the form: a click in it plays nothing.
    form.addEventListener("click", (event) => event.stopPropagation());
    return form;
  }

  #apply(from: string, to: string): void {
    this.#close();
    if (to === "" || to === from) return this.#chipOf(from)?.focus();
    this.#given.onRename(from, to);
  }

  /** The change is made, and shown. */
  renamed(from: string, to: string): void {
    this.#message.textContent = `${from} → ${to}`;
    this.#chipOf(to)?.focus();
  }

  #close(goesBack = false): void {
    this.#form?.remove();
    this.#form = undefined;
    if (goesBack) this.#back?.();
  }
}

/** Puts the name of another into the field; what is chosen is done with the form. */
function sameAs(others: readonly string[], strings: Strings, onChoice: (other: string) => void): HTMLSelectElement {
  const names = others.map((other): [string, string] => [other, other]);
  const made = select(strings.sameAs, [["", `${strings.sameAs} …`], ...names], "");
  made.addEventListener("change", () => made.value !== "" && onChoice(made.value));
  return made;
}

/** "" where it is none. */
function nameIn({ value }: HTMLInputElement): string {
  return speakerName(value.replace(/\s+/gu, " ")) ?? "";
}
