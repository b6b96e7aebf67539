import { expect, test } from "bun:test";
import { join } from "node:path";
import { testWhere } from "../../tests/support/where.ts";
import { remove, temporaryFolder } from "./folder.ts";
import { zip, zipOfTexts } from "./zip.ts";

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
  await Bun.write(join(folder, "a.zip"), zipOfTexts(entries));
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

testWhere(python !== null, "python3")("bytes and modes are kept, and there is no time", async () => {
  const folder = await temporaryFolder();
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) & 255);
  await Bun.write(
    join(folder, "a.zip"),
    zip([{ path: "a/run", bytes, isExecutable: true }, { path: "a/data", bytes: new Uint8Array(0) }]),
  );
  const script = `
import hashlib, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as packed:
    print(json.dumps([[one.filename, oct(one.external_attr >> 16), one.date_time,
        hashlib.sha256(packed.read(one)).hexdigest()] for one in packed.infolist()]))`;
  const { stdout } = Bun.spawnSync([python!, "-c", script, join(folder, "a.zip")]);
  const hash = (one: Uint8Array) => new Bun.CryptoHasher("sha256").update(one).digest("hex");
  expect(JSON.parse(stdout.toString())).toEqual([
    ["a/run", "0o100755", [1980, 1, 1, 0, 0, 0], hash(bytes)],
    ["a/data", "0o100644", [1980, 1, 1, 0, 0, 0], hash(new Uint8Array(0))],
  ]);
  await remove(folder);
});

test("without entries it is an empty ZIP", () => {
  expect([...zipOfTexts([])]).toEqual([80, 75, 5, 6, ...Array(18).fill(0)]);
});
