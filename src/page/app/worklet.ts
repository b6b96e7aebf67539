/**
 * Passes the microphone's samples on. It runs in the browser's audio thread. In: 128 samples at a time, and "end". Out:
 * messages of 2048, mixed to one channel; then the rest, and null.
 */

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const blockSamples = 2048;

class Microphone extends AudioWorkletProcessor {
  #block = new Float32Array(blockSamples);
  #filled = 0;
  #isOver = false;

  constructor() {
    super();
    this.port.onmessage = () => {
      this.#isOver = true;
      this.#send();
      this.port.postMessage(null);
    };
  }

  /** The browser calls it; true: it is to be called again. */
  process([channels = []]: readonly (readonly Float32Array[])[]): boolean {
    const length = this.#isOver ? 0 : channels[0]?.length ?? 0;
    for (let at = 0; at < length; at++) {
      this.#block[this.#filled++] = channels.reduce((sum, channel) => sum + channel[at]!, 0) / channels.length;
      if (this.#filled === blockSamples) this.#send();
    }
    return !this.#isOver;
  }

  #send(): void {
    const samples = this.#block.slice(0, this.#filled);
    this.port.postMessage(samples, [samples.buffer]);
    this.#filled = 0;
  }
}

registerProcessor("microphone", Microphone);
