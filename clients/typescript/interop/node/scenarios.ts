// SPDX-License-Identifier: Apache-2.0

// Scenarios that a browser does not have.
import { randomUUID } from "node:crypto";

import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { connect, ErrorReason, ProntoError } from "pronto-grpc";

import * as calls from "../calls.js";
import { expect, expectEqual, failureOf } from "../expect.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../gen/health/v1/health_pb.js";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../gen/grpc/reflection/v1/reflection_pb.js";
import type { Scenario } from "../setting.js";

function required(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = env[name];
  expect(value, `${name} is not set`);
  return value;
}

/** gzip both ways. */
export const compression: Scenario = async ({ env }) => {
  using pronto = connect({ target: required(env, "PRONTO_ADDRESS"), compression: "gzip" });
  await calls.expectEcho(pronto, "x".repeat(1024 * 1024));
};

/** Health checks, and a watch. */
export const health: Scenario = async (setting) => {
  await calls.health(setting);
  const cancel = new AbortController();
  const client = createClient(Health, setting.connect().transport);
  for await (const { status } of client.watch({}, { signal: cancel.signal })) {
    expectEqual(status, Status.SERVING, "the first answer of Watch");
    break;
  }
  cancel.abort();
};

/** Reflection. */
export const reflection: Scenario = async ({ connect }) => {
  const client = createClient(ServerReflection, connect().transport);
  const ask = async (question: ServerReflectionRequest["messageRequest"]) => {
    const answers: ServerReflectionResponse["messageResponse"][] = [];
    for await (const { messageResponse } of client.serverReflectionInfo(once(question)))
      answers.push(messageResponse);
    return answers[0];
  };
  const services = await ask({ case: "listServices", value: "" });
  expect(services?.case === "listServicesResponse", "no list of services");
  expect(
    services.value.service.some(({ name }) => name === "pronto.v1.LeadService"),
    "pronto.v1.LeadService is not listed",
  );
  const files = await ask({ case: "fileContainingSymbol", value: "pronto.v1.JobEvent" });
  expect(files?.case === "fileDescriptorResponse", "no file");
  const messages = files.value.fileDescriptorProto
    .map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
    .filter((file) => file.package === "pronto.v1")
    .flatMap((file) => file.messageType.map(({ name }) => name));
  expect(messages.includes("JobEvent"), "the files have no JobEvent");
};

// eslint-disable-next-line @typescript-eslint/require-await -- a stream of one request
async function* once(messageRequest: ServerReflectionRequest["messageRequest"]) {
  yield { messageRequest };
}

/** A Unix socket. */
export const unix: Scenario = async ({ env }) => {
  using pronto = connect({ target: `unix:${required(env, "PRONTO_UNIX_SOCKET")}` });
  await calls.findParis(pronto);
};

/** TLS with a CA of our own, and what is refused. */
export const tls: Scenario = async ({ env }) => {
  const target = required(env, "PRONTO_TLS_ADDRESS");
  const token = required(env, "PRONTO_TOKEN");
  const caFile = required(env, "PRONTO_CA_FILE");
  using pronto = connect({ target, token, tls: { caFile } });
  await calls.findParis(pronto);

  using stranger = connect({ target, token: "wrong", tls: { caFile } });
  const refused = ProntoError.from(await failureOf(calls.findParis(stranger)));
  expectEqual(refused.reason, ErrorReason.UNAUTHENTICATED_CLIENT, "the reason");

  using distrustful = connect({ target, token, tls: true });
  const untrusted = ProntoError.from(await failureOf(calls.findParis(distrustful)));
  expectEqual(Code[untrusted.code], "Unavailable", "the code");
  expect(
    untrusted.message.includes("certificate"),
    `not about a certificate: ${untrusted.message}`,
  );
};

/** Over a wire that breaks: what may be repeated is, and nothing else. */
export const retry: Scenario = async ({ connect }) => {
  await calls.findParis(connect());
  await connect().contacts.enrichContact({ ...calls.wei, requestId: randomUUID() });
  const error = ProntoError.from(await failureOf(connect().contacts.enrichContact(calls.wei)));
  expectEqual(Code[error.code], "Unavailable", "the code");
};
