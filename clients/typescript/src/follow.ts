// SPDX-License-Identifier: Apache-2.0

import type { Client } from "@connectrpc/connect";

import { systemClock } from "./clock.js";
import { type FollowOptions, followSettings } from "./follow-options.js";
import type { Job, JobService, StartResponse } from "./gen/pronto/v1/jobs_pb.js";
import { JobStream } from "./job-stream.js";

export type { FollowOptions, JobStream };

/** What names a job: its id, the job itself, or the answer of the RPC that started it. */
export type Followable = string | Job | StartResponse;

/** Follows a job with a client of JobService of your own; `Pronto.follow` brings one. */
export function follow(
  jobs: Client<typeof JobService>,
  job: Followable,
  options: FollowOptions = {},
): JobStream {
  return new JobStream(jobs, jobId(job), followSettings(options), systemClock);
}

/** The id of what names a job. */
export function jobId(job: Followable): string {
  const id = idOf(job);
  if (id === "") throw new TypeError("the job id is empty");
  return id;
}

function idOf(job: Followable): string {
  if (typeof job === "string") return job;
  if (job.$typeName === "pronto.v1.Job") return job.id;
  if (job.job) return job.job.id;
  throw new TypeError(
    "there is no job to follow: the request named a webhook_url, and the results go there",
  );
}
