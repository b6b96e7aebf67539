/** Tests of live text on a terminal: what is seen after every step, and what is left at the end. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { columnsOf } from "../subtitles/width.ts";
import { FakeScreen } from "./fake_screen.ts";
import { LiveText } from "./live_text.ts";
import type { Screen } from "./terminal.ts";
import { Wrapper } from "./wrap.ts";

function liveText(width: number, height: number, given: Partial<Screen> = {}) {
  const screen = new FakeScreen(width, height);
  const out = { write: (text: string) => screen.write(text), drained: () => Promise.resolve() };
  const live = new LiveText(out, { columns: () => width, rows: () => height, redraws: true, dims: true, ...given });
  return { live, screen };
}

describe("an utterance on its way", () => {
  test("the tail is dim behind the settled text, replaced in place, and gone at the end", () => {
    const { live, screen } = liveText(20, 10);
    live.tail("The drain");
    expect([screen.shown(), screen.dim]).toEqual(["The drain", "The drain"]);
    live.write("The train to ");
    live.tail("Berlin leaves at eleven");
    expect(screen.shown()).toBe("The train to Berlin\nleaves at eleven");
    expect(screen.dim).toBe(" Berlinleaves at eleven");
    live.write("Bern ");
    live.tail("leaves");
    expect(screen.shown()).toBe("The train to Bern\nleaves");
    live.write("leaves.\n");
    live.tail("Next");
    expect(screen.shown()).toBe("The train to Bern\nleaves.\nNext");
    live.close();
    expect(screen.shown()).toBe("The train to Bern\nleaves.");
  });

  test("wide characters, and a word that is longer than a row", () => {
    const { live, screen } = liveText(11, 10);
    live.tail("\u6211\u4eec\u5750\u98de\u673a\u53bb\u5317\u4eac");
    expect(screen.shown()).toBe("\u6211\u4eec\u5750\u98de\u673a\n\u53bb\u5317\u4eac");
    live.write("\u6211\u4eec\u5750\u706b\u8f66\u3002\n");
    live.tail("Donaudampfschifffahrt");
    expect(screen.shown()).toBe("\u6211\u4eec\u5750\n\u706b\u8f66\u3002\nDonaudampf\nschifffahr\nt");
    live.write("Donau.\n");
    expect(screen.shown()).toBe("\u6211\u4eec\u5750\n\u706b\u8f66\u3002\nDonau.");
  });

  test("a tail that is longer than the screen shows its start, and scrolls nothing", () => {
    const { live, screen } = liveText(12, 4);
    const words = Array.from({ length: 30 }, (_, index) => `word${index}`).join(" ");
    for (let i = 0; i < 20; i++) live.tail(words);
    expect(screen.shown()).toBe("word0 word1\nword2 word3\nword4 word\u2026");
    expect(screen.scrolled).toBe(0);
  });

  test("without colour, the tail is not dim", () => {
    const { live, screen } = liveText(20, 4, { dims: false });
    live.write("Sure. ");
    live.tail("perhaps");
    expect([screen.shown(), screen.dim]).toEqual(["Sure. perhaps", ""]);
  });

  test("a line for people stands above it", () => {
    const { live, screen } = liveText(20, 6);
    live.write("The train to Berlin leaves ");
    live.tail("at eight");
    live.hide();
    screen.write("Behind by 3.0 s\n");
    live.show();
    expect(screen.shown()).toBe("The train to Berlin\nBehind by 3.0 s\nleaves at eight");
    live.write("at nine.\n");
    expect(screen.shown()).toBe("The train to Berlin\nBehind by 3.0 s\nleaves at nine.");
  });

  test("a terminal that becomes narrower has broken the rows: all of them are drawn again", () => {
    let width = 30;
    const screen = new FakeScreen(15, 10);
    const out = { write: (text: string) => screen.write(text), drained: () => Promise.resolve() };
    const live = new LiveText(out, { columns: () => width, rows: () => 10, redraws: true, dims: true });
    live.write("One.\nThe train ");
    live.tail("to Berlin leaves"); // The screen breaks it as it does when it is made narrower.
    width = 15;
    live.write("to Bern.\n");
    expect(screen.shown()).toBe("One.\nThe train to\nBern.");
  });
});

test("whatever comes: at the end the screen shows the settled text, and rows never break inside a word", () => {
  const word = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "\u00e9"), minLength: 1, maxLength: 7 }),
    fc.constant("\n"),
  );
  const text = fc.array(word, { maxLength: 8 }).map((words) =>
    words.map((one) => one === "\n" ? one : `${one} `).join("")
  );
  const step = fc.record({ settled: text, tail: text.map((one) => one.replaceAll("\n", "")) });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 12 }),
      fc.integer({ min: 9, max: 40 }),
      fc.integer({ min: 2, max: 8 }),
      (steps, width, height) => {
        const { live, screen } = liveText(width, height);
        let settled = "";
        for (const { settled: fresh, tail } of steps) {
          live.write(fresh);
          live.tail(tail);
          settled += fresh;
          for (const row of screen.rows) expect(columnsOf(row)).toBeLessThan(width);
        }
        live.write("\n");
        const wrapper = new Wrapper(() => width - 1);
        const rows = `${wrapper.push(settled)}${wrapper.end()}`.split("\n").map((row) => row.trimEnd()).join("\n")
          .trimEnd();
        expect(screen.shown()).toBe(rows);
      },
    ),
  );
});
