// SPDX-License-Identifier: Apache-2.0

// Scenarios of streams.
import { Code } from "@connectrpc/connect";
import { type Pronto, ProntoError } from "pronto-grpc/web";
import { type JobEvent, JobOutcome, JobState } from "pronto-grpc/v1";

import { expectProntoError } from "./calls.js";
import { expect, expectEqual } from "./expect.js";
import type { Scenario } from "./setting.js";

const engineers = { filters: { jobTitles: ["engineer"] } };

/** A stream to its end. */
export const streaming: Scenario = async ({ connect }) => {
  const events: JobEvent[] = [];
  for await (const event of connect().leads.searchLeads({ ...engineers, limit: 3 }))
    if (event.sequence !== 0n) events.push(event);
  expectEqual(
    events.map(({ event, sequence }) => `${String(sequence)} ${String(event.case)}`),
    ["1 started", "2 lead", "3 lead", "4 lead", "5 completed"],
    "the events",
  );
  const last = events.at(-1)?.event;
  expect(last?.case === "completed", "no account");
  expectEqual(last.value.outcome, JobOutcome.COMPLETE, "the outcome");
  expectEqual(last.value.counts?.delivered, 3n, "delivered");
};

/** A deadline ends the stream, and not the job. */
export const deadline: Scenario = async ({ connect }) => {
  const pronto = connect();
  const stream = pronto.leads.searchLeads({ ...engineers, limit: 1000 }, { timeoutMs: 5_000 });
  const { jobId, code } = await readUntilFailure(stream, () => undefined);
  expectEqual(Code[code], "DeadlineExceeded", "the code");
  await expectGoesOn(pronto, jobId);
  // Pronto allows two of these a minute. Only a server that knows the deadline refuses the
  // third at once: its turn would come later.
  const often = async () => {
    for (let calls = 0; calls < 3; calls++)
      await pronto.accounts.getHeadcount({ companyLinkedinId: "10000019" }, { timeoutMs: 20_000 });
  };
  await expectProntoError(often(), Code.ResourceExhausted, "RATE_LIMITED");
};

/** A cancelled stream leaves its job alone. */
export const cancellation: Scenario = async ({ connect, say, stay }) => {
  const pronto = connect();
  const cancel = new AbortController();
  const stream = pronto.leads.searchLeads({ ...engineers, limit: 1000 }, { signal: cancel.signal });
  const { jobId, code } = await readUntilFailure(stream, ({ event }) => {
    if (event.case === "lead") cancel.abort();
  });
  expectEqual(Code[code], "Canceled", "the code");
  await expectGoesOn(pronto, jobId);
  say("cancelled");
  await stay();
};

/** Reads a stream that is to fail after its first event. */
async function readUntilFailure(stream: AsyncIterable<JobEvent>, see: (event: JobEvent) => void) {
  let jobId: string | undefined;
  try {
    for await (const event of stream) {
      jobId ??= event.jobId;
      see(event);
    }
  } catch (error) {
    expect(jobId !== undefined, `no event came: ${String(error)}`);
    return { jobId, code: ProntoError.from(error).code };
  }
  throw new Error("the stream ended well");
}

async function expectGoesOn(pronto: Pronto, jobId: string): Promise<void> {
  const { job } = await pronto.jobs.getJob({ jobId });
  expect(job, "no job");
  const ended = [JobState.CANCELLED, JobState.FAILED].includes(job.state);
  expect(!ended, `the job is ${JobState[job.state]}`);
  if (job.state === JobState.RUNNING) await pronto.jobs.cancelJob({ jobId });
}

/** Follows a job: `follow JOB [AFTER]`. */
export const follow: Scenario = async ({ connect, args, env, say }) => {
  const [job, after = "0"] = args;
  expect(job !== undefined, "usage: follow JOB [AFTER]");
  const idle = env["FOLLOW_IDLE_SECONDS"];
  const events = connect().follow(job, {
    after: BigInt(after),
    ...(idle !== undefined && { idleMs: Number(idle) * 1000 }),
  });
  for await (const { event, sequence } of events) {
    const key = event.case === "lead" ? (event.value.lead?.linkedinUrl ?? "-") : "-";
    say(`${String(sequence)} ${event.case ?? "-"} ${key}`);
  }
  const { outcome = 0, counts } = events.account ?? {};
  say(`account ${JobOutcome[outcome] ?? "-"} ${String(counts?.delivered ?? 0n)}`);
};
