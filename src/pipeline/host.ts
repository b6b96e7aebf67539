/** What the core needs from a shell to open models, and which models a run asks for. Types alone. */

import type { Engine, Weights } from "../engine/engine.ts";
import type { ModelPlace } from "../model/locate.ts";
import type { SplitterSource } from "./align.ts";

export type EngineChoice = {
  readonly model: ModelPlace;
  /** 0: the machine's default. */
  readonly threads: number;
  readonly weights: Weights;
  /** Whether packed weights are kept in a file. */
  readonly cache: boolean;
  /** Live recordings that may be open at a time; absent: the engine's default. */
  readonly listenersMax?: number;
  /** Bytes that may still be used, where that is less than what the machine has. */
  readonly memory?: () => number;
};

/** What the core needs from a shell to open models. */
export type ModelHost = {
  /** `dir` as the user named it; undefined: the usual places. */
  locateModel(dir: string | undefined): Promise<ModelPlace>;
  /** `isDemo`: the transcriber is the demo model. */
  locateAligner(dir: string | undefined, isDemo: boolean): Promise<ModelPlace>;
  openEngine(choice: EngineChoice): Promise<Engine>;
  /** Identifies the weights. */
  modelHash(model: ModelPlace): Promise<string>;
  /** Bytes that may still be used. */
  availableMemory(): number;
  /** Bytes that the user still allows, whatever is free; absent: any number. */
  allowedMemory?(): number;
  /** How words of a language are cut, where that takes a list of them. */
  readonly splitters: SplitterSource;
};

export type ModelsRequest = Omit<EngineChoice, "model"> & {
  /** As given; undefined: the usual places. */
  readonly model: string | undefined;
  /** The model must know it; "" to detect. */
  readonly language: string;
  /** Whether words are timed. */
  readonly align: boolean;
  /** The aligner as given; undefined: the usual places. */
  readonly aligner: string | undefined;
  /** One model in memory at a time. */
  readonly lowMemory: boolean;
};
