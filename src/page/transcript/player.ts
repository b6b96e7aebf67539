/**
 * The player of a transcript. In: a recording, and an element whose words know their times. Out: controls, a waveform,
 * the word that is being said marked, and a click on a word, a time or a key that goes there.
 */

import { clock } from "../../output/paragraphs.ts";
import { takesKeys } from "./dom.ts";
import { PlayerControls } from "./player_controls.ts";
import type { Strings } from "./strings.ts";
import { createWaveform, type Waveform } from "./waveform.ts";
import { WordTrack } from "./word_track.ts";

export type PlayerGiven = {
  /** Where the controls go. */
  readonly place: HTMLElement;
  /** What has the words, and all that knows its time. */
  readonly text: HTMLElement;
  /** Without an address there is nothing to play until a file is chosen. */
  readonly audio: HTMLAudioElement;
  readonly durationMs: number;
  /** How loud the recording is, 0 to 1, in parts of equal length. */
  readonly peaks: readonly number[];
  readonly strings: Strings;
};

export class Player {
  readonly #audio: HTMLAudioElement;
  readonly #track: WordTrack;
  readonly #wave: Waveform;
  readonly #controls: PlayerControls;
  readonly #ending = new AbortController();
  #positionMs = 0;
  #hasPeaks = false;
  #durationMs: number;

  constructor({ place, text, audio, durationMs, peaks, strings }: PlayerGiven) {
    this.#audio = audio;
    this.#durationMs = durationMs;
    this.#track = new WordTrack(text);
    this.#wave = createWaveform({ label: strings.position, clock, onSeek: (ms) => this.seek(ms) });
    const acts = { toggle: () => this.#toggle(), nextDoubt: () => this.#seekTo(this.#nextDoubt()) };
    this.#controls = new PlayerControls({ place, audio, strings, wave: this.#wave.element, ...acts });
    this.#wave.setDuration(durationMs);
    this.setPeaks(peaks);
    this.#listen(text);
    this.refresh();
  }

  /** Where the recording is. */
  get positionMs(): number {
    return this.#positionMs;
  }

  seek(ms: number, plays = false): void {
    this.#positionMs = Math.min(this.#durationMs, Math.max(0, ms));
    if (this.#controls.hasSound) this.#audio.currentTime = this.#positionMs / 1000;
    if (plays && this.#audio.paused) this.#toggle();
    this.#show();
  }

  setPeaks(peaks: readonly number[]): void {
    this.#hasPeaks = peaks.length > 0;
    this.#wave.setPeaks(peaks);
  }

  /** The text has changed. */
  refresh(): void {
    this.#track.read();
    this.#controls.setDoubts(this.#track.doubts);
    if (!this.#hasPeaks) this.#wave.setPeaks(this.#track.shape(this.#durationMs));
    this.#show();
  }

  dispose(): void {
    this.#ending.abort();
    this.#audio.pause();
    this.#wave.dispose();
    this.#controls.dispose();
  }

  #listen(text: HTMLElement): void {
    const on = { signal: this.#ending.signal };
    const audio = this.#audio;
    audio.addEventListener("play", () => this.#run(), on);
    for (const event of ["play", "pause", "ended"]) {
      audio.addEventListener(event, () => this.#controls.setPlaying(!audio.paused), on);
    }
    audio.addEventListener("seeked", () => this.#takePosition(), on);
    audio.addEventListener("loadedmetadata", () => this.#begin(), on);
    audio.addEventListener("error", () => this.#controls.setSound(false), on);
    if (audio.readyState > 0) this.#begin();
    else if (audio.error) this.#controls.setSound(false);
    text.addEventListener("click", ({ target }) => {
      const timed = target instanceof Element ? target.closest<HTMLElement>("[data-s]") : null;
      if (timed) this.seek(Number(timed.dataset["s"]), timed.classList.contains("at"));
    }, on);
    document.addEventListener("keydown", (event) => this.#takeKey(event), on);
  }

  /** The recording can be played. */
  #begin(): void {
    this.#controls.setSound(true);
    const { duration } = this.#audio;
    if (Number.isFinite(duration)) this.#durationMs = Math.max(1, duration * 1000);
    this.#wave.setDuration(this.#durationMs);
    if (this.#positionMs > 0) this.#audio.currentTime = this.#positionMs / 1000;
    this.#show();
  }

  #takePosition(): void {
    this.#positionMs = this.#audio.currentTime * 1000;
    this.#show();
  }

  /** A frame at a time: "timeupdate" comes four times a second, and words are shorter. */
  #run(): void {
    this.#takePosition();
    if (!this.#audio.paused && !this.#ending.signal.aborted) requestAnimationFrame(() => this.#run());
  }

  #show(): void {
    this.#controls.setTime(`${clock(this.#positionMs)} / ${clock(this.#durationMs)}`);
    this.#wave.setPosition(this.#positionMs);
    this.#track.mark(this.#positionMs, !this.#audio.paused && this.#controls.follows);
  }

  #toggle(): void {
    if (!this.#controls.hasSound) return;
    if (!this.#audio.paused) this.#audio.pause();
    // A file that is no sound is told by its "error"; here a play was only overtaken by a pause.
    else this.#audio.play().catch(() => this.#controls.setPlaying(false));
  }

  #seekTo(ms: number | undefined): void {
    if (ms !== undefined) this.seek(ms);
    this.#track.showMarked();
  }

  #nextDoubt(): number | undefined {
    return this.#track.nextDoubt(this.#positionMs);
  }

  #takeKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || takesKeys(event.target)) return;
    const act = this.#keyActs()[event.key];
    const isOnButton = event.target instanceof HTMLElement && ["BUTTON", "A", "SUMMARY"].includes(event.target.tagName);
    if (!act || event.key === " " && isOnButton) return; // Space presses the button that has the focus.
    event.preventDefault();
    act();
  }

  #keyActs(): Readonly<Record<string, () => void>> {
    const by = (ms: number) => () => this.seek(this.#positionMs + ms);
    const toggle = () => this.#toggle();
    return {
      " ": toggle,
      k: toggle,
      j: by(-10_000),
      l: by(10_000),
      ArrowLeft: by(-5000),
      ArrowRight: by(5000),
      ArrowUp: () => this.#seekTo(this.#track.lineBefore(this.#positionMs)),
      ArrowDown: () => this.#seekTo(this.#track.lineAfter(this.#positionMs)),
      d: () => this.#seekTo(this.#nextDoubt()),
    };
  }
}
