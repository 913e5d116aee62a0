// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { it } from "node:test";

import { create } from "@bufbuild/protobuf";
import { Code, createClient, createRouterTransport, type UnaryRequest } from "@connectrpc/connect";

import { ContactService, EnrichContactRequestSchema } from "../src/gen/pronto/v1/contacts_pb.js";
import {
  GetJobRequestSchema,
  JobService,
  PurgePersonRequestSchema,
} from "../src/gen/pronto/v1/jobs_pb.js";
import { ProntoError } from "../src/errors.js";
import { mayRepeat, retries } from "../src/retry.js";
import { failure, FakeClock } from "./fake.js";

function failing(times: number, error = failure(Code.Unavailable), closed?: AbortSignal) {
  const clock = new FakeClock(20_000);
  let calls = 0;
  const answer = () => {
    calls += 1;
    if (calls <= times) throw error;
    return {};
  };
  const transport = createRouterTransport(
    ({ service }) => {
      service(JobService, { getJob: answer });
      service(ContactService, { enrichContact: answer });
    },
    { transport: { interceptors: [retries(clock, closed)] } },
  );
  return {
    clock,
    calls: () => calls,
    jobs: createClient(JobService, transport),
    contacts: createClient(ContactService, transport),
  };
}

it("knows from the proto and the request what may be repeated", () => {
  const { getJob, cancelJob, purgePerson } = JobService.method;
  const { enrichContact } = ContactService.method;
  assert.ok(mayRepeat(getJob, create(GetJobRequestSchema)));
  assert.ok(mayRepeat(purgePerson, create(PurgePersonRequestSchema)));
  assert.ok(!mayRepeat(cancelJob, create(cancelJob.input)));
  assert.ok(!mayRepeat(enrichContact, create(EnrichContactRequestSchema)));
  assert.ok(mayRepeat(enrichContact, create(EnrichContactRequestSchema, { requestId: "r" })));
});

it("repeats what is idempotent, four times at most", async () => {
  const { jobs, clock, calls } = failing(4);
  await jobs.getJob({});
  assert.deepEqual(clock.waits, [500, 1000, 2000, 4000]);
  assert.equal(calls(), 5);
  const hopeless = failing(5);
  await assert.rejects(hopeless.jobs.getJob({}), { code: Code.Unavailable });
  assert.equal(hopeless.calls(), 5);
});

it("waits as long as the server asks", async () => {
  const { jobs, clock } = failing(1, failure(Code.Unavailable, "STARTING", 7));
  await jobs.getJob({});
  assert.deepEqual(clock.waits, [7000]);
});

it("repeats what has a request_id, and nothing else that may be charged", async () => {
  const safe = failing(1);
  await safe.contacts.enrichContact({ requestId: "r" });
  assert.equal(safe.calls(), 2);
  const unsafe = failing(1);
  await assert.rejects(unsafe.contacts.enrichContact({}), { code: Code.Unavailable });
  assert.equal(unsafe.calls(), 1);
});

it("repeats UNAVAILABLE only", async () => {
  const { jobs, calls } = failing(1, failure(Code.Internal));
  await assert.rejects(jobs.getJob({}), { code: Code.Internal });
  assert.equal(calls(), 1);
});

it("ends the pause when the client is closed", async () => {
  const closing = new AbortController();
  const { jobs, clock, calls } = failing(
    1,
    failure(Code.Unavailable, "STARTING", 30),
    closing.signal,
  );
  clock.holding = () => {
    closing.abort();
  };
  await assert.rejects(jobs.getJob({}), (thrown) => {
    assert.ok(thrown instanceof ProntoError && thrown.cause instanceof ProntoError);
    assert.deepEqual([thrown.code, thrown.rawMessage], [Code.Canceled, "the client is closed"]);
    assert.equal(thrown.cause.reasonText, "STARTING");
    return true;
  });
  assert.equal(calls(), 1);
  assert.deepEqual(clock.held, [], "a timer is left");
});

it("tells of the last refusal when the client is closed under a repeat", async () => {
  let attempts = 0;
  const starting = failure(Code.Unavailable, "STARTING");
  await assert.rejects(
    attempt(() => Promise.reject(attempts++ ? ProntoError.closed() : starting)),
    (thrown) => {
      assert.ok(ProntoError.isClosed(thrown) && thrown instanceof ProntoError);
      assert.equal(ProntoError.from(thrown.cause).reasonText, "STARTING");
      return true;
    },
  );
  assert.equal(attempts, 2);
});

it("hands out an error that asks a call without a deadline for more than 30 s", async () => {
  const { jobs, clock, calls } = failing(1, failure(Code.Unavailable, "STARTING", 31));
  await assert.rejects(jobs.getJob({}), { code: Code.Unavailable });
  assert.equal(calls(), 1);
  assert.deepEqual([clock.waits, clock.held], [[], []]);
});

/** A call of GetJob, each attempt of which does this. */
function attempt(next: (header: Headers) => Promise<never>, header = new Headers()) {
  const request = {
    stream: false,
    method: JobService.method.getJob,
    message: create(GetJobRequestSchema),
    header,
    signal: new AbortController().signal,
  } as unknown as UnaryRequest;
  return retries(new FakeClock(Infinity))((sent) => next(sent.header))(request);
}

/** Calls with a deadline what is always UNAVAILABLE; returns what each attempt told of it. */
async function withDeadline(ms: number, error = failure(Code.Unavailable)) {
  const told: (string | null)[] = [];
  const next = (header: Headers) => {
    told.push(header.get("grpc-timeout"));
    return Promise.reject(error);
  };
  const header = new Headers({ "grpc-timeout": `${String(ms)}m` });
  await assert.rejects(attempt(next, header), { code: Code.Unavailable });
  return told;
}

it("tells the server what is left of the deadline", async () => {
  assert.deepEqual(await withDeadline(9000), ["9000m", "8500m", "7500m", "5500m", "1500m"]);
});

it("hands out the error when the deadline comes before the next attempt", async () => {
  const starting = failure(Code.Unavailable, "STARTING", 9);
  assert.deepEqual(await withDeadline(9000, starting), ["9000m"]);
  assert.deepEqual(await withDeadline(9001, starting), ["9001m", "1m"]);
});

it("waits for more than 30 s where the deadline allows it", async () => {
  const starting = failure(Code.Unavailable, "STARTING", 40);
  assert.deepEqual(await withDeadline(90_000, starting), ["90000m", "50000m", "10000m"]);
});
