/** Commands: output and code come back, and one that hangs is ended with everything it started. */

import { expect, test } from "bun:test";
import { files, runCommand, tool } from "./commands.ts";

test("output of both streams and the exit code", async () => {
  const result = await runCommand(["/bin/sh", "-c", "echo out; echo err >&2; exit 4"], 10_000);
  expect(result.code).toBe(4);
  expect(result.output.split("\n").sort().join(" ")).toBe(" err out");
});

test("a command that hangs is killed with its children", async () => {
  const result = await runCommand(["/bin/sh", "-c", "sleep 30 & echo begun; wait"], 300);
  expect(result.output).toBe("begun\nstill running after 0.3 s: killed\n");
  expect(result.code).not.toBe(0);
  expect(result.elapsedMs).toBeLessThan(5_000);
});

test("files are found by pattern, sorted", () => {
  expect(files("scripts/commands*.ts")).toEqual(["./scripts/commands.test.ts", "./scripts/commands.ts"]);
});

test("a signal ends all commands that run", async () => {
  const script = `import { runCommand } from ${JSON.stringify(`${import.meta.dir}/commands.ts`)};
    const [a, b] = ["begun; exec sleep 30", "begun too; exec sleep 30"].map((text) =>
      runCommand(["/bin/sh", "-c", "echo $$; echo " + text], 20_000));
    setTimeout(() => process.kill(process.pid, "SIGTERM"), 300);
    await Promise.all([a, b]);`;
  const { code, elapsedMs } = await runCommand([tool("bun"), "-e", script], 20_000);
  expect(code).toBe(143);
  expect(elapsedMs).toBeLessThan(10_000);
});
