/** Command lines through the executable: wrong ones end with exit code 2 and one line, requests for help with 0. */

import { describe, expect, test } from "bun:test";
import packageFile from "../package.json" with { type: "json" };
import { modelDir } from "./fixtures.ts";
import { run } from "./harness.ts";
import { expectRefusal, lines, qwen, wav } from "./support/cli.ts";

const file = wav("en-short");

describe("wrong usage", () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /no input: name a file, or - for standard input/],
    [["-d", modelDir()], /no input/],
    [["--lenguage", "de", file], /unknown option --lenguage, did you mean --language\?/],
    [["--segment=10", file], /unknown option --segment, did you mean --segment-sec\?/],
    [["-x", file], /unknown option -x$/],
    [["-t", "many", file], /-t must be 0 to 256, got 'many'/],
    [["-t", "-3", file], /-t must be 0 to 256, got '-3'/],
    [["-t", "1.5", file], /-t must be 0 to 256, a whole number, got '1\.5'/],
    [["-t", "0x10", file], /-t must be 0 to 256, got '0x10'/],
    [["-S", "nan", file], /-S must be 0, auto or 1 to 86400 seconds, got 'nan'/],
    [["-S", "inf", file], /-S must be .*, got 'inf'/],
    [["-S", "0.00001", file], /-S must be .*, got '0\.00001'/],
    [["-S", "-1", file], /-S must be .*, got '-1'/],
    [["-W", "-1", file], /-W must be 0 to 3600 seconds, got '-1'/],
    [["--enc-window-sec", "9", file], /--enc-window-sec must be 1 to 8 seconds, got '9'/],
    [["--enc-window-sec", "", file], /--enc-window-sec must be 1 to 8 seconds, got ''/],
    [["--past-text", "maybe", file], /--past-text must be yes, no or auto, got 'maybe'/],
    [["--past-text"], /--past-text needs/],
    [["-i"], /-i needs FILE/],
    [["-i", "--silent", file], /-i needs FILE, got the option --silent/],
    [["--silent=yes", file], /--silent takes no value/],
    [["--stdin", file], /--stdin and input files are mutually exclusive/],
    [["-i", file, "--stdin"], /--stdin and input files are mutually exclusive/],
    [["-", "-"], /standard input is named twice/],
    [["", file], /an input file name is empty/],
    [["--raw-rate", "0", file], /--raw-rate must be 1000 to 768000 Hz, got '0'/],
    [["--raw-format", "mp3", file], /--raw-format must be u8, .* or mulaw, got 'mp3'/],
    [["--raw-channels", "0", file], /--raw-channels must be 1 to 64, got '0'/],
    [["--from", "soon", file], /--from must be seconds or \[hh:\]mm:ss\[\.ms\], got 'soon'/],
    [["--from", "5", "--to", "3", file], /--to 3 is not after --from 5/],
    [["--language", "Klingon", file], /--language 'Klingon' is not one of .*English \(en\)/],
    [["--prompt", "@/nowhere/names.txt", file], /--prompt @\/nowhere\/names\.txt: no such file/],
    [["--prompt", "@/", file], /--prompt @\/: is a folder/],
    [["--prompt", "@/dev/zero", file], /--prompt @\/dev\/zero: more than 65536 bytes/],
    [["--stream", "--stream-max-new-tokens", "0", file], /--stream-max-new-tokens must be -1 or 1 to 4096, got '0'/],
    [["--stream", "--stream-chunk-sec", "9", file], /--stream-chunk-sec must be 0\.3 to 8 seconds, got '9'/],
    [["--max-ram", "1.2X", file], /--max-ram must be a size such as 900M, 1\.2G or 1GiB, got '1\.2X'/],
    [["--live", file], /--live needs --stream/],
    [["-f", "srt,pdf", file], /-f takes text, json, .*, got 'pdf'/],
    [["-f", "srt,json", file], /-f srt,json needs -o NAME: standard output takes one format/],
    [["--stream", "-f", "tsv", file], /-f/],
    [["--stream", "--align", file], /--align times the words of whole recordings/],
    [["download", "medium"], /no model 'medium': small, large or aligner/],
    [["info", "x"], /info takes no file/],
  ];
  for (const [args, says] of cases) {
    test(
      args.map((arg) => arg.replace(file, "x.wav").replace(modelDir(), "DIR")).join(" ") || "(nothing)",
      async () => {
        const result = await run(args);
        expectRefusal(result, 2, says);
        expect(lines(result.stderr)).toEqual([expect.any(String), "try 'qwen-asr --help'"]);
      },
    );
  }

  test("wrong usage is found before the input and the model are looked at", async () => {
    expectRefusal(await run(["-d", "/nowhere", "-t", "x", "/nowhere/x.wav"]), 2, "-t must be");
    expectRefusal(await run(["-d", "/nowhere", "/nowhere/x.wav"]), 1, "/nowhere/x.wav");
  });

  test("a language that the model does not know", async () => {
    // The nano's config lists all thirty; a language is checked without it.
    expectRefusal(await qwen(["--language", "xx", file]), 2, "--language 'xx'");
  });
});

describe("right usage", () => {
  test("-h is one screen, --help has every option, both on stdout", async () => {
    const [short, long] = await Promise.all([run(["-h"]), run(["--help"])]);
    for (const { code, stderr } of [short, long]) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(lines(short.stdout).length).toBeLessThanOrEqual(24);
    for (const line of [...lines(short.stdout), ...lines(long.stdout)]) expect(line.length).toBeLessThan(80);
    for (
      const flag of [
        "-d",
        "-i",
        "--stdin",
        "-t",
        "-S",
        "--align",
        "--stream",
        "--language",
        "--prompt",
        "--skip-silence",
      ]
    ) {
      expect(short.stdout).toContain(flag);
    }
    for (const flag of ["-W", "--past-text", "--enc-window-sec", "--silent", "--debug", "--raw-rate", "--licenses"]) {
      expect(long.stdout).toContain(flag);
    }
  });

  test("help wins over what else is on the line", async () => {
    expect((await run(["/nowhere/x.wav", "--help"])).code).toBe(0);
  });

  test("--version and --licenses", async () => {
    expect(await run(["--version"])).toMatchObject({
      code: 0,
      stdout: `qwen-asr ${packageFile.version}\n`,
      stderr: "",
    });
    expect(await run(["-V"])).toMatchObject({ code: 0, stdout: `qwen-asr ${packageFile.version}\n` });
    const { stdout } = await run(["--licenses"]);
    for (const name of ["MIT License", "OpenBLAS", "WebKit"]) expect(stdout).toContain(name);
  });

  test("bench measures a folder's model and the one inside", async () => {
    for (const model of [modelDir(), "demo"]) {
      const { code, stdout } = await run(["bench", "-d", model]);
      expect({ model, code }).toEqual({ model, code: 0 });
      expect(stdout).toMatch(/^Choose .*: \d+ threads?, \d+\.\dx real time/m);
    }
  });

  test("info describes the model as JSON", async () => {
    const { code, stdout, stderr } = await run(["info", "-d", modelDir()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toBeObject();
  });

  test("doctor looks at this machine, and measures", async () => {
    const { code, stdout, stderr } = await run(["doctor", "-d", modelDir()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { program, isa, checks } = JSON.parse(stdout);
    expect(program).toBe(`qwen-asr ${packageFile.version}, ${process.platform} ${process.arch}`);
    expect(isa).toBeString();
    expect(checks.at(-1)).toMatchObject({
      name: "speed",
      says: expect.stringMatching(/^[\d.]+x real time with 1 thread, /),
    });
  });

  test("values with =, short values attached, numbers in exponents, the last of several", async () => {
    const args = ["-t1", "--segment-sec=1e1", "--language=fr", "--language=en", "--silent", `--input=${file}`];
    expect(await qwen(args)).toMatchObject({ code: 0, stdout: "Please open the old door.\n", stderr: "" });
  });

  test("every option of the C program's offline mode at once", async () => {
    const args = "-t 2 -S 20 -W 2 --language English --skip-silence --past-text no --enc-window-sec 8 --silent -i";
    const result = await qwen(["--prompt", "Names: Ann", ...args.split(" "), file]);
    expect(result).toMatchObject({ code: 0, stdout: "Please open the old door.\n" });
  });
});
