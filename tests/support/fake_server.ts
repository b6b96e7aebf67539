/** A server for tests, with a fake engine: what is uploaded is the length of a recording ("5s"), or "bad". */

import { type FakeEngine, fakeEngine, fakeParts, fakeSecond, loadedAudio } from "./fake_parts.ts";
import type { DecodeRequest, Engine } from "../../src/engine/engine.ts";
import { InputError } from "../../src/errors.ts";
import { openModels } from "../../src/pipeline/models.ts";
import type { ProgramParts } from "../../src/cli/parts.ts";
import { remove, temporaryFolder } from "../../src/server/folder.ts";
import type { ServerSettings } from "../../src/server/host.ts";
import { startServer } from "../../src/server/server.ts";
import { State } from "../../src/server/state.ts";

export type FakeServer = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly wyomingPort: number | undefined;
  readonly lines: string[];
  /** Recordings that are read and not closed. */
  readonly openReads: () => number;
  readonly settings: ServerSettings;
  stop(): Promise<void>;
};

const settings: Omit<ServerSettings, "folder"> = {
  ...{ model: "demo", threads: 1, weights: "int8", cache: false, language: "" },
  ...{ align: false, aligner: undefined, lowMemory: false, host: "127.0.0.1", port: 0 },
  ...{
    keys: [],
    trustsProxy: false,
    wyomingPort: undefined,
    unloadMs: undefined,
    tls: undefined,
    samplesFolder: undefined,
    allowedHosts: [],
    origins: [],
    frameAncestors: [],
    uploadBytesMax: 2 ** 20,
    audioSecMax: 3600,
    queueMax: 16,
    listenersMax: 8,
    drainMs: 50,
  },
  ...{ keepMs: 3_600_000, stateBytesMax: 2 ** 30 },
};

export async function fakeServer(
  engine: Engine,
  changes: Partial<ServerSettings> = {},
  partChanges: Partial<ProgramParts> = {},
): Promise<FakeServer> {
  const own: ServerSettings = { ...settings, folder: changes.folder ?? await temporaryFolder(), ...changes };
  let openReads = 0;
  const parts = fakeParts(engine, {
    readAudio: async (input) => {
      if (input.kind !== "stream") throw new Error("uploads are read as bytes");
      const text = await new Response(input.stream).text();
      if (!/^\d+s$/.test(text)) throw new InputError(`${input.name}: not a recording`);
      const seconds = Math.min(Number.parseInt(text), input.toSec ?? Infinity);
      const samples = new Float32Array(seconds * 16_000);
      for (let second = 0; second < seconds; second++) samples.set(fakeSecond(), second * 16_000);
      openReads++;
      return { ...loadedAudio(samples), close: () => Promise.resolve(void openReads--) };
    },
    ...partChanges,
  });
  const models = await openModels(parts, own, new AbortController().signal, () => {});
  const lines: string[] = [];
  const state = State.open(own.folder);
  const server = startServer({ host: parts, settings: own, models }, state, (line) => void lines.push(line));
  const stop = async () => {
    await server.stop();
    state[Symbol.dispose]();
    if (changes.folder === undefined) await remove(own.folder);
  };
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    port: server.port,
    wyomingPort: server.wyomingPort,
    lines,
    openReads: () => openReads,
    settings: own,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Says the same of everything; `tokenDelayMs` makes it slow. */
export function sayingEngine(text = "Hello there. All is well.", tokenDelayMs = 0): FakeEngine {
  const says = (request: DecodeRequest) => request.language === "" ? `language English<asr_text>${text}` : text;
  return fakeEngine((request) => ({ says: says(request), tokenDelayMs }));
}

/** A form with a recording, and fields. */
export function form(recording: string, fields: Record<string, string> = {}): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  data.append("file", new File([recording], "talk.wav"));
  return data;
}
