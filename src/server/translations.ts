/** Why there is no translation. */

import { ApiError } from "./errors.ts";

export function noTranslation(): ApiError {
  const message = "the model transcribes and does not translate: use /v1/audio/transcriptions";
  return new ApiError(501, message, { code: "not_implemented" });
}
