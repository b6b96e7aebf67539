/** The buttons of the player. In: what they do. Out: nodes; what is shown where nothing can be played. */

import { button, div } from "./dom.ts";
import type { Strings } from "./strings.ts";

type ControlsGiven = {
  readonly place: HTMLElement;
  readonly audio: HTMLAudioElement;
  readonly strings: Strings;
  readonly wave: HTMLElement;
  readonly toggle: () => void;
  readonly nextDoubt: () => void;
};

const speeds = [0.5, 0.75, 1, 1.25, 1.5, 2];

export class PlayerControls {
  readonly #place: HTMLElement;
  readonly #audio: HTMLAudioElement;
  readonly #strings: Strings;
  readonly #play: HTMLButtonElement;
  readonly #speed: HTMLSelectElement;
  readonly #time = div("time");
  readonly #follow = document.createElement("input");
  readonly #doubts: HTMLButtonElement;
  readonly #message = div("message");
  /** The address of a file that was chosen. */
  #chosen: string | undefined;
  #hasSound = false;

  constructor({ place, audio, strings, wave, toggle, nextDoubt }: ControlsGiven) {
    [this.#place, this.#audio, this.#strings] = [place, audio, strings];
    this.#play = button("", toggle);
    this.#play.classList.add("play");
    this.#speed = speedList(audio, strings);
    this.#follow.type = "checkbox";
    this.#follow.checked = true;
    const label = document.createElement("label");
    label.append(this.#follow, ` ${strings.follow}`);
    this.#doubts = button("", nextDoubt);
    this.#doubts.title = strings.nextDoubtful;
    this.#message.setAttribute("role", "status");
    place.classList.add("player");
    place.setAttribute("role", "region");
    place.setAttribute("aria-label", strings.player);
    place.replaceChildren(
      div("row", this.#play, wave, this.#time),
      div("row options", this.#speed, label, this.#doubts),
      this.#message,
    );
    this.setPlaying(false);
    this.setSound(audio.hasAttribute("src"));
  }

  get hasSound(): boolean {
    return this.#hasSound;
  }

  /** The text goes with the sound. */
  get follows(): boolean {
    return this.#follow.checked;
  }

  setTime(text: string): void {
    if (this.#time.textContent !== text) this.#time.textContent = text;
  }

  setDoubts(count: number): void {
    this.#doubts.hidden = count === 0;
    this.#doubts.textContent = `${this.#strings.doubtful}: ${count}`;
  }

  setPlaying(isPlaying: boolean): void {
    this.#play.classList.toggle("playing", isPlaying);
    const name = isPlaying ? this.#strings.pause : this.#strings.play;
    this.#play.setAttribute("aria-label", name);
    this.#play.title = name;
  }

  setSound(has: boolean): void {
    this.#hasSound = has;
    this.#play.disabled = this.#speed.disabled = !has;
    const { soundMissing, noSound } = this.#strings;
    const says = this.#audio.hasAttribute("src") ? soundMissing : noSound;
    this.#message.replaceChildren(...(has ? [] : [says, ...this.#chooser()]));
  }

  dispose(): void {
    if (this.#chosen !== undefined) URL.revokeObjectURL(this.#chosen);
    this.#place.replaceChildren();
  }

  /** A recording that was moved, or never attached, is played from where it is. */
  #chooser(): HTMLElement[] {
    const input = document.createElement("input");
    input.type = "file";
    input.accept = "audio/*,video/*";
    input.hidden = true;
    input.addEventListener("change", () => {
      const [file] = input.files ?? [];
      if (!file) return;
      if (this.#chosen !== undefined) URL.revokeObjectURL(this.#chosen);
      this.#audio.src = this.#chosen = URL.createObjectURL(file);
    });
    return [button(this.#strings.chooseSound, () => input.click()), input];
  }
}

function speedList(audio: HTMLAudioElement, strings: Strings): HTMLSelectElement {
  const list = document.createElement("select");
  list.setAttribute("aria-label", strings.speed);
  list.title = strings.speed;
  for (const speed of speeds) list.append(new Option(`${speed}\u00d7`, String(speed), speed === 1, speed === 1));
  list.addEventListener("change", () => audio.playbackRate = Number(list.value));
  return list;
}
