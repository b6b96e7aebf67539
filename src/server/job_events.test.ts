import { expect, test } from "bun:test";
import type { TimedSegment } from "../document/document.ts";
import { transcriptionRequest } from "./fields.ts";
import { JobTeller } from "./job_events.ts";
import type { HearEvent, JournalStep } from "./hear.ts";
import type { ServerEvent } from "./sse.ts";

function told(hasCues: boolean, act: (teller: JobTeller, pass: (ms: number) => void) => void): ServerEvent[] {
  const events: ServerEvent[] = [];
  let now = 0;
  const request = transcriptionRequest({}, false);
  act(
    new JobTeller(60, request, hasCues, (event) => events.push(event), (text) => [text], () => now),
    (ms) => void (now += ms),
  );
  return events;
}

function segment(text: string, startMs: number, spoken = text): HearEvent {
  const words = [{ text, startMs, endMs: startMs + 2000 }];
  const whole: TimedSegment = { startMs, endMs: startMs + 2000, text, spoken, language: "English", words };
  return { kind: "segment", segment: whole };
}

function progress(heardSec: number): HearEvent {
  return { kind: "progress", heardSec, step: {} as JournalStep };
}

test("what a view will rewrite is shown until its segment is written, however far the decoder is ahead", () => {
  const events = told(false, (teller) => {
    teller.take({ kind: "tail", text: "twenty" });
    teller.take({ kind: "tail", text: " two. Next" });
    teller.take(segment("22.", 0, "twenty two."));
    teller.take(segment("Nine", 3000, " Next nine"));
  });
  let tail = "";
  const tails = events.filter(({ type }) => type === "job.tail").map(({ drop, delta }) => {
    return tail = tail.slice(Number(drop)) + delta;
  });
  expect(tails).toEqual(["twenty", "twenty two. Next", " Next", ""]);
});

test("subtitles come piece by piece, and add up to the file", () => {
  const events = told(true, (teller) => {
    teller.take(segment("One.", 0));
    teller.take(segment(" Two.", 10_000));
    teller.end();
  });
  const srt = events.filter(({ type }) => type === "job.srt").map(({ delta }) => delta).join("");
  expect(srt).toMatch(/^1\n00:00:00,000 --> [^\n]+\nOne\.\n\n2\n00:00:10,000 --> [^\n]+\nTwo\.\n\n$/);
});

test("what is left is estimated from this run alone", () => {
  const events = told(false, (teller, pass) => {
    teller.begin(20);
    pass(1000);
    teller.take(progress(20));
    pass(4000);
    teller.take(segment("One.", 0));
    teller.take(progress(30));
    teller.take(progress(60));
  });
  const [first, second, heard] = events.filter(({ type }) => type === "job.progress");
  expect(first).toEqual({ type: "job.progress", heard_seconds: 20, audio_seconds: 60 });
  expect(second).toEqual({ ...first!, heard_seconds: 30, eta_seconds: 15, language: "English" });
  // Who speaks may still be found.
  expect(heard).toEqual({ ...first!, heard_seconds: 60, language: "English" });
});
