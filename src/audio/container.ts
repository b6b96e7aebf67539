/** Reads what ffmpeg says about a container. In: its lines on standard error. Out: format, start, tracks. Pure. */

import { InputError } from "../errors.ts";
import { lazily } from "../lazy.ts";

export type Track = {
  /** Among all streams of the container, for ffmpeg's -map. */
  readonly stream: number;
  /** As the container has it: "eng"; "" where it says nothing. */
  readonly language: string;
  readonly title: string;
  readonly isDefault: boolean;
};

export type Container = {
  /** ffmpeg's name: "matroska,webm". */
  readonly format: string;
  /** Where its time line begins. */
  readonly startSec: number;
  readonly tracks: readonly Track[];
  /** ffmpeg took its best guess, and says that it may be wrong. */
  readonly isGuess: boolean;
};

/** Scores up to this are those of bytes that could be anything. */
const GUESS_SCORE_MAX = 24;

export function parseContainer(stderr: string): Container | undefined {
  const lines = stderr.split(/[\r\n]+/);
  const format = lines.map((line) => /^Input #0, (.+), from /.exec(line)?.[1]).find((name) => name !== undefined);
  if (format === undefined) return undefined;
  const start = /^\s*Duration: .*\bstart: (-?[0-9.]+)/m.exec(stderr)?.[1];
  const score = /detected only with low score of (\d+)/.exec(stderr)?.[1];
  return {
    format,
    startSec: Number(start ?? 0),
    tracks: parseTracks(lines),
    isGuess: score !== undefined && Number(score) <= GUESS_SCORE_MAX,
  };
}

function parseTracks(lines: readonly string[]): Track[] {
  const tracks: Track[] = [];
  let current: number | undefined;
  for (const line of lines) {
    const stream = /^\s*Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\(([^)]*)\))?: (\w+): (.*)$/.exec(line);
    if (stream) {
      const [, index, language = "", kind, about] = stream;
      current = kind === "Audio" ? tracks.length : undefined;
      const isDefault = /\(default\)/.test(about!);
      const isKnown = language !== "und" && language !== "";
      if (kind === "Audio") {
        tracks.push({ stream: Number(index), language: isKnown ? language : "", title: "", isDefault });
      }
    }
    const title = /^\s+title\s*: (.*)$/.exec(line)?.[1];
    if (title !== undefined && current !== undefined) tracks[current] = { ...tracks[current]!, title };
  }
  return tracks;
}

/**
 * The track that is read: the one asked for by number (from 1) or language, else the first that players take by
 * themselves, else the first. Throws an InputError where there is none; `name` begins its message.
 */
export function chooseTrack(name: string, { tracks }: Container, wanted: string | undefined): Track {
  if (tracks.length === 0) throw new InputError(`${name}: no audio track`);
  if (wanted === undefined) return tracks.find((track) => track.isDefault) ?? tracks[0]!;
  const chosen = /^\d+$/.test(wanted) ? tracks[Number(wanted) - 1] : tracks.find((track) => speaks(track, wanted));
  if (chosen) return chosen;
  throw new InputError(`${name}: has no audio track ${wanted}: it has ${listTracks(tracks)}`);
}

/** ffmpeg's names of what names other files: a recording from a stranger must not bring in one of this machine. */
const playlists = new Set(["hls", "applehttp", "concat", "concatf", "dash", "imf", "sdp", "webm_dash_manifest"]);

/** Throws an InputError where the sound would be that of other files; `name` begins its message. */
export function refusePlaylist(name: string, { format }: Container): void {
  if (!format.split(",").some((one) => playlists.has(one))) return;
  throw new InputError(`${name}: a list of other files (${format}), and no recording`, "name the files that it lists");
}

/** "1 zh, 2 en (default)". */
export function listTracks(tracks: readonly Track[]): string {
  return tracks.map(({ language, title, isDefault }, index) => {
    const label = [language, title && `"${title}"`, isDefault && tracks.length > 1 && "(default)"].filter(Boolean);
    return [index + 1, ...label].join(" ");
  }).join(", ");
}

/** By code or by English name. */
function speaks({ language }: Track, wanted: string): boolean {
  if (language === "") return false;
  const key = languageKey(language);
  return language.toLowerCase() === wanted.toLowerCase() || (key !== "" && key === languageKey(wanted)) ||
    (key !== "" && englishNames().of(key)?.toLowerCase() === wanted.toLowerCase());
}

const englishNames = lazily(() => new Intl.DisplayNames(["en"], { type: "language" }));

/** ISO 639-2 has two codes for some languages: BCP 47 lacks the bibliographic ones, which containers use. */
const otherCodes: Readonly<Record<string, string>> = {
  ...{ alb: "sq", arm: "hy", baq: "eu", bur: "my", chi: "zh", cze: "cs", dut: "nl", fre: "fr", geo: "ka", ger: "de" },
  ...{ gre: "el", ice: "is", mac: "mk", mao: "mi", may: "ms", per: "fa", rum: "ro", slo: "sk", tib: "bo", wel: "cy" },
  cmn: "zh", // Of what is said there are more codes than of what is written.
};

/** One key for all codes of a language: "eng", "en", "en-GB"; "" where it is none. */
function languageKey(text: string): string {
  const code = otherCodes[text.toLowerCase()] ?? text.replaceAll("_", "-");
  try {
    return new Intl.Locale(code).language;
  } catch (error) {
    if (error instanceof RangeError) return "";
    throw error;
  }
}
