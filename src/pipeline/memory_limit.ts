/**
 * Holds a run to a number of bytes (--max-ram). In: how models are opened, and the limit. Out: how they are opened
 * within it: at a precision that fits, with what is left for requests, from which segments' lengths and the number of
 * those decoded at a time follow. Throws a ModelError that says what would fit.
 */

import type { Weights } from "../engine/engine.ts";
import { ModelError } from "../errors.ts";
import type { WeightsSize } from "../model/catalog.ts";
import { formatBytes } from "../model/hub/progress.ts";
import type { ModelPlace } from "../model/locate.ts";
import { weightsSize } from "../model/weights_size.ts";
import type { EngineChoice, ModelHost } from "./host.ts";

export type MemoryLimit = {
  readonly bytes: number;
  /** Weights may be rounded further than to the precision that the run is set to. */
  readonly isPrecisionFree: boolean;
};

/** What the program itself takes, with the voice detector, decoders and buffers, but without weights and requests. */
const programBytes = 250e6;

/** The least that one request takes: a segment of 10 s at the official sizes, in proportion for smaller models. */
function requestBytes(weightsBytes: number): number {
  return Math.min(100e6, weightsBytes / 8);
}

/** What a run needs at least with a model of this size. */
export function neededBytes(weightsBytes: number): number {
  return programBytes + weightsBytes + requestBytes(weightsBytes);
}

/** From the most exact to the smallest. */
const precisions: readonly Weights[] = ["bf16", "int8", "int4"];

/** The wanted precision if it fits into `bytes`, or the next that does; undefined: none. */
export function fittingPrecision(
  size: WeightsSize,
  wanted: Weights,
  { bytes, isPrecisionFree }: MemoryLimit,
): Weights | undefined {
  const allowed = isPrecisionFree ? precisions.slice(precisions.indexOf(wanted)) : [wanted];
  return allowed.find((weights) => neededBytes(size[weights]) <= bytes);
}

/** Positions that an aligner needs per second: audio, four words of three tokens, and their markers. */
const alignedPositions = 13 + 4 * (3 + 2);

/** How many seconds an aligner may be given at once, to stay within `bytes`; at least 20. */
export function pieceSecWithin(bytes: number, positionBytes: number): number {
  return Math.max(20, Math.floor(bytes / (alignedPositions * positionBytes)));
}

type Limited = Pick<ModelHost, "openEngine" | "availableMemory"> & { readonly allowedMemory: () => number };

export function withinMemory(
  host: Pick<ModelHost, "openEngine" | "availableMemory">,
  limit: MemoryLimit,
  say: (text: string) => void,
): Limited {
  const open = new Set<{ readonly bytes: number }>();
  const held = () => [...open].reduce((sum, { bytes }) => sum + bytes, 0);
  const allowedMemory = () => Math.max(0, limit.bytes - programBytes - held());
  const availableMemory = () => Math.min(host.availableMemory(), allowedMemory());
  const said = new Set<string>();
  return {
    allowedMemory,
    availableMemory,
    openEngine: async (choice) => {
      const size = await weightsSize(choice.model);
      const left = { ...limit, bytes: limit.bytes - held() };
      const weights = fittingPrecision(size, choice.weights, left);
      if (weights === undefined) throw tooLittle(limit, size, choice.model, held());
      const text = `${formatBytes(limit.bytes)} of memory: ${weights} instead of ${choice.weights}`;
      if (weights !== choice.weights && !said.has(text)) say(text);
      said.add(text);
      const mine = { bytes: size[weights] };
      open.add(mine);
      const engine = await host.openEngine({ ...choice, weights, memory: availableMemory }).catch((error) => {
        open.delete(mine);
        throw error;
      });
      return {
        info: engine.info,
        description: engine.description,
        decode: (...request) => engine.decode(...request),
        listen: (options) => engine.listen(options),
        align: (...request) => engine.align(...request),
        close: () => {
          open.delete(mine);
          return engine.close();
        },
      };
    },
  };
}

/**
 * Before a model is opened: a line where the machine has less memory than it takes, since a control group ends what
 * takes more without a word. With --max-ram the limit has decided.
 */
export async function shortageLine(
  host: Pick<ModelHost, "availableMemory" | "allowedMemory">,
  { model, weights }: Pick<EngineChoice, "model" | "weights">,
): Promise<string | undefined> {
  if (host.allowedMemory) return undefined;
  const bytes = await weightsSize(model).then((size) => size[weights], () => 0); // Opening it says what is wrong.
  const [needed, free] = [bytes + requestBytes(bytes), host.availableMemory()];
  if (free >= needed) return undefined;
  return `Memory: ${formatBytes(free)} are free, and the model takes about ${formatBytes(needed)}: ` +
    "the run may be slow, and the system may end it";
}

function tooLittle({ bytes }: MemoryLimit, size: WeightsSize, place: ModelPlace, held: number): ModelError {
  const name = place.kind === "folder" ? place.path : "the built-in model";
  const needs = precisions.toReversed().map((weights) =>
    `${formatBytes(held + neededBytes(size[weights]))} with --weights ${weights}`
  );
  const beside = held > 0 ? " beside the other model (--low-memory has one at a time)" : "";
  return new ModelError(
    `--max-ram ${formatBytes(bytes)} is too little for ${name}${beside}`,
    `it takes ${needs.join(", ")}`,
  );
}
