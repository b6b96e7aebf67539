/** Text that grows. In: what is settled, piece by piece, and what follows it and may change. Out: paragraphs. */

import { endsSentence } from "../../text/sentences.ts";
import { element } from "./dom.ts";

/** A paragraph ends with a sentence from here on: what grows is laid out anew each time. */
const paragraphCharsMin = 400;

export class Flow {
  readonly element: HTMLElement = element("div", { class: "flow" });
  readonly #tail: HTMLElement = element("span", { class: "tail" });
  #paragraph = document.createTextNode("");

  constructor() {
    this.#begin();
  }

  get tail(): string {
    return this.#tail.textContent;
  }

  set tail(text: string) {
    this.#tail.textContent = text;
  }

  append(settled: string): void {
    const { length, data } = this.#paragraph;
    if (length >= paragraphCharsMin && endsSentence(data)) this.#begin();
    this.#paragraph.appendData(this.#paragraph.length === 0 ? settled.trimStart() : settled);
  }

  /** A line by itself, after the name of who says it; `colour`: a class of the style sheet. */
  line(text: string, name: string | undefined, colour = ""): void {
    const [line, who] = [this.#paragraph.parentElement!, element("b", { class: `named ${colour}` }, `${name}:`)];
    this.#tail.remove();
    line.replaceChildren(...(name === undefined ? [] : [who, " "]), text.trim());
    this.#begin();
  }

  clear(): void {
    this.element.replaceChildren();
    this.tail = "";
    this.#begin();
  }

  /** What may change is at the end of the last paragraph. */
  #begin(): void {
    this.#paragraph = document.createTextNode("");
    this.element.append(element("p", { dir: "auto" }, this.#paragraph, this.#tail));
  }
}
