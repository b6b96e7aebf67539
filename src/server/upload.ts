/**
 * Takes a request's form: fields into memory, within limits, and the recording into a file as its bytes arrive. Slow
 * clients are given up, so that they hold no place for ever.
 */

import { type FileHandle, open, rm } from "node:fs/promises";
import { InternalError } from "../errors.ts";
import { ApiError } from "./errors.ts";
import { Base64, JsonBody } from "./json_body.ts";
import { boundaryOf, type MultipartEvent, MultipartParser, type PartHead } from "./multipart.ts";

/** A form as it was sent. The names are as sent, those with [] without it. */
export type Form = {
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly file: UploadedFile | undefined;
  readonly references: readonly VoiceReference[];
};

/** A recording of one voice, as it was sent: a file, or a data URL. `label`: for messages. */
export type VoiceReference = { readonly path: string; readonly label: string };

/** `name` is the client's, for messages. */
export type UploadedFile = { readonly name: string; readonly path: string; readonly bytes: number };

export type UploadRules = {
  /**
   * Where the file goes, and beside it those of voices. They are made when their first bytes come, and removed where
   * the form is not taken.
   */
  readonly path: string;
  readonly bytesMax: number;
  /** Of no bytes, or of too few for the time, after which a client is given up. */
  readonly stallMs: number;
  readonly now: () => number;
};

const fieldBytesMax = 65_536;
const fieldsBytesMax = 1_048_576;
const bytesPerSecMin = 1000;
const lingerMs = 2000;
/** OpenAI's limit. */
export const referencesMax = 4;
const referenceBytesMax = 8 * 2 ** 20;
export const referenceField = "known_speaker_references";
/** Names that clients use for the recording. */
const fileNames = ["file", "audio_file", "audio"];

/** Reads a multipart body, or JSON with input_audio. Throws an ApiError where it is malformed, too large, too slow. */
export async function takeForm(request: Request, rules: UploadRules): Promise<Form> {
  const type = request.headers.get("content-type") ?? "";
  const boundary = boundaryOf(type);
  const isJson = /^application\/json\b/i.test(type);
  if (boundary === undefined && !isJson) {
    throw new ApiError(415, "the body has to be multipart/form-data with the recording in 'file'", {
      code: "unsupported_media_type",
    });
  }
  if (request.body === null) throw new ApiError(400, "the body is empty", { code: "malformed_body" });
  checkDeclared(request, rules.bytesMax);
  const form = new FormWriter(rules);
  try {
    const body = bounded(request.body, rules);
    if (boundary !== undefined) await takeParts(form, body, boundary);
    else await takeJson(form, body);
    return await form.end();
  } catch (error) {
    await form.discard();
    throw error;
  }
}

async function takeParts(form: FormWriter, body: AsyncIterable<Uint8Array>, boundary: string): Promise<void> {
  const parser = new MultipartParser(boundary);
  for await (const bytes of body) await form.take(parser.push(bytes));
  parser.end();
}

const dataPath = "input_audio.data";
/** With or without its index: of a list, or of one reference alone. */
const referencePath = new RegExp(`^${referenceField}(?:\\[\\])?(?:\\[(\\d+)\\])?$`);

/** `{"input_audio": {"data": BASE64, "format"}, ...}`; the other members are fields. */
async function takeJson(form: FormWriter, body: AsyncIterable<Uint8Array>): Promise<void> {
  const json = new JsonBody(fieldBytesMax, fieldsBytesMax, (path) => path === dataPath || referencePath.test(path));
  let recording: Base64 | undefined;
  for await (const bytes of body) {
    for (const { path, bytes: said } of json.push(bytes)) {
      if (path === dataPath) await form.write((recording ??= new Base64()).push(said));
      else await form.reference(Number(referencePath.exec(path)![1] ?? 0), said);
    }
  }
  const { input_audio: audio, ...fields } = objectOf(json.end());
  const { data, format } = objectOf(audio ?? {});
  if (typeof data === "string" && (data !== "" || recording)) {
    await form.write((recording ??= new Base64()).push(Buffer.from(data)));
    await form.write(recording.end());
  }
  if (typeof format === "string") form.name(`audio.${format}`);
  for (const [sent, value] of Object.entries(fields)) {
    const name = bareName(sent);
    for (const [index, one] of (Array.isArray(value) ? value : [value]).entries()) {
      if (name === referenceField) await form.reference(index, Buffer.from(String(one)));
      else if (one !== null) form.field(name, typeof one === "object" ? JSON.stringify(one) : String(one));
    }
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ApiError(400, "the body is not a JSON object with input_audio", { code: "malformed_body" });
}

function checkDeclared(request: Request, bytesMax: number): void {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
}

export function tooLarge(bytesMax: number): ApiError {
  const message = `the upload is larger than ${Math.floor(bytesMax / 2 ** 20)} MiB`;
  return new ApiError(413, message, { param: "file", code: "file_too_large" });
}

/** The body's pieces. What counts are the bytes that come, not those that a header promises. */
export async function* bounded(
  body: ReadableStream<Uint8Array>,
  { bytesMax, stallMs, now }: Pick<UploadRules, "bytesMax" | "stallMs" | "now">,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  const start = now();
  let count = 0;
  let isRead = false;
  try {
    for (;;) {
      const { value, done } = await untilStalled(reader.read(), stallMs);
      isRead = done;
      if (done) return;
      count += value.length;
      if (count > bytesMax) throw tooLarge(bytesMax);
      if (now() - start > stallMs + (count * 1000) / bytesPerSecMin) throw tooSlow();
      yield value;
    }
  } finally {
    if (!isRead) await drain(reader);
  }
}

/** Reads on for a while: a client that still sends takes notice of its reply then, where it would see a broken pipe. */
export async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const isOver = Bun.sleep(lingerMs).then(() => ({ done: true }));
  const next = () => reader.read().catch(() => ({ done: true }));
  while (!(await Promise.race([next(), isOver])).done);
  reader.cancel().catch(() => {}); // What is not read would be kept for it.
}

async function untilStalled<T>(promise: Promise<T>, stallMs: number): Promise<T> {
  let timer: Timer | undefined;
  const stalled = new Promise<never>((_, reject) => timer = setTimeout(() => reject(tooSlow()), stallMs));
  try {
    return await Promise.race([promise, stalled]);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(400, "the upload was broken off", { code: "upload_aborted" });
  } finally {
    clearTimeout(timer);
    promise.catch(() => {}); // Where the time was over first.
  }
}

function tooSlow(): ApiError {
  return new ApiError(408, "the upload is too slow", { code: "upload_timeout" });
}

type Part = {
  readonly head: PartHead;
  readonly kind: "file" | "reference" | "field";
  /** Of a field. */
  readonly pieces: Uint8Array[];
};

class FormWriter {
  readonly #fields = new Map<string, string[]>();
  #fileName = "audio";
  #fieldsBytes = 0;
  #part: Part | undefined;
  #handle: FileHandle | undefined;
  #file: { bytes: number } | undefined;
  readonly #references: (VoiceReference & { readonly handle: FileHandle; bytes: number })[] = [];

  constructor(readonly rules: UploadRules) {}

  async take(events: readonly MultipartEvent[]): Promise<void> {
    for (const event of events) {
      if (event.kind === "part") await this.#begin(event.head);
      else await this.#add(event.bytes);
    }
  }

  get hasFile(): boolean {
    return this.#file !== undefined;
  }

  async end(): Promise<Form> {
    this.#closeField();
    await this.#handle?.close();
    this.#handle = undefined;
    for (const { handle } of this.#references) await handle.close();
    const fields = Object.fromEntries(this.#fields);
    const references = this.#references.map(({ path, label }) => ({ path, label }));
    const file = this.#file && { ...this.#file, name: this.#fileName, path: this.rules.path };
    return { fields, file, references };
  }

  async discard(): Promise<void> {
    await this.#handle?.close().catch(() => {});
    this.#handle = undefined;
    if (this.#file) await rm(this.rules.path, { force: true });
    for (const { handle } of this.#references) await handle.close().catch(() => {});
    await removeReferences(this.#references);
  }

  async #begin(head: PartHead): Promise<void> {
    this.#closeField();
    const isReference = bareName(head.name) === referenceField;
    const isFile = fileNames.includes(head.name) && this.#file === undefined;
    this.#part = { head, kind: isReference ? "reference" : isFile ? "file" : "field", pieces: [] };
    if (isReference) await this.#beginReference();
    if (!isFile) return;
    if (head.filename) this.name(head.filename);
    await this.write(new Uint8Array());
  }

  /** More of a voice, as a data URL. */
  async reference(index: number, bytes: Uint8Array): Promise<void> {
    while (this.#references.length <= index) await this.#beginReference();
    await this.#addReference(bytes, index);
  }

  async #beginReference(): Promise<void> {
    const number = this.#references.length;
    if (number >= referencesMax) {
      throw new ApiError(400, `${referenceField} are ${referencesMax} at most`, {
        param: referenceField,
        code: "invalid_value",
      });
    }
    const path = `${this.rules.path}.voice-${number + 1}`;
    this.#references.push({
      ...{ path, label: `${referenceField}[${number}]`, bytes: 0 },
      handle: await open(path, "wx", 0o600),
    });
  }

  async #addReference(bytes: Uint8Array, index = this.#references.length - 1): Promise<void> {
    const reference = this.#references[index]!;
    reference.bytes += bytes.length;
    if (reference.bytes > referenceBytesMax) {
      const message = `${reference.label} is longer than ${referenceBytesMax / 2 ** 20} MiB`;
      throw new ApiError(413, message, { param: referenceField, code: "field_too_long" });
    }
    await writeAll(reference.handle, bytes);
  }

  async #add(bytes: Uint8Array): Promise<void> {
    const part = this.#part;
    if (!part) throw new InternalError("bytes before the first part");
    if (part.kind === "file") return await this.write(bytes);
    if (part.kind === "reference") return await this.#addReference(bytes);
    if (part.head.filename !== undefined) return; // Another file: nobody asked for it.
    const length = part.pieces.reduce((sum, piece) => sum + piece.length, bytes.length);
    this.#fieldsBytes += bytes.length;
    if (length > fieldBytesMax || this.#fieldsBytes > fieldsBytesMax) {
      throw new ApiError(413, "a field of the form is too long", {
        param: bareName(part.head.name),
        code: "field_too_long",
      });
    }
    part.pieces.push(bytes.slice());
  }

  /** Bytes of the recording. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#handle ??= await open(this.rules.path, "wx", 0o600);
    this.#file ??= { bytes: 0 };
    await writeAll(this.#handle, bytes);
    this.#file.bytes += bytes.length;
  }

  #closeField(): void {
    const part = this.#part;
    this.#part = undefined;
    if (!part || part.kind !== "field" || part.head.filename !== undefined) return;
    this.field(bareName(part.head.name), new TextDecoder().decode(Buffer.concat(part.pieces)));
  }

  field(name: string, text: string): void {
    this.#fields.set(name, [...(this.#fields.get(name) ?? []), text]);
  }

  /** What the client calls its recording. */
  name(name: string): void {
    this.#fileName = name;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray((await handle.write(rest)).bytesWritten);
}

export async function removeReferences(references: readonly VoiceReference[]): Promise<void> {
  for (const { path } of references) await rm(path, { force: true });
}

/** Clients write lists as NAME[] or NAME[0]. */
function bareName(name: string): string {
  return name.replace(/\[\d*\]$/, "");
}
