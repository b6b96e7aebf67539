/** Numbers as people read them. Pure. */

/** 65 -> "1:05", 3725 -> "1:02:05". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** 2147483648 -> "2.0 GB". */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** "talks/day 1.m4a" -> "day 1". What file systems do not take becomes "_". */
export function stem(name: string): string {
  const last = name.split(/[/\\]/).at(-1)!.replace(/(?<=.)\.[^.]{1,5}$/, "");
  // deno-lint-ignore no-control-regex -- file names cannot have them.
  return last.replace(/[\x00-\x1f<>:"|?*]/g, "_").trim() || "transcript";
}
