import { expect, test } from "bun:test";
import { parseCommandLine } from "../cli/parse.ts";
import { UsageError } from "../errors.ts";

function choicesOf(...args: string[]) {
  const command = parseCommandLine(["serve", ...args]);
  if (command.kind !== "serve") throw new Error(`a ${command.kind} command`);
  return command.options;
}

test("the server's defaults", () => {
  expect(choicesOf()).toMatchObject({
    ...{ host: "127.0.0.1", port: 8080, keyFile: undefined, isOpen: false, allowedHosts: [], origins: [] },
    ...{ trustsProxy: false, tlsFiles: undefined, wyomingPort: undefined, unloadMs: undefined, queueMax: 256 },
    ...{ uploadBytesMax: 2 ** 31, audioSecMax: 43_200, listenersMax: 8, drainMs: 10_000, keepMs: 86_400_000 },
  });
});

test("names and origins, with commas, of pages and of programs that are pages inside", () => {
  const { allowedHosts, origins } = choicesOf(
    "--allow-host",
    "A.org,*.b.org",
    "--cors",
    "app://obsidian.md,http://c:1",
  );
  expect([allowedHosts, origins]).toEqual([["a.org", "*.b.org"], ["app://obsidian.md", "http://c:1"]]);
});

test.each([
  ["--host", "a b"],
  ["--allow-host", "https://a.org"],
  ["--allow-host", "a.*"],
  ["--cors", "a.org"],
  ["--cors", "https://a.org/path"],
  ["--streams", "0"],
  ["--port", "65536"],
  ["--tls-cert", "a.pem"],
])("%s %s is refused", (name, value) => {
  expect(() => choicesOf(name, value)).toThrow(UsageError);
});
