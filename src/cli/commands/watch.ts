/**
 * `qwen-asr --watch DIR`: recordings that come into a folder -> their texts, until a signal ends it. Those that are
 * there already are done first, except where their outputs are, too.
 *
 * A file counts as whole when it has not changed for a while. The model stays open from one to the next. Where a text
 * could not be written, its recording is heard again when there is room.
 */

import type { Engine } from "../../engine/engine.ts";
import { InputError, UsageError } from "../../errors.ts";
import { kindOf } from "../../files/outputs.ts";
import { hasRoom, OutputError } from "../../files/target.ts";
import { holdsSeveral } from "../../output/formats.ts";
import { watchedFiles } from "../../files/watched.ts";
import type { SpeakerNetworks } from "../../engine/speakers.ts";
import type { EngineChoice, ModelHost } from "../../pipeline/host.ts";
import { untilStopped } from "../../stop.ts";
import { printable } from "../../writer.ts";
import type { InputSource, TranscribeOptions } from "../parse.ts";
import { label, Report } from "../report.ts";
import { exitCode } from "../terminal.ts";
import { transcribeFiles } from "./transcribe.ts";

type WatchParts = Parameters<typeof transcribeFiles>[0];

/** Between two looks at the folder. A file is whole when so many have seen no change. */
const lookMs = 1000;
const looksMin = 3;
/** Before a recording is heard again whose text could not be written. */
const looksUnsaved = 60;

export async function watchFolder(parts: WatchParts, options: TranscribeOptions, everyMs = lookMs): Promise<number> {
  const { output, jobs, lowMemory } = options;
  const folder = jobs.watch!;
  if (!(await kindOf(folder)).isFolder) throw new InputError(`${printable(folder)}: is no folder to watch`);
  const hasFolder = output !== undefined && (await kindOf(output)).isFolder;
  const alone = options.formats?.find((format) => !holdsSeveral(format));
  if (output !== undefined && !hasFolder) throw new UsageError("--watch needs -o FOLDER/");
  if (alone !== undefined && !hasFolder) throw new UsageError(`--watch needs -o FOLDER/ for -f ${alone}`);
  const { drain } = parts.terminal.stop;
  const report = new Report(parts.terminal, options.verbosity);
  report.say(`Watching ${printable(folder)} until Ctrl-C`);
  const unsaved = new Map<string, { readonly input: InputSource; looks: number }>();
  const kept = new Kept({
    ...parts,
    unsaved: (input) => void (input.kind === "file" && unsaved.set(input.path, { input, looks: 0 })),
  });
  const arrivals = new Arrivals();
  let [isFirst, failed] = [true, false];
  const hear = async (inputs: readonly InputSource[], skipExisting: boolean): Promise<void> => {
    if (inputs.length === 0) return;
    const resume = skipExisting && (jobs.resume || !isFirst); // It leaves complete outputs, too.
    const own = { ...options, inputs, jobs: { ...jobs, resume, skipExisting } };
    failed = !await transcribed(lowMemory ? kept.shared : kept.parts, own, report, !isFirst) || failed;
    isFirst = false;
  };
  try {
    for (let look = 1; !drain.aborted; look++) {
      const { fresh, changed } = arrivals.whole(await watchedFiles(folder, jobs));
      if (look > looksMin && fresh.length > 0) report.say(`New: ${fresh.map(label).join(", ")}`);
      await hear(fresh, true);
      if (changed.length > 0) {
        report.say(`Changed: ${changed.map(label).join(", ")}${options.force || output === undefined ? "" : unforced}`);
      }
      await hear(changed, !options.force);
      const again = [...unsaved.values()].filter((one) => ++one.looks >= looksUnsaved);
      if (again.length > 0 && await hasRoom(output!)) {
        for (const { input } of again) if (input.kind === "file") unsaved.delete(input.path);
        const inputs = again.map(({ input }) => input);
        report.say(`Trying again: ${inputs.map(label).join(", ")} (their text could not be written)`);
        await hear(inputs, true);
      }
      await untilStopped(new Promise<void>((resolve) => setTimeout(resolve, everyMs)), drain).catch(() => {});
    }
  } finally {
    await kept.close();
  }
  return exitCode(parts.terminal, failed);
}

const unforced = " (what is written of it already stays; --force replaces it)";

/** What concerns some recordings ends no watch. */
async function transcribed(
  parts: WatchParts,
  options: TranscribeOptions,
  report: Report,
  isAgain: boolean,
): Promise<boolean> {
  const { inputs } = options;
  try {
    return await transcribeFiles(parts, options, isAgain) === 0;
  } catch (error) {
    const isOfSeveral = error instanceof UsageError && inputs.length > 1; // Two would be written to one file.
    if (!(isOfSeveral || error instanceof InputError || error instanceof OutputError)) throw error;
    report.tell((error as Error).message);
    // Of those that were written after all, nothing is heard again.
    if (error instanceof OutputError && error.cause !== undefined) inputs.forEach((input) => parts.unsaved?.(input));
    for (const [index, input] of isOfSeveral ? inputs.entries() : []) {
      await transcribed(parts, { ...options, inputs: [input] }, report, isAgain || index > 0);
    }
    return false;
  }
}

type Seen = { readonly stamp: string; readonly looks: number; readonly wasWhole: boolean };

/** Files that have come, and since how many looks each is as it is. */
class Arrivals {
  #known = new Map<string, Seen>();

  /** Those that are whole since this look: for the first time, or again, after a change. */
  whole(files: Awaited<ReturnType<typeof watchedFiles>>) {
    const now = new Map<string, Seen>();
    for (const { input, stamp } of files) {
      const before = this.#known.get(input.path);
      const looks = before?.stamp === stamp ? before.looks + 1 : 1;
      now.set(input.path, {
        stamp,
        looks,
        wasWhole: before !== undefined && (before.wasWhole || before.looks >= looksMin),
      });
    }
    this.#known = now;
    const whole = files.map(({ input }) => input).filter(({ path }) => now.get(path)!.looks === looksMin);
    const { fresh = [], changed = [] } = Object.groupBy(
      whole,
      ({ path }) => now.get(path)!.wasWhole ? "changed" : "fresh",
    );
    return { fresh, changed };
  }
}

/** The parts with engines and speaker networks that are closed at the end alone. */
class Kept {
  readonly parts: WatchParts;
  /** The same, with engines of each run. */
  readonly shared: WatchParts;
  readonly #open = new Map<string, Promise<Engine>>();
  #networks: Promise<SpeakerNetworks> | undefined;

  constructor(parts: WatchParts) {
    const openEngine: ModelHost["openEngine"] = async (choice: EngineChoice) => {
      const key = JSON.stringify(choice);
      const opened = this.#open.get(key) ?? parts.openEngine(choice);
      this.#open.set(key, opened);
      opened.catch(() => this.#open.delete(key));
      const engine = await opened;
      return {
        ...{ info: engine.info, description: engine.description, close: () => Promise.resolve() },
        decode: (request, onToken, signal) => engine.decode(request, onToken, signal),
        listen: (options) => engine.listen(options),
        align: (request, signal) => engine.align(request, signal),
      };
    };
    const openSpeakers: WatchParts["openSpeakers"] = async (...how) => {
      if ((await this.#networks?.catch(() => undefined))?.isClosed !== false) {
        this.#networks = parts.openSpeakers(...how);
      }
      const networks = await this.#networks!;
      return {
        segmentation: (samples) => networks.segmentation(samples),
        embed: (samples, voices) => networks.embed(samples, voices),
        get isClosed() {
          return networks.isClosed;
        },
        close: () => {},
      };
    };
    this.shared = { ...parts, keptVoices: new Map() };
    this.parts = { ...this.shared, openEngine, openSpeakers };
  }

  async close(): Promise<void> {
    for (const opened of this.#open.values()) await opened.then((engine) => engine.close(), () => {});
    await this.#networks?.then((networks) => networks.close(), () => {});
  }
}
