/**
 * The errors that a user can meet, each with its exit code. Whatever code meets a problem throws one of them. A command
 * catches those that concern a single file, and cli/program.ts reports the others.
 */

/** The base class. `message` says in one line what is wrong and where, `hint` what to do about it. */
export class UserError extends Error {
  constructor(message: string, readonly exitCode: number, readonly hint?: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The command line is wrong: exit code 2. */
export class UsageError extends UserError {
  constructor(message: string, hint?: string) {
    super(message, 2, hint);
  }
}

/** An input or output failed: exit code 1. The other files are still processed. */
export class InputError extends UserError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, 1, hint, options);
  }
}

/** The machine gives too little just now, or another run is at it: the same run may succeed later, or elsewhere. */
export class ShortageError extends InputError {}

/** There is no model, or it cannot be used: exit code 3. */
export class ModelError extends UserError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, 3, hint, options);
  }
}

/** A mistake in this program: exit code 1, with a stack trace if --debug is given. */
export class InternalError extends Error {}

const systemReasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOSPC: "no space left",
  EDQUOT: "no space left",
  EROFS: "the filesystem is read-only",
  EIO: "the disk reports an error",
};

/** What the system throws. Browsers, which know no such type, check this file too. */
type SystemError = Error & { readonly code?: string };

/**
 * Says why the system refused something. `own` has the caller's words for some codes; codes that are in neither table
 * get the system's own message.
 */
export function systemReason(error: unknown, own: Readonly<Record<string, string>> = {}): string {
  const { code, message } = error as SystemError;
  return own[code ?? ""] ?? systemReasons[code ?? ""] ?? message ?? String(error);
}

const codeHint = "raise 'ulimit -v' (4 GB at least), or let the container or service have executable memory " +
  "(MemoryDenyWriteExecute=no)";
const memoryHint =
  "close other programs, raise the limit (ulimit -v, that of the container), or use -t 1 or a smaller model";
const threadHint = "raise 'ulimit -u' or the container's limit of processes";

/** What the runtime and the system's loader say where the machine gives too little: their words, ours, what to do. */
const shortages: readonly (readonly [RegExp, string, string])[] = [
  [/requires the JIT/, "too little memory, or none that may be executed", codeHint],
  [/memfd_create failed|failed to map segment|cannot enable execut/, "the system does not load the engine", codeHint],
  [/out of memory|allocation failed|cannot allocate memory|ENOMEM/i, "not enough memory", memoryHint],
  [/thread creation failed|failed to (create|start|spawn) .*thread/i, "no more threads", threadHint],
];

/** A failure that the machine's limits explain, in words for people; undefined: it is a mistake of ours. */
export function shortage({ message }: Error): UserError | undefined {
  const found = shortages.find(([words]) => words.test(message));
  return found && new UserError(found[1], 1, found[2]);
}

/** What the system says where a disk, memory or a network may be better at the next try. */
const passingCodes = [
  ...["ENOSPC", "EDQUOT", "EIO", "ENOMEM", "EMFILE", "ENFILE", "EAGAIN", "ESTALE", "ETIMEDOUT", "EHOSTDOWN"],
];

/** Whether the same run may succeed later, or on another machine: it, or what caused it, is a lack of something. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof ShortageError || passingCodes.includes((error as SystemError).code ?? "")) return true;
  return !(error instanceof UserError) && shortage(error) !== undefined || isPassing(error.cause);
}

/** Throws an InternalError where our own code breaks a promise; never for anything that comes from outside. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}
