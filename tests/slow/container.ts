/**
 * Runs what docker/ describes, without a container engine: `bun tests/slow/container.ts [image] [space]`, by default
 * both.
 *
 * Needs Linux, root, chroot and unshare; for the Space also debootstrap and Debian's packages. The instructions are
 * read from the Dockerfiles and carried out in roots of their own; the building stage of the image is this clone as it
 * was built. Then the program runs with the image's user and environment on a root that cannot be written to, and is
 * asked what its health check asks. Lints the files where hadolint is on PATH. Exit 1 where something is not right.
 */

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openHub } from "../../src/model/hub/fake_hub.ts";
import { clip, modelDir, projectRoot } from "../fixtures.ts";
import { executable, temporaryFolder } from "../harness.ts";
import { environmentOf, lastOf, readDockerfile, type Stage } from "../support/dockerfile.ts";

const dockerFolder = join(projectRoot, "docker");
const key = "a-key-for-the-container";
let isRight = true;

function tell(what: string, holds: boolean, more = ""): void {
  isRight &&= holds;
  console.log(`${holds ? "ok    " : "WRONG "} ${what}${more ? `: ${more}` : ""}`);
}

function sh(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr || stdout}`);
  return stdout;
}

function lint(): void {
  if (Bun.which("hadolint") === null) return console.log("skip   hadolint is not on PATH");
  for (const name of ["Dockerfile", "space/Dockerfile"]) {
    const { status, stdout } = spawnSync("hadolint", [join(dockerFolder, name)], { encoding: "utf8" });
    tell(`hadolint ${name}`, status === 0, stdout.trim());
  }
}

/** How a root is entered: as an engine would, with its own /proc, the devices that every container has, and no more. */
function enter(root: string, writable: readonly string[], command: string): string[] {
  const mounts = [
    `mount --bind '${root}' '${root}'`,
    ...writable.map((folder) => `mount --bind '${root}${folder}' '${root}${folder}'`),
    `mount -o remount,ro,bind '${root}'`,
    `mount -t proc proc '${root}/proc'`,
    `mount -t tmpfs none '${root}/dev'`,
    ...["null", "zero", "random", "urandom"].map((name) =>
      `touch '${root}/dev/${name}' && mount --bind /dev/${name} '${root}/dev/${name}'`
    ),
    `exec ${command}`,
  ];
  return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", mounts.join("\n")];
}

/** A program in the finished image, with its user and environment. */
function contained(root: string, stage: Stage, words: readonly string[], more: Record<string, string>) {
  const user = lastOf(stage, "USER")!.text;
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", ...environmentOf(stage), ...more };
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const userspec = user.includes(":") ? user : `${user}:${user}`;
  const writable = stage.from === "scratch" ? ["/data", "/tmp"] : ["/srv", "/tmp"];
  return Bun.spawn(enter(root, writable, `chroot --userspec=${userspec} '${root}' ${quoted}`), {
    ...{ env: { ...env, PATH: `${env.PATH}:/usr/sbin:/sbin` }, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
}

async function outcome(child: ReturnType<typeof contained>) {
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}

/** Carries out COPY and RUN of the last stage. `sources`: where COPY takes from. */
async function build(stage: Stage, root: string, sources: Readonly<Record<string, string>>, env = {}): Promise<void> {
  let user = "0";
  for (const { name, flags, text } of stage.steps) {
    if (name === "USER") user = text;
    else if (name === "COPY") copy(text, flags, root, sources);
    else if (name === "RUN") {
      const command = `chroot --userspec=${user}:${user} '${root}' sh -ec "$STEP"`;
      const own = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", ...environmentOf(stage), ...env, STEP: text };
      const child = Bun.spawn(enter(root, ["/etc", "/srv", "/var", "/tmp"], command), { env: own, stdout: "inherit" });
      if (await child.exited !== 0) throw new Error(`RUN ${text}`);
    }
  }
}

function copy(
  text: string,
  { from = "", chown }: Readonly<Record<string, string>>,
  root: string,
  sources: Readonly<Record<string, string>>,
): void {
  const [source, target] = text.split(/\s+/) as [string, string];
  const base = sources[from];
  if (base === undefined) throw new Error(`COPY --from=${from}: where is it?`);
  cpSync(join(base, source), join(root, target), { recursive: true });
  if (chown) sh("chown", "-R", chown, join(root, target));
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function answers(url: string, headers: Record<string, string>): Promise<Record<string, unknown>> {
  for (let tries = 0; tries < 600; tries++, await pause(100)) {
    const reply = await fetch(`${url}/v1/info`, { headers }).catch(() => undefined);
    if (reply?.ok) return await reply.json();
  }
  throw new Error("the server does not answer");
}

/** A server in the image: healthy, of the right user, with the model in the end; and sick when it is gone. */
async function serves(
  root: string,
  stage: Stage,
  words: readonly string[],
  { env, headers, port }: {
    readonly env: Record<string, string>;
    readonly headers: Record<string, string>;
    readonly port: number;
  },
): Promise<void> {
  const url = `http://127.0.0.1:${port}`;
  const server = contained(root, stage, words, env);
  const said = outcome(server);
  const health = () => outcome(contained(root, stage, lastOf(stage, "HEALTHCHECK")!.words!, {}));
  let info = await answers(url, headers);
  console.log(`       at once: ${JSON.stringify({ demo: info.demo, download: info.download })}`);
  tell("healthy", (await health()).code === 0);
  const uid = sh("ps", "-o", "uid=", "--ppid", String(server.pid)).trim();
  tell("not root", uid === lastOf(stage, "USER")!.text.split(":")[0], `user ${uid}`);
  for (let tries = 0; info.demo && tries < 100; tries++) {
    await pause(500);
    info = await answers(url, headers);
  }
  tell("the model serves", info.demo === false);
  const body = new FormData();
  body.append("file", new File([readFileSync(clip("en-short").wav)], "talk.wav"));
  const reply = await fetch(`${url}/v1/audio/transcriptions`, { method: "POST", headers, body });
  const { text } = await reply.json();
  tell("a recording", text === clip("en-short").text, text);
  sh("pkill", "-TERM", "-P", String(server.pid));
  const { stderr } = await said;
  if (!isRight) console.log(stderr);
  const sick = await health();
  tell("sick when it is gone", sick.code === 1, sick.stderr.trim());
}

async function image(env: Record<string, string>): Promise<void> {
  using folder = temporaryFolder();
  const stage = readDockerfile(readFileSync(join(dockerFolder, "Dockerfile"), "utf8")).at(-1)!;
  const [laid, root] = [join(folder.path, "build"), join(folder.path, "root")];
  sh(join(dockerFolder, "image_root"), executable(), join(laid, "image"));
  for (const name of ["proc", "dev"]) mkdirSync(join(root, name), { recursive: true });
  await build(stage, root, { build: laid });
  sh("chmod", "1777", join(root, "tmp"));
  sh("chmod", "755", folder.path);
  const program = lastOf(stage, "ENTRYPOINT")!.words!;
  const help = await outcome(contained(root, stage, [...program, ...lastOf(stage, "CMD")!.words!], {}));
  tell("--help", help.code === 0 && help.stdout.startsWith("qwen-asr"), help.stderr);
  cpSync(clip("en-short").wav, join(root, "tmp/talk.wav"));
  const heard = await outcome(contained(root, stage, [...program, "-d", "demo", "--silent", "/tmp/talk.wav"], {}));
  tell("the demo", heard.stdout.trim() === clip("en-short").text, heard.stdout.trim() || heard.stderr);
  sh("mkdir", "-m", "777", join(root, "open"));
  const outside = await outcome(
    contained(root, stage, [...program, "-d", "demo", "-o", "/open/x", "/tmp/talk.wav"], {}),
  );
  const isRefused = outside.code === 1 && outside.stderr.includes("read-only");
  tell("its root cannot be written to", isRefused, outside.stderr.trim().split("\n").at(-1));
  const compose = Bun.YAML.parse(readFileSync(join(dockerFolder, "compose.yaml"), "utf8")) as {
    readonly services: { readonly "qwen-asr": { readonly command: string[] } };
  };
  await serves(root, stage, [...program, ...compose.services["qwen-asr"].command], {
    ...{ env: { ...env, QWEN_ASR_API_KEY: key }, headers: { authorization: `Bearer ${key}` }, port: 8080 },
  });
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const size = sh("du", "-sm", join(root, "usr"), join(root, "lib"), join(root, "lib64")).trim().split("\n").join(", ");
  console.log(`       ${files.length} files; MB: ${size.replaceAll(root, "")}`);
}

/** The Space, its model fetched when the image is built, or, where the hub is away then, at the first start. */
async function space(env: Record<string, string>): Promise<void> {
  using folder = temporaryFolder();
  sh("chmod", "755", folder.path);
  const stage = readDockerfile(readFileSync(join(dockerFolder, "space/Dockerfile"), "utf8")).at(-1)!;
  const bare = join(folder.path, "bare");
  const suite = /debian:(\d+)/.exec(stage.from)?.[1] === "12" ? "bookworm" : undefined;
  if (suite === undefined) throw new Error(`no root for ${stage.from}`);
  console.log("       debootstrap, which takes a minute or more");
  sh("debootstrap", "--variant=minbase", suite, bare);
  for (const name of ["proc", "dev"]) mkdirSync(join(bare, name), { recursive: true });
  for (const isAway of [false, true]) {
    console.log(isAway ? "       the hub is away while the image is built" : "       the hub is there");
    const root = join(folder.path, `root-${isAway}`);
    sh("cp", "-a", bare, root);
    writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n");
    const context = join(folder.path, "context");
    mkdirSync(context, { recursive: true });
    cpSync(executable(), join(context, "qwen-asr"));
    mkdirSync(join(root, "usr/local/bin"), { recursive: true });
    const nowhere = { HF_ENDPOINT: "http://127.0.0.1:1", MODELSCOPE_ENDPOINT: "http://127.0.0.1:1" };
    await build(stage, root, { "": context }, isAway ? nowhere : env);
    const headers = { host: "ann-asr.hf.space" };
    await serves(root, stage, lastOf(stage, "CMD")!.words!, { env: isAway ? env : nowhere, headers, port: 7860 });
  }
}

const wanted = process.argv.slice(2);
const files = readdirSync(modelDir()).map((name): [string, Buffer] => [name, readFileSync(join(modelDir(), name))]);
const hub = await openHub(Object.fromEntries(files));
const env = { HF_ENDPOINT: hub.url, MODELSCOPE_ENDPOINT: hub.url };
lint();
if (wanted.length === 0 || wanted.includes("image")) await image(env);
if (wanted.length === 0 || wanted.includes("space")) await space(env);
await hub.close();
process.exitCode = isRight ? 0 : 1;
