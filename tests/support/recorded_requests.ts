/**
 * Requests as programs send them, byte for byte but for the recording: each has its library's way to write a form. In:
 * a name. Out: path, headers and body.
 */

export type RecordedRequest = {
  readonly path: string;
  /** Of the recording that goes with it. */
  readonly format: "wav" | "mp3" | "webm" | "raw";
  readonly contentType: string;
  /** Before and after the bytes of the recording; lines end with \n here. */
  readonly before: string;
  readonly after: string;
};

/** A field as most libraries write it. */
function field(boundary: string, name: string, value: string): string {
  return `--${boundary}\nContent-Disposition: form-data; name="${name}"\n\n${value}\n`;
}

/** As .NET writes it: quotes only where they must be. */
function netField(boundary: string, name: string, value: string): string {
  const type = "Content-Type: text/plain; charset=utf-8";
  return `--${boundary}\n${type}\nContent-Disposition: form-data; name=${name}\n\n${value}\n`;
}

const transcriptions = "/v1/audio/transcriptions";
const hex = "5f1c9e0a7d3b4c2e8f6a1b0c9d8e7f60";
const guid = "0d5f6c3e-8a54-4b0c-9b57-3c1f0e2a7b11";
const chrome = "----WebKitFormBoundaryq8fYwL0c2bYh1ZtR";
const node = "--------------------------514093815628304027461935";
const curl = "------------------------a5b1f3c09d7e2468";

export const recordedRequests: Readonly<Record<string, RecordedRequest>> = {
  // The Python package openai, over httpx.
  "Buzz": {
    ...{ path: transcriptions, format: "mp3", contentType: `multipart/form-data; boundary=${hex}` },
    before: field(hex, "model", "whisper-1") + field(hex, "language", "en") + field(hex, "prompt", "") +
      field(hex, "response_format", "verbose_json") + field(hex, "timestamp_granularities[]", "word") +
      `--${hex}\nContent-Disposition: form-data; name="file"; filename="tmpk3v9x2.mp3"\nContent-Type: audio/mpeg\n\n`,
    after: `\n--${hex}--\n`,
  },
  // .NET's MultipartFormDataContent.
  "Subtitle Edit": {
    ...{ path: transcriptions, format: "wav", contentType: `multipart/form-data; boundary="${guid}"` },
    before: netField(guid, "model", "whisper-1") + netField(guid, "response_format", "verbose_json") +
      netField(guid, '"timestamp_granularities[]"', "segment") + netField(guid, '"timestamp_granularities[]"', "word") +
      netField(guid, "language", "English") +
      `--${guid}\nContent-Type: audio/wav\nContent-Disposition: form-data; name=file; ` +
      `filename="=?utf-8?B?5b2x54mHLndhdg==?="; filename*=utf-8''%E5%BD%B1%E7%89%87.wav\n\n`,
    after: `\n--${guid}--\n`,
  },
  // Python's requests.
  "Open WebUI": {
    ...{ path: "/audio/transcriptions", format: "mp3", contentType: `multipart/form-data; boundary=${hex}` },
    before: field(hex, "model", "whisper-1") + field(hex, "language", "en") +
      `--${hex}\nContent-Disposition: form-data; name="file"; filename="9b1f7c1e.mp3"\n\n`,
    after: `\n--${hex}--\n`,
  },
  // Node's form-data, over axios.
  "LibreChat": {
    ...{ path: transcriptions, format: "webm", contentType: `multipart/form-data; boundary=${node}` },
    before:
      `--${node}\nContent-Disposition: form-data; name="file"; filename="audio.webm"\nContent-Type: audio/webm\n\n`,
    after: `\n${field(node, "model", "whisper-1")}${field(node, "language", "en")}--${node}--\n`,
  },
  // A browser's own FormData.
  "whisper-obsidian-plugin": {
    ...{ path: transcriptions, format: "webm", contentType: `multipart/form-data; boundary=${chrome}` },
    before: `--${chrome}\nContent-Disposition: form-data; name="file"; filename="2026-01-05T09-30-12.123Z.webm"\n` +
      "Content-Type: audio/webm\n\n",
    after: `\n${field(chrome, "model", "whisper-1")}${field(chrome, "language", "")}--${chrome}--\n`,
  },
  // Python's requests, without fields: these are in the query.
  "Bazarr": {
    path: "/asr?task=transcribe&language=en&output=srt&encode=false",
    ...{ format: "raw", contentType: `multipart/form-data; boundary=${hex}` },
    before: `--${hex}\nContent-Disposition: form-data; name="audio_file"; filename="audio_file"\n\n`,
    after: `\n--${hex}--\n`,
  },
  "curl": {
    ...{ path: "/v1/audio/transcriptions/", format: "wav", contentType: `multipart/form-data; boundary=${curl}` },
    before: `--${curl}\nContent-Disposition: form-data; name="file"; filename="talk \\"one\\".wav"\n` +
      "Content-Type: audio/wav\n\n",
    after: `\n${field(curl, "model", "any")}${field(curl, "temperature", "0.00")}--${curl}--\n`,
  },
};

/** The body with this recording. */
export function recordedBody({ before, after }: RecordedRequest, recording: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = (text: string) => Buffer.from(text.replaceAll("\n", "\r\n"));
  return new Uint8Array(Buffer.concat([bytes(before), recording, bytes(after)]));
}
