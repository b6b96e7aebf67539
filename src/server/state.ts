/**
 * The jobs of a server on disk: what was asked, what is heard so far, what came of it. In: a folder, which one server
 * has at a time. Out: rows. What was written survives the end of the process, however it comes.
 */

import { Database, SQLiteError } from "bun:sqlite";
import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { InputError, systemReason } from "../errors.ts";
import { folderOnDisk } from "../path_bytes.ts";
import type { KnownVoice } from "../speakers/names.ts";
import { printable } from "../writer.ts";
import type { Fields } from "./fields.ts";
import type { Heard, JournalStep } from "./hear.ts";
import type { ApiError } from "./errors.ts";
import type { UploadedFile } from "./upload.ts";

export type JobStatus = "queued" | "running" | "done" | "failed" | "cancelled";

/** A known voice as JSON has it: an embedding's floats in base64. */
export type KeptVoice = { readonly name: string; readonly embedding: string };

export function keptVoice({ name, embedding }: KnownVoice): KeptVoice {
  const { buffer, byteOffset, byteLength } = embedding;
  return { name, embedding: Buffer.from(buffer, byteOffset, byteLength).toString("base64") };
}

export function recalledVoice({ name, embedding }: KeptVoice): KnownVoice {
  return { name, embedding: new Float32Array(new Uint8Array(Buffer.from(embedding, "base64")).buffer) };
}

export type JobRow = {
  readonly id: string;
  /** The name of the key that made it. */
  readonly owner: string;
  readonly createdMs: number;
  readonly fields: Fields;
  readonly file: UploadedFile;
  /** Of people whose names are known; absent where there are none. */
  readonly voices?: readonly KeptVoice[];
  /** Of the model; a journal of another one is of no use. */
  readonly modelHash: string;
  status: JobStatus;
  finishedMs: number | undefined;
  /** Of the recording, and of it as far as it was heard, when the job is over; undefined until then. */
  audioSec?: number;
  heardSec?: number;
  /** The result is what was heard before the job was cancelled. */
  isPartial?: boolean;
  /** Of most of its text, as the model names it. */
  language?: string;
  /** OpenAI's body of a failure. */
  error: ApiError["body"] | undefined;
};

const schemaVersion = 1;
const schema = `
  CREATE TABLE jobs (id TEXT PRIMARY KEY, created REAL NOT NULL, row TEXT NOT NULL, result TEXT) STRICT;
  CREATE TABLE steps (job TEXT NOT NULL, number INTEGER NOT NULL, step TEXT NOT NULL, PRIMARY KEY (job, number)) STRICT;
`;

export class State implements Disposable {
  readonly #db: Database;

  private constructor(readonly folder: string, db: Database) {
    this.#db = db;
  }

  /** Makes the folder where there is none. Throws an InputError, also where another server has it. */
  static open(folder: string): State {
    try {
      mkdirSync(join(folder, "uploads"), { recursive: true, mode: 0o700 });
      chmodSync(folder, 0o700);
      return new State(folder, openDatabase(join(folder, "jobs.sqlite")));
    } catch (error) {
      if (error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY")) {
        throw new InputError(`${printable(folder)}: another server uses it`, "--state names another folder");
      }
      if (error instanceof InputError) throw error;
      throw new InputError(`${printable(folder)}: cannot be used: ${systemReason(error)}`);
    }
  }

  /** Where the recording of a job, or of a request, is kept. */
  uploadPath(id: string): string {
    return join(this.folder, "uploads", id);
  }

  /** Where it lies decoded. */
  soundPath(id: string): string {
    return `${this.uploadPath(id)}.wav`;
  }

  /** Removes recordings that belong to none of these jobs: a server that was killed has left them. */
  removeStrays(rows: readonly JobRow[]): void {
    const known = new Set(rows.map(({ id }) => id));
    for (const name of readdirSync(folderOnDisk(join(this.folder, "uploads")))) {
      if (!known.has(name)) rmSync(this.uploadPath(name), { force: true });
    }
  }

  /** In the order in which they were made. */
  rows(): JobRow[] {
    const rows = this.#db.query<{ row: string }, []>("SELECT row FROM jobs ORDER BY created, rowid").all();
    return rows.map(({ row }) => JSON.parse(row) as JobRow);
  }

  put(row: JobRow): void {
    this.#db.query("INSERT INTO jobs (id, created, row) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET row = ?3")
      .run(row.id, row.createdMs, JSON.stringify(row));
  }

  /** The end of a job that was heard: its steps are no longer needed. */
  finish(row: JobRow, heard: Heard): void {
    this.#db.transaction(() => {
      this.put(row);
      this.#db.query("UPDATE jobs SET result = ?2 WHERE id = ?1").run(row.id, JSON.stringify(heard));
      this.forgetSteps(row.id);
    })();
  }

  result(id: string): Heard | undefined {
    const found = this.#db.query<{ result: string | null }, [string]>("SELECT result FROM jobs WHERE id = ?").get(id);
    return found?.result ? JSON.parse(found.result) as Heard : undefined;
  }

  addStep(id: string, number: number, step: JournalStep): void {
    this.#db.query("INSERT INTO steps VALUES (?, ?, ?)").run(id, number, JSON.stringify(step));
  }

  steps(id: string): JournalStep[] {
    const query = this.#db.query<{ step: string }, [string]>("SELECT step FROM steps WHERE job = ? ORDER BY number");
    return query.all(id).map(({ step }) => JSON.parse(step) as JournalStep);
  }

  forgetSteps(id: string): void {
    this.#db.query("DELETE FROM steps WHERE job = ?").run(id);
  }

  delete(id: string): void {
    this.forgetSteps(id);
    this.#db.query("DELETE FROM jobs WHERE id = ?").run(id);
    for (const path of [this.uploadPath(id), this.soundPath(id)]) rmSync(path, { force: true });
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

/** With a lock that the system takes away when the process ends. */
function openDatabase(path: string): Database {
  const db = new Database(path, { create: true });
  try {
    db.run(
      "PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE; COMMIT",
    );
    db.run("PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON");
    const { user_version: version } = db.query<{ user_version: number }, []>("PRAGMA user_version").get()!;
    if (version === 0) db.run(`BEGIN; ${schema} PRAGMA user_version = ${schemaVersion}; COMMIT`);
    else if (version !== schemaVersion) {
      throw new InputError(`${printable(path)}: is of a later version of this program`);
    }
    chmodSync(path, 0o600);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
