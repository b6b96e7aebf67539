/** Errors a user can meet, and the exit code of each. Code throws them; only main.ts catches. */

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
