// SPDX-License-Identifier: Apache-2.0

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";

import { BadRequestSchema, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { expect, expectEqual, failureOf } from "../expect.js";
import { stay } from "../stay.js";
import { type AnyClient, call, clientOf, type Fields, stream } from "./api.js";
import { detail, expectRefusal, serviceError } from "./details.js";

const { status } = grpc;
const mebibyte = 1024 * 1024;
const engineers = { filters: { job_titles: ["engineer"] } };
const wei = {
  first_name: "Wei",
  last_name: "Young",
  company_name: "Oakline Logistics",
  enrichment_type: ["ENRICHMENT_TYPE_EMAIL"],
};

function env(name: string): string {
  const value = process.env[name];
  expect(value, `${name} is not set`);
  return value;
}

function plain(service: string, options?: grpc.ChannelOptions): AnyClient {
  return clientOf(service, env("PRONTO_ADDRESS"), undefined, options);
}

const jobs = () => plain("pronto.v1.JobService");
const leads = () => plain("pronto.v1.LeadService");

async function findParis(client: AnyClient, metadata?: grpc.Metadata) {
  const { answer, headers } = await call(client, "searchLocations", { name: "Paris" }, metadata);
  const found = answer["locations"] as Fields[];
  expectEqual(found.find(({ name }) => name === "Paris")?.["id"], "106383538", "the id of Paris");
  return headers;
}

/** A unary call. */
export async function unary(): Promise<void> {
  await findParis(plain("pronto.v1.LocationService"));
}

/** A stream to its end. */
export async function streaming(): Promise<void> {
  const events: Fields[] = [];
  for await (const event of stream(leads(), "searchLeads", { ...engineers, limit: 3 }))
    if ((event as Fields)["event"] !== "progress") events.push(event as Fields);
  expectEqual(
    events.map(({ sequence, event }) => `${String(sequence)} ${String(event)}`),
    ["1 started", "2 lead", "3 lead", "4 lead", "5 completed"],
    "the events",
  );
  const completed = events.at(-1)?.["completed"] as Fields;
  expectEqual(completed["outcome"], "JOB_OUTCOME_COMPLETE", "the outcome");
  expectEqual((completed["counts"] as Fields)["delivered"], "3", "delivered");
}

/** A deadline ends the stream, and not the job. */
export async function deadline(): Promise<void> {
  const options = { deadline: Date.now() + 5_000 };
  const events = stream(leads(), "searchLeads", { ...engineers, limit: 1000 }, options);
  await expectEnd(events, status.DEADLINE_EXCEEDED, () => undefined);
  expectRefusal(await failureOf(callOften()), status.RESOURCE_EXHAUSTED, "RATE_LIMITED");
}

/**
 * Pronto allows two of these calls a minute. Only a server that knows the deadline refuses
 * the third at once: its turn would come later.
 */
async function callOften(): Promise<void> {
  const request = { company_linkedin_id: "10000019" };
  const options = { deadline: Date.now() + 20_000 };
  for (let calls = 0; calls < 3; calls++)
    await call(plain("pronto.v1.AccountService"), "getHeadcount", request, undefined, options);
}

/** A cancelled stream leaves its job alone. */
export async function cancellation(): Promise<void> {
  const events = stream(leads(), "searchLeads", { ...engineers, limit: 1000 });
  await expectEnd(events, status.CANCELLED, (event) => {
    if (event["event"] === "lead") events.cancel();
  });
  console.log("cancelled");
  await stay();
}

async function expectEnd(
  events: grpc.ClientReadableStream<Fields>,
  code: grpc.status,
  see: (event: Fields) => void,
): Promise<void> {
  let jobId: unknown;
  const read = async () => {
    for await (const event of events) {
      jobId ??= (event as Fields)["job_id"];
      see(event as Fields);
    }
  };
  const error = serviceError(await failureOf(read()));
  expectEqual(status[error.code], status[code], "the code");
  expect(jobId, "no event came");
  const { answer } = await call(jobs(), "getJob", { job_id: jobId });
  const state = String((answer["job"] as Fields)["state"]);
  expect(!/CANCELLED|FAILED/.test(state), `the job is ${state}`);
  if (state === "JOB_STATE_RUNNING") await call(jobs(), "cancelJob", { job_id: jobId });
}

/** Headers both ways, and a key of another caller. */
export async function metadata(): Promise<void> {
  const sent = new grpc.Metadata();
  sent.set("x-request-id", "interop-grpc-js");
  const headers = await findParis(plain("pronto.v1.LocationService"), sent);
  expectEqual(headers.get("x-request-id"), ["interop-grpc-js"], "x-request-id");

  const { answer } = await call(leads(), "startLeadSearch", { ...engineers, limit: 1 });
  const jobId = (answer["job"] as Fields)["id"];
  const foreign = new grpc.Metadata();
  foreign.set("x-api-key", "somebody-else");
  const refused = await failureOf(call(jobs(), "getJob", { job_id: jobId }, foreign));
  expectRefusal(refused, status.NOT_FOUND, "NOT_FOUND");
  await call(jobs(), "getJob", { job_id: jobId });
}

/** 5 MiB there and back, and 17 MiB refused. */
export async function large(): Promise<void> {
  const contacts = plain("pronto.v1.ContactService");
  await expectEcho(contacts, "0123456789abcdef".repeat((5 * mebibyte) / 16));
  const request = { ...wei, custom: structOf("x".repeat(17 * mebibyte)) };
  const refused = await failureOf(call(contacts, "enrichContact", request));
  expectRefusal(refused, status.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE");
}

/** gzip both ways. */
export async function compression(): Promise<void> {
  const gzip = { "grpc.default_compression_algorithm": 2 };
  await expectEcho(plain("pronto.v1.ContactService", gzip), "x".repeat(mebibyte));
}

async function expectEcho(contacts: AnyClient, blob: string): Promise<void> {
  const request = { ...wei, custom: structOf(blob) };
  const found: Fields[] = [];
  for await (const event of stream(contacts, "enrichContactAsync", request))
    if ((event as Fields)["event"] === "contact")
      found.push((event as Fields)["contact"] as Fields);
  expectEqual(found.length, 1, "the contacts");
  const { fields } = found[0]?.["custom"] as ReturnType<typeof structOf>;
  expect(fields.blob.stringValue === blob, "the contact's custom has another text");
}

// protobuf.js has a Struct of its own, whose names are always in camel case.
function structOf(blob: string) {
  return { fields: { blob: { stringValue: blob } } };
}

/** Refusals, decoded. */
export async function errors(): Promise<void> {
  const request = { filters: { included_locations: ["Paris"] }, limit: 0 };
  expectViolations(await failureOf(call(leads(), "startLeadSearch", request)));
  const events = stream(leads(), "searchLeads", request);
  expectViolations(await failureOf(events.toArray()));

  const jobId = randomUUID();
  const unknown = await failureOf(call(jobs(), "getJob", { job_id: jobId }));
  const error = expectRefusal(unknown, status.NOT_FOUND, "NOT_FOUND");
  expectEqual(detail(error, ErrorInfoSchema)?.metadata["job_id"], jobId, "the metadata job_id");
}

function expectViolations(thrown: unknown): void {
  const error = expectRefusal(thrown, status.INVALID_ARGUMENT, "INVALID_REQUEST");
  const fields = detail(error, BadRequestSchema)?.fieldViolations.map(({ field }) => field);
  expectEqual(fields, ["filters.included_locations[0]", "limit"], "the fields");
}

/** Health checks, and a watch. */
export async function health(): Promise<void> {
  const client = plain("grpc.health.v1.Health");
  for (const service of ["", "pronto.v1.LeadService"]) {
    const { answer } = await call(client, "check", { service });
    expectEqual(answer["status"], "SERVING", `the status of ${service}`);
  }
  const unknown = await failureOf(call(client, "check", { service: "no.such.Service" }));
  expectRefusal(unknown, status.NOT_FOUND, "");
  for await (const answer of stream(client, "watch", { service: "" })) {
    expectEqual((answer as Fields)["status"], "SERVING", "the first answer of Watch");
    break;
  }
}

/** Reflection. */
export async function reflection(): Promise<void> {
  const { list_services_response: services } = await ask({ list_services: "" });
  const { service } = services as { service: { name: string }[] };
  expect(
    service.some(({ name }) => name === "pronto.v1.LeadService"),
    "pronto.v1.LeadService is not listed",
  );
  const { file_descriptor_response: files } = await ask({
    file_containing_symbol: "pronto.v1.JobEvent",
  });
  const { file_descriptor_proto: found } = files as { file_descriptor_proto: Buffer[] };
  const messages = found
    .map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
    .filter((file) => file.package === "pronto.v1")
    .flatMap((file) => file.messageType.map(({ name }) => name));
  expect(messages.includes("JobEvent"), "the files have no JobEvent");
}

async function ask(question: Fields): Promise<Fields> {
  const client = plain("grpc.reflection.v1.ServerReflection");
  const begin = client["serverReflectionInfo"] as unknown as () => grpc.ClientDuplexStream<
    Fields,
    Fields
  >;
  const conversation = begin.call(client);
  conversation.write(question);
  conversation.end();
  const [answer] = (await conversation.toArray()) as Fields[];
  expect(answer, "no answer");
  return answer;
}

/** TLS with a CA of our own, and what is refused. */
export async function tls(): Promise<void> {
  const ca = readFileSync(env("PRONTO_CA_FILE"));
  await findParis(secure(ca), bearer(env("PRONTO_TOKEN")));
  const stranger = await failureOf(findParis(secure(ca), bearer("wrong")));
  expectRefusal(stranger, status.UNAUTHENTICATED, "UNAUTHENTICATED_CLIENT");
  const untrusted = serviceError(await failureOf(findParis(secure(null))));
  expectEqual(status[untrusted.code], "UNAVAILABLE", "the code");
}

function secure(ca: Buffer | null): AnyClient {
  const credentials = grpc.credentials.createSsl(ca);
  return clientOf("pronto.v1.LocationService", env("PRONTO_TLS_ADDRESS"), credentials);
}

function bearer(token: string): grpc.Metadata {
  const sent = new grpc.Metadata();
  sent.set("authorization", `Bearer ${token}`);
  return sent;
}
