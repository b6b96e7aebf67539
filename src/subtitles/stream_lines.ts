/** Reads what `--stream -f jsonl` wrote. In: its text. Out: utterances, or their turns, in order. Pure. */

export type Utterance = {
  readonly text: string;
  readonly language: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Who says it; absent where speakers are not told apart. */
  readonly speaker?: string;
};

type Line = {
  type?: unknown;
  id?: unknown;
  text?: unknown;
  language?: unknown;
  start_ms?: unknown;
  end_ms?: unknown;
  speaker?: unknown;
  turns?: unknown;
};

/**
 * Finals count; of an utterance that was cut off before its own, the commits. Undefined where the lines are others. A
 * last line that is not whole is left out.
 */
export function readStreamLines(text: string): Utterance[] | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "").map(parsed);
  if (!lines.slice(0, -1).every((line) => line !== undefined)) return undefined;
  const known = lines.filter((line) => line !== undefined);
  if (!known.every(isEvent) || !known.some(({ id }) => id !== undefined)) return undefined;
  const found = new Map<unknown, readonly Utterance[]>();
  for (const event of known) {
    const { type, id, text, language, startMs, endMs } = valuesOf(event);
    const before = found.get(id)?.[0];
    if (type === "final") found.set(id, turnsOf(event) ?? [{ text, language, startMs, endMs, ...speakerOf(event) }]);
    else if (type === "commit") {
      const start = before?.startMs ?? startMs;
      found.set(id, [{ text: (before?.text ?? "") + text, language, startMs: start, endMs }]);
    }
  }
  return [...found.values()].flat().map((one) => ({ ...one, text: one.text.trim() })).filter((one) => one.text !== "");
}

/** What each of several says of an utterance. */
function turnsOf({ turns, language }: Line): Utterance[] | undefined {
  if (!Array.isArray(turns) || turns.length === 0) return undefined;
  const lines = turns.map((turn: Line) => ({ ...turn, type: "final", language }));
  if (!lines.every(isEvent)) return undefined;
  return lines.map((line) => {
    const { text, language, startMs, endMs } = valuesOf(line);
    return { text, language, startMs, endMs, ...speakerOf(line) };
  });
}

function speakerOf({ speaker }: Line): { readonly speaker?: string } {
  return typeof speaker === "string" ? { speaker } : {};
}

function parsed(line: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value as Line : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Gaps and errors are lines of a stream, too, without a text. */
function isEvent({ type, text, start_ms, end_ms }: Line): boolean {
  if (type === "gap") return Number.isFinite(start_ms);
  if (type === "error") return true;
  return (type === "commit" || type === "partial" || type === "final") && typeof text === "string" &&
    Number.isFinite(start_ms) && Number.isFinite(end_ms);
}

function valuesOf({ type, id, text, language, start_ms, end_ms }: Line) {
  const startMs = Math.max(0, Number(start_ms));
  return {
    type,
    id,
    text: String(text),
    language: String(language ?? ""),
    startMs,
    endMs: Math.max(startMs, Number(end_ms)),
  };
}
