// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { it } from "node:test";

import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { ProntoError } from "../src/errors.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../src/gen/google/rpc/error_details_pb.js";
import { ErrorReason } from "../src/gen/pronto/v1/errors_pb.js";

function detail<T extends DescMessage>(schema: T, value: MessageInitShape<T>) {
  return { type: schema.typeName, value: toBinary(schema, create(schema, value)) };
}

function received(...details: ReturnType<typeof detail>[]): ProntoError {
  const error = new ConnectError("no", Code.ResourceExhausted, { "grpc-status": "8" });
  error.details = details;
  return ProntoError.from(error);
}

it("has what the server said", () => {
  const error = received(
    detail(ErrorInfoSchema, {
      domain: "pronto.v1",
      reason: "RATE_LIMITED",
      metadata: { job_id: "j" },
    }),
    detail(RetryInfoSchema, { retryDelay: { seconds: 2n, nanos: 500_000_000 } }),
    detail(BadRequestSchema, { fieldViolations: [{ field: "limit", description: "too low" }] }),
    detail(QuotaFailureSchema, { violations: [{ subject: "max_credits", description: "3" }] }),
  );
  assert.equal(error.code, Code.ResourceExhausted);
  assert.equal(error.reason, ErrorReason.RATE_LIMITED);
  assert.deepEqual(error.info, { job_id: "j" });
  assert.equal(error.retryDelayMs, 2500);
  assert.equal(error.fieldViolations[0]?.field, "limit");
  assert.equal(error.quotaViolations[0]?.subject, "max_credits");
  assert.ok(error instanceof ConnectError && error.cause instanceof ConnectError);
});

it("has violations that a log can write as JSON", () => {
  const error = received(
    detail(BadRequestSchema, { fieldViolations: [{ field: "limit", description: "too low" }] }),
    detail(QuotaFailureSchema, {
      violations: [{ subject: "max_credits", description: "3", quotaValue: 2n }],
    }),
  );
  assert.deepEqual(error.fieldViolations, [{ field: "limit", description: "too low" }]);
  assert.deepEqual(error.quotaViolations, [{ subject: "max_credits", description: "3" }]);
  assert.match(JSON.stringify(error), /max_credits/);
});

it("keeps a reason that it does not know as text, and takes no other domain's", () => {
  const unknown = received(detail(ErrorInfoSchema, { domain: "pronto.v1", reason: "NEWER" }));
  assert.deepEqual([unknown.reason, unknown.reasonText], [ErrorReason.UNSPECIFIED, "NEWER"]);
  const foreign = received(detail(ErrorInfoSchema, { domain: "x", reason: "RATE_LIMITED" }));
  assert.deepEqual([foreign.reason, foreign.reasonText], [ErrorReason.UNSPECIFIED, ""]);
});

it("calls a broken connection UNAVAILABLE, and a plain ConnectError no ProntoError", () => {
  const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  const broken = new ConnectError("x", Code.Aborted, undefined, undefined, reset);
  assert.equal(ProntoError.from(broken).code, Code.Unavailable);
  const told = new ConnectError("x", Code.Aborted, { "grpc-status": "10" }, undefined, reset);
  assert.equal(ProntoError.from(told).code, Code.Aborted);
  assert.ok(!(broken instanceof ProntoError));
});

it("takes a code that gRPC does not have for UNKNOWN", () => {
  const passedOn = Object.assign(new ConnectError("x", Code.Internal), { code: 42 });
  const refused = new ConnectError("invalid", Code.Internal, { "grpc-status": "42" });
  for (const error of [passedOn, refused]) assert.equal(ProntoError.from(error).code, Code.Unknown);
  const known = new ConnectError("x", Code.Internal, { "grpc-status": "13" });
  assert.equal(ProntoError.from(known).code, Code.Internal);
});

it("exports every generated file of the package", () => {
  const source = new URL("../../src/", import.meta.url);
  const index = readFileSync(new URL("v1.ts", source), "utf8");
  for (const file of readdirSync(new URL("gen/pronto/v1/", source)))
    assert.ok(index.includes(file.replace(".ts", ".js")), file);
});
