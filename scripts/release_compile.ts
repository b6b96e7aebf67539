/**
 * Puts an executable together as scripts/build does, for any system: release_compile.ts BUN_TARGET LIBRARY FILE. Bun
 * fetches its own build for that system from npm when it has none yet. A process of its own: Bun keeps what it bundled.
 */

import { projectRoot } from "./commands.ts";

const [target, library, outfile] = process.argv.slice(2);
process.chdir(projectRoot);
const { success, logs } = await Bun.build({
  entrypoints: [
    "src/main.ts",
    ...["worker", "verify_worker", "speakers_worker"].map((name) => `src/engine/${name}.ts`),
  ],
  ...{ minify: true, bytecode: true, format: "esm" },
  compile: {
    target: target as Bun.Build.CompileTarget,
    outfile: outfile!,
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
  plugins: [{
    name: "the library of that system",
    setup: (build) => void build.onResolve({ filter: /libqwen_asr\.bin$/ }, () => ({ path: library! })),
  }],
});
for (const line of logs) console.error(String(line));
process.exitCode = success ? 0 : 1;
