/**
 * The microphone's part of the page. In: two buttons. Out: a recording as a file, or text while somebody speaks; where
 * the browser gives no microphone, what to do about it.
 */

import { type Capture, capture, loudness, mayCapture, wavFile } from "./capture.ts";
import { button, copied, element, icon } from "./dom.ts";
import { Flow } from "./flow.ts";
import { clock } from "./format.ts";
import { LiveStream } from "./live_stream.ts";
import { SpeakerColours } from "../transcript/speakers.ts";
import type { Settings } from "./settings.ts";
import { fill, type Strings } from "./strings.ts";

export type MicrophoneHost = {
  readonly strings: Strings;
  readonly settings: Settings;
  onRecording(file: File): void;
};

export type MicrophonePart = {
  readonly buttons: readonly HTMLElement[];
  /** Where it shows what it does. */
  readonly panel: HTMLElement;
};

export function microphoneButtons(host: MicrophoneHost): MicrophonePart {
  const { strings } = host;
  const panel = element("section", { class: "microphone", "aria-live": "off", hidden: true });
  const buttons = [
    button(strings.record, "plain", () => void begin(false), icon("record")),
    button(strings.liveText, "plain", () => void begin(true), icon("live")),
  ];
  const enable = (isOn: boolean) => buttons.forEach((one) => one.disabled = !isOn);
  const show = (...children: Node[]) => {
    panel.replaceChildren(...children);
    panel.hidden = children.length === 0;
    panel.scrollIntoView({ block: "nearest" });
  };
  const close = () => {
    show();
    buttons[0]!.focus();
  };

  async function begin(isLive: boolean): Promise<void> {
    if (!mayCapture()) return show(...insecureHelp(strings, close));
    enable(false);
    try {
      const session = isLive ? new LiveSession(host, close) : new RecordSession(host, close);
      await session.begin(() => enable(true));
      show(session.element);
      session.stopButton.focus();
    } catch (error) {
      enable(true);
      const { name } = error as DOMException;
      const reason = name === "NotFoundError" ? strings.noMicrophone : strings.microphoneDenied;
      show(element("p", { class: "problem", role: "alert" }, reason), button(strings.close, "plain", close));
    }
  }

  return { buttons, panel };
}

/** Five seconds without any sound at all: no room is that quiet. */
const mutedSamples = 5 * 16_000;

/** What is the same while recording and while listening. */
abstract class Session {
  abstract readonly element: HTMLElement;
  readonly stopButton: HTMLButtonElement;
  protected readonly blocks: Int16Array<ArrayBuffer>[] = [];
  protected readonly time: HTMLElement = element("span", { class: "time" }, clock(0));
  protected readonly meter: HTMLMeterElement;
  protected readonly muted: HTMLElement;
  #capture: Capture | undefined;
  #lock: WakeLockSentinel | undefined;
  #samples = 0;
  /** When something was heard last. */
  #soundAt = 0;
  #onStopped = () => {};

  constructor(protected readonly host: MicrophoneHost) {
    const { strings } = host;
    this.muted = element("p", { class: "problem", role: "status", hidden: true }, strings.muted);
    this.meter = element("meter", { min: 0, max: 1, "aria-label": strings.levelLabel });
    this.stopButton = button(strings.stop, "primary stop", () => void this.stop(), icon("stop"));
  }

  async begin(onStopped: () => void): Promise<void> {
    this.#onStopped = onStopped;
    // A telephone that falls asleep would hear nothing more. Where that cannot be, it is as it was.
    void navigator.wakeLock?.request("screen").then((lock) => this.#lock = lock, () => {});
    addEventListener("beforeunload", stay);
    this.#capture = await capture((samples) => this.#take(samples));
  }

  protected file(): File {
    const now = new Date();
    const two = (value: number) => String(value).padStart(2, "0");
    const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
    return wavFile(
      this.blocks,
      `${this.host.strings.recordingName} ${day} ${two(now.getHours())}.${two(now.getMinutes())}.wav`,
    );
  }

  protected abstract take(samples: Int16Array<ArrayBuffer>): void;
  /** All samples were taken. */
  protected abstract ended(): void;

  #take(samples: Int16Array<ArrayBuffer>): void {
    this.blocks.push(samples);
    this.#samples += samples.length;
    this.time.textContent = clock(Math.floor(this.#samples / 16_000));
    this.meter.value = loudness(samples);
    if (samples.some((sample) => Math.abs(sample) > 2)) this.#soundAt = this.#samples;
    this.muted.hidden = this.#samples - this.#soundAt < mutedSamples;
    this.take(samples);
  }

  /** Once. */
  protected async stop(): Promise<void> {
    if (this.stopButton.disabled) return;
    this.stopButton.disabled = true;
    await this.#capture?.end();
    removeEventListener("beforeunload", stay);
    void this.#lock?.release();
    this.#onStopped();
    this.ended();
  }
}

/** What was said would be lost. */
function stay(event: Event): void {
  event.preventDefault();
}

class RecordSession extends Session {
  readonly element: HTMLElement;

  constructor(host: MicrophoneHost, readonly close: () => void) {
    super(host);
    this.element = element(
      "div",
      { class: "session" },
      element("h2", {}, host.strings.recordingNow),
      element("div", { class: "controls" }, this.time, this.meter, this.stopButton),
      this.muted,
    );
  }

  protected take(): void {}

  protected ended(): void {
    this.close();
    this.host.onRecording(this.file());
  }
}

class LiveSession extends Session {
  readonly element: HTMLElement;
  readonly #title: HTMLElement;
  readonly #hint: HTMLElement;
  readonly #flow = new Flow();
  readonly #colours = new SpeakerColours();
  readonly #row: HTMLElement;
  #stream: LiveStream | undefined;
  #isOver = false;

  constructor(host: MicrophoneHost, readonly close: () => void) {
    super(host);
    const { strings } = host;
    this.#title = element("h2", {}, strings.liveNow);
    this.#hint = element("p", { class: "dim" }, strings.liveHint);
    this.#row = element("div", { class: "controls" }, this.time, this.meter, this.stopButton);
    this.#flow.element.role = "log";
    this.#flow.element.ariaLabel = strings.liveText;
    this.element = element(
      "div",
      { class: "session" },
      ...[this.#title, this.#row, this.muted, this.#hint],
      this.#flow.element,
    );
  }

  override async begin(onStopped: () => void): Promise<void> {
    await super.begin(onStopped);
    const { strings, settings } = this.host;
    this.#stream = new LiveStream(settings.streamFields(), {
      onText: (settled, tail) => this.#show(settled, tail),
      onTurn: (text, speaker) => {
        this.#flow.line(text, speaker, speaker === undefined ? "" : this.#colours.of(speaker));
        this.#show("", "");
      },
      onBroken: (isBroken) => void (this.#hint.textContent = isBroken ? strings.reconnecting : strings.liveHint),
      onEnd: (failure) => void this.#over(failure),
    });
    for (const block of this.blocks) this.#stream.push(block); // Those that came before it was there.
  }

  protected take(samples: Int16Array<ArrayBuffer>): void {
    this.#stream?.push(samples);
  }

  protected ended(): void {
    if (this.#isOver) return;
    this.#title.textContent = this.host.strings.liveEnding;
    this.#stream?.end();
  }

  #show(settled: string, tail: string): void {
    const wasInView = this.element.getBoundingClientRect().bottom <= innerHeight;
    this.#flow.append(settled);
    this.#flow.tail = tail;
    if (wasInView) this.#flow.element.scrollIntoView({ block: "nearest" });
  }

  async #over(failure: string | undefined): Promise<void> {
    this.#isOver = true;
    await this.stop(); // Where the server ended it.
    const { strings } = this.host;
    this.#flow.tail = "";
    this.#title.textContent = strings.liveDone;
    this.muted.hidden = true;
    this.#hint.hidden = failure === undefined;
    if (failure !== undefined) this.#hint.textContent = failure || strings.offline;
    const text = this.#flow.element.innerText;
    const copy = button(strings.copy, "plain", () => void copied(text, this.#flow.element));
    const save = element("a", {
      class: "button plain",
      download: this.file().name.replace(/wav$/, "txt"),
      href: URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" })),
    }, strings.saveText);
    const keep = button(strings.liveToJob, "primary", () => {
      this.close();
      this.host.onRecording(this.file());
    });
    this.#row.replaceChildren(this.time, keep, save, copy, button(strings.close, "plain", this.close));
    keep.focus();
  }
}

function insecureHelp(strings: Strings, close: () => void): Node[] {
  const { origin, port, hostname, protocol } = location;
  const number = port || (protocol === "https:" ? "443" : "80");
  const line = (text: string) => element("pre", { tabindex: 0 }, text);
  return [
    element("h2", {}, strings.insecureTitle),
    element("p", {}, fill(strings.insecure, { origin })),
    element("p", {}, strings.insecureLocal),
    line(`http://localhost:${number}`),
    element("p", {}, strings.insecureTunnel),
    line(`ssh -L ${number}:localhost:${number} ${hostname}`),
    element("p", {}, strings.insecureTls),
    line("qwen-asr serve --tls-cert cert.pem --tls-key key.pem …"),
    button(strings.close, "plain", close),
  ];
}
