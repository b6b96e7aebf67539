/** Tests of the helps: complete, and narrow enough for a terminal. */

import { expect, test } from "bun:test";
import { commandHelp, longHelp, optionsMarkdown, shortHelp } from "./help.ts";
import { commandNames, optionTable, takes } from "../options/table.ts";

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

test("each command has a help of its own: what it takes, and nothing else, in 79 columns", () => {
  for (const name of commandNames) {
    const help = commandHelp(name);
    expect(help).toStartWith(`Usage: qwen-asr ${name} `);
    for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(79);
    const shown = optionTable.filter((spec) => new RegExp(`^  (-., |    )--${spec.name}( |$)`, "m").test(help));
    expect(shown).toEqual(optionTable.filter((spec) => takes(name, spec)));
  }
  expect(commandHelp("download")).toContain("2  large    4.7 GB  Apache-2.0");
});

test("the help of a command is one screen, but for those with many options", () => {
  const many = ["align", "render", "inspect", "eval", "batch", "serve"];
  for (const name of commandNames.filter((name) => !many.includes(name))) {
    expect([name, commandHelp(name).split("\n").length < 32]).toEqual([name, true]);
  }
});

test("texts are short enough for one line, and end without a stop", () => {
  for (const { help, more = "." } of optionTable) {
    expect(help.length).toBeLessThanOrEqual(43);
    expect(help).not.toEndWith(".");
    expect(more).toEndWith(".");
  }
});

test("the table of the reference has one row per option", () => {
  expect(optionsMarkdown().trim().split("\n").length).toBe(optionTable.length + 2);
  expect(optionsMarkdown()).toContain("| `-W, --search-sec SEC` |");
});
