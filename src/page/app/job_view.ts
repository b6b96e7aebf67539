/**
 * One job's transcript. In: a job. Out: its text as it is decoded, what may still change in grey, subtitles beside it,
 * and links that save them.
 */

import type { TimedWord, TranscriptDocument } from "../../document/document.ts";
import { readDocument } from "../../document/json.ts";
import { showTranscript, type SpanToAlign } from "../transcript/show.ts";
import type { PageLanguage } from "../languages.ts";
import { tables } from "../transcript/strings.ts";
import { type Aligned, call, type Info, type Job, type JobEvent, listen, resultPath, textOf } from "./api.ts";
import { button, copied, element, icon } from "./dom.ts";
import { Flow } from "./flow.ts";
import { clock, stem } from "./format.ts";
import { isOpen } from "./jobs.ts";
import { Keeper } from "./keeper.ts";
import { languageName } from "./settings.ts";
import { fill, type Strings } from "./strings.ts";

export type JobViewHost = {
  readonly strings: Strings;
  readonly pageLanguage: PageLanguage;
  readonly info: Info;
  /** It is being heard. */
  onProgress(id: string, progress: Partial<Job>): void;
  /** The job is over, or the server may be: it should be asked. */
  onDoubt(): void;
  /** The job's recording is to be heard with the options as they are now. */
  onAgain(id: string): void;
  onSay(message: string): void;
  onFailure(error: unknown): void;
};

/** The formats beside SRT and text, by the API's names. */
const otherFormats = [
  ...[["vtt", "WebVTT"], ["vtt-words", "WebVTT, words"], ["ass", "ASS"], ["lrc", "LRC"]],
  ...[["csv", "CSV"], ["tsv", "TSV"], ["html", "HTML"], ["md", "Markdown"], ["document", "JSON"]],
] as const;

export class JobView {
  readonly element: HTMLElement;
  readonly #flow = new Flow();
  readonly #cues: HTMLElement = element("pre", { class: "cues", tabindex: 0, dir: "auto" });
  readonly #hint: HTMLElement = element("p", { class: "dim" });
  readonly #facts: HTMLElement = element("p", { class: "facts dim" });
  readonly #saves: HTMLElement = element("div", { class: "saves", hidden: true });
  readonly #transcript: HTMLElement = element("div", {});
  readonly #ending = new AbortController();
  readonly #keeper: Keeper;
  #source: { close(): void } | undefined;
  #job: Job;

  constructor(job: Job, readonly host: JobViewHost) {
    const { strings } = host;
    this.#job = job;
    this.#keeper = new Keeper(job.id, () => void this.#showCues(), host.onFailure);
    addEventListener("beforeunload", (event) => {
      if (this.#keeper.isBehind) event.preventDefault();
    }, { signal: this.#ending.signal });
    this.#cues.setAttribute("aria-label", strings.subtitles);
    this.element = element(
      "article",
      { class: "job", "aria-label": job.name },
      element(
        "header",
        {},
        element("h2", { dir: "auto" }, job.name),
        this.#facts,
        isOpen(job.status) ? undefined : button(strings.hearAgain, "link", () => host.onAgain(job.id)),
      ),
      this.#saves,
      element(
        "div",
        { class: "panes" },
        element(
          "section",
          { class: "pane", "aria-label": strings.text },
          element("h3", {}, strings.text),
          this.#hint,
          this.#flow.element,
          this.#transcript,
        ),
        element("section", { class: "pane" }, element("h3", {}, strings.subtitles), this.#cues),
      ),
    );
    this.#saves.addEventListener("click", (event) => void this.#saveKept(event));
    this.#showFacts(job);
    if (isOpen(job.status)) this.#follow();
    else if (job.status === "done" || job.partial) void this.#showResult();
    else this.#say(job.error?.message ?? strings[job.status]);
  }

  get id(): string {
    return this.#job.id;
  }

  dispose(): void {
    this.#source?.close();
    this.#ending.abort();
    void this.#keeper.flush();
    this.element.remove();
  }

  #follow(): void {
    this.#say(this.#job.status === "queued" ? this.host.strings.waits : this.host.strings.notYet);
    const listens = () => {
      this.#source?.close();
      // A browser has few connections for all tabs of a server: one that nobody looks at leaves its to others.
      if (document.hidden) return;
      this.#source = listen(this.#job.id, {
        onStart: () => this.#clear(),
        onEvent: (event) => this.#take(event),
        onBroken: () => this.host.onDoubt(),
      });
    };
    document.addEventListener("visibilitychange", listens, { signal: this.#ending.signal });
    listens();
  }

  /** Everything comes from the start. */
  #clear(): void {
    this.#flow.clear();
    this.#cues.textContent = "";
  }

  #take(event: JobEvent): void {
    const { delta = "", drop = 0 } = event;
    switch (event.type) {
      case "transcript.text.delta":
        this.#begun();
        return this.#flow.append(delta);
      case "job.tail":
        this.#begun();
        this.#flow.tail = this.#flow.tail.slice(drop) + delta;
        return;
      case "job.srt":
        return this.#cues.append(delta);
      case "job.progress": {
        const { type: _, ...progress } = event;
        this.#showFacts(progress);
        return this.host.onProgress(this.#job.id, progress);
      }
      default:
        return this.host.onDoubt();
    }
  }

  #begun(): void {
    if (this.#hint.hidden) return;
    this.#say("");
    this.host.onProgress(this.#job.id, {});
  }

  #say(text: string): void {
    this.#hint.textContent = text;
    this.#hint.hidden = text === "";
  }

  #showFacts({ language = "", audio_seconds: audio }: Pick<Job, "language" | "audio_seconds">): void {
    const { strings, info: { languages }, pageLanguage } = this.host;
    const code = languages.find(({ name }) => name === language)?.code ?? "";
    this.#facts.textContent = [
      ...(language === "" ? [] : [fill(strings.detectedAs, { language: languageName(language, code, pageLanguage) })]),
      ...(audio === undefined ? [] : [fill(strings.duration, { time: clock(audio) })]),
    ].join(" · ");
  }

  async #showCues(): Promise<void> {
    this.#cues.textContent = await textOf(resultPath(this.#job.id, "srt"));
  }

  async #showResult(): Promise<void> {
    const { id } = this.#job;
    try {
      const [text] = await Promise.all([textOf(resultPath(id, "text")), this.#showCues()]);
      this.#flow.clear();
      this.#flow.append(text!.trim());
      const { noSpeech, cancelledPart, failedPart } = this.host.strings;
      const part = this.#job.error ? `${this.#job.error.message}. ${failedPart}` : cancelledPart;
      this.#say(this.#job.partial ? part : text!.trim() === "" ? noSpeech : "");
      this.#showSaves();
      await this.#showTranscript(readDocument(await textOf(resultPath(id, "document")), this.#job.name));
    } catch (error) {
      this.host.onFailure(error);
    }
  }

  /** In place of the bare text: with a player, if the recording can be had. */
  async #showTranscript(transcript: TranscriptDocument): Promise<void> {
    const path = `v1/jobs/${this.#job.id}`;
    const sound = await call<{ readonly peaks: readonly number[] }>("GET", `${path}/peaks`).catch(() => undefined);
    if (this.#ending.signal.aborted) return;
    this.#flow.element.hidden = true;
    const shown = showTranscript(this.#transcript, {
      ...{ transcript, strings: tables[this.host.pageLanguage], editable: true },
      ...(sound && { audioUrl: `${path}/audio`, peaks: sound.peaks }),
      ...(sound && this.host.info.aligner && { realign: (span) => this.#realigned(span) }),
      cues: async () => readDocument(await textOf(resultPath(this.#job.id, "cues")), this.#job.name).segments,
      onChange: (changed) => this.#keeper.changed(changed),
    });
    this.#ending.signal.addEventListener("abort", () => shown.dispose());
  }

  async #realigned({ startMs, endMs, text, language }: SpanToAlign): Promise<readonly TimedWord[]> {
    const span = { start: startMs / 1000, end: endMs / 1000, text, language };
    const { words } = await call<Aligned>("POST", `v1/jobs/${this.#job.id}/align`, span);
    return words.map(({ text, start, end, flag }) => ({
      ...{ text, startMs: Math.round(start * 1000), endMs: Math.round(end * 1000) },
      ...(flag && { flag }),
    }));
  }

  #showSaves(): void {
    const { strings } = this.host;
    const link = (format: string, extension: string, label: string, kind: string, ...more: readonly Node[]) =>
      element(
        "a",
        {
          class: kind,
          // Whoever opens a table opens it in a spreadsheet.
          href: resultPath(this.#job.id, format) + (["csv", "tsv"].includes(format) ? "&spreadsheet=true" : ""),
          download: `${stem(this.#job.name)}.${extension}`,
        },
        ...more,
        label,
      );
    this.#saves.replaceChildren(
      link("srt", "srt", strings.saveSrt, "button primary", icon("save")),
      link("text", "txt", strings.saveText, "button plain"),
      button(strings.copy, "plain", () => void this.#copy()),
      menu(
        strings.saveMore,
        otherFormats.map(([format, label]) => link(format, extensionOf(format), label, "")),
        this.#ending.signal,
      ),
    );
    this.#saves.hidden = false;
  }

  /** What is saved has the last edit in it. */
  async #saveKept(event: MouseEvent): Promise<void> {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || !this.#keeper.isBehind) return;
    event.preventDefault();
    await this.#keeper.flush();
    if (!this.#keeper.isBehind) link.click();
  }

  async #copy(): Promise<void> {
    try {
      await this.#keeper.flush();
      const text = (await textOf(resultPath(this.#job.id, "text"))).trim();
      const shown = this.#flow.element.hidden ? this.#transcript : this.#flow.element;
      if (await copied(text, shown)) this.host.onSay(this.host.strings.copied);
    } catch (error) {
      this.host.onFailure(error);
    }
  }
}

/** Closes by itself when something else is done, and by Escape. */
function menu(label: string, entries: readonly HTMLElement[], ending: AbortSignal): HTMLDetailsElement {
  const title = element("summary", { class: "button plain" }, label);
  const made = element(
    "details",
    { class: "menu" },
    title,
    element("ul", {}, ...entries.map((entry) => element("li", {}, entry))),
  );
  const close = () => made.open = false;
  for (const event of ["click", "focusin"]) {
    document.addEventListener(event, ({ target }) => {
      if (!(target instanceof Node) || !made.contains(target)) close();
    }, { signal: ending });
  }
  made.addEventListener("click", ({ target }) => void (target instanceof HTMLAnchorElement && close()));
  made.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !made.open) return;
    close();
    title.focus();
  });
  return made;
}

function extensionOf(format: string): string {
  return format === "document" ? "json" : format === "vtt-words" ? "words.vtt" : format;
}
