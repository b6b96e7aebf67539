/**
 * Finds where a file that was joined to another begins, as after `cat a.flac b.wav`: players end with the first. In:
 * the bytes of a container as they pass. Out: a place and a name. Tags, padding and damage are no files. Pure.
 */

import type { Joined } from "./joined_line.ts";
import { isBlank } from "./plausible.ts";
import { sniff, SNIFF_BYTES } from "./sniff.ts";
import { findCandidate, id3Bytes, signatureAt, startAt, trailingTagBytes } from "./starts.ts";
import { createWalker, type Walker } from "./walkers.ts";

/** Enough for some frames in a row, and for what a container says of its tracks. */
const LOOK_BYTES = 1 << 15;
/** No unit is shorter. */
const UNIT_BYTES_MIN = 16;
/** Bytes that belong to nothing are looked through so far. */
const JUNK_BYTES_MAX = 1 << 25;

/** Walks through a container's units. Give it the bytes in order, or go on at `position` where some can be left out. */
export class JoinedFinder {
  found: Joined | undefined;
  isDone = false;
  goesOn: Joined | undefined;
  #name: string | undefined;
  #walker: Walker | undefined;
  #window: Uint8Array = new Uint8Array(0);
  /** Place of the window's first byte in the whole. */
  #base = 0;
  /** Bytes after the window that belong to the unit before. */
  #skip = 0;
  #hasUnits = false;
  #junkBytes = 0;
  /** Place of a tag to which what follows may belong. */
  #tagAt: number | undefined;

  /** The byte that is wanted next. */
  get position(): number {
    return this.#base + this.#window.length + this.#skip;
  }

  push(bytes: Uint8Array): void {
    if (this.isDone) return;
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    if (this.#window.length === 0) this.#base += skipped;
    this.#window = Buffer.concat([this.#window, bytes.subarray(skipped)]);
    this.#walk(LOOK_BYTES);
  }

  /** Bytes up to `position` were left out. */
  skipped(): void {
    this.#base += this.#skip;
    this.#skip = 0;
  }

  end(): void {
    this.#walk(UNIT_BYTES_MIN);
    this.isDone = true;
  }

  #walk(wantedBytes: number): void {
    let at = 0;
    while (!this.isDone && this.#window.length - at >= wantedBytes) {
      if (this.#name === undefined) this.#begin();
      else at += this.#step(at);
    }
    this.#skip += Math.max(0, at - this.#window.length);
    const taken = Math.min(at, this.#window.length);
    this.#base += taken;
    this.#window = this.#window.slice(taken);
    if (this.#skip === Infinity) this.isDone = true;
  }

  #begin(): void {
    const sniffed = sniff(this.#window.subarray(0, SNIFF_BYTES));
    if (sniffed.kind === "container") this.#own(sniffed.name);
    else this.isDone = true;
  }

  #own(name: string): void {
    this.#name = name;
    this.#walker = createWalker(name);
    this.isDone = this.#walker === undefined;
  }

  /** What stands at `at` of the window. Returns how many bytes it has. */
  #step(at: number): number {
    if (this.#base + at > 0 && this.#findStart(at)) return 0;
    if (this.#hasUnits && signatureAt(this.#window, at) === this.#name) this.#goOn(at);
    const unitBytes = this.#walker!.unit(this.#window, at, this.#junkBytes > 0);
    if (unitBytes > 0) {
      this.#hasUnits = true;
      this.#tagAt = undefined;
      this.#junkBytes = 0;
      return unitBytes;
    }
    const id3 = id3Bytes(this.#window, at);
    if (id3 > 0) this.#tagAt ??= this.#base + at;
    if (id3 > 0 && this.#hasUnits) this.#goOn(at);
    return id3 || trailingTagBytes(this.#window, at) || this.#junk(at);
  }

  /** Whether another file begins here. One before any unit is what follows a tag: the container itself. */
  #findStart(at: number): boolean {
    const own = this.#name!;
    const isAgain = this.#walker!.endsAt?.(this.#window, at) ?? false;
    const name = isAgain ? own : startAt(this.#window, at);
    if (name === undefined || (!isAgain && isSame(name, own))) return false;
    if (this.#hasUnits) {
      const isOtherRate = isAgain && own === "FLAC";
      this.found = { at: this.#tagAt ?? this.#base + at, name, after: own, ...(isOtherRate && { isOtherRate }) };
      this.isDone = true;
    } else this.#own(name);
    return true;
  }

  #goOn(at: number): void {
    this.goesOn ??= { at: this.#base + at, name: this.#name!, after: this.#name! };
  }

  #junk(at: number): number {
    this.#tagAt = undefined;
    const bytes = this.#window;
    const end = Math.max(at + 1, bytes.length - UNIT_BYTES_MIN);
    const first = bytes[at]!;
    const isRun = bytes[at + 1] === first && bytes[at + 2] === first && isBlank(bytes.subarray(at, end), first);
    const length = (isRun ? end : findCandidate(bytes, at + 1, end)) - at;
    this.#junkBytes += length;
    if (this.#junkBytes > JUNK_BYTES_MAX && !this.#walker!.searches) this.isDone = true;
    return length;
  }
}

/** QuickTime and MP4 are one format by two names. */
function isSame(name: string, own: string): boolean {
  return name === own || (name === "MP4" && own === "QuickTime");
}
