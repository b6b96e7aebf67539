/** The journals of a run's recordings: where each is, and when it is read, begun and done with. */

import type { ModelInfo } from "../engine/engine.ts";
import type { Models } from "../pipeline/models.ts";
import type { KnownModel } from "../pipeline/head.ts";
import { modelHead } from "../pipeline/head.ts";
import { withoutSecrets } from "../secrets.ts";
import type { Term } from "../views/terms.ts";
import { audioIdentity, type JournalKey, type RecordingJournal, RunJournal } from "./journal.ts";
import type { InputSource, TranscribeOptions } from "./parse.ts";
import type { ReadAudio } from "./prefetch.ts";

/** Options that change nothing of what is heard and when; all others do. The models are in the key by themselves. */
const unheard = new Set<keyof TranscribeOptions>([
  ...["inputs", "model", "aligner", "threads", "weights", "cache", "decodesMax", "lowMemory", "monitor"] as const,
  ...[
    "formats",
    "format",
    "output",
    "force",
    "jobs",
    "withFilename",
    "headings",
    "allowsUrl",
    "verbosity",
    "stream",
  ] as const,
  ...["rules", "paragraphMs", "timestamps", "cuePunctuation", "doubtBelow", "views", "isStrict"] as const,
  ...["speakers", "voices", "speakerNames", "speakerLabels"] as const, // Found anew, in the whole recording.
]);

export async function journalKey(
  version: string,
  options: TranscribeOptions,
  terms: readonly Term[],
  { transcriber, timer }: Models,
): Promise<JournalKey> {
  const heard = Object.entries(options).filter(([name]) => !unheard.has(name as keyof TranscribeOptions));
  return {
    program: version,
    model: modelOf(await transcriber.known()),
    aligner: timer ? modelOf(timer.model) : null,
    options: { ...Object.fromEntries(heard), ...transcriber.autoLimits, ...(terms.length > 0 && { terms }) },
  };
}

function modelOf(model: KnownModel): Record<string, unknown> {
  return { ...modelHead(model), kind: model.info.kind satisfies ModelInfo["kind"] };
}

export type JournalsRequest = {
  readonly paths: ReadonlyMap<InputSource, string>;
  /** There is one output, complete at the end of the run. */
  readonly isShared: boolean;
  readonly key: JournalKey;
  /** Whether an earlier run's are gone on from. */
  readonly isResumed: boolean;
  /** Files grow under their own names, and are known for incomplete by their journal alone. */
  readonly isAtOnce: boolean;
  readonly tell: (line: string) => void;
};

export class Journals {
  readonly #request: JournalsRequest;
  readonly #open = new Map<string, Promise<RunJournal>>();
  /** What is in a journal is of use: of something else, or of a recording that failed. It stays. */
  #isKept = false;

  private constructor(request: JournalsRequest) {
    this.#request = request;
  }

  /** Throws InputError where the recordings share a journal that is of something else. */
  static async open(request: JournalsRequest): Promise<Journals> {
    const journals = new Journals(request);
    const [path] = request.paths.values();
    if (request.isShared) await journals.#at(path!);
    return journals;
  }

  /** A recording that was read, with what is known of it. Throws InputError where that is of something else. */
  async recall(source: InputSource, read: ReadAudio): Promise<ReadAudio> {
    const path = this.#request.paths.get(source);
    if (path === undefined) return read;
    try {
      return await this.#recalled(await this.#at(path), source, read);
    } catch (error) {
      this.#isKept = true;
      await read.audio.close();
      throw error;
    }
  }

  async #recalled(journal: RunJournal, source: InputSource, read: ReadAudio): Promise<ReadAudio> {
    const identity = await audioIdentity(read.sides?.map(({ audio }) => audio) ?? [read.audio]);
    const past = await journal.pastOf(nameOf(source), identity, this.#isAlone);
    if (!past) return { ...read, identity };
    const [first] = past.sides;
    const sides = read.sides?.map((side, index) => {
      const resume = past.sides[index]?.resume;
      return resume ? { ...side, resume } : side;
    });
    return { ...read, identity, past, ...(first && { resume: first.resume }), ...(sides && { sides }) };
  }

  /** The recording's turn has come, and its outputs are this run's. */
  async begin(source: InputSource, { identity, past }: ReadAudio): Promise<RecordingJournal | undefined> {
    const path = this.#request.paths.get(source);
    if (path === undefined) return undefined;
    const journal = await this.#at(path);
    const recording = journal.begin(nameOf(source), identity!, past);
    if (this.#request.isAtOnce) await journal.flush();
    return recording;
  }

  /** `isDone`: the outputs of the recording are complete. */
  async over(source: InputSource, isDone: boolean): Promise<void> {
    const path = this.#request.paths.get(source);
    if (path !== undefined && !this.#request.isShared) await this.#end(path, isDone);
    else if (!isDone && this.#isAlone) this.#isKept = true;
  }

  /** The end of the run. `isDone`: the output that recordings share is complete. */
  async end(isDone: boolean): Promise<void> {
    const isGone = isDone && this.#request.isShared && !this.#isKept;
    for (const path of [...this.#open.keys()]) await this.#end(path, isGone);
  }

  get #isAlone(): boolean {
    return !this.#request.isShared || this.#request.paths.size === 1;
  }

  #at(path: string): Promise<RunJournal> {
    const { key, isResumed, tell } = this.#request;
    const known = this.#open.get(path);
    if (known) return known;
    const opened = RunJournal.open(path, key, isResumed, tell);
    this.#open.set(path, opened);
    opened.catch(() => this.#open.delete(path));
    return opened;
  }

  async #end(path: string, isDone: boolean): Promise<void> {
    const journal = await this.#open.get(path);
    this.#open.delete(path);
    await journal?.end(isDone);
  }
}

function nameOf(source: InputSource): string {
  return source.kind === "stdin" ? "-" : withoutSecrets(source.path);
}
