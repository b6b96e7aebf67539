/**
 * The list of recordings: those on their way to the server, and its jobs. In: files, and what the server says. Out: a
 * list that is kept up to date, and which of its jobs is to be shown.
 */

import { ApiFailure, call, createJob, createJobAgain, type Fields, type Job, type JobStatus } from "./api.ts";
import { button, element, signButton } from "./dom.ts";
import { clock } from "./format.ts";
import { fill, type Strings } from "./strings.ts";

/** How often the server is asked while it has work, and while there is little to see: the shown job has its events. */
const askMs = 2000;
const askSeldomMs = 15_000;

type Progress = Pick<Job, "audio_seconds" | "heard_seconds" | "eta_seconds" | "language">;

export type JobListHost = {
  readonly strings: Strings;
  /** Shows a job; undefined: none. `isChosen`: the user asked for it. */
  onShow(job: Job | undefined, isChosen?: boolean): void;
  /** Something to be told to the user, also to those who do not see. */
  onSay(message: string): void;
  onFailure(error: unknown): void;
  /** The server is there. */
  onAnswer(): void;
};

export class JobList {
  readonly element: HTMLElement;
  readonly #list: HTMLUListElement = element("ul", { class: "jobs" });
  readonly #saveAll: HTMLAnchorElement;
  readonly #rows = new Map<string, JobRow>();
  readonly #waiting: { readonly row: UploadRow; readonly file: File; readonly fields: Fields }[] = [];
  #isUploading = false;
  #shown: string | undefined;
  #timer: number | undefined;

  constructor(readonly host: JobListHost) {
    this.#saveAll = element("a", {
      class: "button link",
      href: "v1/results?response_format=srt",
      download: "transcripts.zip",
    }, host.strings.saveAll);
    this.element = element(
      "section",
      { class: "recordings", hidden: true, "aria-label": host.strings.recordings },
      this.#list,
      this.#saveAll,
    );
    document.addEventListener("visibilitychange", () => void (document.hidden || this.refresh()));
    addEventListener("beforeunload", (event) => {
      if (this.#isUploading) event.preventDefault(); // What was not sent would be lost.
    });
  }

  /** Asks the server, and goes on asking while something is going on there. */
  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      const { data } = await call<{ readonly data: readonly Job[] }>("GET", "v1/jobs");
      this.host.onAnswer();
      this.#update(data);
      this.#tellTitle();
      const busy = data.filter(({ status }) => isOpen(status));
      const isSeen = !document.hidden && busy.some(({ id }) => id !== this.#shown);
      if (busy.length > 0) this.#timer = setTimeout(() => void this.refresh(), isSeen ? askMs : askSeldomMs);
    } catch (error) {
      this.host.onFailure(error);
      if (!(error instanceof ApiFailure) || error.status !== 401) {
        this.#timer = setTimeout(() => void this.refresh(), askMs);
      }
    }
  }

  /** What the tab says of the job that is shown. */
  #tellTitle(): void {
    const job = this.#shown === undefined ? undefined : this.#rows.get(this.#shown)?.job;
    const { status, audio_seconds: audio = 0, heard_seconds: heard = 0 } = job ?? {};
    const share = status === "running" && audio > 0 ? `${Math.floor((heard / audio) * 100)} % · ` : "";
    document.title = job ? `${share}${job.name} · qwen-asr` : "qwen-asr";
  }

  /** Sends files, one after the other. */
  add(files: readonly File[], fields: Fields): void {
    for (const file of files) {
      const row = new UploadRow(file.name, this.host.strings);
      this.#list.prepend(row.element);
      row.element.scrollIntoView({ block: "nearest" });
      this.#waiting.push({ row, file, fields });
    }
    this.#showOrHide();
    void this.#uploadNext();
  }

  /** The recording of a job, with other options. */
  async hearAgain(id: string, fields: Fields): Promise<void> {
    try {
      await this.#made(await createJobAgain(id, fields));
    } catch (error) {
      this.host.onFailure(error);
    }
  }

  async #made(job: Job): Promise<void> {
    this.#insert(job);
    this.show(job.id);
    await this.refresh();
  }

  /** The latest that is not over; else the latest. */
  showFirst(): void {
    const jobs = [...this.#rows.values()].map(({ job }) => job).toReversed();
    const first = jobs.find(({ status }) => isOpen(status)) ?? jobs[0];
    if (first) this.show(first.id);
  }

  show(id: string, isChosen = false): void {
    const row = this.#rows.get(id);
    if (!row) return;
    this.#shown = id;
    for (const [other, { element }] of this.#rows) {
      const title = element.querySelector("button")!;
      if (other === id) title.setAttribute("aria-current", "true");
      else title.removeAttribute("aria-current");
    }
    this.host.onShow(row.job, isChosen);
    this.#tellTitle();
  }

  /** What the events of the shown job say, which come sooner than the next answer. */
  progressed(id: string, progress: Progress): void {
    const row = this.#rows.get(id);
    if (row && isOpen(row.job.status)) row.update({ ...row.job, ...progress, status: "running" });
    this.#tellTitle();
  }

  #update(jobs: readonly Job[]): void {
    for (const [id, row] of this.#rows) {
      if (jobs.some((job) => job.id === id)) continue;
      row.element.remove();
      this.#rows.delete(id);
      if (this.#shown === id) this.#hide();
    }
    for (const job of jobs.toReversed()) {
      const known = this.#rows.get(job.id);
      if (known) this.#changed(known, job);
      else this.#insert(job);
    }
    this.#showOrHide();
  }

  #insert(job: Job): JobRow {
    const row = new JobRow(job, this.host.strings, {
      show: () => this.show(job.id, true),
      cancel: () => void this.#ask("POST", `v1/jobs/${job.id}/cancel`),
      remove: () => {
        if (confirm(fill(this.host.strings.removeAsk, { name: row.job.name }))) {
          void this.#ask("DELETE", `v1/jobs/${job.id}`);
        }
      },
    });
    this.#rows.set(job.id, row);
    this.#list.prepend(row.element);
    return row;
  }

  #changed(row: JobRow, job: Job): void {
    const before = row.job.status;
    row.update(job);
    if (before === job.status || isOpen(job.status)) return;
    this.host.onSay(`${job.name}: ${this.host.strings[job.status]}`);
    if (this.#shown === job.id) this.host.onShow(job);
  }

  #hide(): void {
    this.#shown = undefined;
    this.host.onShow(undefined);
    this.#tellTitle();
  }

  async #ask(method: "POST" | "DELETE", path: string): Promise<void> {
    try {
      await call(method, path);
    } catch (error) {
      this.host.onFailure(error);
    }
    await this.refresh();
  }

  async #uploadNext(): Promise<void> {
    const next = this.#isUploading ? undefined : this.#waiting.shift();
    if (!next) return;
    const { row, file, fields } = next;
    this.#isUploading = true;
    try {
      if (!row.stop.signal.aborted) await this.#upload(row, file, fields);
    } finally {
      this.#isUploading = false;
      void this.#uploadNext();
    }
  }

  async #upload(row: UploadRow, file: File, fields: Fields): Promise<void> {
    try {
      const job = await createJob(file, fields, (share) => row.sent(share), row.stop.signal);
      row.element.remove();
      await this.#made(job);
    } catch (error) {
      // A full queue: there is a place for it later.
      if (error instanceof ApiFailure && error.status === 429) return this.#uploadLater(row, file, fields, error);
      const again = () => {
        this.#waiting.push({ row, file, fields });
        void this.#uploadNext();
      };
      if (!row.stop.signal.aborted) row.failed(error instanceof ApiFailure ? error.message : String(error), again);
    }
    this.#showOrHide();
  }

  #uploadLater(row: UploadRow, file: File, fields: Fields, { againSec = NaN }: ApiFailure): void {
    row.waits();
    setTimeout(() => {
      this.#waiting.unshift({ row, file, fields });
      void this.#uploadNext();
    }, 1000 * (againSec > 0 ? againSec : 10));
  }

  #showOrHide(): void {
    this.element.hidden = this.#list.childElementCount === 0;
    this.#saveAll.hidden = [...this.#rows.values()].filter(({ job }) => job.status === "done").length < 2;
  }
}

export function isOpen(status: JobStatus): boolean {
  return status === "queued" || status === "running";
}

/** A recording on its way to the server. */
class UploadRow {
  readonly element: HTMLLIElement;
  readonly stop = new AbortController();
  readonly #bar: HTMLProgressElement;
  readonly #state: HTMLElement;

  constructor(name: string, readonly strings: Strings) {
    this.#bar = element("progress", { max: 1, value: 0, "aria-label": `${strings.uploading}: ${name}` });
    this.#state = element("span", { class: "state" }, strings.uploading);
    this.element = element(
      "li",
      {},
      element("span", { class: "name", title: name, dir: "auto" }, name),
      signButton("cancel", `${strings.cancel}: ${name}`, () => this.#remove()),
      this.#state,
      this.#bar,
    );
  }

  sent(share: number): void {
    this.#bar.value = share;
    this.#bar.hidden = false;
    this.#state.textContent = this.strings.uploading;
    this.element.classList.remove("failed");
  }

  waits(): void {
    this.#bar.hidden = true;
    this.#state.textContent = this.strings.queued;
  }

  /** `again` sends it once more. */
  failed(message: string, again: () => void): void {
    this.#bar.hidden = true;
    this.#state.replaceChildren(message || this.strings.offline, " ", button(this.strings.again, "link", again));
    this.element.classList.add("failed");
  }

  #remove(): void {
    this.stop.abort();
    this.element.remove();
  }
}

type JobActs = { show(): void; cancel(): void; remove(): void };

/** A job of the server. */
class JobRow {
  readonly element: HTMLLIElement;
  readonly #state: HTMLElement = element("span", { class: "state" });
  readonly #bar: HTMLProgressElement = element("progress", { max: 1 });
  readonly #cancel: HTMLButtonElement;
  readonly #remove: HTMLButtonElement;

  constructor(public job: Job, readonly strings: Strings, acts: JobActs) {
    const { name } = job;
    this.#cancel = signButton("cancel", `${strings.cancel}: ${name}`, acts.cancel);
    this.#remove = signButton("trash", `${strings.remove}: ${name}`, acts.remove);
    this.#bar.setAttribute("aria-label", `${strings.running}: ${name}`);
    const title = button(name, "name", acts.show);
    title.title = name;
    title.dir = "auto";
    this.element = element("li", {}, title, this.#cancel, this.#remove, this.#state, this.#bar);
    this.update(job);
  }

  update(job: Job): void {
    this.job = job;
    const isBusy = isOpen(job.status);
    this.element.className = job.status;
    this.#bar.hidden = job.status !== "running";
    // A button that has the focus must not vanish under it.
    const hadFocus = document.activeElement === this.#cancel && !isBusy;
    this.#cancel.hidden = !isBusy;
    this.#remove.hidden = isBusy;
    if (hadFocus) this.#remove.focus();
    this.#tell(job);
  }

  #tell({ status, error, audio_seconds: audio, heard_seconds: heard = 0, eta_seconds: eta }: Job): void {
    const { strings } = this;
    if (audio && audio > 0) this.#bar.value = heard / audio;
    const left = eta === undefined || heard === audio
      ? ""
      : ` · ${fill(strings.left, { time: clock(Math.ceil(eta)) })}`;
    const share = audio && audio > 0 ? ` ${Math.round((heard / audio) * 100)} %` : "";
    if (status === "running") this.#state.textContent = strings.running + share + left;
    else if (status === "failed") this.#state.textContent = error?.message ?? strings.failed;
    else {this.#state.textContent = strings[status] +
        (status === "done" && audio !== undefined ? ` · ${clock(audio)}` : "");}
  }
}
