/** The endpoints of jobs. In: requests. Out: jobs as JSON, their events, their results in any format. */

import { copyFile, link } from "node:fs/promises";
import { ApiError } from "./errors.ts";
import { type Fields, transcriptionRequest } from "./fields.ts";
import { replyExtension } from "./formats.ts";
import { folderBytes } from "./folder.ts";
import { progressJson } from "./job_events.ts";
import { notKept, peaksReply, soundReply } from "./job_sound.ts";
import type { Job, Jobs } from "./jobs.ts";
import { replyOf } from "./replies.ts";
import { eventResponse, type ServerEvent } from "./sse.ts";
import { keptVoice } from "./state.ts";
import { type Call, knownVoices, receive, requestOf } from "./task.ts";
import type { UploadedFile } from "./upload.ts";
import { zipOfTexts } from "./zip.ts";

/** Takes the form of a transcription, and answers at once with the job's id. */
export async function createJob(jobs: Jobs, call: Call): Promise<Response> {
  const { service, state } = jobs;
  const leave = service.admit();
  const id = jobs.newId();
  try {
    if (await folderBytes(state.folder) > service.core.settings.stateBytesMax) {
      throw new ApiError(507, "the server keeps as much as it may (see --state-max)", { code: "storage_full" });
    }
    const path = state.uploadPath(id);
    await using form = await receive(service, call, path, (fields) => earlier(jobs, call, fields, path));
    const { fields, file } = form;
    const voices = await knownVoices(service, requestOf(service, fields), form.references, call.stop);
    const kept = voices.length > 0 && { voices: voices.map(keptVoice) };
    const job = await jobs.add({ id, owner: call.owner, createdMs: Date.now(), fields, file, ...kept }, leave);
    return Response.json(jobJson(job), { status: 202, headers: { location: `/v1/jobs/${id}` } });
  } catch (error) {
    leave();
    state.delete(id); // Its recording may be there.
    throw error;
  }
}

/** The recording of the job that `recording` names, for another job: neither minds when the other goes. */
async function earlier(jobs: Jobs, call: Call, fields: Fields, path: string): Promise<UploadedFile | undefined> {
  const id = fields["recording"]?.at(-1);
  if (id === undefined) return undefined;
  const { file } = foundJob(jobs, call, id).row;
  try {
    await link(file.path, path).catch(() => copyFile(file.path, path));
  } catch {
    throw notKept();
  }
  return { ...file, path };
}

export function listJobs(jobs: Jobs, { owner }: Call): Response {
  return Response.json({ object: "list", data: jobs.list(owner).map(jobJson) });
}

export function showJob(jobs: Jobs, call: Call, id: string): Response {
  return Response.json(jobJson(foundJob(jobs, call, id)));
}

export async function deleteJob(jobs: Jobs, call: Call, id: string): Promise<Response> {
  await jobs.delete(foundJob(jobs, call, id));
  return Response.json({ id, object: "transcription.job", deleted: true });
}

export async function cancelJob(jobs: Jobs, call: Call, id: string): Promise<Response> {
  const job = foundJob(jobs, call, id);
  job.cancel.abort();
  await job.running;
  return Response.json(jobJson(job));
}

/** The transcript in the format of the query, or in the one that the form asked for. */
export function jobResult(jobs: Jobs, call: Call, id: string): Response {
  const { row } = foundJob(jobs, call, id);
  const heard = jobs.state.result(id);
  if (heard === undefined) {
    const message = row.error?.error.message ?? `the job is ${row.status}`;
    throw new ApiError(409, message, { code: `job_${row.status}` });
  }
  const wanted = transcriptionRequest({ ...row.fields, ...call.query }, false);
  const { body, contentType } = replyOf(heard, wanted, jobs.service.core.host);
  return new Response(body, { headers: { "content-type": contentType } });
}

/** All results of an owner as a ZIP, the first job first, each in the format of the query or in its own. */
export function allResults(jobs: Jobs, { owner, query }: Call): Response {
  const entries = jobs.list(owner).toReversed().flatMap(({ row }) => {
    const heard = jobs.state.result(row.id);
    if (heard === undefined) return [];
    const wanted = transcriptionRequest({ ...row.fields, ...query }, false);
    const stem = row.file.name.split(/[/\\]/).at(-1)!.replace(/(?<=.)\.[^.]{1,5}$/, "");
    const { body } = replyOf(heard, wanted, jobs.service.core.host);
    return [{ name: `${stem}.${replyExtension(wanted.format)}`, text: body }];
  });
  if (entries.length === 0) throw new ApiError(404, "there is no result yet", { code: "not_found" });
  const headers = {
    "content-type": "application/zip",
    "content-disposition": 'attachment; filename="transcripts.zip"',
  };
  return new Response(zipOfTexts(entries), { headers });
}

/** All events from the start, then those that come. */
export function jobEvents(jobs: Jobs, call: Call, id: string): Response {
  const job = foundJob(jobs, call, id);
  let leave = () => {};
  const work = (send: (event: ServerEvent) => void) => {
    if (job.isOver && job.events.length === 0) send({ type: `job.${job.row.status}` }); // Of an earlier server.
    job.events.forEach(send);
    if (job.isOver) return Promise.resolve();
    job.listeners.add(send);
    leave = () => void job.listeners.delete(send);
    return job.running ?? Promise.resolve();
  };
  return eventResponse({ work, onGone: () => leave(), onFailure: call.onFailure }, call.facts);
}

/** What it sounds like: as WAV, or as bars. */
export function jobSound(jobs: Jobs, call: Call, id: string, what: "jobSound" | "jobPeaks"): Promise<Response> {
  const job = foundJob(jobs, call, id);
  return what === "jobPeaks" ? peaksReply(jobs, job) : soundReply(jobs, job, call.request.headers.get("range"));
}

/** Throws an ApiError where there is none of this owner. */
export function foundJob(jobs: Jobs, { owner }: Pick<Call, "owner">, id: string): Job {
  const job = jobs.find(owner, id);
  if (job === undefined) throw new ApiError(404, "there is no such job", { code: "not_found" });
  return job;
}

function jobJson({ row, progress }: Job): Record<string, unknown> {
  const { id, createdMs, finishedMs, file, status, error, audioSec, heardSec = audioSec, isPartial, language = "" } =
    row;
  // A job of an earlier server has no progress, but its row says how long it was.
  const known = audioSec === undefined || heardSec === undefined
    ? progress
    : { audioSec, heardSec, etaSec: undefined, language };
  return {
    ...{ id, object: "transcription.job", status, name: file.name, bytes: file.bytes },
    created_at: Math.round(createdMs / 1000),
    ...(finishedMs !== undefined && { finished_at: Math.round(finishedMs / 1000) }),
    ...(known && progressJson(known)),
    ...(isPartial && { partial: true }),
    ...error,
  };
}
