/**
 * A film whose sound starts late and has a hole: every time is on the film's time line, whatever it is read from and
 * however it is timed. Made with ffmpeg of a clip with known sentence times; skipped, by name, without either.
 */

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clip, hasClip } from "./fixtures.ts";
import { run, temporaryFolder } from "./harness.ts";
import { startErrors } from "./support/sentence_times.ts";
import { describeWhere, ffmpeg, hasFfmpeg, testThoroughly } from "./support/where.ts";

const errorMsMax = 500;
const name = "en-weather";
const [lateSec, holeSec] = [5, 6];
/** In the pause between the second sentence and the third. */
const holeAtSec = 5.36;
const matroska = ["film.mkv", "flac"] as const;
const runs = [[matroska, []], [["film.mp4", "aac"], ["--align"]], [["film.ts", "mp2"], []]] as const;

async function film(folder: string, [file, codec]: readonly [string, string]): Promise<string> {
  const path = join(folder, file);
  const hole = `asetpts=PTS+if(gte(T\\,${holeAtSec + lateSec})\\,${holeSec}/TB\\,0)`;
  const args = ["-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=c=black:s=16x16:r=5:d=22", "-itsoffset"];
  args.push(`${lateSec}`, "-i", clip(name).wav, "-map", "0:v", "-map", "1:a", "-af", hole, "-c:v", "mpeg4", "-c:a");
  expect(await Bun.spawn([ffmpeg!, ...args, codec, path]).exited).toBe(0);
  return path;
}

/** The clip's sentences on the film's time line. */
function truth() {
  return clip(name).sentences.map((sentence) => ({
    ...sentence,
    start: sentence.start + lateSec + (sentence.start > holeAtSec ? holeSec : 0),
  }));
}

type Cue = { readonly text: string; readonly start: number; readonly end: number };

function cuesOf(srt: string): Cue[] {
  const second = (time: string) => time.split(/[:,]/).reduce((sum, part) => sum * 60 + Number(part), 0);
  return srt.trim().split("\n\n").map((block) => {
    const [, times, ...text] = block.split("\n");
    const [start, end] = times!.split(" --> ").map((time) => {
      const [whole, ms] = time.split(",");
      return second(whole!) + Number(ms) / 1000;
    });
    return { text: text.join(" "), start: start!, end: end! };
  });
}

/** Expects the sentences `which` that begin a cue to begin when it does; at least two of them begin one. */
function expectCues(srt: string, which = truth()): void {
  const cues = cuesOf(srt);
  const letters = (text: string) => text.toLowerCase().replace(/\W/g, "");
  const first = which.flatMap(({ text, start }) => {
    const cue = cues.find((cue) => letters(cue.text).startsWith(letters(text).slice(0, 12)));
    return cue ? [Math.abs(cue.start - start) * 1000] : [];
  });
  expect(first.length).toBeGreaterThanOrEqual(Math.min(2, which.length));
  expect(first.filter((ms) => ms > errorMsMax)).toEqual([]);
}

describeWhere(hasFfmpeg && hasClip(name), `ffmpeg and the clip ${name}`)("a film with late sound and a hole", () => {
  for (const [container, how] of runs) {
    const [file] = container;
    const often = file === "film.ts" ? testThoroughly : test;
    often(`${file}: sentences${how.length > 0 ? ", aligned" : ""}`, async () => {
      using folder = temporaryFolder();
      const path = await film(folder.path, container);
      const { stdout } = await run(["-d", "demo", "--silent", ...how, "-f", "json", path]);
      const { segments } = JSON.parse(stdout) as { segments: { words: Cue[] }[] };
      const errors = startErrors(truth(), segments.flatMap(({ words }) => words));
      expect(errors.length).toBeGreaterThanOrEqual(3);
      expect(errors.filter((ms) => Math.abs(ms) > errorMsMax)).toEqual([]);
    });
  }

  test("subtitles of a file, a pipe, a stream, a part, a known text, what is inspected", async () => {
    using folder = temporaryFolder();
    const path = await film(folder.path, matroska);
    const demo = ["-d", "demo", "--silent"];
    for (const how of [[], ["--align"]]) expectCues((await run([...demo, ...how, "-f", "srt", path])).stdout);
    expectCues((await run([...demo, "-f", "srt", "-"], { stdin: readFileSync(path) })).stdout);
    expectCues((await run([...demo, "--stream", "-f", "srt", path])).stdout);
    expectCues((await run([...demo, "--stream", "-f", "srt", "-"], { stdin: readFileSync(path) })).stdout);
    expectCues((await run([...demo, "--from", "14", "--to", "22", "-f", "srt", path])).stdout, truth().slice(2, 3));
    const text = join(folder.path, "text.txt");
    writeFileSync(text, clip(name).text);
    expectCues((await run(["align", ...demo, "--text", text, "-f", "srt", path])).stdout);

    const { speech } = JSON.parse((await run(["inspect", "-f", "json", path])).stdout);
    const [first, last] = [truth()[0]!, truth().at(-1)!];
    expect(Math.abs(speech[0].start - first.start) * 1000).toBeLessThanOrEqual(errorMsMax);
    expect(speech.at(-1).end).toBeGreaterThan(last.start);
    const inHole = (at: { start: number; end: number }) =>
      at.start < holeAtSec + lateSec + holeSec - 0.5 && at.end > holeAtSec + lateSec + 0.5;
    expect(speech.filter(inHole)).toEqual([]);
  });
});
