/** The microphone as samples. In: the browser's leave. Out: 16 bits, mono, 16 kHz, to the last one before the end. */

import { Resampler } from "../../audio/resample.ts";
import { wavHeader } from "../../audio/wav_header.ts";

export type Capture = {
  /** Resolves when the last samples were passed on. */
  end(): Promise<void>;
};

/** Whether this page may ask for the microphone at all. */
export function mayCapture(): boolean {
  return isSecureContext && "mediaDevices" in navigator && typeof AudioWorkletNode === "function";
}

/** `onSamples` gets blocks of about 40 ms. Rejects with a DOMException where there is no microphone, or no leave. */
export async function capture(onSamples: (samples: Int16Array<ArrayBuffer>) => void): Promise<Capture> {
  // The model is used to noise; what is made for human ears takes parts of words away.
  const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
  const context = new AudioContext();
  try {
    await context.audioWorklet.addModule(document.documentElement.dataset["worklet"]!);
    const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
    const resampler = new Resampler(context.sampleRate);
    const { promise: over, resolve } = Promise.withResolvers<void>();
    node.port.onmessage = ({ data }: MessageEvent<Float32Array | null>) => {
      if (data !== null) return onSamples(rounded(resampler.push(data)));
      onSamples(rounded(resampler.flush()));
      resolve();
    };
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
    const end = async () => {
      node.port.postMessage("end");
      await over;
      release(stream, context);
    };
    return { end };
  } catch (error) {
    release(stream, context);
    throw error;
  }
}

function release(stream: MediaStream, context: AudioContext): void {
  for (const track of stream.getTracks()) track.stop();
  void context.close();
}

function rounded(samples: Float32Array): Int16Array<ArrayBuffer> {
  return Int16Array.from(samples, (sample) => Math.round(Math.min(1, Math.max(-1, sample)) * 32_767));
}

/** Loudness for a meter, 0 to 1: -60 dB and less are 0. */
export function loudness(samples: Int16Array): number {
  const power = samples.reduce((sum, sample) => sum + (sample / 32_768) ** 2, 0) / Math.max(1, samples.length);
  return Math.min(1, Math.max(0, 1 + Math.log10(power + 1e-9) / 6));
}

/** Blocks as a file. */
export function wavFile(blocks: readonly Int16Array<ArrayBuffer>[], name: string): File {
  const bytes = blocks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return new File([new Uint8Array(wavHeader(bytes)), ...blocks], name, { type: "audio/wav" });
}
