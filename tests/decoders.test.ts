/** Compressed recordings on a machine without ffmpeg, through the executable. Only making them needs it. */

import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./harness.ts";
import { qwen, wav } from "./support/cli.ts";
import { describeWhere, ffmpeg } from "./support/where.ts";

describeWhere(ffmpeg !== null, "ffmpeg")("a PATH without ffmpeg", () => {
  test.each([
    ["x.mp3", ["-ar", "44100", "-ac", "2", "-q:a", "3"]],
    ["x.flac", ["-ar", "48000"]],
    ["x.ogg", ["-c:a", "libvorbis"]],
    ["x.opus", ["-ar", "48000", "-c:a", "libopus"]],
    ["x.webm", ["-ar", "48000", "-ac", "2", "-c:a", "libopus"]],
    ["x.m4a", ["-ar", "44100", "-movflags", "+faststart"]],
    ["x.mp4", ["-ar", "48000", "-ac", "2", "-movflags", "empty_moov+default_base_moof", "-frag_duration", "300000"]],
  ])("%s says what ffmpeg's samples say, as a file and cut off", async (name, args) => {
    using folder = temporaryFolder();
    const path = join(folder.path, name);
    spawnSync(ffmpeg!, ["-v", "error", "-i", wav("en-short"), ...args, path]);
    const options = ["--silent", path];
    const expected = await qwen([...options, "--decoder", "ffmpeg"]);
    const env = { PATH: folder.path };
    expect(await qwen(options, { env })).toMatchObject({ code: 0, stdout: expected.stdout, stderr: "" });
    writeFileSync(path, readFileSync(path).subarray(0, -2000));
    expect(await qwen(options, { env })).toMatchObject({ code: 0 });
  });
});
