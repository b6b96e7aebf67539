/** Recordings to try. In: those of the program, and a folder of the server's owner. Out: their names and bytes. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { folderOnDisk } from "../path_bytes.ts";
import { ApiError } from "./errors.ts";
import type { PageFile } from "./host.ts";

export class Samples {
  /** `folder`: undefined: there is none. */
  constructor(readonly own: readonly PageFile[], readonly folder: string | undefined) {}

  /** Those of the folder first. */
  async names(): Promise<string[]> {
    return [...await this.#inFolder(), ...this.own.map(({ name }) => name)];
  }

  /** What it is says its bytes: no browser is to show it as something else. */
  async reply(name: string): Promise<Response> {
    const headers = { "content-type": "application/octet-stream", "content-disposition": "attachment" };
    // Only a name that is listed, so that no path leads out of the folder.
    if (this.folder !== undefined && (await this.#inFolder()).includes(name)) {
      return new Response(Bun.file(join(this.folder, name)), { headers });
    }
    const own = this.own.find((one) => one.name === name);
    if (own === undefined) throw new ApiError(404, "there is no such sample", { code: "not_found" });
    return new Response(await own.read(), { headers });
  }

  async #inFolder(): Promise<string[]> {
    if (this.folder === undefined) return [];
    const entries = await readdir(folderOnDisk(this.folder), { withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isFile() && !entry.name.startsWith(".")).map(({ name }) => name).toSorted();
  }
}
