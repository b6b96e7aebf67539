/** The files of docker/: what they run is what the program takes, by a user who is not root, on one port. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseCommandLine } from "../src/cli/parse.ts";
import type { ServeOptions } from "../src/cli/parse.ts";
import { projectRoot } from "./fixtures.ts";
import { environmentOf, lastOf, readDockerfile, type Stage } from "./support/dockerfile.ts";

const text = (name: string) => readFileSync(join(projectRoot, "docker", name), "utf8");
const image = (name: string) => readDockerfile(text(name)).at(-1)!;

function served(words: readonly string[]): ServeOptions {
  const command = parseCommandLine(words);
  if (command.kind !== "serve") throw new Error(`a ${command.kind} command`);
  return command.options;
}

/** Without the program's name. */
const wordsOf = (stage: Stage, name: string) =>
  lastOf(stage, name)!.words!.filter((word) => !/(^|\/)qwen-asr$/.test(word));

test("the image: nothing but the program, no root, its own health check", () => {
  const stage = image("Dockerfile");
  expect(stage.from).toBe("scratch");
  expect(lastOf(stage, "USER")!.text).toBe("65532:65532");
  expect(served(wordsOf(stage, "HEALTHCHECK"))).toMatchObject({ asksHealth: true, port: 8080 });
  const folders = Object.values(environmentOf(stage));
  expect(folders.every((folder) => folder.startsWith("/data"))).toBe(true);
  expect(lastOf(stage, "VOLUME")!.text).toBe("/data");
});

test("compose: a read-only root, keys, the model into the volume", () => {
  const { qwenAsr } = { qwenAsr: (Bun.YAML.parse(text("compose.yaml")) as Compose).services["qwen-asr"] };
  expect(qwenAsr).toMatchObject({
    ...{ read_only: true, cap_drop: ["ALL"], volumes: ["data:/data"], ports: ["127.0.0.1:8080:8080"] },
  });
  expect(Object.keys(qwenAsr.environment)).toEqual(["QWEN_ASR_API_KEY"]);
  expect(served(qwenAsr.command)).toMatchObject({ host: "0.0.0.0", port: 8080, download: "small", isOpen: false });
});

type Compose = {
  readonly services: {
    readonly "qwen-asr": { readonly environment: Record<string, string>; readonly command: readonly string[] };
  };
};

test("the Space: the port of its front matter, everyone, in its hub's frame", () => {
  const stage = image("space/Dockerfile");
  const front = Bun.YAML.parse(/^---\n([^]*?)\n---\n/.exec(text("space/README.md"))![1]!);
  expect(front).toMatchObject({ sdk: "docker", app_port: 7860 });
  expect(lastOf(stage, "USER")!.text).toBe("1000");
  expect(served(wordsOf(stage, "CMD"))).toMatchObject({
    ...{ host: "0.0.0.0", port: 7860, isOpen: true, allowedHosts: ["*.hf.space"], download: "small", threads: 2 },
    frameAncestors: ["https://huggingface.co"],
  });
  expect(served(wordsOf(stage, "HEALTHCHECK"))).toMatchObject({ asksHealth: true, port: 7860 });
});

test("what is not known in a Dockerfile is not left out", () => {
  expect(() => readDockerfile("FROM scratch\nADD a b\n")).toThrow("not known: ADD a b");
  expect(readDockerfile("FROM a AS b\nRUN x \\\n  y\nCOPY --from=b --chown=1:2 c d\n")).toEqual([{
    ...{ from: "a", as: "b" },
    steps: [
      { name: "RUN", flags: {}, words: undefined, text: "x y" },
      { name: "COPY", flags: { from: "b", chown: "1:2" }, words: undefined, text: "c d" },
    ],
  }]);
});
