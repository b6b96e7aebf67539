/** A request's JSON body, within limits. In: a request. Out: its text or its object, or an ApiError. */

import { ApiError } from "./errors.ts";
import { bounded } from "./upload.ts";

const stallMs = 10_000;

/** Only of the type that another site's form cannot send. */
export async function jsonText({ headers, body }: Request, bytesMax: number): Promise<string> {
  if (!/^application\/json\b/i.test(headers.get("content-type") ?? "") || body === null) {
    throw new ApiError(415, "the body has to be JSON", { code: "unsupported_media_type" });
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of bounded(body, { bytesMax, stallMs, now: Date.now })) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

export async function jsonObject(request: Request, bytesMax: number): Promise<Readonly<Record<string, unknown>>> {
  const text = await jsonText(request, bytesMax);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new ApiError(400, "the body is not a JSON object", { code: "malformed_body" });
}
