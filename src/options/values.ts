/** Reads numbers and times from texts, strictly: no trailing text, nothing guessed. Pure. */

/** "2", "2.5", "-1", "1e3"; undefined for anything else, including "", "2x" and "inf". */
export function parseNumber(text: string): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** "90", "90.5", "1:30", "01:02:03.5" -> seconds. Minutes and seconds after a colon stay below 60. */
export function parseTime(text: string): number | undefined {
  if (/^(\d+\.?\d*|\.\d+)$/.test(text)) return Number(text);
  const match = /^(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)$/.exec(text) ?? /^()(\d+):(\d{1,2}(?:\.\d*)?)$/.exec(text);
  if (!match) return undefined;
  const [hours, minutes, seconds] = [Number(match[1] || 0), Number(match[2]), Number(match[3])];
  if (seconds >= 60 || (match[1] && minutes >= 60)) return undefined;
  return hours * 3600 + minutes * 60 + seconds;
}

/** "1.2G", "900M", "1.5 GiB", "800000000" -> bytes. Units are powers of 1000, with an i of 1024. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+\.?\d*|\.\d+) ?(?:([kmgt])(i)?)?b?$/i.exec(text);
  if (!match) return undefined;
  const power = match[2] === undefined ? 0 : "kmgt".indexOf(match[2].toLowerCase()) + 1;
  return Math.round(Number(match[1]) * (match[3] ? 1024 : 1000) ** power);
}

/** Whether a word says yes or no, as forms, tables and programs write it; undefined for any other. */
export function parseTruth(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (["true", "yes", "on", "1", "t", "y"].includes(word)) return true;
  return ["false", "no", "off", "0", "f", "n"].includes(word) ? false : undefined;
}

/** The candidate that starts with `text`, or the closest by edits; undefined if none is near. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const begun = candidates.filter((candidate) => text.length > 3 && candidate.startsWith(text));
  if (begun.length === 1) return begun[0];
  const distances = candidates.map((candidate) => editDistance(text, candidate));
  const best = Math.min(...distances);
  return best <= Math.max(1, Math.floor(text.length / 4)) ? candidates[distances.indexOf(best)] : undefined;
}

/** The number of insertions, deletions, replacements and swaps of neighbours between two short strings. */
function editDistance(left: string, right: string): number {
  let [before, row] = [[] as number[], Array.from({ length: right.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const replaced = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1);
      const swaps = left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      const swapped = swaps ? before[j - 2]! + 1 : Infinity;
      next.push(Math.min(replaced, swapped, row[j]! + 1, next[j - 1]! + 1));
    }
    [before, row] = [row, next];
  }
  return row[right.length]!;
}
