// SPDX-License-Identifier: Apache-2.0

// Scenarios of single calls.
import { create, type JsonObject } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { ErrorReason, type Pronto, ProntoError } from "pronto-grpc/web";
import { type Contact, EnrichContactAsyncRequestSchema, EnrichmentType } from "pronto-grpc/v1";

import { expect, expectEqual, failureOf } from "./expect.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "./gen/health/v1/health_pb.js";
import type { Scenario } from "./setting.js";

/** A person whom the sandbox knows. */
export const wei = {
  firstName: "Wei",
  lastName: "Young",
  companyName: "Oakline Logistics",
  enrichmentType: [EnrichmentType.EMAIL],
};

/** Asks for Paris. */
export async function findParis(pronto: Pronto): Promise<void> {
  const { locations } = await pronto.locations.searchLocations({ name: "Paris" });
  const paris = locations.find(({ name }) => name === "Paris");
  expectEqual(paris?.id, "106383538", "the id of Paris");
}

/** A unary call. */
export const unary: Scenario = ({ connect }) => findParis(connect());

/** Headers both ways, and a key of the caller's own. */
export const metadata: Scenario = async ({ connect }) => {
  const pronto = connect();
  let header: Headers | undefined;
  await pronto.locations.searchLocations(
    { name: "Paris" },
    { headers: { "x-request-id": "interop-typescript" }, onHeader: (h) => (header = h) },
  );
  expectEqual(header?.get("x-request-id"), "interop-typescript", "x-request-id");
  const search = { filters: { jobTitles: ["engineer"] }, limit: 1 };
  const { job } = await pronto.leads.startLeadSearch(search);
  expect(job, "no job");
  // The sandbox starts jobs with its own key only; a foreign one must not see them.
  const stranger = connect({ apiKey: "somebody-else" }).jobs;
  await expectProntoError(stranger.getJob({ jobId: job.id }), Code.NotFound, "NOT_FOUND");
  await pronto.jobs.getJob({ jobId: job.id });
};

/** 5 MiB there and back, and 17 MiB refused. */
export const large: Scenario = async ({ connect }) => {
  const pronto = connect();
  await expectEcho(pronto, "0123456789abcdef".repeat((5 * mebibyte) / 16));
  const tooLarge = { ...wei, custom: { blob: "x".repeat(17 * mebibyte) } };
  const error = ProntoError.from(await failureOf(pronto.contacts.enrichContact(tooLarge)));
  expectEqual(Code[error.code], "ResourceExhausted", "the code");
  expectEqual(error.reason, ErrorReason.MESSAGE_TOO_LARGE, "the reason");
};

const mebibyte = 1024 * 1024;

/** Sends a text as `custom`, and expects it with the contact. */
export async function expectEcho(pronto: Pronto, blob: string): Promise<void> {
  const contacts: Contact[] = [];
  const request = create(EnrichContactAsyncRequestSchema, { ...wei, custom: { blob } });
  for await (const { event } of pronto.contacts.enrichContactAsync(request))
    if (event.case === "contact") contacts.push(event.value);
  expectEqual(contacts.length, 1, "the contacts");
  const custom: JsonObject | undefined = contacts[0]?.custom;
  expect(custom?.["blob"] === blob, "the contact's custom has another text");
}

/** Refusals, decoded. */
export const errors: Scenario = async ({ connect }) => {
  const pronto = connect();
  const request = { filters: { includedLocations: ["Paris"] }, limit: 0 };
  await expectViolations(pronto.leads.startLeadSearch(request));
  await expectViolations(drain(pronto.leads.searchLeads(request)));
  const jobId = crypto.randomUUID();
  const error = await expectProntoError(pronto.jobs.getJob({ jobId }), Code.NotFound, "NOT_FOUND");
  expectEqual(error.info["job_id"], jobId, "the metadata job_id");
};

async function expectViolations(call: Promise<unknown>): Promise<void> {
  const error = await expectProntoError(call, Code.InvalidArgument, "INVALID_REQUEST");
  expectEqual(
    error.fieldViolations.map(({ field }) => field),
    ["filters.included_locations[0]", "limit"],
    "the fields",
  );
}

/** The error that a call ends with, which has this code and reason. */
export async function expectProntoError(
  call: Promise<unknown>,
  code: Code,
  reason: string,
): Promise<ProntoError> {
  const error = await failureOf(call);
  expect(error instanceof ProntoError, `not a ProntoError: ${String(error)}`);
  expectEqual(Code[error.code], Code[code], "the code");
  expectEqual(error.reasonText, reason, "the reason");
  return error;
}

/** Health checks. */
export const health: Scenario = async ({ connect }) => {
  const client = createClient(Health, connect().transport);
  for (const service of ["", "pronto.v1.LeadService"]) {
    const { status } = await client.check({ service });
    expectEqual(status, Status.SERVING, `the status of ${service}`);
  }
  await expectProntoError(client.check({ service: "no.such.Service" }), Code.NotFound, "");
};

async function drain(messages: AsyncIterable<unknown>): Promise<void> {
  const iterator = messages[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}
