/**
 * A transcript on a page: player, waveform, text, and an editor of its subtitles. In: a transcript and an element to
 * show it in. Out: its nodes; what ends them.
 */

import type { Ending, TimedSegment, TranscriptDocument } from "../../document/document.ts";
import { openGaps } from "../../document/cue_edits.ts";
import { acceptEdits } from "../../document/edits.ts";
import { speakersOf } from "../../document/speakers.ts";
import { cueSegments } from "../../output/cue_segments.ts";
import { isCut, type Missing, notesMarkup } from "../../output/notes.ts";
import { paragraphMarkup, paragraphsOf } from "../../output/paragraphs.ts";
import { defaultRules } from "../../subtitles/rules.ts";
import { button, div, nodeOf } from "./dom.ts";
import { Editor, type Realign } from "./editor.ts";
import { Player } from "./player.ts";
import { colourLines, SpeakerColours, SpeakerList } from "./speakers.ts";
import type { Strings } from "./strings.ts";

export type { SpanToAlign } from "./editor.ts";

export type TranscriptGiven = {
  readonly transcript: TranscriptDocument;
  /** Something that <audio> plays. Absent: the reader may choose a file. */
  readonly audioUrl?: string | undefined;
  /** How loud the recording is, 0 to 1, in parts of equal length. */
  readonly peaks?: readonly number[] | undefined;
  readonly strings: Strings;
  readonly editable: boolean;
  readonly realign?: Realign;
  /** A segment for each of its subtitles. Absent, or rejected: they are laid out here, without a Chinese dictionary. */
  readonly cues?: () => Promise<readonly TimedSegment[]>;
  /** After every edit. */
  readonly onChange?: (transcript: TranscriptDocument) => void;
};

export function showTranscript(root: HTMLElement, given: TranscriptGiven): { dispose(): void } {
  const view = new TranscriptView(root, given);
  return { dispose: () => view.dispose() };
}

function missingOf({ segments, isComplete, gaps = [] }: TranscriptDocument): Missing {
  return { isComplete, isEmpty: segments.length === 0, cuts: segments.filter(isCut), gaps };
}

class TranscriptView {
  readonly #root: HTMLElement;
  readonly #given: TranscriptGiven;
  readonly #text = div("text");
  readonly #tools = div("row options");
  readonly #audio = document.createElement("audio");
  readonly #player: Player;
  readonly #colours = new SpeakerColours();
  readonly #speakers: SpeakerList;
  /** As it is now. */
  #transcript: TranscriptDocument;
  #editor: Editor | undefined;
  #making: Promise<Editor> | undefined;
  #isEditing = false;
  #isOver = false;

  constructor(root: HTMLElement, given: TranscriptGiven) {
    const { transcript, audioUrl, peaks = [], strings, editable } = given;
    [this.#root, this.#given, this.#transcript] = [root, given, transcript];
    const place = div("");
    this.#audio.preload = "metadata";
    if (audioUrl !== undefined) this.#audio.src = audioUrl;
    this.#speakers = new SpeakerList({
      ...{ strings, colours: this.#colours },
      onRename: (from, to) => void this.#rename(from, to),
    });
    root.classList.add("transcript");
    root.replaceChildren(place, ...(editable ? [this.#tools, this.#speakers.element] : []), this.#text);
    if (editable) this.#text.addEventListener("click", ({ target }) => this.#openName(target));
    const durationMs = transcript.source.durationMs;
    this.#player = new Player({ place, text: this.#text, audio: this.#audio, strings, peaks, durationMs });
    this.#show();
  }

  dispose(): void {
    this.#isOver = true;
    this.#editor?.dispose();
    this.#player.dispose();
    this.#audio.removeAttribute("src");
    this.#root.replaceChildren();
  }

  #show(): void {
    this.#speakers.show(speakersOf(this.#transcript.segments));
    this.#showTools();
    this.#showText();
  }

  /** What can be undone can be so in the text that is read, too. */
  #showTools(): void {
    const { strings } = this.#given;
    const toggle = button(this.#isEditing ? strings.editEnd : strings.editText, () => void this.#toggle(toggle));
    const tools = this.#isEditing || this.#editor?.hasSteps ? [this.#editor!.tools] : [];
    this.#tools.replaceChildren(toggle, ...tools);
  }

  #showText(): void {
    if (this.#isEditing) this.#text.replaceChildren(this.#editor!.rows);
    else {
      const paragraphs = paragraphsOf(this.#transcript.segments).map((each) => nodeOf(paragraphMarkup(each)));
      const notes = notesMarkup(missingOf(this.#transcript), this.#given.strings).map(nodeOf);
      this.#text.replaceChildren(...paragraphs, ...notes);
      colourLines(this.#text, this.#colours);
    }
    this.#player.refresh();
  }

  async #toggle(toggle: HTMLButtonElement): Promise<void> {
    toggle.disabled = true;
    const editor = await this.#ownEditor();
    if (this.#isOver) return;
    if (this.#isEditing) editor.close();
    this.#isEditing = !this.#isEditing;
    this.#show();
    this.#tools.querySelector("button")!.focus();
  }

  /** A click on a speaker's name in the text changes it there. */
  #openName(target: EventTarget | null): void {
    const label = target instanceof Element ? target.closest<HTMLElement>(".who") : null;
    const name = label?.textContent ?? "";
    if (label && speakersOf(this.#transcript.segments).includes(name)) this.#speakers.open(name, label);
  }

  async #rename(from: string, to: string): Promise<void> {
    const editor = await this.#ownEditor();
    if (this.#isOver) return;
    this.#colours.renamed(from, to);
    editor.rename(from, to);
    this.#speakers.renamed(from, to);
  }

  /** Made when it is first needed; meanwhile nobody makes another. */
  #ownEditor(): Promise<Editor> {
    return this.#making ??= this.#cues().then((cues) => this.#editor = this.#newEditor(cues));
  }

  async #cues(): Promise<readonly TimedSegment[]> {
    const { transcript, cues } = this.#given;
    const own = () => cueSegments(acceptEdits(transcript.segments).segments, defaultRules);
    return await cues?.().catch(own) ?? own();
  }

  #newEditor(cues: readonly TimedSegment[]): Editor {
    const { transcript, strings, realign, onChange } = this.#given;
    return new Editor({
      ...{
        cues,
        ending: endingOf(transcript),
        strings,
        ...(realign && { realign }),
        positionMs: () => this.#player.positionMs,
      },
      colours: this.#colours,
      onRows: () => this.#isEditing && this.#player.refresh(),
      onChange: (changed, ending) => {
        // Everything undone, it is what it was, not yet cut into cues.
        this.#transcript = changed === cues ? transcript : edited(transcript, changed, ending);
        this.#showChange();
        onChange?.(this.#transcript);
      },
    });
  }

  /** Rows that are edited show it themselves. */
  #showChange(): void {
    this.#speakers.show(speakersOf(this.#transcript.segments));
    if (this.#isEditing) return;
    this.#showText();
    if (!this.#editor!.tools.isConnected) this.#showTools();
  }
}

function endingOf({ gaps, speakers, turns }: TranscriptDocument): Ending {
  return { ...(gaps && { gaps }), ...(speakers && { speakers }), ...(turns && { turns }) };
}

function edited(
  transcript: TranscriptDocument,
  cues: readonly TimedSegment[],
  ending: Ending,
): TranscriptDocument {
  return { ...transcript, segments: cues, ...ending, ...(ending.gaps && { gaps: openGaps(ending.gaps, cues) }) };
}
