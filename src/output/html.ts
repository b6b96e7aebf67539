/**
 * Writes a transcript as one HTML file that needs nothing else: text with times, cues, a player. In: segments. Out:
 * HTML. Pure.
 *
 * All text is in the markup, readable without scripts; the page's script adds the player. A policy in the file allows
 * that script, that style and the recording, and nothing else: nothing in a transcript can run or load anything.
 */

import type { TimedSegment } from "../document/document.ts";
import { type Cue, timestamp } from "../subtitles/cue.ts";
import { printable } from "../writer.ts";
import { punctuatedCue, TurnLayout } from "./cues.ts";
import { element, escaped, html, openingTag } from "./markup.ts";
import { isCut, type Missing, notesMarkup } from "./notes.ts";
import { clock, type Paragraph, ParagraphFlow, paragraphMarkup, timeButton } from "./paragraphs.ts";
import { peaksText } from "./peaks.ts";
import { labelled } from "./words.ts";
import type { Inline, SegmentWriter, Sound, WriterOptions } from "./writer.ts";

export function htmlWriter(options: WriterOptions): SegmentWriter {
  const { rules, cutChinese, cuePunctuation = "keep", speakerLabels } = options;
  const paragraphs = new ParagraphFlow(speakerLabels);
  const layout = new TurnLayout(rules, cutChinese);
  const items = (cues: readonly Cue[]) => cues.map((cue) => cueItem(punctuatedCue(cue, cuePunctuation))).join("");
  const opening = openingOf(options);
  const cuts: TimedSegment[] = [];
  let cueItems = "";
  let speaker: string | undefined;
  let begun = false;
  return {
    add: (segment) => {
      const isNamed = segment.speaker !== undefined && speakerLabels !== "off";
      const isTurn = isNamed && segment.speaker !== speaker;
      speaker = segment.speaker;
      if (isCut(segment)) cuts.push(segment);
      cueItems += items(layout.push(isTurn ? labelled(segment, speaker!) : segment));
      const text = (begun ? "" : opening) + written(paragraphs.push(segment));
      begun = true;
      return text;
    },
    rest: (isComplete, { gaps: all = [] } = {}) => {
      const gaps = speakerLabels === "off" ? all.map(({ startMs, endMs }) => ({ startMs, endMs })) : all;
      const closing = cueItems + items(layout.rest());
      const missing = { isComplete, isEmpty: closing === "", cuts, gaps };
      return (begun ? "" : opening) + written(paragraphs.rest()) + closingOf(options, closing, missing);
    },
  };
}

function written(paragraphs: readonly Paragraph[]): string {
  return paragraphs.map((paragraph) => `${html(paragraphMarkup(paragraph))}\n`).join("");
}

function openingOf({ head, page: parts, sound, peaks }: WriterOptions): string {
  const page = parts?.();
  const { name, durationMs } = head.source;
  const title = printable(name.replace(/^.*\//s, "") || name);
  const body = element("body", {
    "data-duration": String(Math.round(durationMs)),
    "data-peaks": peaks && peaks.length > 0 ? peaksText(peaks) : undefined,
  });
  const about = [clock(durationMs), head.model.name === "none" ? "" : head.model.name].filter(Boolean).join(" \u00b7 ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${html(element("meta", { "http-equiv": "Content-Security-Policy", content: policy(page?.script, page?.style, sound) }))}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
${html(element("meta", { name: "generator", content: head.program }))}
${html(element("title", {}, title))}
${page ? `<style>${page.style.text}</style>\n` : ""}</head>
${openingTag(body)}
<header>
${html(element("h1", {}, element("bdi", {}, title)))}
${html(element("p", { class: "about" }, about))}
</header>
${soundMarkup(sound)}<main class="text">
`;
}

/** What the page may do: run its own script, use its own style, play its recording or one that is chosen by hand. */
function policy(script: Inline | undefined, style: Inline | undefined, sound: Sound | undefined): string {
  const media = sound?.kind === "link" ? "'self' file: blob:" : "blob:";
  return `default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; media-src ${media}; ` +
    "base-uri 'none'; form-action 'none'";
}

function hashOf(inline: Inline | undefined): string {
  return inline ? `'${inline.hash}'` : "'none'";
}

/** A sound inside the file stands before the text: it is written once. */
function soundMarkup(sound: Sound | undefined): string {
  if (sound?.kind === "link") {
    const { href, name } = sound;
    return `${html(element("audio", { id: "sound", src: href, "data-name": name, preload: "metadata" }))}\n`;
  }
  if (sound?.kind !== "embed") return "";
  const type = { "data-type": sound.type };
  return html(element("audio", { id: "sound" })) +
    openingTag(element("script", { id: "sound-data", type: "application/base64", ...type })) +
    `${sound.base64}</script>\n`;
}

function cueItem({ startMs, endMs, lines }: Cue): string {
  const times = `${timestamp(startMs, ",")} \u2192 ${timestamp(endMs, ",")}`;
  const text = lines.flatMap((line, index) => index === 0 ? [line] : [element("br", {}), line]);
  const shown = element("span", { class: "say", dir: "auto" }, ...text);
  return `${html(element("li", {}, timeButton(startMs, times), " ", shown))}\n`;
}

function closingOf({ head, page: parts }: WriterOptions, cueItems: string, missing: Missing): string {
  const notes = notesMarkup(missing).map((each) => `${html(each)}\n`).join("");
  const cues = missing.isEmpty ? "" : `<details id="cues" class="cues">
<summary data-string="subtitles">Subtitles</summary>
<ol>
${cueItems}</ol>
</details>
`;
  const script = parts ? `<script>${parts().script.text}</script>\n` : "";
  return `</main>\n<aside>\n${notes}${cues}</aside>\n<footer>${escaped(head.program)}</footer>\n${script}` +
    "</body>\n</html>\n";
}
