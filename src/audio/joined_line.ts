/** A file that was joined to another: where it is, and what is said of it. Pure. */

export type Joined = {
  /** Place of its first byte. */
  readonly at: number;
  /** What it is, and what the one before it is. */
  readonly name: string;
  readonly after: string;
  /** It is of the same kind, with samples of another rate. */
  readonly isOtherRate?: boolean;
};

/** What follows a file that was read. */
export type Following = {
  /** The first file that players do not go on with. */
  readonly found: Joined | undefined;
  /** Before that, the first of the same kind, with which they do. */
  readonly goesOn: Joined | undefined;
};

/** One line: what was not read, and from where. `isFfmpeg`: it goes on as well as it can, and does not tell how far. */
export function joinedLine({ at, name, after, isOtherRate }: Joined, isFfmpeg = false): string {
  if (name !== after) return `${name} audio follows at byte ${at}, not read`;
  if (isOtherRate) {
    const part = isFfmpeg ? " or read in part" : "";
    return `another ${name} follows at byte ${at}, of another sample rate, not read${part}`;
  }
  if (name === "FLAC") {
    return `another FLAC follows at byte ${at}, read in the format of the first: sound may be missing there`;
  }
  return `another ${name} follows at byte ${at}, not read`;
}

/** Whether a warning says that some of the input was left out: that is told whatever else is not. */
export function isLoss(warning: string): boolean {
  return /\bnot read\b/.test(warning);
}
