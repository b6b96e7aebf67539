/** The files inside the executable are complete, and embed.d.ts declares what embed.ts exports. */

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { demoModelFiles, libraryBytes, licenseText } from "../src/embed.ts";
import * as embedded from "../src/embed.ts";
import { projectRoot } from "./fixtures.ts";

test("embed.d.ts declares what embed.ts exports", () => {
  const declared = readFileSync(join(projectRoot, "src", "embed.d.ts"), "utf8").matchAll(/^export \w+ (\w+)/gm);
  expect([...declared].map((match) => match[1]!).sort()).toEqual(Object.keys(embedded).sort());
});

test("the library is an executable format, the model's files exist", async () => {
  const magic = Buffer.from((await libraryBytes()).subarray(0, 4)).toString("hex");
  expect(["7f454c46", "cffaedfe"]).toContain(magic); // ELF, 64-bit Mach-O.
  for (const { path } of demoModelFiles) expect(existsSync(path), path).toBe(true);
});

test("the licences name every work inside", async () => {
  const text = await licenseText();
  for (
    const work of [
      "MIT License",
      "Bun",
      "JavaScriptCore",
      "OpenBLAS",
      "Zig",
      "Unicode",
      "Qwen3",
      "Symphonia",
      "libopus",
    ]
  ) {
    expect(text).toContain(work);
  }
  const gnu = ["GNU LIBRARY GENERAL PUBLIC LICENSE", "GNU LESSER GENERAL PUBLIC LICENSE"];
  for (const title of ["Apache License", "Mozilla Public License Version 2.0", ...gnu]) {
    expect(text).toContain(title);
  }
});
