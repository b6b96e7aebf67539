/**
 * Which folder may import which, in src/ and in zig/: two tables, and the rule that enforces them. In: the text of the
 * files. Out: problems.
 *
 * A file may import its own folder and those in its folder's row, which are all below it: it is then known what depends
 * on a folder. Files must not form a circle, not even by types. A folder without a row is rejected. Tests, fakes for
 * tests and fuzzers may import anything.
 */

import { posix } from "node:path";

export type SourceFile = { readonly path: string; readonly text: string };
export type Problem = { readonly path: string; readonly line: number; readonly message: string };

export type Layers = Readonly<Record<string, readonly string[]>>;

type Tree = {
  /** Lowest first; a folder imports only from those it names, which all come before it. */
  readonly layers: Layers;
  readonly files: RegExp;
  /** Captures the folder of a file that lies in one. */
  readonly folder: RegExp;
  /** The layers that files beside the folders make. */
  readonly rootFiles: Readonly<Record<string, string>>;
  /** Files that no rule concerns. */
  readonly free: RegExp;
  readonly importsOf: (file: SourceFile) => Import[];
};

type Import = { readonly from: string; readonly to: string; readonly line: number };

// deno-fmt-ignore
export const sourceLayers: Layers = {
  root: [],
  text: ["root"],
  speakers: ["root"],
  eval: ["root", "text", "speakers"],
  audio: ["root"],
  segment: ["root", "text", "audio"],
  engine: ["root", "text"],
  document: ["root", "text", "speakers", "engine"],
  views: ["root", "text", "document"],
  align: ["root", "text", "segment", "engine", "document"],
  subtitles: ["root", "text", "document"],
  output: ["root", "text", "speakers", "segment", "document", "views", "subtitles"],
  stream: ["root", "text", "speakers", "audio", "segment", "engine", "document", "views", "subtitles", "output"],
  model: ["root", "engine"],
  pipeline: ["root", "text", "speakers", "audio", "segment", "engine", "document", "views", "align", "model"],
  page: ["root", "text", "speakers", "audio", "document", "views", "subtitles", "output"],
  options: ["root", "text", "speakers", "audio", "segment", "engine", "views", "subtitles", "output", "stream"],
  batch: ["root", "text", "document", "options"],
  files: ["root", "speakers", "audio", "document", "output"],
  server: ["root", "text", "speakers", "audio", "segment", "engine", "document", "views", "align", "subtitles",
    "output", "stream", "model", "pipeline", "options"],
  cli: ["root", "text", "speakers", "eval", "audio", "segment", "engine", "document", "views", "align", "subtitles",
    "output", "stream", "model", "pipeline", "options", "batch", "files", "server"],
  app: ["root", "text", "audio", "segment", "engine", "align", "output", "model", "pipeline", "files", "cli"],
};

export const zigLayers: Layers = {
  errors: [],
  kernels: [],
  compute: ["errors", "kernels"],
  checkpoint: ["errors", "kernels", "compute"],
  tokenizer: ["errors", "compute", "checkpoint"],
  packing: ["errors", "kernels", "compute", "checkpoint"],
  network: ["errors", "kernels", "compute", "checkpoint"],
  engine: ["errors", "kernels", "compute", "checkpoint", "tokenizer", "packing", "network"],
  abi: ["errors", "compute", "checkpoint", "packing", "network", "engine"],
};

const sourceTree: Tree = {
  layers: sourceLayers,
  files: /^src\/.*\.ts$/,
  folder: /^src\/(\w+)\/(?:\w+\/)?\w+(?:\.d)?\.ts$/,
  rootFiles: {
    "src/errors.ts": "root",
    "src/units.ts": "root",
    "src/lazy.ts": "root",
    "src/stop.ts": "root",
    "src/memory.ts": "root",
    "src/search.ts": "root",
    "src/steps.ts": "root",
    "src/writer.ts": "root",
    "src/path_bytes.ts": "root",
    "src/secrets.ts": "root",
    "src/system.ts": "root",
    "src/app.ts": "app",
    "src/embed.ts": "app",
    "src/embed.d.ts": "app",
    "src/main.ts": "app",
  },
  free: /\.test\.ts$|\/fake_\w+\.ts$|_fixture\.ts$/,
  importsOf: sourceImports,
};

const zigTree: Tree = {
  layers: zigLayers,
  files: /^zig\/.*\.zig$/,
  folder: /^zig\/(\w+)\/\w+\.zig$/,
  rootFiles: {
    "zig/errors.zig": "errors",
    "zig/abi.zig": "abi",
    "zig/abi_voices.zig": "abi",
    "zig/exported.zig": "abi",
  },
  free: /^zig\/(tests|emulated_tests|fuzz)\.zig$|_test\.zig$/,
  importsOf: zigImports,
};

/** What is wrong with the imports of these files. */
export function importProblems(files: readonly SourceFile[]): Problem[] {
  return [sourceTree, zigTree].flatMap((tree) => problemsIn(tree, files));
}

function problemsIn(tree: Tree, files: readonly SourceFile[]): Problem[] {
  const ours = files.filter(({ path }) => tree.files.test(path) && !tree.free.test(path));
  const homeless = ours.filter(({ path }) => layerOf(tree, path) === undefined).map(({ path }) => (
    { path, line: 1, message: "is in no folder of the table in scripts/layers.ts" }
  ));
  const imports = ours.flatMap(tree.importsOf);
  return [...homeless, ...imports.flatMap((one) => forbidden(tree, one)), ...circles(imports)];
}

function layerOf({ layers, rootFiles, folder }: Tree, path: string): string | undefined {
  const layer = rootFiles[path] ?? folder.exec(path)?.[1];
  return layer !== undefined && layer in layers ? layer : undefined;
}

function forbidden(tree: Tree, { from, to, line }: Import): Problem[] {
  const [above, below] = [layerOf(tree, from), layerOf(tree, to)];
  if (above === undefined) return [];
  if (below === undefined) return [{ path: from, line, message: `imports ${to}, which is in no folder of the table` }];
  if (above === below || tree.layers[above]!.includes(below)) return [];
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

/** Static and dynamic imports, types too, of files in src/; what the executable embeds is data. */
function sourceImports(file: SourceFile): Import[] {
  return matches(file, /(?:\bfrom |\bimport\(|^import )"(\.[^"]+\.ts)"/g)
    .filter(({ to }) => to.startsWith("src/"));
}

/** Imports of files, not of modules; those inside a test block are the test's. */
function zigImports(file: SourceFile): Import[] {
  return matches({ ...file, text: withoutTests(file.text) }, /@import\("([^"]+\.zig)"\)/g);
}

function withoutTests(text: string): string {
  let inTest = false;
  return text.split("\n").map((line) => {
    if (/^test\b/.test(line)) inTest = true;
    else if (line === "}") inTest = false;
    return inTest ? "" : line;
  }).join("\n");
}

function matches(file: SourceFile, pattern: RegExp): Import[] {
  return file.text.split("\n").flatMap((text, index) => {
    if (/^\s*(\/\/|\*|\/\*)/.test(text)) return [];
    return [...text.matchAll(pattern)].map((match) => (
      { from: file.path, to: posix.join(posix.dirname(file.path), match[1]!), line: index + 1 }
    ));
  });
}
