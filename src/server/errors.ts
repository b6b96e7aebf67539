/** Failures as clients of OpenAI's API know them. In: what was thrown. Out: a status and a JSON body. Pure. */

import { InputError, shortage, ShortageError, UsageError } from "../errors.ts";
import { Stopped } from "../stop.ts";

export type ApiErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "rate_limit_error"
  | "server_error";

export type ApiErrorDetails = {
  /** The field that is wrong. */
  readonly param?: string;
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A request that is refused or failed. The message is for the client: nothing of this machine is in it. */
export class ApiError extends Error {
  constructor(readonly status: number, message: string, readonly details: ApiErrorDetails = {}) {
    super(message);
  }

  get type(): ApiErrorType {
    switch (this.status) {
      case 401:
        return "authentication_error";
      case 403:
        return "permission_error";
      case 429:
        return "rate_limit_error";
      default:
        return this.status < 500 ? "invalid_request_error" : "server_error";
    }
  }

  get body(): { readonly error: Readonly<Record<string, string | null>> } {
    const { param = null, code = null } = this.details;
    return { error: { message: this.message, type: this.type, param, code } };
  }
}

/** What the client is told. Failures that are not its own are not explained: the log has them. */
export function apiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof Stopped) return new ApiError(503, "the request was given up", { code: "cancelled" });
  if (error instanceof UsageError) return new ApiError(400, error.message);
  if (error instanceof ShortageError || (error instanceof Error && shortage(error))) {
    return new ApiError(503, "the server has too little memory for this");
  }
  if (error instanceof InputError) return new ApiError(400, error.message, { param: "file", code: "invalid_file" });
  return new ApiError(500, "internal error");
}

/** Whether the failure is the server's own, and worth a line in its log. */
export function isOurs(error: unknown): boolean {
  return apiError(error).status >= 500 && !(error instanceof ApiError || error instanceof Stopped);
}
