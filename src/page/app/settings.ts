/** The choices that go with a recording. In: what the server can do. Out: a form, and its values as fields. */

import type { PageLanguage } from "../languages.ts";
import type { Fields, Info } from "./api.ts";
import { element } from "./dom.ts";
import { keep, kept } from "./store.ts";
import { fill, type Strings } from "./strings.ts";

/** What the browser keeps from visit to visit. */
type Kept = { language: string; speakers: string; terms: string; itn: boolean; script: string; align: boolean };

const storeKey = "qwen-asr choices";
const scripts = ["cn", "tw", "twp", "hk"] as const;

export class Settings {
  readonly element: HTMLElement;
  readonly #language: HTMLSelectElement;
  readonly #script: HTMLSelectElement;
  readonly #terms: HTMLTextAreaElement;
  readonly #itn: HTMLInputElement;
  readonly #align: HTMLInputElement | undefined;
  readonly #speakers: HTMLSelectElement | undefined;

  constructor(info: Info, strings: Strings, pageLanguage: PageLanguage) {
    const earlier = readKept();
    this.#language = languageSelect(info, strings, pageLanguage, earlier.language);
    this.#script = select(
      [["", strings.scriptKeep], ...scripts.map((name): [string, string] => [name, scriptName(name, strings)])],
      earlier.script,
    );
    this.#terms = element("textarea", { rows: 3, spellcheck: "false", "aria-describedby": "terms-help" });
    this.#terms.value = earlier.terms;
    this.#itn = checkbox(earlier.itn);
    this.#align = info.aligner ? checkbox(earlier.align) : undefined;
    this.#speakers = info.speakers ? speakersSelect(strings, earlier.speakers) : undefined;
    this.element = element(
      "form",
      { class: "settings", on: { change: () => this.#keep(), submit: (event) => event.preventDefault() } },
      labelled("language", strings.language, this.#language),
      this.#speakers && labelled("speakers", strings.whoSpeaks, this.#speakers),
      element(
        "details",
        { open: earlier.terms !== "" || earlier.itn || earlier.script !== "" },
        element("summary", {}, strings.moreOptions),
        element("label", { class: "check" }, this.#itn, strings.itn),
        this.#align && element("label", { class: "check" }, this.#align, strings.aligner),
        labelled("script", strings.script, this.#script),
        labelled("terms", strings.terms, this.#terms),
        element("p", { id: "terms-help", class: "dim" }, strings.termsHelp),
      ),
    );
  }

  /** Those of a job. */
  fields(): Fields {
    return {
      ...this.streamFields(),
      response_format: "srt", // Whose times are the best.
      preview: "srt",
      align: String(this.#align?.checked ?? false),
    };
  }

  /** Those of live sound. */
  streamFields(): Fields {
    const { value: language } = this.#language;
    return {
      ...(language !== "" && { language }),
      ...(this.#speakers && this.#speakers.value !== "" && { speakers: this.#speakers.value }),
      ...(this.#script.value !== "" && { script: this.#script.value }),
      ...(this.#terms.value.trim() !== "" && { keywords: this.#terms.value }),
      ...(this.#itn.checked && { itn: "true" }),
    };
  }

  #keep(): void {
    const kept: Kept = {
      language: this.#language.value,
      speakers: this.#speakers?.value ?? "",
      terms: this.#terms.value,
      itn: this.#itn.checked,
      script: this.#script.value,
      align: this.#align?.checked ?? true,
    };
    keep(storeKey, JSON.stringify(kept));
  }
}

const countsMax = 10;

function speakersSelect(strings: Strings, chosen: string): HTMLSelectElement {
  const counts = Array.from({ length: countsMax - 1 }, (_, index) => String(index + 2));
  const named = counts.map((count): [string, string] => [count, fill(strings.speakersCount, { count })]);
  return select([["", strings.speakersOff], ["auto", strings.speakersAuto], ...named], chosen);
}

function languageSelect({ languages }: Info, strings: Strings, pageLanguage: PageLanguage, chosen: string) {
  const named = languages.map(({ name, code }): [string, string] => [code, languageName(name, code, pageLanguage)]);
  const chinese = named.findIndex(([code]) => code === "zh");
  const withTaiwan = named.toSpliced(
    chinese + 1,
    0,
    ...(chinese < 0 ? [] : [["zh-TW", strings.taiwan] as [string, string]]),
  );
  return select([["", strings.detect], ...withTaiwan], chosen);
}

/** As the page's language calls it; else as the model does. */
export function languageName(name: string, code: string, pageLanguage: PageLanguage): string {
  try {
    const found = code === "" ? undefined : new Intl.DisplayNames([pageLanguage], { type: "language" }).of(code);
    return found === undefined || found === code ? name : found;
  } catch {
    return name;
  }
}

function scriptName(name: (typeof scripts)[number], strings: Strings): string {
  return { cn: strings.scriptCn, tw: strings.scriptTw, twp: strings.scriptTwp, hk: strings.scriptHk }[name];
}

function select(choices: readonly (readonly [value: string, label: string])[], chosen: string): HTMLSelectElement {
  const made = element("select", {}, ...choices.map(([value, label]) => element("option", { value }, label)));
  if (choices.some(([value]) => value === chosen)) made.value = chosen;
  return made;
}

function checkbox(isChecked: boolean): HTMLInputElement {
  return element("input", { type: "checkbox", checked: isChecked });
}

function labelled(id: string, text: string, control: HTMLElement): HTMLElement {
  control.id = id;
  return element("div", { class: "field" }, element("label", { for: id }, text), control);
}

function readKept(): Kept {
  const none: Kept = { language: "", speakers: "", terms: "", itn: false, script: "", align: true };
  try {
    const found: unknown = JSON.parse(kept(storeKey) ?? "{}");
    const fits = Object.entries(found ?? {}).filter(([name, value]) =>
      typeof none[name as keyof Kept] === typeof value
    );
    return { ...none, ...Object.fromEntries(fits) };
  } catch {
    return none;
  }
}
