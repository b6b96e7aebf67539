/**
 * Which folder of zig/ may import which, as a table, and the rule that holds the files to it. Text in, problems out.
 *
 * A file imports its own folder, and of the others those named here: nothing above it, so that whoever changes a folder
 * knows who depends on it. Files of one folder make no circle. Tests, fuzzers and their data import what they like.
 */

import { posix } from "node:path";
import type { Problem, SourceFile } from "./tidy.ts";

/** Lowest first; a folder imports only from those it names, which all come before it. */
export const zigLayers: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  kernels: [],
  compute: ["errors", "kernels"],
  checkpoint: ["errors", "kernels", "compute"],
  tokenizer: ["errors", "checkpoint"],
  packing: ["errors", "kernels", "compute", "checkpoint"],
  network: ["errors", "kernels", "compute", "checkpoint"],
  engine: ["errors", "kernels", "compute", "checkpoint", "tokenizer", "packing", "network"],
  abi: ["errors", "compute", "checkpoint", "packing", "network", "engine"],
};

/** The files that lie in zig/ itself, by the layer they make. */
const rootFiles: Readonly<Record<string, string>> = {
  "zig/errors.zig": "errors",
  "zig/abi.zig": "abi",
  "zig/exported.zig": "abi",
};

const free = /^zig\/(tests|fuzz)\.zig$|_test\.zig$/;

type Import = { readonly from: string; readonly to: string; readonly line: number };

export function zigImportProblems(files: readonly SourceFile[]): Problem[] {
  const ours = files.filter((file) => /^zig\/.*\.zig$/.test(file.path));
  const homeless = ours.filter((file) => !free.test(file.path) && layerOf(file.path) === undefined).map((file) => (
    { path: file.path, line: 1, message: "is in no folder of the table in scripts/layers.ts" }
  ));
  const imports = ours.filter((file) => !free.test(file.path)).flatMap(importsOf);
  return [...homeless, ...imports.flatMap(forbidden), ...circles(imports)];
}

function layerOf(path: string): string | undefined {
  const folder = /^zig\/(\w+)\/\w+\.zig$/.exec(path)?.[1];
  const layer = rootFiles[path] ?? folder;
  return layer !== undefined && layer in zigLayers ? layer : undefined;
}

/** Imports of files, not of modules; those inside a test block are the test's. */
function importsOf(file: SourceFile): Import[] {
  let inTest = false;
  return file.text.split("\n").flatMap((text, index) => {
    if (/^test\b/.test(text)) inTest = true;
    else if (text === "}") inTest = false;
    if (inTest || /^\s*\/\//.test(text)) return [];
    return [...text.matchAll(/@import\("([^"]+\.zig)"\)/g)].map((match) => (
      { from: file.path, to: posix.join(posix.dirname(file.path), match[1]!), line: index + 1 }
    ));
  });
}

function forbidden({ from, to, line }: Import): Problem[] {
  const [above, below] = [layerOf(from), layerOf(to)];
  if (above === undefined) return [];
  if (below === undefined) return [{ path: from, line, message: `imports ${to}, which is in no folder of the table` }];
  if (above === below || zigLayers[above]!.includes(below)) return [];
  return [{ path: from, line, message: `imports ${to}: ${above} may not import ${below} (scripts/layers.ts)` }];
}

/** One problem for each import that leads back to the file it stands in. */
function circles(imports: readonly Import[]): Problem[] {
  const targets = Map.groupBy(imports, (one) => one.from);
  const reaches = (at: string, goal: string, seen: Set<string>): boolean =>
    at === goal || (!seen.has(at) && (seen.add(at), targets.get(at) ?? []).some((one) => reaches(one.to, goal, seen)));
  return imports.filter((one) => reaches(one.to, one.from, new Set())).map(({ from, to, line }) => (
    { path: from, line, message: `imports ${to}, which in turn imports this file: a circle` }
  ));
}
