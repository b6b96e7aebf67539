/** Who speaks when: the form that speakers are found, written, read and measured in. Types alone. */

import type { TimeSpan } from "../units.ts";

/** Turns of one speaker do not overlap; those of several may. */
export type SpeakerTurn = TimeSpan & { readonly speaker: string };
