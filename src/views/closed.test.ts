import { expect, test } from "bun:test";
import { closedLength, type OpenParts } from "./closed.ts";

const closed = (text: string, open: Partial<OpenParts>) =>
  text.slice(0, closedLength(text, { numbers: false, clauses: false, ...open }));

test("numbers: open until words without numbers follow, or the clause ends", () => {
  for (
    const [text, front] of [
      ["我们今天有三", "我们"],
      ["我们今天有三十五", "我们"],
      ["我们今天有三十五个人", "我们"],
      ["我们今天有三十五个学生来上课", "我们今天有三十五个学生"],
      ["有三十五个人。", "有三十五个人。"],
      ["有三十五个人，然后", "有三十五个人，"],
      ["We all saw twenty five", ""],
      ["So we all saw twenty five cats and three", "So"],
      ["We saw twenty five cats and dogs over there now", "We saw twenty five cats and dogs"],
      ["Seven three nine four. The", "Seven three nine four."],
      ["It is 3. The", ""],
      ["On July twenty fifth, twenty", ""],
      ["It was cold. We", "It was cold."],
    ] as const
  ) expect([text, closed(text, { numbers: true })]).toEqual([text, front]);
});

test("clauses: closed by their marks, or when they are very long", () => {
  expect(closed("头发很长，我的头", { clauses: true })).toBe("头发很长，");
  expect(closed("我的头", { clauses: true })).toBe("");
  expect(closed("头".repeat(70), { clauses: true })).toBe("头".repeat(50));
  expect(closed("有三十五，", { clauses: true, numbers: true })).toBe("有三十五，");
});

test("without views all of it is closed", () => {
  expect(closed("有三十", {})).toBe("有三十");
});
