/**
 * Clients of other projects against the server, as their users have them. In: a folder for them (a temporary one by
 * default), into which npm and pip put the versions below. Out: a line for each thing that a client is told, and exit
 * code 1 where one of them is wrong.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { clip, modelDir } from "../fixtures.ts";
import { temporaryFolder } from "../harness.ts";
import { served } from "../support/served.ts";

const npmPackages = ["@ai-sdk/openai@3.0.141", "ai@6.0.326"];
const pythonPackages = [
  ...["openai==3.57.0", "wyoming==1.10.2", "SpeechRecognition==3.17.0", "livekit-plugins-openai==1.8.9"],
];
const key = "a-key-for-clients";
const wav = clip("en-short").wav;
const text = "Please open the old door.";

using temporary = temporaryFolder();
const folder = process.argv[2] ?? temporary.path;
const python = join(folder, "venv", "bin", "python");
if (!existsSync(python)) {
  await Bun.$`python3 -m venv ${join(folder, "venv")}`;
  await Bun.$`${python} -m pip install --quiet ${pythonPackages}`;
}
const npm = join(folder, "npm");
if (!existsSync(join(npm, "node_modules", "ai"))) {
  await Bun.$`npm install --silent --no-audit --no-fund --prefix ${npm} ${npmPackages}`;
}

const wyoming = freePort();
const server = await served(["--aligner", modelDir("nano-aligner"), "--wyoming", String(wyoming)], {
  QWEN_ASR_API_KEY: key,
});
try {
  await aiSdk();
  const script = join(import.meta.dir, "clients.py");
  const { exitCode } = await Bun.$`${python} ${script} ${server.url} ${key} ${wyoming} ${wav} ${text}`.nothrow();
  if (exitCode !== 0) process.exitCode = 1;
} finally {
  await server.stop();
}
if (server.errors().includes("internal error") || server.errors().includes(key)) {
  console.log(server.errors());
  process.exitCode = 1;
}

/** With options it asks for verbose_json of models that it does not know, and reads every field of a segment. */
async function aiSdk(): Promise<void> {
  const load = (name: string) => import(join(npm, "node_modules", name, "dist", "index.js"));
  const { createOpenAI } = await load("@ai-sdk/openai");
  const { experimental_transcribe: transcribe } = await load("ai");
  const openai = createOpenAI({ baseURL: `${server.url}/v1`, apiKey: key });
  for (const model of ["whisper-1", "qwen3-asr", "gpt-4o-transcribe"]) {
    const { text: said, segments, language } = await transcribe({
      ...{ model: openai.transcription(model), audio: readFileSync(wav), maxRetries: 0 },
      providerOptions: { openai: { language: "en" } },
    });
    check(`ai-sdk ${model}`, said, text);
    if (model === "gpt-4o-transcribe") continue;
    check(`ai-sdk ${model} segments`, segments.map((one: { text: string }) => one.text).join("").trim(), text);
    check(`ai-sdk ${model} language`, language, "en");
  }
}

function check(name: string, said: unknown, wanted: unknown): void {
  const isRight = said === wanted;
  console.log(`${isRight ? "ok    " : "WRONG "} ${name}: ${JSON.stringify(said)}`);
  if (!isRight) process.exitCode = 1;
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  listener.stop();
  return listener.port;
}
