/** The header and the table of its functions say the same, and both C and C++ take the header without a warning. */

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { symbols } from "./symbols.ts";

const root = join(import.meta.dir, "../..");
const header = await Bun.file(join(root, "zig/qwen_asr.h")).text();

type Signature = { readonly args: readonly string[]; readonly returns: string };

/** Functions whose parameters cannot cross bun:ffi, or that only C programs call. */
const forC = /^qasr_(transcribe_\w+|model_row_floats|vad_has_voice)$/;

/** Every prototype of the header, by name, in the table's words. */
function prototypes(text: string): Map<string, Signature> {
  const code = text.replaceAll(/\/\*[^]*?\*\//g, " ").replaceAll(/\s+/g, " ");
  const found = new Map<string, Signature>();
  for (const [, returns, name, parameters] of code.matchAll(/\b(\w+ \*?)(qasr_\w+)\(([^()]*)\);/g)) {
    expect(found.has(name!)).toBe(false);
    const args = parameters!.trim() === "void" ? [] : parameters!.split(",").map((one) => kindOf(one));
    found.set(name!, { args, returns: kindOf(returns!) });
  }
  return found;
}

/** A C type, with or without a parameter's name behind it. */
function kindOf(declared: string): string {
  const words = declared.replaceAll("const", "").trim();
  if (words.includes("*") || /\bqasr_token_callback\b/.test(words)) return "ptr";
  const kinds: Record<string, string> = { uint32_t: "u32", int32_t: "i32", double: "f64", void: "void" };
  const kind = kinds[words.split(/\s+/)[0]!];
  if (kind === undefined) throw new Error(`a type that the table has no word for: ${declared}`);
  return kind;
}

const declared = prototypes(header);

test("every function of the header is in the table, with the same types", () => {
  const fromHeader = [...declared].filter(([name]) => !forC.test(name));
  const fromTable = Object.entries(symbols).map(([name, { args, returns }]): [string, Signature] => {
    return [name, { args: args.map((arg: string) => arg === "cstring" ? "ptr" : arg), returns }];
  });
  expect(fromHeader.length).toBeGreaterThan(40);
  expect(Object.fromEntries(fromTable)).toEqual(Object.fromEntries(fromHeader));
});

test("a difference in a name, a number or a type of parameters is seen", () => {
  const text = "int32_t qasr_a(const float *x, uint32_t n, /* of x, y */ double d);\n  void\n  qasr_b(void);";
  expect(Object.fromEntries(prototypes(text))).toEqual({
    qasr_a: { args: ["ptr", "u32", "f64"], returns: "i32" },
    qasr_b: { args: [], returns: "void" },
  });
  expect(() => kindOf("uint64_t n")).toThrow("no word for");
});

describe("the header alone", () => {
  for (const [compiler, standard, file] of [["cc", "c11", "header.c"], ["c++", "c++17", "header.cc"]] as const) {
    test(`as ${standard}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "qwen-asr-header-"));
      try {
        const source = join(folder, file);
        await Bun.write(source, '#include "qwen_asr.h"\nint main(void) { return (int)qasr_abi_version(); }\n');
        const flags = [`-std=${standard}`, "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
        const command = [
          join(root, "scripts/zig"),
          compiler,
          ...flags,
          `-I${join(root, "zig")}`,
          "-c",
          source,
          "-o",
          join(folder, "header.o"),
        ];
        const result = Bun.spawnSync(command, { stdout: "pipe", stderr: "pipe" });
        expect(result.stderr.toString()).toBe("");
        expect(result.exitCode).toBe(0);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
