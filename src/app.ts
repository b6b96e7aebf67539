/** Wires the real parts together and runs a command line with them. */

import packageFile from "../package.json" with { type: "json" };
import { openFile, openStdin } from "./audio/bytes.ts";
import { checkInput, openAudio, readAudio, readChannels } from "./audio/input.ts";
import { splitterSource } from "./align/splitters.ts";
import { ffmpegVersion } from "./audio/ffmpeg.ts";
import { listMicrophones } from "./audio/microphone.ts";
import { createProgram } from "./cli/program.ts";
import { availableMemory, machineParts, peakMemory, readTextFile, usableProcessors } from "./system.ts";
import { openTerminal } from "./cli/terminal.ts";
import {
  demoAlignerFiles,
  demoModelFiles,
  jiebaBytes,
  koreanWords,
  libraryBytes,
  licenseText,
  pageFiles,
  pageParts,
  sampleFiles,
  speakerWeights,
  speakerWeightsBytes,
} from "./embed.ts";
import { openEngine } from "./engine/client.ts";
import { openSpeakerNetworks } from "./engine/speakers.ts";
import { openVoiceDetector } from "./engine/vad.ts";
import { packedFiles } from "./engine/packed_files.ts";
import { cacheFolder } from "./model/cache_folder.ts";
import { measurer } from "./engine/measure.ts";
import type { ModelSource } from "./engine/model_source.ts";
import { systemEnvironment } from "./model/folders.ts";
import { downloadHost } from "./model/hub/download_io.ts";
import { fittingLine } from "./model/hub/progress.ts";
import { locateAligner, locateModel, type ModelPlace } from "./model/locate.ts";
import { folderHash, modelHash } from "./model/hash.ts";
import { SpectralJudge } from "./segment/has_voice.ts";
import { chineseCutter } from "./text/chinese.ts";

/** Runs a command line, without the program's name. Resolves to the exit code when everything is written. */
export function runProgram(args: readonly string[]): Promise<number> {
  const terminal = openTerminal();
  return createProgram({
    terminal,
    processors: usableProcessors,
    version: packageFile.version,
    page: pageFiles,
    samples: sampleFiles,
    checkInput: (input) => Promise.try(checkInput, input),
    readAudio,
    readChannels,
    openAudio,
    microphones: listMicrophones,
    voiceJudge: () => new SpectralJudge(),
    keepsStreamCaches: () => ["", "0"].includes(process.env.QWEN_STREAM_NO_ENC_CACHE ?? ""),
    locateModel: (dir) => locateModel(dir),
    locateAligner: (dir, isDemo) => locateAligner(dir, isDemo),
    openVoiceDetector: (model) => openVoiceDetector(libraryBytes, model),
    hasSpeakers: () => speakerWeightsBytes() > 0,
    openSpeakers: (threads, isYielding = false) =>
      openSpeakerNetworks({ library: libraryBytes, weights: speakerWeights, threads, isYielding }),
    splitters: splitterSource({ koreanWords }),
    openEngine: async ({ model, threads, weights, cache, memory = availableMemory, ...limits }) => {
      const folder = cache ? cacheFolder(process.env) : undefined;
      const source = { library: libraryBytes, model: sourceOf(model), threads, weights, cacheFolder: folder };
      const options = { ...source, ...limits, memoryBytes: memory };
      if (!process.stderr.isTTY || process.env.TERM === "dumb") return await openEngine(options);
      try {
        return await openEngine({ ...options, onPacking: showPacking });
      } finally {
        process.stderr.write("\x1b[K"); // The cursor stands at the start of what was shown.
      }
    },
    env: systemEnvironment(),
    now: Date.now,
    download: downloadHost(),
    packed: packedFiles(libraryBytes),
    stopwatch: {
      opener: (model, weights, cache = true) =>
        measurer(libraryBytes, sourceOf(model), cache ? cacheFolder(process.env) : undefined, weights),
      peakMemory,
      now: () => performance.now(),
    },
    machine: { ...machineParts, ffmpegVersion },
    modelHash: (model) => model.kind === "folder" ? folderHash(model.path) : modelHash(demoFiles(model)),
    cutChinese: chineseCutter(jiebaBytes),
    pageParts,
    readText: readTextFile,
    openBytes: async (path) => path === "-" ? openStdin() : await openFile(path),
    licenses: licenseText,
    availableMemory,
  })(args);
}

/** Writes a line that the next one on the terminal replaces. */
function showPacking(share: number): void {
  const line = fittingLine(
    [`Packing weights: ${Math.round(share * 100)} %`, "once for this model"],
    process.stderr.columns,
  );
  process.stderr.write(`\r${line}\x1b[K\r`);
}

function sourceOf(model: ModelPlace): ModelSource {
  if (model.kind === "folder") return model;
  return { kind: "files", files: demoFiles(model) };
}

function demoFiles({ kind }: ModelPlace) {
  return kind === "demo" ? demoModelFiles : demoAlignerFiles;
}
