/** The server's page: its parts, and what goes from one to the other. Its own entry point. */

import { type PageLanguage, pageLanguageFor } from "../languages.ts";
import { ApiFailure, call, type Info, type Job } from "./api.ts";
import { arrivalNotice } from "./arrival.ts";
import { button, element } from "./dom.ts";
import { size } from "./format.ts";
import { createIntake } from "./intake.ts";
import { JobView } from "./job_view.ts";
import { JobList } from "./jobs.ts";
import { askForKey } from "./login.ts";
import { microphoneButtons } from "./microphone.ts";
import { Settings } from "./settings.ts";
import { keep, kept } from "./store.ts";
import { fill, isPageLanguage, type Strings, tables } from "./strings.ts";

const languageKey = "qwen-asr page language";

/** Messages for those who see, and for those who hear the page. */
class Messages {
  readonly element: HTMLElement = element("div", { class: "messages" });
  readonly #problem: HTMLElement = element("p", { class: "problem", role: "alert", hidden: true });
  readonly #spoken: HTMLElement = element("p", { class: "spoken", role: "status" });

  constructor() {
    this.element.append(this.#problem, this.#spoken);
  }

  say(message: string): void {
    this.#spoken.textContent = message;
  }

  /** "": there is no problem any more. */
  problem(message: string): void {
    this.#problem.textContent = message;
    this.#problem.hidden = message === "";
  }

  /** That problem is no more. */
  over(message: string): void {
    if (this.#problem.textContent === message) this.problem("");
  }
}

async function start(): Promise<void> {
  const chosen = kept(languageKey);
  const language = isPageLanguage(chosen) ? chosen : pageLanguageFor(navigator.languages);
  const { strings } = tables[language];
  document.documentElement.lang = language;
  const info = await enter(strings, language);
  document.body.replaceChildren(
    header(strings, info),
    ...content(info, strings, language),
    footer(strings, language, info),
  );
}

/** Asks for a key where the server wants one. */
async function enter(strings: Strings, language: PageLanguage): Promise<Info> {
  for (;;) {
    try {
      return await call<Info>("GET", "v1/info");
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      const isKeyWanted = error.status === 401;
      document.body.replaceChildren(header(strings), element("main", { class: "alone" }), footer(strings, language));
      const main = document.querySelector("main")!;
      if (isKeyWanted) await askForKey(main, strings);
      else {
        main.append(
          element("p", { class: "problem", role: "alert" }, error.status === 0 ? strings.offline : error.message),
        );
        await new Promise((resolve) => setTimeout(resolve, 3000));
      }
    }
  }
}

function content(info: Info, strings: Strings, pageLanguage: PageLanguage): HTMLElement[] {
  const messages = new Messages();
  const shown = element("div", { class: "shown" });
  let view: JobView | undefined;
  const onFailure = (error: unknown) => {
    if (!(error instanceof ApiFailure)) throw error;
    if (error.status === 401) location.reload(); // Which asks for the key.
    else messages.problem(error.status === 0 ? strings.offline : error.message);
  };
  const list = new JobList({
    ...{ strings, onFailure, onSay: (message) => messages.say(message) },
    onAnswer: () => messages.over(strings.offline),
    onShow: (job, isChosen = false) => show(job, isChosen),
  });
  const viewHost = {
    ...{ strings, pageLanguage, info, onFailure },
    onSay: (message: string) => messages.say(message),
    onProgress: list.progressed.bind(list),
    onDoubt: () => void list.refresh(),
    onAgain: (id: string) => void list.hearAgain(id, settings.fields()),
  };
  function show(job: Job | undefined, isChosen: boolean): void {
    view?.dispose();
    view = job && new JobView(job, viewHost);
    shown.replaceChildren(...view ? [view.element] : []);
    // On a telephone it stands below everything else.
    if (isChosen && shown.getBoundingClientRect().top > innerHeight * 0.7) shown.scrollIntoView();
  }
  const settings = new Settings(info, strings, pageLanguage);
  const add = (files: readonly File[]) => {
    messages.problem("");
    const tooLarge = files.find((file) => file.size > info.upload_bytes_max);
    if (tooLarge) {
      messages.problem(fill(strings.tooLarge, { name: tooLarge.name, size: size(info.upload_bytes_max) }));
    }
    list.add(files.filter((file) => file.size <= info.upload_bytes_max), settings.fields());
  };
  const intake = createIntake(strings, info.samples, add, (message) => messages.problem(message));
  const microphone = microphoneButtons({ strings, settings, onRecording: (file) => add([file]) });
  intake.buttons.append(...microphone.buttons);
  void list.refresh().then(() => list.showFirst());
  const notice = arrivalNotice(info, strings);
  return [
    messages.element,
    ...notice ? [notice] : [],
    element(
      "main",
      {},
      element("div", { class: "side" }, intake.element, settings.element, list.element),
      element("div", { class: "wide" }, microphone.panel, shown),
    ),
  ];
}

function header(strings: Strings, info?: Info): HTMLElement {
  return element(
    "header",
    { class: "top" },
    element("h1", {}, "qwen-asr"),
    element("p", { class: "dim" }, strings.tagline),
    info !== undefined && info.owner !== "" && button(`${strings.logOut} (${info.owner})`, "link", () => {
      void call("POST", "logout").finally(() => location.reload());
    }),
  );
}

function footer(strings: Strings, language: PageLanguage, info?: Info): HTMLElement {
  const choice = element(
    "select",
    { "aria-label": strings.pageLanguage, on: { change: () => choose(choice.value) } },
    ...Object.entries(tables).map(([tag, { name }]) =>
      element("option", { value: tag, lang: tag, selected: tag === language }, name)
    ),
  );
  return element(
    "footer",
    { class: "bottom dim" },
    choice,
    info && element("span", {}, `qwen-asr ${info.version} · ${info.model}`),
  );
}

function choose(tag: string): void {
  keep(languageKey, tag);
  location.reload();
}

void start();
