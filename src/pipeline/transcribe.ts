/**
 * Offline transcription: a recording and options -> text, through an engine. No I/O of its own.
 *
 *     recording -> silence out -> cut points -> one decode per segment with a voice -> tokens -> language and text
 *
 * What becomes known goes to `onEvent` at once (see events.ts). A segment's samples are read when it goes to the
 * engine, and what is known of it is forgotten when it is reported: memory does not grow with the recording.
 */

import type { Engine, ModelInfo } from "../engine/engine.ts";
import {
  addText,
  Decoding,
  heardLanguage,
  type Piece,
  reportDecode,
  type Run,
  type State,
  type TranscribeRequest,
} from "./decoding.ts";
import type { Progress, Resume, TranscribeEvent, Unvoiced } from "./events.ts";
import { Part } from "./part.ts";
import { completed, endsEarly, type Hearing, mended } from "./repair.ts";
import { assert, InputError } from "../errors.ts";
import { release } from "../memory.ts";
import { type Audit, auditOf, covered, nothingCovered } from "../document/audit.ts";
import { planSegments, type SegmentLimits } from "../segment/plan.ts";
import { joinedLength, originalPosition } from "../segment/ranges.ts";
import type { Recording } from "../segment/recording.ts";
import { templateTokens } from "../engine/budget.ts";
import { textTail, tokensEstimate } from "../text/budget.ts";
import { counted, sampleRate, type Span } from "../units.ts";

export type Transcript = Pick<Progress, "languages" | "textTokens" | "encodeMs" | "decodeMs"> & {
  readonly text: string;
  /** Of the recording, before silence was taken out; where stopped, up to the last segment that was heard whole. */
  readonly audioSec: number;
  readonly stopped: boolean;
  /** Which segments had no voice, and so no text: a line for people; of channels that are apart, one each. */
  readonly unvoiced: string | undefined;
  /** Of what was heard. */
  readonly audit: Audit;
};

const pastTokensMax = 200;
const collapsesMax = 2;
/** Decodes submitted at a time: as many as share a step, and one that waits to join. */
export function decodesMaxOf({ stepMax }: ModelInfo): number {
  return stepMax + 1;
}

/**
 * Transcribes the recording. When `stop` is aborted, the running decodes are cancelled and it ends with what is known.
 * Throws InputError where a segment is more than the model or the memory can hold, and where `resume` is of another
 * recording or other options.
 */
export async function transcribe(
  request: TranscribeRequest,
  engine: Engine,
  stop: AbortSignal,
  onEvent: (event: TranscribeEvent) => void,
): Promise<Transcript> {
  const { recording, resume, skipSilence } = request;
  const state = firstState(resume);
  const ended = new AbortController();
  const run: Run = { request, engine, stop, onEvent, state, ended, speech: [] };
  const audioSec = recording.length / sampleRate;
  onEvent({ kind: "debug", text: `Audio: ${recording.length} samples (${audioSec.toFixed(1)} seconds)` });
  if (skipSilence || request.segmentSec !== 0) await recording.found;
  const kept = skipSilence ? withoutSilence(run) : [{ start: 0, end: recording.length }];
  const audio = skipSilence ? recording.part(kept) : recording;
  const segments = await cut(run, audio);
  await recording.found;
  run.speech = recording.speech.speech;
  const { voiceJudge, segmentSec } = request;
  const source = { audio, kept, voiceJudge, isWhole: segmentSec === 0 };
  const parts = segments.map((segment, index) => {
    const place = () => placeOf(run, segment, index, segments.length, kept);
    return { part: new Part(source, segment), place };
  });
  const rest = parts.slice(heardParts(parts, state.heardSamples));
  await (request.pastText ? oneByOne(run, rest) : together(run, rest));
  if (!state.stopped) heardTo(run, recording.length, [], false);
  const { text, languages, stopped, spent, heardSamples } = state;
  const unvoiced = unvoicedLine(state.unvoiced, parts.length);
  const audit = auditOf(state.coverage, request.startSec);
  return { text, languages, stopped, unvoiced, audit, ...spent, audioSec: heardSamples / sampleRate };
}

function firstState({ text, progress }: Resume = { text: "", progress: nothingHeard }): State {
  const { textTokens, encodeMs, decodeMs, unvoiced = { count: 0, places: [] }, ...heard } = progress;
  const costs = { textTokens, encodeMs, decodeMs };
  return { text, ...heard, unvoiced, stopped: false, spent: costs, reported: costs };
}

export const nothingHeard: Progress = {
  ...{ heardSamples: 0, languages: [], textTokens: 0, encodeMs: 0, decodeMs: 0, collapses: 0 },
  coverage: nothingCovered,
};

/** Of a recording. */
export const noVoice = "holds no voice, so there is no text";
const placesNamedMax = 3;

function unvoicedLine({ count, places }: Unvoiced, partsCount: number): string | undefined {
  if (count === 0) return undefined;
  if (count === partsCount) return noVoice;
  const more = count > places.length ? `; and ${count - places.length} more` : "";
  return `no voice, so no text, in ${places.join("; ")}${more}`;
}

function andUnvoiced({ count, places }: Unvoiced, place: string): Unvoiced {
  return { count: count + 1, places: places.length < placesNamedMax ? [...places, place] : places };
}

/** How many of the parts lie before `heardSamples`, which is the end of one. */
function heardParts(parts: readonly PlacedPart[], heardSamples: number): number {
  if (heardSamples === 0) return 0;
  const last = parts.findIndex(({ part }) => part.end === heardSamples);
  if (last < 0) throw new InputError("cannot go on: the recording or the options are not those of the first run");
  return last + 1;
}

function withoutSilence({ request, onEvent }: Run): readonly Span[] {
  const ranges = request.recording.speech.withoutSilence;
  const before = request.recording.length;
  const after = joinedLength(ranges);
  const usedPercent = before === 0 ? 100 : (after / before) * 100;
  const percents = `used ${usedPercent.toFixed(1)}%, skipped ${(100 - usedPercent).toFixed(1)}%`;
  onEvent({ kind: "notice", text: `Silence skip: ${percents} (${before} -> ${after} samples)` });
  return ranges;
}

async function cut({ request, engine, onEvent }: Run, audio: Recording): Promise<readonly Span[]> {
  const { positionsMax, positionBytes, hidden } = engine.info;
  const pastTokens = request.pastText ? pastTokensMax : 0;
  const limits: SegmentLimits = {
    wholeSecMax: request.wholeSecMax,
    cutSec: request.cutSec,
    positionsMax,
    // The cache, and about eight rows of activations in f32 while the prompt goes in.
    positionBytes: positionBytes + 8 * hidden * Float32Array.BYTES_PER_ELEMENT,
    memoryBytes: request.memoryBytes,
  };
  const promptTokens = templateTokens + contextTokens(request) + pastTokens;
  const { pauses, unvoiced } = request.segmentSec === 0 ? {} : audio.speech;
  const plan = await planSegments(audio, { ...request, promptTokens, pauses, longPauses: unvoiced }, limits);
  if (plan.notice) onEvent({ kind: "notice", text: plan.notice });
  if (plan.segments.length > 1) onEvent({ kind: "debug", text: `Splitting into ${plan.segments.length} segments` });
  return plan.segments;
}

function contextTokens({ prompt, later }: TranscribeRequest): number {
  return Math.max(tokensEstimate(prompt), later?.tokens ?? 0);
}

/** "segment 3 of 10, 60.0 to 90.0 s", in the recording's own time. */
function placeOf(
  { request, onEvent }: Run,
  segment: Span,
  index: number,
  count: number,
  kept: readonly Span[],
): string {
  const second = (position: number) =>
    (request.startSec + originalPosition(kept, position, "end") / sampleRate).toFixed(1);
  const [from, to] = [second(segment.start), second(segment.end)];
  const samples = segment.end - segment.start;
  if (count > 1) {
    onEvent({ kind: "debug", text: `Segment ${index + 1}/${count}: core ${from}-${to}s (${samples} samples)` });
  }
  return count > 1 ? `segment ${index + 1} of ${count}, ${from} to ${to} s` : `${from} to ${to} s`;
}

/** `place` says where it is, and that it is its turn. */
type PlacedPart = { readonly part: Part; readonly place: () => string };

/**
 * Segments that know nothing of each other are decoded several at a time, in one pass over the weights per step. The
 * first that is not done shows its text as it comes, the others keep theirs until it is their turn. When the run is
 * stopped, what later segments had is dropped: a gap would mislead.
 */
async function together(run: Run, parts: readonly PlacedPart[]): Promise<void> {
  const { state, stop } = run;
  const ahead: Decoding[] = [];
  const { later } = run.request;
  const most = run.request.decodesMax ?? decodesMaxOf(run.engine.info);
  let started = 0;
  try {
    for (const { part, place } of parts) {
      if (stop.aborted) break;
      const where = place();
      const before = state.text.length;
      if (!later) ahead[0]?.goLive();
      while (started < parts.length && ahead.length < most && !stop.aborted) {
        const samples = await parts[started]!.part.read();
        if (stop.aborted) break;
        started++;
        ahead.push(new Decoding(run, samples, "", ahead.length === 0 && !later));
        if (started === parts.length) run.onEvent({ kind: "submitted" });
      }
      const [current] = ahead;
      if (!current) break;
      const piece = await mendedPiece(run, await again(run, await current.done, part, ""), part, where);
      ahead.shift();
      showPiece(run, piece, later ? 0 : current.shown);
      reportSegment(run, piece, part, state.text.slice(before));
      reportStop(run, piece, part, where);
      if (state.stopped) break;
    }
  } finally {
    run.ended.abort();
    await Promise.allSettled(ahead.map(({ done }) => done));
  }
  if (stop.aborted) state.stopped = true;
}

/** Every segment is shown the text before it, so they come one after the other. */
async function oneByOne(run: Run, parts: readonly PlacedPart[]): Promise<void> {
  const { state, stop, onEvent } = run;
  for (const { part, place } of parts) {
    if (stop.aborted) state.stopped = true;
    if (state.stopped) return;
    const where = place();
    const before = state.text.length;
    const conditioned = state.text !== "" && state.collapses < collapsesMax;
    // A broken try is thrown away, so nothing is shown before the segment is done.
    let piece = await new Decoding(run, await part.read(), conditioned ? textTail(state.text, pastTokensMax) : "").done;
    if (
      conditioned && piece.hasVoice && piece.stop !== "cancelled" &&
      isCollapsed(piece, joinedLength(part.ranges) / sampleRate, state.text)
    ) {
      reportDecode(run, piece);
      state.collapses++;
      const off = state.collapses === collapsesMax;
      onEvent({ kind: "debug", text: "Segment mode: retrying segment without past text" });
      if (off) onEvent({ kind: "debug", text: `Segment mode: past text is off after ${collapsesMax} collapses` });
      piece = await new Decoding(run, await part.read(), "").done;
    }
    piece = await again(run, piece, part, conditioned ? textTail(state.text, pastTokensMax) : "");
    piece = await mendedPiece(run, piece, part, where);
    showPiece(run, piece, 0);
    reportSegment(run, piece, part, state.text.slice(before));
    reportStop(run, piece, part, where);
  }
}

/** What nobody saw while it was decoded: all but the first `shown` characters. */
function showPiece(run: Run, piece: Piece, shown: number): void {
  heardLanguage(run, piece.language);
  addText(run, piece.text.slice(shown), shown === 0);
}

/** The piece with a doubtful repetition mended, or with what its text lacks at its end, as far as can be. */
async function mendedPiece(run: Run, piece: Piece, segment: Part, place: string): Promise<Piece> {
  const { certain } = piece;
  if (piece.stop === "cancelled" || !certain && !endsEarly(piece, speechIn(run, segment))) return piece;
  const samples = await segment.read();
  if (!samples) return piece;
  run.onEvent({
    kind: "debug",
    text: `${place}: ${certain ? "a repetition" : "a short text"} is heard again in parts`,
  });
  const context = run.request.prompt;
  const hearing: Hearing = {
    samples,
    hasContext: context !== "",
    decode: async ({ start, end }, withContext) => {
      const part = await new Decoding(run, samples.slice(start, end), "", false, withContext ? context : "").done;
      reportDecode(run, part);
      return part;
    },
  };
  const result =
    await (certain ? mended({ ...piece, certainTokens: certain.tokens }, hearing) : completed(piece, hearing));
  release(samples);
  const { text, heard, stop, repaired } = result;
  if (repaired === "none") return { ...piece, stop };
  const how = repaired === "cuts" ? "in shorter parts" : "without --prompt and --terms";
  const why = certain ? "the model repeated itself" : "the model stopped early";
  run.onEvent({ kind: "notice", text: `${place}: ${why}; heard again ${how}` });
  return { ...piece, text, heard, stop, repaired };
}

/** Seconds of speech that the detector finds in what is decoded of the segment; 0 where there is no detector. */
function speechIn({ speech }: Run, { ranges, noSpeech }: Part): number {
  if (noSpeech === undefined) return 0;
  let samples = 0;
  for (const { start, end } of ranges) {
    for (const one of speech) samples += Math.max(0, Math.min(end, one.end) - Math.max(start, one.start));
  }
  return samples / sampleRate;
}

/**
 * Decodes a segment once more where its text calls for a context of its own. The first try is thrown away, unless the
 * second is broken.
 */
async function again(run: Run, first: Piece, part: Part, pastText: string): Promise<Piece> {
  const context = first.stop === "cancelled" ? undefined : run.request.later?.of(first.text);
  if (context === undefined) return first;
  run.onEvent({ kind: "debug", text: "Terms may be heard: the segment is decoded again" });
  const second = await new Decoding(run, await part.read(), pastText, false, context).done;
  const isBroken = second.text === "" || second.stop !== "end" && second.stop !== "cancelled";
  reportDecode(run, isBroken ? second : first);
  return isBroken ? first : second;
}

/** `text` is the piece's, as it was shown. */
function reportSegment({ onEvent }: Run, piece: Piece, { ranges, noSpeech }: Part, text: string): void {
  if (text === "") return;
  const separator = text.slice(0, text.length - piece.text.length);
  const first = piece.heard.findIndex((token) => token.text !== "");
  const tokens = [...piece.heard];
  if (first >= 0) tokens[first] = { ...tokens[first]!, text: separator + tokens[first]!.text };
  const own = tokens.map((token) => token.text).join(""); // A part of the whole text would keep all of it in memory.
  assert(own === text, "the tokens' texts add up to the segment's");
  const { language = "", languageProbability, stop, repaired } = piece;
  if (languageProbability !== undefined) {
    onEvent({ kind: "debug", text: `  ${language}: ${(languageProbability * 100).toFixed(1)} % sure` });
  }
  const doubt = {
    ...(languageProbability !== undefined && { languageProbability }),
    ...(repaired && { repaired }),
    ...(noSpeech !== undefined && { noSpeech }),
  };
  onEvent({ kind: "segment", segment: { ranges, text: own, language, tokens, stop, ...doubt } });
}

function reportStop(run: Run, piece: Piece, { end, ranges }: Part, place: string): void {
  const { state, onEvent } = run;
  if (piece.hasVoice) reportDecode(run, piece);
  else state.unvoiced = andUnvoiced(state.unvoiced, place);
  if (piece.stop === "cancelled") state.stopped = true;
  else heardTo(run, end, ranges, piece.text !== "");
  if (piece.stop === "loop") {
    onEvent({ kind: "loss", text: `${place}: repetition loop after ${counted(piece.tokens, "token")}, stopped there` });
  }
  if (piece.stop === "cap") {
    onEvent({
      kind: "loss",
      text: `${place}: stopped after ${counted(piece.tokens, "token")}, more than speech takes`,
    });
  }
  if (state.stopped) return;
  const { languages, heardSamples, collapses, coverage, unvoiced, reported } = state;
  const heard = { languages, heardSamples, collapses, coverage, ...(unvoiced.count > 0 && { unvoiced }) };
  onEvent({ kind: "progress", progress: { ...heard, ...reported } });
}

/** Everything up to `end` is heard, `ranges` of it since the last time. */
function heardTo(run: Run, end: number, ranges: readonly Span[], hasText: boolean): void {
  const { state } = run;
  const span = { start: state.heardSamples, end };
  state.coverage = covered(state.coverage, run.speech, { span, ranges, hasText });
  state.heardSamples = end;
}

/**
 * Whether a decode that was shown past text came out broken by it: empty, in a loop, far too short for its audio, or a
 * repetition of what was said before. The numbers are the C program's.
 */
function isCollapsed(piece: Piece, seconds: number, before: string): boolean {
  if (piece.text === "" || piece.stop === "loop") return true;
  if (seconds >= 8 && piece.textTokens < Math.max(12, Math.floor(seconds * 1.75))) return true;
  return new TextEncoder().encode(piece.text).length >= 48 && before.includes(piece.text);
}
