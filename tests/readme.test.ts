/** The README's option table is the program's; the commands it names exist. */

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { optionsMarkdown } from "../src/cli/help.ts";
import { projectRoot } from "./fixtures.ts";

const readme = readFileSync(join(projectRoot, "README.md"), "utf8");

test("the option table is made from src/options/table.ts", () => {
  const [, table] = /<!-- options:[^\n]*-->\n\n(.*?)\n<!-- \/options -->/s.exec(readme) ?? [];
  expect(table).toBe(optionsMarkdown());
});

test("files and scripts it names are there", () => {
  const paths = [...readme.matchAll(/(?:scripts|src|zig|samples|tests|bench)\/[\w./-]*\w/g)].map(([path]) => path);
  expect(paths.length).toBeGreaterThan(20);
  expect(paths.filter((path) => !existsSync(join(projectRoot, path)) && !existsSync(join(projectRoot, `${path}.zig`))))
    .toEqual([]);
});
