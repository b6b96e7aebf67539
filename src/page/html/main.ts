/** The script of an exported page: a player for the transcript that is in the page already. Its own entry point. */

import { readPeaks } from "../../output/peaks.ts";
import { div } from "../transcript/dom.ts";
import { Player } from "../transcript/player.ts";
import { decodedPeaks } from "../transcript/sound.ts";
import { pageLanguageFor } from "../languages.ts";
import { colourLines, SpeakerColours } from "../transcript/speakers.ts";
import { tables } from "../transcript/strings.ts";

function start(): void {
  const strings = tables[pageLanguageFor(navigator.languages)];
  const text = document.body;
  const audio = document.querySelector<HTMLAudioElement>("#sound") ?? document.createElement("audio");
  const bytes = embeddedSound();
  if (bytes) audio.src = URL.createObjectURL(new Blob([bytes.data], { type: bytes.type }));
  const place = div("");
  document.querySelector("main")!.before(place);
  colourLines(text, new SpeakerColours());
  const durationMs = Number(document.body.dataset["duration"]);
  const peaks = readPeaks(document.body.dataset["peaks"] ?? "");
  const player = new Player({ place, text, audio, durationMs, peaks, strings });
  for (const node of document.querySelectorAll<HTMLElement>("[data-string]")) {
    node.textContent = strings[node.dataset["string"] as keyof typeof strings];
    node.lang = strings.lang;
  }
  const footer = document.querySelector("footer")!;
  footer.prepend(div("keys", strings.keys));
  footer.lang = place.lang = strings.lang;
  if (bytes && peaks.length === 0) {
    void decodedPeaks(bytes.data, durationMs).then((found) => found && player.setPeaks(found));
  }
}

function embeddedSound(): { readonly data: ArrayBuffer; readonly type: string } | undefined {
  const holder = document.querySelector<HTMLElement>("#sound-data");
  if (!holder) return undefined;
  const text = atob(holder.textContent ?? "");
  const data = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) data[at] = text.charCodeAt(at);
  return { data: data.buffer, type: holder.dataset["type"] ?? "" };
}

start();
