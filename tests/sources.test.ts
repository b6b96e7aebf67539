/** Recordings from elsewhere: a microphone, through stand-ins of programs that listen, and URLs of a local server. */

import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ffmpegPath } from "../src/audio/ffmpeg.ts";
import { executable, fixedEnvironment, folderIn, temporaryFolder } from "./harness.ts";
import { clipSamples } from "./native.ts";
import { modelDir } from "./fixtures.ts";
import { expectRefusal, qwen, wav } from "./support/cli.ts";
import { describeWhere } from "./support/where.ts";

/** A folder for PATH with a program of this name, which a shell runs. */
function withProgram(folder: string, name: string, script: string): string {
  const bin = folderIn(folder, `bin-${name}`);
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  for (const tool of ["cat", "sleep", "sh"]) symlinkSync(Bun.which(tool)!, join(bin, tool));
  return bin;
}

async function spoken(folder: string): Promise<string> {
  const path = join(folder, "said.raw");
  const samples = Int16Array.from(await clipSamples(wav("en-short")), (sample) => Math.round(sample * 32_767));
  writeFileSync(path, new Uint8Array(samples.buffer));
  return path;
}

describe("--mic", () => {
  test("hears what arecord or ffmpeg hears, as a live stream", async () => {
    using folder = temporaryFolder();
    const said = await spoken(folder.path);
    const expected = (await qwen(["--stream", "--live", "--silent", "--stdin"], { stdin: readFileSync(said) })).stdout;
    expect(expected).toContain("Please");
    const words = `echo "$0 $*" > "${folder.path}/asked"; cat "${said}"`;
    for (const [name, device] of [["arecord", "-D hw:1"], ["ffmpeg", "-f alsa -i hw:1"]] as const) {
      const PATH = withProgram(folder.path, name, words);
      expect(await qwen(["--mic", "hw:1", "--silent"], { env: { PATH } })).toMatchObject({ code: 0, stdout: expected });
      expect(readFileSync(join(folder.path, "asked"), "utf8")).toContain(device);
      const { stdout } = await qwen(["--mic", "default", "-f", "jsonl"], { env: { PATH } });
      expect(JSON.parse(stdout.split("\n")[0]!)).toMatchObject({ file: "microphone" });
    }
  });

  test("Ctrl-C ends it: what was heard is there, and nothing goes on listening", async () => {
    using folder = temporaryFolder();
    const said = await spoken(folder.path);
    const PATH = withProgram(folder.path, "arecord", `echo $$ > "${folder.path}/pid"; cat "${said}"; exec sleep 60`);
    const child = Bun.spawn([executable(), "-d", modelDir(), "--mic", "default"], {
      env: { ...fixedEnvironment(folder.path), PATH },
      ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    });
    let [text, isInterrupted] = ["", false];
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (isInterrupted || !text.includes("door")) continue;
      isInterrupted = true;
      child.kill("SIGINT");
    }
    expect(await child.exited).toBe(130);
    expect(text).toContain("Please open the old door.");
    const pid = Number(readFileSync(join(folder.path, "pid"), "utf8"));
    for (let tries = 0; isRunning(pid) && tries < 100; tries++) await Bun.sleep(20);
    expect(isRunning(pid)).toBe(false);
  });

  test("without a program, a device or sense: one line", async () => {
    using folder = temporaryFolder();
    const none = { env: { PATH: folderIn(folder.path, "none") } };
    expectRefusal(await qwen(["--mic", "default"], none), 1, /^qwen-asr: microphone: needs (arecord or )?ffmpeg/);
    const broken =
      'echo "ALSA lib pcm.c:2664: Unknown PCM x" >&2; echo "arecord: main:831: audio open error: No" >&2; exit 1';
    const env = { PATH: withProgram(folder.path, "arecord", broken) };
    expectRefusal(await qwen(["--mic", "x", "--silent"], { env }), 1, "microphone: arecord: audio open error: No");
    expectRefusal(await qwen(["--mic", "x", wav("en-short")]), 2, /--mic/);
    expectRefusal(await qwen(["--mic", "x", "--stdin"]), 2, /--mic/);
  });

  test("list names the devices", async () => {
    using folder = temporaryFolder();
    const listed = String
      .raw`printf 'null\n    Discard\ndefault\n    The usual one\nhw:CARD=1\n    USB, Audio\n    Direct\n'`;
    const env = { PATH: withProgram(folder.path, "arecord", listed) };
    expect(await qwen(["--mic", "list"], { env })).toMatchObject({
      code: 0,
      stdout: "default  The usual one\nhw:CARD=1  USB, Audio\n",
    });
    const none = { PATH: withProgram(folder.path, "ffmpeg", "exit 0") };
    expectRefusal(await qwen(["--mic", "list"], { env: none }), 1, "microphone: no device is found");
  });
});

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describeWhere(ffmpegPath() !== null, "ffmpeg")("URLs", () => {
  test("are fetched where that is allowed, and are an error elsewhere", async () => {
    using folder = temporaryFolder();
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) => {
        const { pathname } = new URL(url);
        if (pathname === "/talk.wav") return new Response(Bun.file(wav("en-short")));
        if (pathname === "/text") {
          return new Response("no audio at all, but some text that is long enough\n".repeat(99));
        }
        if (pathname === "/list.m3u8") {
          const list = `#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://${wav("en-short")}\n#EXT-X-ENDLIST\n`;
          return new Response(list, { headers: { "content-type": "application/vnd.apple.mpegurl" } });
        }
        return new Response("", { status: 404 });
      },
    });
    const at = (path: string) => `http://127.0.0.1:${server.port}${path}`;
    const { stdout } = await qwen(["--silent", wav("en-short")]);
    const talk = at("/talk.wav?from=[1]*");
    expect(await qwen(["--silent", "--allow-url", talk])).toMatchObject({ code: 0, stdout, stderr: "" });
    const out = folderIn(folder.path, "out");
    expect((await qwen(["--silent", "--allow-url", "-f", "srt", "-o", `${out}/`, talk])).code).toBe(0);
    expect(readFileSync(join(out, "talk.srt"), "utf8")).toContain("Please open the old door.");
    expectRefusal(await qwen(["--silent", talk]), 1, "is a URL, which is not fetched");
    writeFileSync(join(folder.path, "list"), `${talk}\n`);
    expectRefusal(
      await qwen(["--silent", "--files-from", join(folder.path, "list")]),
      1,
      "is a URL, which is not fetched",
    );
    const refused = async (url: string, says: RegExp) =>
      expectRefusal(await qwen(["--silent", "--allow-url", url]), 1, says);
    await refused(at("/gone.wav"), /gone\.wav: ffmpeg: .*404/);
    await refused(at("/text"), /text: ffmpeg: Invalid data/);
    await refused(at("/list.m3u8"), /list\.m3u8: ffmpeg: /);
    await refused("http://127.0.0.1:9/x.wav", /x\.wav: ffmpeg: .*refused/i);
    await refused("file:///etc/hostname", /only https:\/\/ and http:\/\/ are fetched/);
  });

  test("what is written shows neither password nor key", async () => {
    using folder = temporaryFolder();
    const login = `Basic ${btoa("someone:pa55phrase")}`;
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url, headers }) => {
        const { pathname, searchParams } = new URL(url);
        if (pathname === "/gone.wav") return new Response("", { status: 403 });
        const isKnown = headers.get("authorization") === login || searchParams.get("token") === "pa55key";
        if (isKnown) return new Response(Bun.file(wav("en-short")));
        return new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=talks" } });
      },
    });
    const place = `127.0.0.1:${server.port}`;
    const talks = [
      `http://someone:pa55phrase@${place}/one.wav`,
      `http://${place}/two.wav?token=pa55key`,
      `http://someone:pa55phrase@${place}/gone.wav?X-Amz-Signature=pa55sign`,
    ];
    const out = join(folder.path, "out");
    const run = await qwen([
      ...["--debug", "--allow-url", "-f", "json,jsonl,md,html,tsv", "-o", `${out}/`],
      ...["--summary", join(folder.path, "summary.csv"), ...talks],
    ]);
    const lines = await qwen(["--silent", "--allow-url", "--with-filename", ...talks]);
    const table = await qwen(["--silent", "--allow-url", "-f", "jsonl", ...talks]);
    expect([run.code, lines.code, table.code]).toEqual([1, 1, 1]);
    expect(lines.stdout).toBe(
      [`http://***@${place}/one.wav`, `http://${place}/two.wav?token=***`]
        .map((name) => `${name}: Please open the old door.\n`).join(""),
    );
    expect(run.stderr).toContain(`Failed: http://***@${place}/gone.wav?X-Amz-Signature=***\n`);
    expect(JSON.parse(readFileSync(join(out, "one.json"), "utf8")).source.name).toBe(`http://***@${place}/one.wav`);
    const written = readdirSync(folder.path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile()).map(({ parentPath, name }) => readFileSync(join(parentPath, name), "utf8"));
    expect(written).toHaveLength(11);
    for (const text of [...written, ...[run, lines, table].flatMap(({ stdout, stderr }) => [stdout, stderr])]) {
      expect(text).not.toContain("pa55");
    }
  });
});
