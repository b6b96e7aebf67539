/**
 * A transcript on a page: player, waveform, text, and an editor of its subtitles. In: a transcript and an element to
 * show it in. Out: its nodes; what ends them.
 */

import type { TimedSegment, TranscriptDocument } from "../../document/document.ts";
import { openGaps } from "../../document/cue_edits.ts";
import { acceptEdits } from "../../document/edits.ts";
import { cueSegments } from "../../output/cue_segments.ts";
import { isCut, type Missing, notesMarkup } from "../../output/notes.ts";
import { paragraphMarkup, paragraphsOf } from "../../output/paragraphs.ts";
import { defaultRules } from "../../subtitles/rules.ts";
import { button, div, nodeOf } from "./dom.ts";
import { Editor, type Realign } from "./editor.ts";
import { Player } from "./player.ts";
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
  /** As it is now. */
  #transcript: TranscriptDocument;
  #editor: Editor | undefined;
  #isEditing = false;
  #isOver = false;

  constructor(root: HTMLElement, given: TranscriptGiven) {
    const { transcript, audioUrl, peaks = [], strings, editable } = given;
    [this.#root, this.#given, this.#transcript] = [root, given, transcript];
    const place = div("");
    this.#audio.preload = "metadata";
    if (audioUrl !== undefined) this.#audio.src = audioUrl;
    root.classList.add("transcript");
    root.replaceChildren(place, ...(editable ? [this.#tools] : []), this.#text);
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
    const { strings } = this.#given;
    const editor = this.#isEditing ? this.#editor : undefined;
    const toggle = button(editor ? strings.editEnd : strings.editText, () => void this.#toggle(toggle));
    this.#tools.replaceChildren(toggle, ...(editor ? [editor.tools] : []));
    if (editor) this.#text.replaceChildren(editor.rows);
    else {
      const paragraphs = paragraphsOf(this.#transcript.segments).map((each) => nodeOf(paragraphMarkup(each)));
      this.#text.replaceChildren(...paragraphs, ...notesMarkup(missingOf(this.#transcript), strings).map(nodeOf));
    }
    this.#player.refresh();
  }

  async #toggle(toggle: HTMLButtonElement): Promise<void> {
    if (!this.#editor) {
      toggle.disabled = true;
      const cues = await this.#cues();
      if (this.#isOver) return;
      this.#editor = this.#newEditor(cues);
    }
    if (this.#isEditing) this.#editor.close();
    this.#isEditing = !this.#isEditing;
    this.#show();
    this.#tools.querySelector("button")!.focus();
  }

  async #cues(): Promise<readonly TimedSegment[]> {
    const { transcript, cues } = this.#given;
    const own = () => cueSegments(acceptEdits(transcript.segments).segments, defaultRules);
    return await cues?.().catch(own) ?? own();
  }

  #newEditor(cues: readonly TimedSegment[]): Editor {
    const { transcript, strings, realign, onChange } = this.#given;
    const { gaps = [] } = transcript;
    return new Editor({
      ...{ cues, gaps, strings, ...(realign && { realign }), positionMs: () => this.#player.positionMs },
      onRows: () => this.#player.refresh(),
      onChange: (changed) => {
        // Everything undone, it is what it was, not yet cut into cues.
        this.#transcript = changed === cues ? transcript : {
          ...{ ...transcript, segments: changed },
          ...(transcript.gaps && { gaps: openGaps(gaps, changed) }),
        };
        onChange?.(this.#transcript);
      },
    });
  }
}
