import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "bun:test";
import { FfmpegReader, type ProcessLimits } from "./ffmpeg.ts";
import { hear } from "./hear_fixture.ts";
import { ffmpeg, hasFfmpeg, isLinux, testWhere } from "../../tests/support/where.ts";

const folder = mkdtempSync(join(tmpdir(), "qwen-asr-ffmpeg-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ample: ProcessLimits = { cpuSec: 1000, memoryBytes: 2 ** 32, fileBytes: 2 ** 30 };

/** What a program in ffmpeg's place writes, and what is made of how it ends. */
async function run(script: string, limits?: ProcessLimits): Promise<readonly [string, string | undefined]> {
  const path = join(folder, "program");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  const reader = new FfmpegReader(path, { kind: "path", path: "/dev/null" }, {}, limits);
  let text = "";
  for (let bytes = await reader.next(); bytes; bytes = await reader.next()) text += new TextDecoder().decode(bytes);
  return [text, await reader.complaint()];
}

testWhere(isLinux, "Linux")("the process has the limits that it is given, and none without", async () => {
  const [limited] = await run("ulimit -t; ulimit -v; ulimit -f", ample);
  expect(limited).toBe("1000\n4194304\n2097152\n");
  const [free] = await run("ulimit -t; ulimit -v");
  expect(free).not.toContain("1000");
});

testWhere(isLinux, "Linux")("one that takes too much is ended, and that is said", async () => {
  const [, time] = await run("while :; do :; done", { ...ample, cpuSec: 1 });
  expect(time).toBe("it takes too much to decode");
  const [, copy] = await run(`exec dd if=/dev/zero of=${join(folder, "copy")} bs=65536 count=100`, {
    ...ample,
    fileBytes: 2 ** 20,
  });
  expect(copy).toBeDefined();
});

testWhere(hasFfmpeg, "ffmpeg")("recordings are decoded within limits, and not without memory", async () => {
  const path = join(folder, "talk.m4a");
  await Bun.$`${ffmpeg} -v error -f lavfi -i sine=d=1 -c:a aac ${path}`;
  const { samples } = await hear(path, { decoder: "ffmpeg" });
  expect((await hear(path, { decoder: "ffmpeg", limits: ample })).samples).toEqual(samples);
  const none = await hear(path, { decoder: "ffmpeg", limits: { ...ample, memoryBytes: 2 ** 20 } }).catch((error) =>
    error
  );
  expect(none.message).toContain("talk.m4a: ");
});
