/**
 * Errors a user can meet, and the exit code of each. The code that meets a problem throws one; a command catches what
 * concerns a single file, and cli/program.ts reports the rest.
 */

/** Base: `message` says what and where in one line, `hint` what to do about it. */
export class UserError extends Error {
  constructor(message: string, readonly exitCode: number, readonly hint?: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The command line is wrong: exit 2. */
export class UsageError extends UserError {
  constructor(message: string, hint?: string) {
    super(message, 2, hint);
  }
}

/** An input or output failed: exit 1, the other files still run. */
export class InputError extends UserError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, 1, hint, options);
  }
}

/** No model, or an unusable one: exit 3. */
export class ModelError extends UserError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, 3, hint, options);
  }
}

/** Our own mistake: exit 1, with a stack trace under --debug. */
export class InternalError extends Error {}

const systemReasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOSPC: "no space left",
  EDQUOT: "no space left",
  EROFS: "the filesystem is read-only",
  EIO: "the disk reports an error",
};

/**
 * Why the system refused, in words. `own` says what a code means to the caller; the system's own message stands for
 * codes that are in neither.
 */
export function systemReason(error: unknown, own: Readonly<Record<string, string>> = {}): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return own[code ?? ""] ?? systemReasons[code ?? ""] ?? message ?? String(error);
}

/** Throws an InternalError where our own code breaks a promise; never for anything that comes from outside. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}
