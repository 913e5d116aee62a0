// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { it } from "node:test";

import { create } from "@bufbuild/protobuf";
import { Code, createClient, createRouterTransport } from "@connectrpc/connect";

import { ContactService, EnrichContactRequestSchema } from "../src/gen/pronto/v1/contacts_pb.js";
import {
  GetJobRequestSchema,
  JobService,
  PurgePersonRequestSchema,
} from "../src/gen/pronto/v1/jobs_pb.js";
import { mayRepeat, retries } from "../src/retry.js";
import { failure, FakeClock } from "./fake.js";

function failing(times: number, error = failure(Code.Unavailable)) {
  const clock = new FakeClock();
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
    { transport: { interceptors: [retries(clock)] } },
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
