import { expect, test } from "bun:test";
import { join } from "node:path";
import { testWhere } from "../../tests/support/where.ts";
import { remove, temporaryFolder } from "./folder.ts";
import { zipOf } from "./zip.ts";

const python = Bun.which("python3");

const entries = [
  { name: "talk.srt", text: "1\n00:00:00,000 --> 00:00:01,000\nHello.\n\n" },
  { name: "Talk.srt", text: "" },
  { name: "talk.words.vtt", text: "x".repeat(100_000) },
  { name: "../录音 ü.srt", text: "今天" },
  { name: "C:\\x\ny.srt", text: "b" },
];

testWhere(python !== null, "python3")("what it packs, another's unpacker finds", async () => {
  const folder = await temporaryFolder();
  await Bun.write(join(folder, "a.zip"), zipOf(entries));
  const script = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as packed:
    assert packed.testzip() is None
    print(json.dumps([[one.filename, packed.read(one).decode()] for one in packed.infolist()]))`;
  const { stdout } = Bun.spawnSync([python!, "-c", script, join(folder, "a.zip")]);
  expect(JSON.parse(stdout.toString())).toEqual([
    ["talk.srt", entries[0]!.text],
    ["Talk (2).srt", ""],
    ["talk.words.vtt", entries[2]!.text],
    [".._录音 ü.srt", "今天"],
    ["C__x_y.srt", "b"],
  ]);
  await remove(folder);
});

test("without entries it is an empty ZIP", () => {
  expect([...zipOf([])]).toEqual([80, 75, 5, 6, ...Array(18).fill(0)]);
});
