import { expect, test } from "bun:test";
import { fakeEngine } from "../../tests/support/fake_parts.ts";
import { Share } from "./share.ts";

test("recordings take turns, and the places left are never taken", async () => {
  const order: string[] = [];
  const engine = fakeEngine(({ context }) => {
    order.push(context);
    return { says: "language English<asr_text>a", tokenDelayMs: 1 };
  });
  const share = new Share(2);
  const [first, second] = [share.of(engine), share.of(engine)];
  const request = { samples: new Float32Array(1), windowFrames: 800, language: "", pastText: "", tokensMax: 9 };
  const decode = (of: typeof engine, context: string) => of.decode({ ...request, context }, () => {});
  await Promise.all([
    ...["a1", "a2", "a3", "a4", "a5"].map((name) => decode(first as typeof engine, name)),
    ...["b1", "b2"].map((name) => decode(second as typeof engine, name)),
  ]);
  expect(order).toEqual(["a1", "a2", "a3", "b1", "a4", "b2", "a5"]);
  expect(engine.mostAtOnce()).toBe(2);
});
