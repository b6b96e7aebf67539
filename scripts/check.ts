/** Format, lint, types and our own rules, all at once, in seconds. Prints what is wrong; exit 1 when anything is. */

import { files, projectRoot, runCommand, tool, zig } from "./commands.ts";
import { readTree, tidy } from "./tidy.ts";

export type CheckResult = { readonly name: string; readonly output: string; readonly passed: boolean };

export async function runChecks(): Promise<readonly CheckResult[]> {
  // deno cannot read the imports of files in these; a .d.ts beside each stands for it (deno.json, "imports").
  const embedding = ["./src/embed.ts", "./src/audio/decoders/modules.ts"];
  const all = files("{src,tests,scripts,bench}/**/*.ts").filter((path) => !embedding.includes(path));
  // What runs in browsers knows their types, and nothing of Bun's.
  const [page, typed] = [all.filter(isOfPage), all.filter((path) => !isOfPage(path))];
  return await Promise.all([
    command("format of TypeScript", [tool("deno"), "fmt", "--check"]),
    command("format of Zig", [zig, "fmt", "--check", "build.zig", "zig"]),
    command("lint", [tool("deno"), "lint"]),
    command("types", [tool("deno"), "check", ...typed]),
    command("types of the page", [tool("deno"), "check", "--config", "deno.page.json", ...page]),
    tidiness(),
  ]);
}

function isOfPage(path: string): boolean {
  return path.startsWith("./src/page/") && !path.endsWith(".test.ts");
}

async function command(name: string, words: readonly string[]): Promise<CheckResult> {
  const { output, code } = await runCommand(words, 10 * 60_000);
  return { name, output, passed: code === 0 };
}

function tidiness(): CheckResult {
  const problems = tidy(readTree(projectRoot));
  const output = problems.map(({ path, line, message }) => `${path}:${line}: ${message}\n`).join("");
  return { name: "tidy", output, passed: problems.length === 0 };
}

if (import.meta.main) {
  const results = await runChecks();
  for (const { name, output, passed } of results) {
    if (!passed) process.stderr.write(output);
    console.log(`${passed ? "ok    " : "FAILED"} ${name}`);
  }
  process.exitCode = results.every((result) => result.passed) ? 0 : 1;
}
