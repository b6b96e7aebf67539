/** Asks for the server's key. In: a place on the page. Resolves when the server took it, and has given a cookie. */

import { call } from "./api.ts";
import { element } from "./dom.ts";
import type { Strings } from "./strings.ts";

export function askForKey(place: HTMLElement, strings: Strings): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const key = element("input", {
    type: "password",
    id: "key",
    name: "password",
    autocomplete: "current-password",
    required: true,
  });
  const problem = element("p", { class: "problem", role: "alert", hidden: true });
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await call("POST", "login", { key: key.value });
      resolve();
    } catch (error) {
      problem.textContent = (error as Error).message;
      problem.hidden = false;
      key.select();
    }
  };
  place.replaceChildren(element(
    "form",
    { class: "login", on: { submit: (event) => void submit(event) } },
    element("h2", {}, strings.keyTitle),
    element("label", { class: "field", for: "key" }, strings.key),
    key,
    element("button", { type: "submit", class: "primary" }, strings.enter),
    problem,
  ));
  key.focus();
  return promise;
}
