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
    const listed = /^ {2}(?:-., | {4})--([a-z-]+)(?= |$)/gm;
    const also = /^Also: ([^.]*)\./m.exec(help)?.[1] ?? "";
    const names = [...help.matchAll(listed), ...also.matchAll(/--([a-z-]+)/g)].map(([, option]) => option!);
    const shown = optionTable.filter((spec) => names.includes(spec.name));
    expect(names.length).toBe(shown.length);
    expect(shown).toEqual(optionTable.filter((spec) => takes(name, spec)));
  }
  expect(commandHelp("download")).toContain("2  large    4.7 GB  Apache-2.0");
});

test("the help of a command is one screen", () => {
  const tall = commandNames.filter((name) => commandHelp(name).trimEnd().split("\n").length > 40);
  expect(tall).toEqual([]);
});

test("a rare option that a command has for itself is told, and others are named where there are many", () => {
  expect(commandHelp("batch")).toContain("\n      --shard I/N        only rows I");
  expect(commandHelp("batch")).not.toContain("sample rate");
  expect(commandHelp("lint")).toContain("\n      --max-cps N        maximum reading speed");
  expect(commandHelp("inspect")).toContain("  -h, --help         this page\n");
});

test("texts are short enough for one line, and end without a stop", () => {
  for (const { help, helpOf = {}, more = "." } of optionTable) {
    for (const line of [help, ...Object.values(helpOf)]) {
      expect(line.length).toBeLessThanOrEqual(43);
      expect(line).not.toEndWith(".");
    }
    expect(more).toEndWith(".");
  }
});

test("the table of the reference has one row per option", () => {
  expect(optionsMarkdown().trim().split("\n").length).toBe(optionTable.length + 2);
  expect(optionsMarkdown()).toContain("| `-W, --search-sec SEC` |");
});
