/** The sample rates and channel counts that are accepted, and the error for all others. Pure. */

import { InputError } from "../errors.ts";

/** At lower rates a few bytes would become minutes of audio; no recorder uses higher ones. */
export const RATE_MIN_HZ = 1000;
export const RATE_MAX_HZ = 768_000;
export const CHANNELS_MAX = 65_535;

/** `what` begins the message: "talk.wav: WAV". */
export function checkSourceShape(what: string, rate: number, channels: number): void {
  if (rate === 0) throw new InputError(`${what} sample rate is 0 Hz`);
  if (!Number.isInteger(rate) || rate < RATE_MIN_HZ || rate > RATE_MAX_HZ) {
    throw new InputError(`${what} sample rate is ${rate} Hz, outside ${RATE_MIN_HZ} to ${RATE_MAX_HZ} Hz`);
  }
  if (channels === 0) throw new InputError(`${what} has 0 channels`);
  if (!Number.isInteger(channels) || channels < 1 || channels > CHANNELS_MAX) {
    throw new InputError(`${what} has ${channels} channels, outside 1 to ${CHANNELS_MAX}`);
  }
}
