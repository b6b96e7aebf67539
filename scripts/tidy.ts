/**
 * Our own lint: rules about this repository that no formatter knows. Text in, problems out; `readTree` reads the files.
 *
 * Each rule is a function of one file, but those of imports (layers.ts) and exports. Add a rule here and a bad sample
 * of it to tidy.test.ts.
 */

import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { importProblems, type Problem, type SourceFile } from "./layers.ts";

type Rule = (file: SourceFile, lines: readonly string[]) => readonly Omit<Problem, "path">[];

const columnsMax: Readonly<Record<string, number>> = { ".zig": 120, ".ts": 120 };
const fileLinesMax = 696;
const functionLinesMax = 70;

/** The only files under src/ that may touch files, streams, processes, sockets or clocks. */
const edgeFiles: readonly RegExp[] = [
  /^src\/(main|app|embed|memory|system|writer)\.ts$/,
  /^src\/cli\/terminal\.ts$/,
  /^src\/cli\/commands\/cache\.ts$/,
  /^src\/audio\/(input|bytes|command|ffmpeg|microphone|sample_store|spool|decoders\/modules)\.ts$/,
  /^src\/(model|files|server|engine)\//,
];

/** Text that belongs to one machine or network (but ann is the user of our examples). Split, not to name them here. */
const foreignText: readonly RegExp[] = [
  new RegExp("/(work|home|root|Users)" + "/(?!ann/)\\w"),
  new RegExp("registry\\." + "npm|npm" + "js\\.(org|com)|py" + "pi\\.org|python" + "hosted|deb\\." + "debian\\.org"),
];

const unfinished = new RegExp("\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b");

/** Files made by others or by a program: only what their own format says. */
const vendored = /^(samples\/fixtures\/|tests\/data\/|THIRD_PARTY_NOTICES$|LICENSE$)/;

export function tidy(files: readonly SourceFile[]): Problem[] {
  const single = files.filter((file) => !vendored.test(file.path)).flatMap((file) => {
    const lines = file.text.split("\n");
    return rules.flatMap((rule) => rule(file, lines)).map((problem) => ({ path: file.path, ...problem }));
  });
  return [...single, ...importProblems(files), ...lonelyExports(files)];
}

/** What one file exports and no other names. Types may be: they are what exported functions take and give. */
function lonelyExports(files: readonly SourceFile[]): Problem[] {
  const sources = files.filter(({ path }) => extname(path) === ".ts" && !vendored.test(path));
  const namedIn = new Map<string, number>();
  for (const { text } of sources) {
    for (const word of new Set(text.match(/\w+/g))) namedIn.set(word, (namedIn.get(word) ?? 0) + 1);
  }
  return sources.flatMap(({ path, text }) =>
    atLines(text.split("\n"), (line) => {
      const name = /^export (?:async )?(?:abstract )?(?:const|class|function\*?) (\w+)/.exec(line)?.[1];
      return name !== undefined && namedIn.get(name) === 1 && `${name} is exported, and no other file names it`;
    }).map((problem) => ({ path, ...problem }))
  );
}

/** Every text file under `root` that is ours to keep tidy, leaving out what .gitignore names. */
export function readTree(root: string): SourceFile[] {
  const ignored = readFileSync(join(root, ".gitignore"), "utf8").split("\n").map((line) => line.replaceAll("/", ""));
  const skipped = new Set([".git", ...ignored]);
  return readdirSync(root).filter((name) => !skipped.has(name)).flatMap((name) => readBelow(root, name))
    .sort((a, b) => a.path < b.path ? -1 : 1);
}

const rules: readonly Rule[] = [
  longLines,
  looseEnds,
  foreign,
  header,
  longFile,
  longFunctions,
  edges,
  foreignFunctions,
  lockFile,
  pinned,
];

function longLines(file: SourceFile, lines: readonly string[]) {
  const max = columnsMax[extname(file.path)] ?? Infinity;
  return atLines(lines, (line) => [...line].length > max && `longer than ${max} columns`);
}

function looseEnds(file: SourceFile, lines: readonly string[]) {
  const found = atLines(lines, (line) => {
    if (/[ \t\r]$/.test(line)) return "white space at the end";
    if (unfinished.test(line)) return "unfinished: finish it, or file an issue";
    return false;
  });
  if (file.text !== "" && !file.text.endsWith("\n")) {
    found.push({ line: lines.length, message: "no newline at the end" });
  }
  return found;
}

function foreign(_file: SourceFile, lines: readonly string[]) {
  return atLines(
    lines,
    (line) => foreignText.some((text) => text.test(line)) && "names a machine's path or a package host",
  );
}

function header(file: SourceFile, lines: readonly string[]) {
  const opening = { ".ts": "/**", ".zig": "//!" }[extname(file.path)];
  const besideItsSubject = /^src\/.*\.test\.ts$/.test(file.path);
  if (!opening || besideItsSubject || lines[0]?.startsWith(opening)) return [];
  return [{ line: 1, message: `must open with a ${opening} header: what it does, inputs, outputs` }];
}

function longFile(file: SourceFile, lines: readonly string[]) {
  const code = [".ts", ".zig"].includes(extname(file.path));
  if (!code || lines.length - 1 <= fileLinesMax || /generated/i.test(lines.slice(0, 5).join(" "))) return [];
  return [{ line: fileLinesMax + 1, message: `longer than ${fileLinesMax} lines` }];
}

const functionStart: Readonly<Record<string, RegExp>> = {
  ".zig": /^(\s*)(?:pub |export |extern |inline |noinline )*fn (\w+|@"[^"]*")\(/,
  ".ts": /^(\s*)(?:export )?(?:async )?function\*? (\w+)/,
};

/**
 * Signature to closing brace, as the formatters lay them out. Functions that return a type are containers: left out.
 */
function longFunctions(file: SourceFile, lines: readonly string[]) {
  const start = functionStart[extname(file.path)];
  if (!start) return [];
  const found: { line: number; message: string }[] = [];
  for (const [index, line] of lines.entries()) {
    const [, indent, name] = start.exec(line) ?? [];
    if (name === undefined) continue;
    const open = lines.findIndex((next, at) => at >= index && (next.endsWith("{") || /[;}]$/.test(next)));
    if (open < 0 || !lines[open]!.endsWith("{") || / type \{$/.test(lines[open]!)) continue;
    const close = lines.findIndex((next, at) => at > open && next === `${indent}}`);
    const length = close - index + 1;
    if (length > functionLinesMax) {
      found.push({ line: index + 1, message: `${name}: ${length} lines, over ${functionLinesMax}` });
    }
  }
  return found;
}

function edges(file: SourceFile, lines: readonly string[]) {
  const pure = /^src\/.*\.ts$/.test(file.path) && !/\.(test|d)\.ts$/.test(file.path);
  if (!pure || edgeFiles.some((edge) => edge.test(file.path))) return [];
  const outside =
    /(?<![\w.$"'`])(console|process|Bun)\.\w|from "node:(fs|child_process|net|http|https|os|worker_threads)\b/;
  return atLines(lines, (line) => {
    const found = !/^\s*(\*|\/\/|\/\*)/.test(line) && outside.exec(line);
    return found && `touches the outside (${found[0].replace('from "', "")}); only edge files may`;
  });
}

function foreignFunctions(file: SourceFile, lines: readonly string[]) {
  if (!/^src\/.*\.ts$/.test(file.path) || /^src\/engine\//.test(file.path)) return [];
  return atLines(lines, (line) => /from "bun:ffi"/.test(line) && "calls native code; only src/engine may");
}

function lockFile(file: SourceFile, lines: readonly string[]) {
  if (file.path !== "package-lock.json") return [];
  return atLines(lines, (line) => /"resolved"/.test(line) && "the lock file must not say where packages come from");
}

function pinned(file: SourceFile, lines: readonly string[]) {
  if (file.path !== "package.json") return [];
  const manifest = JSON.parse(file.text);
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  return versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version))).map(([name, version]) => ({
    line: 1 + lines.findIndex((line) => line.includes(`"${name}": "${version}"`)),
    message: `${name} must have one exact version`,
  }));
}

/** One problem for each line the test has a message for. */
function atLines(lines: readonly string[], test: (line: string) => string | false | null) {
  return lines.flatMap((text, index) => {
    const message = test(text);
    return message ? [{ line: index + 1, message }] : [];
  });
}

function readBelow(root: string, path: string): SourceFile[] {
  const entries = (() => {
    try {
      return readdirSync(join(root, path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
      throw error;
    }
  })();
  if (entries) {
    return entries.map((name) => `${path}/${name}`).filter((below) => !vendored.test(below))
      .flatMap((below) => readBelow(root, below));
  }
  const bytes = readFileSync(join(root, path));
  return bytes.includes(0) ? [] : [{ path, text: bytes.toString("utf8") }];
}
