// SPDX-License-Identifier: Apache-2.0

import type { Client } from "@connectrpc/connect";

import { systemClock } from "./clock.js";
import type { Job, JobService, StartResponse } from "./gen/pronto/v1/jobs_pb.js";
import { JobStream } from "./job-stream.js";

export type { JobStream };

/** What names a job: its id, the job itself, or the answer of the RPC that started it. */
export type Followable = string | Job | StartResponse;

/** How to follow a job. */
export interface FollowOptions {
  /** The sequence of the last event that was handled; the events behind it come. 0. */
  after?: bigint | number;
  /** Hand out `progress` events (sequence 0), too. false. */
  progress?: boolean;
  /**
   * How long to go on trying without receiving anything, before the last error is
   * raised. The time in which a stream is merely quiet does not count. 10 minutes.
   */
  patienceMs?: number;
  /**
   * A stream that is silent for so long is begun again. The server says `progress` at
   * least every 20 s, so silence means a connection that died unnoticed. 60 s.
   */
  idleMs?: number;
  /** Ends it at once; the iteration throws the signal's reason. */
  signal?: AbortSignal;
  /** Sent with each call, such as an `x-api-key` of its own. */
  headers?: HeadersInit;
}

/** Follows a job with a client of JobService of your own; `Pronto.follow` brings one. */
export function follow(
  jobs: Client<typeof JobService>,
  job: Followable,
  options: FollowOptions = {},
): JobStream {
  return new JobStream(jobs, jobId(job), options, systemClock);
}

/** The id of what names a job. */
export function jobId(job: Followable): string {
  if (typeof job === "string") return job;
  if (job.$typeName === "pronto.v1.Job") return job.id;
  if (job.job) return job.job.id;
  throw new TypeError(
    "there is no job to follow: the request named a webhook_url, and the results go there",
  );
}
