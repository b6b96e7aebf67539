/** The engine's C ABI beyond the goldens: sessions, wrong arguments, cancelling, threads, memory. */

import { describe, expect, test } from "bun:test";
import { EngineError } from "../src/engine/native.ts";
import { clip, modelDir } from "./fixtures.ts";
import { clipSamples, encode, libraryPath, nanoModel, native } from "./native.ts";

const HIDDEN = 128;
const lib = native();
const nano = nanoModel();

async function prefilled() {
  const samples = await clipSamples(clip("en-weather").wav);
  const session = lib.openSession(nano);
  const rows = encode(nano, samples, 0, HIDDEN);
  const prompt = lib.prompt(nano, rows.length / HIDDEN, "", "English");
  lib.extend(session, prompt, rows, rows.length / HIDDEN);
  return { session, prompt, rows, samples };
}

describe("session", () => {
  test("piece by piece, after truncating, and at once: the same logits to the bit", async () => {
    const { session, prompt, rows } = await prefilled();
    const first = lib.next(session).id;
    lib.extend(session, Uint32Array.of(first), null, 0);
    const want = lib.top(session, 5);

    lib.truncate(session, prompt.length);
    expect(() => lib.next(session)).toThrow("nothing was appended");
    lib.extend(session, Uint32Array.of(first), null, 0);
    expect(lib.top(session, 5)).toEqual(want);
    expect(lib.positions(session)).toBe(prompt.length + 1);

    // In two pieces the products have other shapes, which BLAS may sum in another order.
    lib.truncate(session, 0);
    const half = 40;
    const pad = prompt[20]!;
    const rowsBefore = prompt.slice(0, half).filter((id) => id === pad).length;
    lib.extend(session, prompt.slice(0, half), rows.subarray(0, rowsBefore * HIDDEN), rowsBefore);
    const rest = rows.length / HIDDEN - rowsBefore;
    lib.extend(session, Uint32Array.of(...prompt.slice(half), first), rows.subarray(rowsBefore * HIDDEN), rest);
    const got = lib.top(session, 5);
    expect(got.ids).toEqual(want.ids);
    got.logits.forEach((logit, rank) => expect(Math.abs(logit - want.logits[rank]!)).toBeLessThan(1e-3));
    lib.closeSession(session);
  });

  test("log-probability is that of the best logit", async () => {
    const { session } = await prefilled();
    const best = lib.top(session, 1000).logits;
    const sum = best.reduce((total, logit) => total + Math.exp(logit - best[0]!), 0);
    const others = (151_936 - 1000) * Math.exp(best[999]! - best[0]!); // None of them is above the last seen.
    const { logprob } = lib.next(session);
    expect(logprob).toBeLessThanOrEqual(-Math.log(sum) + 1e-5);
    expect(logprob).toBeGreaterThanOrEqual(-Math.log(sum + others) - 1e-5);
    lib.closeSession(session);
  });

  test("two sessions on two models' threads do not disturb each other", async () => {
    const a = await prefilled();
    const b = await prefilled();
    const want = lib.top(a.session, 5);
    lib.extend(b.session, Uint32Array.of(lib.next(b.session).id), null, 0);
    expect(lib.top(a.session, 5)).toEqual(want);
    lib.closeSession(a.session);
    lib.closeSession(b.session);
  });

  test("cancel stops the next call; truncating to 0 ends it", async () => {
    const { session, prompt, rows } = await prefilled();
    lib.cancel(session);
    expect(() => lib.next(session)).toThrow("cancelled");
    expect(() => lib.extend(session, Uint32Array.of(1), null, 0)).toThrow("cancelled");
    lib.truncate(session, 0);
    lib.extend(session, prompt, rows, rows.length / HIDDEN);
    lib.next(session);
    lib.closeSession(session);
  });

  test("cancel from another thread ends a long call early", async () => {
    const encoder = lib.openEncoder(nano);
    const samples = new Float32Array(16000 * 300).map((_, i) => Math.sin(i / 7) / 2);
    const worker = new Worker(
      URL.createObjectURL(
        new Blob([`
          const { Native } = await import(${JSON.stringify(new URL("../src/engine/native.ts", import.meta.url).href)});
          const lib = new Native(${JSON.stringify(libraryPath())});
          setInterval(() => lib.cancelEncoder(${encoder}), 20);
          postMessage("ready");
        `]),
      ),
    );
    // A cancellation between two calls is ended by the next one, hence several; wait till the worker is loaded.
    await new Promise((resolve) => (worker.onmessage = resolve));
    const whole = performance.now();
    expect(() => {
      for (let i = 0; i < 50; i++) lib.encode(encoder, samples, 0, HIDDEN);
    }).toThrow("cancelled");
    expect(performance.now() - whole).toBeLessThan(30_000);
    worker.terminate();
    expect(lib.encode(encoder, samples.subarray(0, 16_000), 0, HIDDEN).length).toBe(13 * HIDDEN);
    lib.closeEncoder(encoder);
  });

  test("wrong arguments are answered, not obeyed", async () => {
    const { session, rows } = await prefilled();
    const before = lib.top(session, 3);
    expect(() => lib.extend(session, Uint32Array.of(999_999), null, 0)).toThrow("not in the vocabulary");
    expect(() => lib.extend(session, Uint32Array.of(1, 2), rows, 1)).toThrow("1 audio rows for 0 audio places");
    expect(() => lib.truncate(session, 100_000)).toThrow("cannot truncate");
    expect(() => encode(nano, new Float32Array(16000), 250, HIDDEN)).toThrow("multiple of 100");
    expect(() => encode(nano, new Float32Array(16000), 1600, HIDDEN)).toThrow("up to 800");
    expect(() => lib.extend(session, new Uint32Array(70_000), null, 0)).toThrow("more than the model's 65536");
    expect(() => lib.top(session, 0)).toThrow(EngineError);
    expect(lib.top(session, 3)).toEqual(before);
    lib.closeSession(session);
  });

  test("no samples, one sample, NaN: rows of half a second, no crash", () => {
    const session = lib.openSession(nano);
    for (const samples of [new Float32Array(0), new Float32Array(1), new Float32Array(20_000).fill(NaN)]) {
      const rows = encode(nano, samples, 0, HIDDEN);
      expect(rows.length).toBe((samples.length < 8000 ? 7 : 17) * HIDDEN);
      const prompt = lib.prompt(nano, rows.length / HIDDEN, "", "");
      lib.extend(session, prompt, rows, rows.length / HIDDEN);
      expect(lib.next(session).id).toBeLessThan(151_936);
      lib.truncate(session, 0);
    }
    lib.closeSession(session);
  });
});

describe("sessions in step", () => {
  for (const weights of ["bf16", "int8", "int4"] as const) {
    test(`${weights}: each says what it says alone, to the bit`, async () => {
      const handle = lib.openFolder(modelDir(), 2, weights);
      const clips = ["en-weather", "zh-weather", "en-short", "en-digits", "silence-3s"];
      const started = await Promise.all(clips.map(async (name) => {
        const session = lib.openSession(handle);
        const rows = encode(handle, await clipSamples(clip(name).wav), 0, HIDDEN);
        const prompt = lib.prompt(handle, rows.length / HIDDEN, "", "");
        lib.extend(session, prompt, rows, rows.length / HIDDEN);
        return { session, positions: prompt.length, first: lib.next(session).id };
      }));
      const steps = 6;
      const alone = started.map(({ session, positions, first }) => {
        let id = first;
        const tops = Array.from({ length: steps }, () => {
          lib.extend(session, Uint32Array.of(id), null, 0);
          const top = lib.top(session, 5);
          id = top.ids[0]!;
          return top;
        });
        lib.truncate(session, positions);
        return tops;
      });
      for (const count of [1, 2, 3, 5]) {
        const some = started.slice(0, count);
        const sessions = some.map(({ session }) => session);
        let ids = Uint32Array.from(some, ({ first }) => first);
        for (let step = 0; step < steps; step++) {
          lib.step(sessions, ids);
          const tops = sessions.map((session) => lib.top(session, 5));
          expect(tops).toEqual(alone.slice(0, count).map((own) => own[step]!));
          ids = Uint32Array.from(tops, (top) => top.ids[0]!);
        }
        some.forEach(({ session, positions }) => lib.truncate(session, positions));
      }
      const [a, b] = started.map(({ session }) => session);
      expect(() => lib.step([a!, a!], Uint32Array.of(1, 2))).toThrow("using this session");
      lib.cancel(b!);
      expect(() => lib.step([a!, b!], Uint32Array.of(1, 2))).toThrow("cancelled");
      expect(lib.positions(a!)).toBe(started[0]!.positions);
      started.forEach(({ session }) => lib.closeSession(session));
      lib.closeModel(handle);
    });
  }
});

describe("tokens", () => {
  test("special tokens in a context are plain text", () => {
    const plain = lib.prompt(nano, 3, "a <|im_end|> b <|audio_pad|>", "");
    const pads = plain.filter((id) => id === 151_676).length;
    expect(pads).toBe(3);
    expect(plain.filter((id) => id === 151_645).length).toBe(2);
    expect([...lib.tokenize(nano, "<|im_end|>", true)]).toEqual([151_645]);
    expect(lib.tokenize(nano, "<|im_end|>").length).toBeGreaterThan(1);
  });

  test("tokens of a text join to its bytes", () => {
    const text = "Ünïcödé 晴れ ☃ \u{1F600}\n\n  tabs\t";
    const bytes = [...lib.tokenize(nano, text)].flatMap((id) => [...lib.tokenBytes(nano, id)]);
    expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(text.normalize("NFC"));
  });
});

test("sgemm from two threads, 10,000 times, equals sgemm from one", async () => {
  const [m, n, k] = [13, 24, 48];
  const values = (count: number, seed: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.7 + seed));
  const [a, b] = [values(m * k, 1), values(n * k, 2)];
  const want = new Float32Array(m * n);
  lib.sgemm(a, b, want, m, n, k);
  const source = `
    const { Native } = await import(${JSON.stringify(new URL("../src/engine/native.ts", import.meta.url).href)});
    const lib = new Native(${JSON.stringify(libraryPath())});
    onmessage = ({ data: { a, b, want, m, n, k } }) => {
      const c = new Float32Array(m * n);
      let wrong = 0;
      for (let run = 0; run < 10_000; run++) {
        c.fill(NaN);
        lib.sgemm(a, b, c, m, n, k);
        if (!c.every((value, i) => value === want[i])) wrong++;
      }
      postMessage(wrong);
    };
    postMessage("ready");
  `;
  const workers = [0, 1].map(() => new Worker(URL.createObjectURL(new Blob([source]))));
  const next = (worker: Worker) => new Promise((resolve) => (worker.onmessage = (event) => resolve(event.data)));
  expect(await Promise.all(workers.map(next))).toEqual(["ready", "ready"]);
  const results = workers.map((worker) => {
    worker.postMessage({ a, b, want, m, n, k });
    return next(worker);
  });
  expect(await Promise.all(results)).toEqual([0, 0]);
  workers.forEach((worker) => worker.terminate());
});

test("a model from memory is the model from its folder", async () => {
  const names = ["config.json", "model.safetensors", "vocab.json", "merges.txt", "tokenizer_config.json"];
  const read = async (name: string) => ({ name, bytes: await Bun.file(`${modelDir()}/${name}`).bytes() });
  const handle = lib.openMemory(await Promise.all(names.map(read)), 1);
  expect({ ...lib.describe(handle), threads: 0 }).toEqual({ ...lib.describe(nano), threads: 0 });
  const missing = await Promise.all(names.slice(1).map(read));
  expect(() => lib.openMemory(missing, 1)).toThrow("no config.json");
  lib.closeModel(handle);
});
