/** What a process takes, by Linux's own account. In: its id. Out: bytes, or ms of a processor; 0 once it is gone. */

import { readFileSync } from "node:fs";

/** Now: in memory. Its own: without what files share with it. Peak: the most so far. */
const fields = { now: "VmRSS", own: "RssAnon", peak: "VmHWM" };

export function memoryOf(pid: number | "self", which: keyof typeof fields = "now"): number {
  const line = new RegExp(`^${fields[which]}:\\s+(\\d+) kB$`, "m");
  return 1024 * Number(line.exec(fileOf(pid, "status"))?.[1] ?? 0);
}

export function processorMsOf(pid: number): number {
  const [user = 0, system = 0] = fileOf(pid, "stat").split(") ").at(-1)!.split(" ").slice(11, 13).map(Number);
  return (user + system) * 10; // Linux counts in hundredths of a second, whatever its own clock.
}

function fileOf(pid: number | "self", name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
