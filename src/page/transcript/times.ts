/** Times as they are typed beside a cue. In and out: milliseconds and texts. Pure. */

/** "1:02:03.045", "2:03.045": to the millisecond. */
export function preciseTime(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3_600_000), Math.floor(whole / 60_000) % 60];
  const rest = `${two((whole / 1000) % 60)}.${String(whole % 1000).padStart(3, "0")}`;
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** Seconds or [hh:]mm:ss, with a fraction behind a point or a comma; undefined: it is none. */
export function parsePreciseTime(text: string): number | undefined {
  const [, hours = "0", minutes = "0", seconds, fraction = "0"] =
    /^\s*(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6})(?:[.,](\d{1,9}))?\s*$/.exec(text) ?? [];
  if (seconds === undefined) return undefined;
  return Math.round((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) + Number(`0.${fraction}`)) * 1000);
}
