/** Tests of the manual page's roff: what could be read as a command is none, and lists of terms are lists. */

import { expect, test } from "bun:test";
import { manPage } from "./man.ts";

const page = manPage("1.2.3");
const lines = page.trimEnd().split("\n");

test("only macros of man(7) begin with a dot, and nothing with a quote", () => {
  const known = /^\.(?:TH|SH|SS|PP|TP|B|br|nh|EX|EE|ad l|\\")(?: |$)/;
  expect(lines.filter((line) => /^[.']/.test(line) && !known.test(line))).toEqual([]);
});

test("ASCII alone: other characters by number, with four digits at least", () => {
  expect(page).toMatch(/^[\n\x20-\x7e]+$/);
  expect(page).toContain("\\[u25B6] encoded, \\[u00B7] prompt processed");
});

test("an option with its values, default and commands", () => {
  const at = lines.indexOf("\\fB\\-t\\fR, \\fB\\-\\-threads\\fR \\fIN\\fR");
  expect(lines[at - 1]).toBe(".TP");
  expect(lines[at + 1]).toContain("Takes 0 to 256. [default: 0] (transcribe, ");
});

test("environment and exit codes are lists, also those of a command", () => {
  for (const term of ["75", "130, 143, 129", "QWEN_ASR_HOME", "HTTPS_PROXY", "verify"]) {
    expect(page).toContain(`.TP\n\\fB${term}\\fR\n`);
  }
});
