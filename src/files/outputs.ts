/**
 * The outputs of a run with -f. In: segments of one recording after the other. Out: files or standard output.
 *
 * All files are checked before any work. A file is opened when its recording begins, is updated soon after something
 * becomes known, and is closed when the recording is done, or the last of several recordings that share it.
 */

import { onDisk, slashed } from "../path_bytes.ts";
import { mkdir, stat } from "node:fs/promises";
import { openTarget } from "./output_file.ts";
import type { Hardship } from "./rescue.ts";
import { checkOutput, type OutputFile, type OutputTarget } from "./target.ts";
import type { AudioSource } from "../audio/input.ts";
import type { TextWriter } from "../writer.ts";
import type { Ending, TimedSegment } from "../document/document.ts";
import { errorLine } from "../output/json.ts";
import { rttmName } from "../output/rttm.ts";
import { createWriter, type Format } from "../output/formats.ts";
import { hasSpeakerColumn, type SegmentWriter, type SoundChoice, type WriterOptions } from "../output/writer.ts";
import { findSound, type SoundRequest } from "./sound.ts";
import { folderIn, outputPaths, textPath } from "./names.ts";

/** One file, or standard output: of one recording, or of several in formats that hold several. */
type Sink = {
  readonly format: Format;
  /** Standard output is open from the start, a file from its first recording on. */
  readonly target: OutputTarget | TextWriter;
  /** Of several recordings, or standard output: open until the run ends. */
  isShared: boolean;
  file: OutputFile | undefined;
  /** Something of it is known. */
  isBegun: boolean;
  /** Of a table: its first recording has a column for who speaks. */
  hasSpeakers: boolean | undefined;
  /** Of its recordings. */
  readonly names: Set<string>;
  /** A recording in it was not heard to its end. */
  isCut: boolean;
};

export type OutputsRequest = {
  readonly formats: readonly Format[];
  /** -o; undefined: standard output, which takes one format. */
  readonly path: string | undefined;
  readonly force: boolean;
  /** Files that are replaced all the same. */
  readonly replaceable?: ReadonlySet<string>;
  readonly inputs: readonly PlacedSource[];
  /** What pages do about the recording. */
  readonly htmlAudio?: SoundChoice;
  readonly hardship: Hardship;
};

/** `folder`: where its outputs lie in the folder of -o; absent: there. */
export type PlacedSource = AudioSource & { readonly folder?: string };

/** What -o names: see OutputPlace. */
export async function kindOf(path: string): Promise<{ readonly isFolder: boolean; readonly isSpecial: boolean }> {
  const found = await stat(onDisk(path)).catch(() => undefined);
  const isFolder = slashed(path).endsWith("/") || found?.isDirectory() === true;
  return { isFolder, isSpecial: found !== undefined && !found.isFile() && !isFolder };
}

/** The file of `input` in the folder that -o names, else what it names. */
export async function fileOf(path: string, input: PlacedSource, extension: string): Promise<string> {
  const { isFolder } = await kindOf(path);
  if (isFolder) await makeFolders(path, [input]);
  return textPath({ path: isFolder ? folderIn(path, input.folder) : path, isFolder }, nameOf(input), extension);
}

/** Makes the folder of -o and those in it. Where that fails, the check of the outputs says why. */
async function makeFolders(path: string, inputs: readonly PlacedSource[]): Promise<void> {
  await mkdir(onDisk(path)).catch(() => {});
  if (!await stat(onDisk(path)).catch(() => undefined)) return;
  const folders = new Set(inputs.map(({ folder }) => folderIn(path, folder)));
  for (const folder of folders) await mkdir(onDisk(folder), { recursive: true }).catch(() => {});
}

/** As names of files are made from it: "-" is standard input. */
export function nameOf(input: AudioSource): string {
  return input.kind === "stdin" ? "-" : input.kind === "file" ? input.path : input.name;
}

export class Outputs {
  /** By recording, in the order of the inputs. Formats that hold several have the same sink in each. */
  readonly #sinks: readonly (readonly Sink[])[];

  readonly #request: OutputsRequest;
  #hasFailed = false;

  private constructor(sinks: readonly (readonly Sink[])[], request: OutputsRequest) {
    this.#sinks = sinks;
    this.#request = request;
  }

  /** The text of a file had to go elsewhere. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Checks every file and creates none. Throws OutputError, and UsageError where two would be one. */
  static async check(request: OutputsRequest, stdout: TextWriter): Promise<Outputs> {
    const { formats, path, force, replaceable, inputs } = request;
    if (path === undefined) {
      const sink: Sink = { ...{ format: formats[0]!, target: stdout, isShared: true }, ...unopened() };
      return new Outputs(inputs.map(() => [sink]), request);
    }
    const { isFolder, isSpecial } = await kindOf(path);
    if (isFolder) await makeFolders(path, inputs);
    const place = { formats, path, isFolder, isSpecial };
    const folders = inputs.map(({ folder = "" }) => folder);
    const known = new Map<string, Sink>();
    const sinks: Sink[][] = [];
    for (const recording of outputPaths(place, inputs.map(nameOf), folders)) {
      const own: Sink[] = [];
      for (const { format, path } of recording) {
        const sink = known.get(path) ??
          {
            format,
            target: await checkOutput(path, force || replaceable?.has(path) === true, inputs),
            isShared: !isFolder,
            ...unopened(),
          };
        known.set(path, sink);
        own.push(sink);
      }
      sinks.push(own);
    }
    return new Outputs(sinks, request);
  }

  /** The recording at `index` begins, until its `end`. Throws the InputError of a file that another run has. */
  async begin(index: number, options: WriterOptions): Promise<RecordingOutputs> {
    const parts: Part[] = [];
    const sinks = this.#sinks[index]!;
    const isTable = this.#sinks.length > 1;
    try {
      for (const sink of sinks) {
        sink.file ??= await this.#open(sink);
        const table = isTable && sink.isShared ? tableOf(sink, options) : {};
        const sound = sink.format === "html" ? { sound: await this.#sound(index, sink, options) } : {};
        const writer = createWriter(sink.format, { ...options, ...table, ...sound });
        parts.push({ sink, file: sink.file, writer });
      }
    } catch (error) {
      for (const sink of sinks) if (!sink.isBegun) await this.#close(sink, false);
      throw error;
    }
    return new RecordingOutputs(parts, (sink) => this.#close(sink, true));
  }

  /** Closes what several recordings were to share and not all came to. `isComplete`: the run went to its end. */
  async finish(isComplete: boolean): Promise<void> {
    for (const sink of new Set(this.#sinks.flat())) await this.#close(sink, isComplete);
  }

  /** Says in lines of JSON that a recording failed. A file of its own would stand in the way of the next attempt. */
  async fail(index: number, file: string, message: string): Promise<void> {
    // What is no input, such as a folder that cannot be read, is told where all are.
    const sinks = this.#sinks[index] ?? this.#sinks[0] ?? [];
    for (const sink of sinks.filter(({ format, isShared }) => format === "jsonl" && isShared)) {
      sink.file ??= await this.#open(sink);
      sink.isBegun = true;
      sink.file.write(errorLine(file, message));
    }
  }

  /** The recording as the page that goes to `sink` has it. */
  #sound(index: number, { target }: Sink, { head }: WriterOptions) {
    const { htmlAudio: choice = "none", inputs, hardship } = this.#request;
    const page = "path" in target ? target.path : "-";
    const request: SoundRequest = { choice, name: head.source.name, input: nameOf(inputs[index]!), page };
    return findSound(request, hardship.tell);
  }

  #open({ target, format }: Sink): Promise<OutputFile> {
    if ("write" in target) return Promise.resolve(streamed(target));
    return openTarget(target, { ...this.#request.hardship, isAppended: format === "jsonl" });
  }

  /** A file of which something is known is finished; without, it leaves no trace. */
  async #close(sink: Sink, isComplete: boolean): Promise<boolean> {
    const { file } = sink;
    sink.file = undefined;
    if (!sink.isBegun) {
      await file?.discard();
      return true;
    }
    const isSaved = await file?.finish("", isComplete && !sink.isCut) !== false;
    this.#hasFailed ||= !isSaved;
    return isSaved;
  }
}

const unopened = () => ({
  file: undefined,
  isBegun: false,
  isCut: false,
  hasSpeakers: undefined,
  names: new Set<string>(),
});

/** All recordings in a table have the columns of the first. */
function tableOf(sink: Sink, options: WriterOptions): Pick<WriterOptions, "table" | "hasSpeakers"> {
  sink.hasSpeakers ??= hasSpeakerColumn(options);
  const name = rttmName(options.head.source.name);
  const isTwin = sink.names.has(name);
  sink.names.add(name);
  return { table: { hasHeader: sink.isBegun, isTwin }, hasSpeakers: sink.hasSpeakers };
}

type Part = { readonly sink: Sink; readonly file: OutputFile; readonly writer: SegmentWriter };

/** One recording on its way to its files. */
export class RecordingOutputs {
  #isBegun = false;

  constructor(readonly parts: readonly Part[], readonly close: (sink: Sink) => Promise<boolean>) {}

  add(segment: TimedSegment): void {
    this.#isBegun = true;
    for (const { sink, file, writer } of this.parts) {
      file.write(writer.add(segment));
      sink.isBegun = true;
      file.keep(() => writer.rest(false));
    }
  }

  /**
   * `isComplete`: all of it was heard; then there is a file even where nothing was said. `isFinal`: the file gets its
   * name. Files that hold no other recording are closed. Resolves to false where the text of one had to go elsewhere.
   */
  async end(isComplete: boolean, isFinal = isComplete, ending?: Ending): Promise<boolean> {
    let isSaved = true;
    for (const { sink, file, writer } of this.parts) {
      sink.isCut ||= !isFinal;
      if (isComplete || this.#isBegun) {
        sink.isBegun = true;
        file.write(writer.rest(isComplete, ending));
        file.keep(() => "");
        await file.drained();
      }
      if (!sink.isShared) isSaved = await this.close(sink) && isSaved;
    }
    return isSaved;
  }
}

/** Standard output as a file that is never replaced. */
function streamed(out: TextWriter): OutputFile {
  return {
    write: (text) => out.write(text),
    drained: () => out.drained(),
    keep: () => {},
    finish: async (rest) => {
      out.write(rest);
      await out.drained();
      return true;
    },
    discard: () => Promise.resolve(),
  };
}
