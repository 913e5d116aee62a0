// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { ProntoError, SequenceGapError } from "../src/errors.js";
import { follow, type FollowOptions, jobId } from "../src/follow.js";
import { followSettings } from "../src/follow-options.js";
import { JobState, StartResponseSchema } from "../src/gen/pronto/v1/jobs_pb.js";
import { JobStream } from "../src/job-stream.js";
import { completed, failure, FakeClock, FakeJobs, lead, progress, type Step } from "./fake.js";

function following(scripts: Step[][], options: FollowOptions = {}, job = {}) {
  const jobs = new FakeJobs(scripts, job);
  const clock = new FakeClock();
  const stream = new JobStream(jobs.client, "j", followSettings(options), clock);
  return { jobs, clock, stream };
}

async function sequences(stream: JobStream): Promise<number[]> {
  const seen: number[] = [];
  for await (const { sequence } of stream) seen.push(Number(sequence));
  return seen;
}

const resumable = [
  failure(Code.Unavailable),
  failure(Code.Unavailable, "DRAINING"),
  failure(Code.Unavailable, "STREAM_TOO_OLD"),
  failure(Code.DeadlineExceeded),
  failure(Code.Internal),
  failure(Code.Unknown),
  failure(Code.Canceled),
  failure(Code.Unimplemented),
  failure(Code.ResourceExhausted),
];
const final = [
  failure(Code.NotFound, "NOT_FOUND"),
  failure(Code.OutOfRange, "SEQUENCE_EXPIRED"),
  failure(Code.FailedPrecondition, "JOB_FAILED"),
  failure(Code.Aborted, "JOB_CANCELLED"),
  failure(Code.Unauthenticated, "UNAUTHENTICATED_CLIENT"),
  failure(Code.ResourceExhausted, "RATE_LIMITED"),
  failure(Code.Unimplemented, "FEATURE_DISABLED"),
  new ConnectError("message is larger than configured readMaxBytes 9", Code.ResourceExhausted),
  failure(Code.Internal, "INTERNAL"),
  failure(Code.Unknown, "OUTCOME_UNKNOWN"),
];

describe("a stream that is followed", () => {
  for (const error of resumable)
    it(`goes on after ${Code[error.code]} ${ProntoError.from(error).reasonText}`, async () => {
      const { jobs, stream } = following([[lead(1), lead(2), error], [completed(3)]]);
      assert.deepEqual(await sequences(stream), [1, 2, 3]);
      assert.deepEqual(jobs.watched, [0n, 2n]);
      assert.equal(stream.account?.outcome, 1);
    });

  for (const error of final)
    it(`ends with ${Code[error.code]} ${ProntoError.from(error).reasonText}`, async () => {
      const { jobs, stream } = following([[lead(1), error], [completed(2)]]);
      await assert.rejects(sequences(stream), (thrown) => {
        assert.ok(thrown instanceof ProntoError);
        assert.equal(thrown.code, error.code);
        return true;
      });
      assert.deepEqual(jobs.watched, [0n]);
    });

  it("names a gap", async () => {
    const { stream } = following([[lead(1), lead(3)]]);
    await assert.rejects(sequences(stream), (thrown) => {
      assert.ok(thrown instanceof SequenceGapError);
      assert.deepEqual([thrown.jobId, thrown.expected, thrown.received], ["j", 2n, 3n]);
      return true;
    });
  });

  it("drops repeats, and progress unless it is wanted", async () => {
    const script = [lead(1), lead(1), progress(), lead(2), completed(3)];
    assert.deepEqual(await sequences(following([script]).stream), [1, 2, 3]);
    const { stream } = following([script], { progress: true });
    assert.deepEqual(await sequences(stream), [1, 0, 2, 3]);
  });

  it("hands out what comes behind the account", async () => {
    const { stream } = following([[completed(1), lead(2)]]);
    assert.deepEqual(await sequences(stream), [1, 2]);
    assert.equal(stream.lastSequence, 2n);
  });

  for (const gone of [
    failure(Code.NotFound, "NOT_FOUND"),
    failure(Code.OutOfRange, "SEQUENCE_EXPIRED"),
  ])
    it(`ends well when a job that has ended is ${Code[gone.code]}`, async () => {
      const cut = failure(Code.Unavailable);
      const { stream } = following([[lead(1), completed(2), cut], [gone]]);
      assert.deepEqual(await sequences(stream), [1, 2]);
      assert.equal(stream.account?.outcome, 1);
    });

  it("has the account though what comes behind it fails", async () => {
    for (const behind of [failure(Code.Unauthenticated), failure(Code.Unavailable)]) {
      const scripts = [
        [completed(1), failure(Code.Unavailable)],
        ...Array<Step[]>(9).fill([behind]),
      ];
      const { stream } = following(scripts, { patienceMs: 350 });
      await assert.rejects(sequences(stream), { code: behind.code });
      assert.equal(stream.account?.outcome, 1);
    }
  });

  it("throws again what it has thrown", async () => {
    const { jobs, stream } = following([[failure(Code.Aborted, "JOB_CANCELLED")], [completed(1)]]);
    const pending = [stream.next(), stream.next()];
    for (const next of [...pending, stream.next()])
      await assert.rejects(next, { reasonText: "JOB_CANCELLED" });
    assert.deepEqual(jobs.watched, [0n]);
  });

  it("waits ever longer, as long as the server asks, and anew after a message", async () => {
    const scripts = [
      [failure(Code.Unavailable)],
      [failure(Code.Unavailable)],
      [failure(Code.Unavailable, "DRAINING", 3)],
      [lead(1), failure(Code.Unavailable)],
      [completed(2)],
    ];
    const { clock, stream } = following(scripts);
    await sequences(stream);
    assert.deepEqual(clock.waits, [100, 200, 3000, 100]);
  });

  it("loses patience only while nothing comes", async () => {
    const scripts = Array.from({ length: 9 }, (_, n): Step[] =>
      n < 2 ? [lead(n + 1), failure(Code.Unavailable)] : [failure(Code.Unavailable, "STARTING")],
    );
    const { clock, jobs, stream } = following(scripts, { patienceMs: 350 });
    await assert.rejects(sequences(stream), { reasonText: "STARTING" });
    assert.deepEqual(clock.waits, [100, 100, 200]);
    assert.equal(jobs.watched.length, 4);
  });

  it("does not count the time in which a stream is open", async () => {
    const quiet: Step[] = [progress(), () => (clock.time += 9_000), failure(Code.Unavailable)];
    const scripts = [[failure(Code.Unavailable)], quiet, quiet, [completed(1)]];
    const { clock, stream } = following(scripts, { patienceMs: 700 });
    assert.deepEqual(await sequences(stream), [1]);
    assert.deepEqual(clock.waits, [100, 200, 400]);
  });

  it("gives up what says only what is known, and breaks again", async () => {
    for (const known of [lead(1), progress()]) {
      const again: Step[] = [known, failure(Code.Unavailable)];
      const { clock, stream } = following(Array<Step[]>(9).fill(again), {
        patienceMs: 350,
        after: 1,
        progress: true,
      });
      await assert.rejects(sequences(stream), { code: Code.Unavailable });
      assert.deepEqual(clock.waits, [100, 200]);
    }
  });

  it("never gives up a quiet job whose stream is cut now and then", async () => {
    const cut: Step[] = [progress(), () => (clock.time += 10_000), failure(Code.Unavailable)];
    const scripts = [...Array<Step[]>(9).fill(cut), [completed(1)]];
    const { clock, stream } = following(scripts, { patienceMs: 350 });
    assert.deepEqual(await sequences(stream), [1]);
    assert.deepEqual(clock.waits, Array<number>(9).fill(100));
  });

  it("raises at once what asks for a pause that outlasts its patience", async () => {
    const { clock, jobs, stream } = following([[failure(Code.Unavailable, "STARTING", 2)]], {
      patienceMs: 1_000,
    });
    await assert.rejects(sequences(stream), { reasonText: "STARTING" });
    assert.deepEqual([clock.waits, jobs.watched], [[], [0n]]);
  });

  it("sends headers of its own", async () => {
    const job = { state: JobState.COMPLETED, lastSequence: 1n };
    const { jobs, stream } = following([[lead(1)]], { headers: { "x-api-key": "own" } }, job);
    await sequences(stream);
    assert.deepEqual(
      jobs.headers.map((header) => header.get("x-api-key")),
      ["own", "own"],
    );
  });

  it("ends with a client of its own that is closed", async () => {
    const closed = new AbortController();
    const { jobs, clock } = following([[lead(1), failure(Code.Unavailable, "DRAINING", 1)]]);
    const stream = new JobStream(jobs.client, "j", followSettings({}), clock, closed.signal);
    await stream.next();
    clock.timer = (ms) => {
      if (ms === 1_000) closed.abort();
      return () => undefined;
    };
    await assert.rejects(stream.next(), (thrown) => {
      assert.ok(thrown instanceof ProntoError && thrown.cause instanceof ProntoError);
      assert.deepEqual(
        [thrown.code, thrown.rawMessage, thrown.cause.reasonText],
        [Code.Canceled, "the client is closed", "DRAINING"],
      );
      return true;
    });
  });

  it("begins a silent stream again", async () => {
    const { clock, jobs, stream } = following([[lead(1), "silence"], [completed(2)]]);
    jobs.silent = () => clock.held[0]?.();
    assert.deepEqual(await sequences(stream), [1, 2]);
    assert.deepEqual(jobs.watched, [0n, 1n]);
    assert.ok(jobs.left.includes(0n), "the silent call was not left");
    assert.deepEqual(clock.held, [], "a timer is left");
  });

  it("gives up what falls silent again and again", async () => {
    const scripts = Array<Step[]>(9).fill([progress(), "silence"]);
    const { clock, jobs, stream } = following(scripts, { patienceMs: 150_000 });
    jobs.silent = () => {
      clock.time += 60_000;
      clock.held[0]?.();
    };
    await assert.rejects(sequences(stream), { rawMessage: "nothing came for 60 s" });
    assert.equal(jobs.watched.length, 3);
  });

  it("watches nothing while nobody waits for an event", async () => {
    const { clock, jobs, stream } = following([[lead(1)], [lead(2)], [completed(3)]], {
      patienceMs: 350,
    });
    for await (const { sequence } of stream) {
      assert.deepEqual(clock.held, [], "a timer runs while the consumer is busy");
      clock.time += 3_600_000;
      assert.equal(Number(sequence), jobs.watched.length);
    }
    assert.deepEqual(jobs.watched, [0n, 1n, 2n]);
  });

  it("ends a pause with the reason of the caller's signal", async () => {
    const caller = new AbortController();
    const { clock, jobs, stream } = following([[failure(Code.Unavailable, "DRAINING", 3600)]], {
      signal: caller.signal,
      patienceMs: 7_200_000,
    });
    // The first timer is the watchdog of the call, the second one the pause.
    let timers = 0;
    clock.holding = () => {
      timers += 1;
      if (timers === 2) caller.abort(new Error("enough"));
    };
    await assert.rejects(sequences(stream), { message: "enough" });
    assert.deepEqual(jobs.watched, [0n]);
    assert.deepEqual(clock.held, [], "a timer is left");
  });

  it("ends with the reason of the caller's signal", async () => {
    const caller = new AbortController();
    const { jobs, stream } = following([["silence"]], { signal: caller.signal });
    jobs.silent = () => {
      caller.abort(new Error("enough"));
    };
    await assert.rejects(sequences(stream), { message: "enough" });
    assert.deepEqual(jobs.watched, [0n]);
    assert.ok(jobs.left.includes(0n), "the call was not left");
  });

  it("leaves the call when the loop is left", async () => {
    const { clock, jobs, stream } = following([[lead(1), "silence"]]);
    for await (const event of stream) {
      assert.equal(event.sequence, 1n);
      break;
    }
    assert.ok(jobs.left.includes(0n), "the call was not left");
    assert.deepEqual(clock.held, [], "a timer is left");
  });

  it("ends a pending next() when it is closed", async () => {
    const { jobs, stream } = following([["silence"]]);
    const silent = new Promise<void>((resolve) => (jobs.silent = resolve));
    const pending = stream.next();
    await silent;
    await stream.close();
    assert.deepEqual(await pending, { done: true, value: undefined });
  });

  it("asks for the account when it resumed behind it", async () => {
    const told = { counts: { delivered: 5n }, missingIndexes: [0, 4] };
    const job = { state: JobState.INCOMPLETE, lastSequence: 7n, ...told };
    const { stream } = following([[]], { after: 7 }, job);
    assert.deepEqual(await sequences(stream), []);
    assert.equal(stream.account?.outcome, 2);
    assert.equal(stream.account.counts?.delivered, 5n);
    assert.deepEqual(stream.account.missingIndexes, [0, 4]);
  });

  it("takes any time as its limits", async () => {
    const job = { state: JobState.COMPLETED, lastSequence: 7n };
    const limits = { after: 7n, idleMs: Infinity, patienceMs: Infinity };
    const { jobs, stream } = following([[failure(Code.Unavailable)], []], limits, job);
    assert.deepEqual(await sequences(stream), []);
    assert.equal(jobs.headers.at(-1)?.get("connect-timeout-ms"), "99999999");
  });

  it("goes on when the job has more than the stream", async () => {
    const job = { state: JobState.COMPLETED, lastSequence: 2n };
    const { jobs, stream } = following([[lead(1)], [completed(2)]], {}, job);
    assert.deepEqual(await sequences(stream), [1, 2]);
    assert.deepEqual(jobs.watched, [0n, 1n]);
  });
});

describe("what names a job", () => {
  it("may be the answer of a Start RPC", () => {
    assert.equal(jobId(create(StartResponseSchema, { job: { id: "j" } })), "j");
    assert.throws(() => jobId(create(StartResponseSchema)), /webhook_url/);
  });

  it("must not be empty", () => {
    for (const empty of ["", create(StartResponseSchema, { job: {} })])
      assert.throws(() => jobId(empty), /job id is empty/);
  });
});

it("names the option that it refuses", () => {
  const { client } = new FakeJobs([]);
  for (const [name, values] of [
    ["after", [-1, -1n, 1.5, NaN, Infinity]],
    ["idleMs", [0, -1, NaN]],
    ["patienceMs", [0, -1, NaN]],
  ] as const)
    for (const value of values)
      assert.throws(
        () => follow(client, "j", { [name]: value }),
        (thrown) => thrown instanceof RangeError && thrown.message.startsWith(`${name} is `),
      );
});
