/**
 * The outputs of a run with -f: segments of one recording after the other in, files or standard output out.
 *
 * All files are tried before any work; each has what is known soon after it is known.
 */

import { mkdir, stat } from "node:fs/promises";
import { openOutput, type OutputFile } from "./output_file.ts";
import type { AudioSource } from "../audio/input.ts";
import type { TextWriter } from "../writer.ts";
import type { TimedSegment } from "../document/document.ts";
import { createWriter, type Format } from "../output/formats.ts";
import type { SegmentWriter, WriterOptions } from "../output/writer.ts";
import { outputPaths } from "./names.ts";

type Sink = { readonly format: Format; readonly file: OutputFile; readonly path: string; isBegun: boolean };

export type OutputsRequest = {
  readonly formats: readonly Format[];
  /** -o; undefined: standard output, which takes one format. */
  readonly path: string | undefined;
  readonly force: boolean;
  readonly inputs: readonly AudioSource[];
};

export class Outputs {
  /** By recording, in the order of the inputs. Formats that hold several have the same sink in each. */
  readonly #sinks: readonly (readonly Sink[])[];

  private constructor(sinks: readonly (readonly Sink[])[]) {
    this.#sinks = sinks;
  }

  static async open(request: OutputsRequest, stdout: TextWriter): Promise<Outputs> {
    const { formats, path, force, inputs } = request;
    if (path === undefined) {
      const sink: Sink = { format: formats[0]!, file: streamed(stdout), path: "", isBegun: false };
      return new Outputs(inputs.map(() => [sink]));
    }
    const found = await stat(path).catch(() => undefined);
    const isFolder = path.endsWith("/") || found?.isDirectory() === true;
    if (isFolder && !found) await mkdir(path).catch(() => {}); // Else opening the files says what is wrong.
    const isSpecial = found !== undefined && !found.isFile() && !isFolder;
    const names = inputs.map((input) => input.kind === "stdin" ? "-" : input.path);
    const opened = new Map<string, Sink>();
    const sinks: Sink[][] = [];
    for (const recording of outputPaths({ formats, path, isFolder, isSpecial }, names)) {
      const own: Sink[] = [];
      for (const { format, path } of recording) {
        const sink = opened.get(path) ??
          { format, file: await openOutput(path, force, inputs), path, isBegun: false };
        opened.set(path, sink);
        own.push(sink);
      }
      sinks.push(own);
    }
    return new Outputs(sinks);
  }

  /** The recording at `index` of the inputs begins. */
  begin(index: number, options: WriterOptions): RecordingOutputs {
    return new RecordingOutputs(this.#sinks[index]!, options);
  }

  /** Files of which something is known are finished; the others leave no trace. */
  async finish(): Promise<void> {
    for (const sink of new Set(this.#sinks.flat())) await (sink.isBegun ? sink.file.finish() : sink.file.discard());
  }
}

/** One recording on its way to its files. */
export class RecordingOutputs {
  #isBegun = false;
  readonly #parts: readonly { readonly sink: Sink; readonly writer: SegmentWriter }[];

  constructor(sinks: readonly Sink[], options: WriterOptions) {
    this.#parts = sinks.map((sink) => ({ sink, writer: createWriter(sink.format, options) }));
  }

  add(segment: TimedSegment): void {
    this.#isBegun = true;
    for (const { sink, writer } of this.#parts) {
      sink.file.write(writer.add(segment));
      sink.isBegun = true;
      sink.file.keep(() => writer.rest(false));
    }
  }

  /** `isComplete`: all of it was heard; then there is a file even where nothing was said. */
  async end(isComplete: boolean): Promise<void> {
    if (!isComplete && !this.#isBegun) return;
    for (const { sink, writer } of this.#parts) {
      sink.isBegun = true;
      sink.file.write(writer.rest(isComplete));
      sink.file.keep(() => "");
      await sink.file.drained();
    }
  }
}

/** Standard output as a file that is never replaced. */
function streamed(out: TextWriter): OutputFile {
  return {
    write: (text) => out.write(text),
    drained: () => out.drained(),
    keep: () => {},
    finish: (rest = "") => {
      out.write(rest);
      return out.drained();
    },
    discard: () => Promise.resolve(),
  };
}
