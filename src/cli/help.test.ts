/** Tests of the helps: complete, and narrow enough for a terminal. */

import { expect, test } from "bun:test";
import { longHelp, optionsMarkdown, shortHelp } from "./help.ts";
import { optionTable } from "../options/table.ts";

test("-h is one screen", () => {
  const lines = shortHelp().trimEnd().split("\n");
  expect(lines.length).toBeLessThanOrEqual(25);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(79);
  for (const spec of optionTable.filter((option) => !option.rare)) expect(shortHelp()).toContain(`--${spec.name}`);
});

test("--help has every option with its default, languages, exit codes, environment, in 79 columns", () => {
  const help = longHelp();
  for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(79);
  for (const spec of optionTable) {
    expect(help).toContain(`--${spec.name}`);
    if (spec.default) expect(help.replace(/\s+/g, " ")).toContain(`[default: ${spec.default}]`);
  }
  for (const word of ["Macedonian (mk)", "130, 143", "QWEN_ASR_MODEL", "Examples:"]) expect(help).toContain(word);
});

test("the table of the reference has one row per option", () => {
  expect(optionsMarkdown().trim().split("\n").length).toBe(optionTable.length + 2);
  expect(optionsMarkdown()).toContain("| `-W, --search-sec SEC` |");
});
