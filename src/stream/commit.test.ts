/** Tests of the commit logic: recorded traces, loops, overlap, and what holds for any trace. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { commit, type CommitRules, type CommitState, firstState, skipped, textStart } from "./commit.ts";
import { fakeTag as tag, fakeTokens } from "./fake_speech.ts";

const agreement: CommitRules = {
  policy: { kind: "agreement" },
  ...{ feedsPast: true, asrTextId: tag, isHeaderless: false },
};
const rollback = (tokens: number, unfixedChunks: number): CommitRules => ({
  ...agreement,
  policy: { kind: "rollback", tokens, unfixedChunks },
});
const step = 32_000;

type Heard = { readonly ids: readonly number[]; readonly logprob?: number; readonly isCapped?: boolean };

/** Plays whole hypotheses, what is committed included, the last one final; returns what each step committed. */
function play(rules: CommitRules, trace: readonly Heard[], stepSamples = step): { fresh: number[][]; loops: number } {
  let state = firstState(0);
  let loops = 0;
  const fresh = trace.map(({ ids, logprob, isCapped = false }, index) => {
    const from = rules.feedsPast ? state.committed.length : 0;
    const tokens = fakeTokens(ids, logprob).slice(from);
    const isLast = index === trace.length - 1;
    const result = commit(state, { tokens, heardTo: (index + 1) * stepSamples, isCapped, isLast }, rules);
    state = result.state;
    loops += result.isLooped ? 1 : 0;
    return result.fresh.map(({ id }) => id);
  });
  return { fresh, loops };
}

describe("agreement", () => {
  test("two hypotheses in a row, whatever came before", () => {
    const trace = [[1, 2, tag, 11, 12], [1, 2, tag, 11, 13, 14], [1, 2, tag, 11, 13, 15], [1, 2, tag, 11, 13, 15, 16]];
    expect(play(agreement, trace.map((ids) => ({ ids }))).fresh).toEqual([[], [1, 2, tag, 11], [13], [15, 16]]);
  });

  test("the header may change until text is committed with it", () => {
    const trace = [[1, 3, tag], [1, 3, tag], [1, 2, tag, 11], [1, 2, tag, 11, 12], [1, 2, tag, 11, 12]];
    expect(play(agreement, trace.map((ids) => ({ ids }))).fresh).toEqual([[], [], [], [1, 2, tag, 11], [12]]);
  });

  test("guesses wait for a fourth hypothesis", () => {
    const ids = [1, 2, tag, 11];
    const trace = Array.from({ length: 6 }, () => ({ ids, logprob: -1 }));
    expect(play(agreement, trace).fresh).toEqual([[], [], [], ids, [], []]);
  });

  test("hypotheses half a second apart: a token stands for a second", () => {
    const ids = [1, 2, tag, 11];
    const trace = Array.from({ length: 5 }, () => ({ ids }));
    expect(play(agreement, trace, 8000).fresh).toEqual([[], [], ids, [], []]);
  });

  test("without a header the first token is text", () => {
    const rules = { ...agreement, isHeaderless: true };
    expect(play(rules, [{ ids: [11] }, { ids: [11, 12] }, { ids: [11, 12] }]).fresh).toEqual([[], [11], [12]]);
  });
});

describe("rollback", () => {
  test("all but the last tokens, after the unfixed chunks", () => {
    const said = Array.from({ length: 8 }, (_, i) => 11 + i);
    const trace = [4, 5, 6, 8].map((count) => ({ ids: [1, 2, tag, ...said.slice(0, count)] }));
    expect(play(rollback(2, 2), trace).fresh).toEqual([[], [1, 2, tag, 11, 12, 13], [14], [15, 16, 17, 18]]);
    expect(play(rollback(2, 0), trace).fresh[0]).toEqual([1, 2, tag, 11, 12]);
  });

  test("a header alone is not fixed, and a shorter hypothesis takes nothing back", () => {
    const trace = [[1, 2, tag, 11], [1, 2, tag, 11], [1, 2, tag, 11, 12, 13], [1, 2, tag, 11, 12], [1, 2, tag, 11, 12]];
    expect(play(rollback(1, 1), trace.map((ids) => ({ ids }))).fresh)
      .toEqual([[], [], [1, 2, tag, 11, 12], [], []]);
  });

  test("chunks of silence count", () => {
    const state = skipped(skipped(firstState(0)));
    const tokens = fakeTokens([1, 2, tag, 11, 12]);
    const result = commit(state, { tokens, heardTo: step, isCapped: false, isLast: false }, rollback(1, 3));
    expect(result.fresh.length).toBe(4);
  });
});

describe("loops", () => {
  const header = [1, 2, tag];
  const repeats = (count: number, ...ids: number[]) => Array.from({ length: count }, () => ids).flat();

  test("a long one is cut, three repeats stay", () => {
    const ids = [...header, 20, ...repeats(30, 11)];
    const { fresh, loops } = play(agreement, [{ ids }, { ids }]);
    expect(loops).toBe(2);
    expect(fresh.flat().slice(0, 4)).toEqual([...header, 20]);
    expect(fresh.flat().length).toBeLessThan(16);
  });

  test("one that fills a step's limit is cut there", () => {
    const { loops } = play(agreement, [{ ids: [...header, ...repeats(9, 11)], isCapped: true }, { ids: header }]);
    expect(loops).toBe(1);
  });

  test("ha ha ha ha, and a telephone's zeros, are said whole", () => {
    for (const count of [4, 8, 12]) {
      const laugh = [...header, 20, ...repeats(count, 11)];
      const trace = [laugh, [...laugh, 21], [...laugh, 21, 22]].map((ids) => ({ ids }));
      expect(play(agreement, trace)).toEqual({ fresh: expect.anything(), loops: 0 });
      expect(play(agreement, trace).fresh.flat()).toEqual([...laugh, 21, 22]);
      expect(play(agreement, [{ ids: laugh }, { ids: laugh }]).fresh.flat()).toEqual(laugh);
    }
  });
});

describe("without past text: joined by overlap", () => {
  const rules = { ...agreement, feedsPast: false };
  const header = [1, 2, tag];

  test("what is new goes after what was said", () => {
    const trace = [[11, 12], [11, 12, 13], [11, 12, 13, 14], [11, 12, 13, 14]];
    expect(play(rules, trace.map((ids) => ({ ids: [...header, ...ids] }))).fresh.flat())
      .toEqual([...header, 11, 12, 13, 14]);
  });

  test("a word less before it, or another one, doubles and loses nothing", () => {
    for (const changed of [[12, 13, 14, 15, 16], [11, 99, 13, 14, 15, 16], [10, 11, 12, 13, 14, 15, 16]]) {
      const first = { ids: [...header, 11, 12, 13, 14, 15] };
      const later = { ids: [...header, ...changed] };
      expect(play(rules, [first, first, later, later]).fresh.flat()).toEqual([...header, 11, 12, 13, 14, 15, 16]);
    }
  });
});

/** Traces as models make them: right up to a moving front, anything after it. */
const traces = fc.array(
  fc.record({ front: fc.nat(6), guesses: fc.array(fc.integer({ min: 500, max: 520 }), { maxLength: 6 }) }),
  { minLength: 1, maxLength: 12 },
);

test("any trace, any rule: the committed text only grows, the last step says the rest, once", () => {
  const policies = fc.oneof(
    fc.constant(agreement.policy),
    fc.record({ kind: fc.constant("rollback" as const), tokens: fc.nat(6), unfixedChunks: fc.nat(3) }),
  );
  fc.assert(
    fc.property(traces, policies, (trace, policy) => {
      const rules = { ...agreement, policy };
      let state: CommitState = firstState(0);
      let front = 0;
      const said: number[] = [];
      for (const [index, { front: grown, guesses }] of trace.entries()) {
        front += grown;
        const truth = [1, 2, tag, ...Array.from({ length: front }, (_, i) => 11 + i)];
        const all = [...truth, ...guesses];
        const isLast = index === trace.length - 1;
        const tokens = fakeTokens(all.slice(state.committed.length));
        const before = state.committed.map(({ id }) => id);
        const result = commit(state, { tokens, heardTo: (index + 1) * step, isCapped: false, isLast }, rules);
        state = result.state;
        said.push(...result.fresh.map(({ id }) => id));
        const after = state.committed.map(({ id }) => id);
        expect(after.slice(0, before.length)).toEqual(before);
        expect(after).toEqual(said);
        const start = textStart(after.map((id) => ({ id })), rules);
        if (!isLast) expect(after.length === 0 || start === 3).toBe(true);
        if (isLast && !result.isLooped) expect(after.length).toBe(Math.max(before.length, all.length));
      }
    }),
  );
});
