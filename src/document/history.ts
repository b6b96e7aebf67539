/** What can be undone and done again. In: states, one after the other. Out: the present one. Pure. */

export type History<State> = {
  readonly past: readonly State[];
  readonly present: State;
  readonly future: readonly State[];
};

/** Older states are forgotten. */
const statesMax = 500;

export function begun<State>(present: State): History<State> {
  return { past: [], present, future: [] };
}

/** A state that is the present one changes nothing. */
export function changed<State>(history: History<State>, present: State): History<State> {
  if (present === history.present) return history;
  return { past: [...history.past, history.present].slice(-statesMax), present, future: [] };
}

export function undone<State>({ past, present, future }: History<State>): History<State> {
  if (past.length === 0) return { past, present, future };
  return { past: past.slice(0, -1), present: past.at(-1)!, future: [present, ...future] };
}

export function redone<State>({ past, present, future }: History<State>): History<State> {
  const [next, ...rest] = future;
  return next === undefined ? { past, present, future } : { past: [...past, present], present: next, future: rest };
}
