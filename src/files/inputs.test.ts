import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nameOfBytes } from "../path_bytes.ts";
import { findInputs, type FindRules, listedInputs } from "./inputs.ts";

type Stdin = { readonly kind: "stdin" };

const plainRules: FindRules = { recursive: false, include: [], exclude: [] };
const recursive = { ...plainRules, recursive: true };

/** A folder with these files, which hold `text`. */
function tree(...names: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), "inputs-"));
  for (const name of names) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), "text");
  }
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

async function found(root: string, names: readonly string[], rules: FindRules = plainRules) {
  const named = names.map((name) => ({ kind: "file" as const, path: join(root, name) }));
  const { inputs, ...rest } = await findInputs<Stdin>(named, rules);
  const paths = inputs.map((input) => input.kind === "file" ? input.path.slice(root.length + 1) : "-");
  const folders = inputs.map((input) => input.kind === "file" ? input.folder ?? "" : "");
  return { paths, folders, ...rest, problems: rest.problems.map(({ message }) => message.replace(root, "R")) };
}

test("of a folder, recordings are taken in the order of their bytes, and the others are counted", async () => {
  using files = tree("d/b.wav", "d/B.MP3", "d/\u00e4.ogg", "d/a.txt", "d/.hidden.wav", "d/b.part.srt", "d/in/c.wav");
  expect(await found(files.root, ["d"])).toMatchObject({
    paths: ["d/B.MP3", "d/b.wav", "d/\u00e4.ogg"],
    othersCount: 2,
    problems: [],
  });
});

test("--recursive takes folders in it, whose places the outputs have", async () => {
  using files = tree("d/b.wav", "d/in/c.wav", "d/in/deep/c.wav", "d/.git/x.wav");
  const { paths, folders } = await found(files.root, ["d/"], recursive);
  expect(paths).toEqual(["d/b.wav", "d/in/c.wav", "d/in/deep/c.wav"]);
  expect(folders).toEqual(["", "in", "in/deep"]);
});

test("links in a circle end, and no file comes twice", async () => {
  using files = tree("d/a/x.wav", "d/y.wav", "other/z.wav", "other/in/w.wav");
  symlinkSync("..", join(files.root, "d/a/up"));
  symlinkSync("a/x.wav", join(files.root, "d/again.wav"));
  symlinkSync("../other", join(files.root, "d/link"));
  symlinkSync("nowhere", join(files.root, "d/broken.wav"));
  expect((await found(files.root, ["d"], recursive)).paths).toEqual([
    ...["d/a/x.wav", "d/link/in/w.wav", "d/link/z.wav", "d/y.wav"],
  ]);
});

test("a folder that cannot be read, and one without recordings, are named", async () => {
  using files = tree("d/a.wav", "d/no/b.wav", "e/a.txt");
  chmodSync(join(files.root, "d/no"), 0);
  const isRoot = process.getuid?.() === 0;
  const { paths, problems } = await found(files.root, ["d", "e"], recursive);
  chmodSync(join(files.root, "d/no"), 0o700);
  expect(paths).toEqual(isRoot ? ["d/a.wav", "d/no/b.wav"] : ["d/a.wav"]);
  expect(problems.at(-1)).toBe("R/e: holds no recordings");
  if (!isRoot) expect(problems[0]).toBe("R/d/no: permission denied");
});

test("a file without an extension is a recording if it begins like one", async () => {
  using files = tree("d/notes", "d/main.ts");
  writeFileSync(join(files.root, "d/call"), "RIFF\x24\0\0\0WAVEfmt ");
  expect(await found(files.root, ["d"])).toMatchObject({ paths: ["d/call"], othersCount: 2 });
});

test("--include chooses instead of the extension, --exclude leaves out, also folders and what was named", async () => {
  using files = tree("d/a.wav", "d/b.dat", "d/old/c.dat", "d/in/x.dat", "n.dat", "n.wav");
  const rules = { recursive: true, include: ["*.dat"], exclude: ["old", "in/y*"] };
  expect((await found(files.root, ["d", "n.dat", "n.wav"], rules)).paths).toEqual(["d/b.dat", "d/in/x.dat", "n.dat"]);
  expect((await found(files.root, ["d"], { ...recursive, include: ["in/*"] })).paths).toEqual(["d/in/x.dat"]);
});

test("patterns are expanded, and their folders kept for the outputs", async () => {
  using files = tree("d/a.wav", "d/b.wav", "d/in/c.wav", "d/in/c.txt", "d/.h.wav", "[x].wav");
  expect((await found(files.root, ["d/?.wav"])).paths).toEqual(["d/a.wav", "d/b.wav"]);
  const deep = await found(files.root, ["d/**/*.wav"]);
  expect(deep.paths).toEqual(["d/a.wav", "d/b.wav", "d/in/c.wav"]);
  expect(deep.folders).toEqual(["", "", "in"]);
  expect((await found(files.root, ["[x].wav"])).paths).toEqual(["[x].wav"]); // There is a file of this name.
  expect((await found(files.root, ["d/*.ogg"])).problems).toEqual(["R/d/*.ogg: no file has such a name"]);
  expect((await found(files.root, ["*/in"])).paths).toEqual(["d/in/c.wav"]);
});

test("what a folder or a pattern means comes once; a file that is named twice comes twice", async () => {
  using files = tree("d/a.wav", "d/b.wav");
  const both = ["d/a.wav", "d/b.wav"];
  expect((await found(files.root, ["d", "d/*.wav", "d/a.wav"])).paths).toEqual(both);
  expect((await found(files.root, ["d/b.wav", "d", "./d/.//a.wav", "d/b.wav"])).paths).toEqual(["d/b.wav", "d/a.wav"]);
  expect((await found(files.root, ["d/a.wav", "d/a.wav"])).paths).toEqual(["d/a.wav", "d/a.wav"]);
});

test("names that are not UTF-8 are kept byte for byte", async () => {
  using files = tree();
  const odd = Buffer.from("lat\xe9.wav", "latin1");
  writeFileSync(Buffer.concat([Buffer.from(`${files.root}/`), odd]), "");
  expect((await found(files.root, ["."])).paths.map((path) => path.replace("./", ""))).toEqual([nameOfBytes(odd)]);
  expect((await found(files.root, ["lat?.wav"])).paths).toEqual([nameOfBytes(odd)]);
});

test("lists have a name a line, or between zeros", () => {
  const names = (text: string) => listedInputs(Buffer.from(text, "latin1")).map(({ path }) => path);
  expect(names("a.wav\r\n\n b.wav\nlast")).toEqual(["a.wav", " b.wav", "last"]);
  expect(names("a\nb.wav\0c.wav\0")).toEqual(["a\nb.wav", "c.wav"]);
  expect(names("lat\xe9.wav\n")).toEqual(["lat\udce9.wav"]);
  expect(names("")).toEqual([]);
});

test("names in a list keep their folders where these lie below", () => {
  const folders = listedInputs(Buffer.from("a.wav\nd/a.wav\n./e/f/a.wav\n/d/a.wav\n../d/a.wav\n")).map(({ folder }) =>
    folder
  );
  expect(folders).toEqual([undefined, "d", "e/f", undefined, undefined]);
});
