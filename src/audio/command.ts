/**
 * Bytes that another program gives: a microphone's, or a recording's from the network. In: a command. Out: what it
 * writes to its standard output. It gets no terminal, and ends with the reader.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { InputError } from "../errors.ts";
import type { ByteReader } from "./bytes.ts";

export type Command = {
  /** Its program by path, then its arguments. */
  readonly words: readonly [string, ...string[]];
  /** The error where it fails, from what it said on standard error. */
  readonly failure: (said: string) => InputError;
};

const saidMax = 1 << 16;

export class ProcessReader implements ByteReader {
  readonly #child: ChildProcess;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #exited: Promise<void>;
  readonly #failure: Command["failure"];
  #said = "";
  #isClosed = false;
  constructor({ words: [program, ...args], failure }: Command) {
    // A group of its own: on Ctrl-C this program ends it, when it has heard out what came.
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.#child = child;
    this.#failure = failure;
    this.#chunks = child.stdout![Symbol.asyncIterator]();
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      if (this.#said.length < saidMax) this.#said += text;
    });
    this.#exited = new Promise((resolve) => {
      child.once("close", () => resolve());
      child.once("error", (error) => {
        this.#said += `\n${error.message}`;
        resolve();
      });
    });
  }

  /** Throws the command's failure after the last byte, if it failed. */
  async next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#chunks.next();
    if (!done) return value;
    await this.#exited;
    if (this.#child.exitCode !== 0 && !this.#isClosed) throw this.#failure(this.#said);
    return undefined;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#child.kill("SIGKILL");
    this.#child.stdout!.destroy();
    await this.#exited;
  }
}
