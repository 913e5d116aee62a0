// SPDX-License-Identifier: Apache-2.0

import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { fromBinary, type Message } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";

import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { expect, expectEqual } from "../expect.js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";

/** The error that grpc-js raised. */
export function serviceError(error: unknown): ServiceError {
  expect(
    error instanceof Error && "metadata" in error && error.metadata instanceof Metadata,
    `not an error of grpc-js: ${String(error)}`,
  );
  return error as ServiceError;
}

/** The first detail of a type. */
export function detail<T extends Message>(
  error: ServiceError,
  schema: GenMessage<T>,
): T | undefined {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Buffer)) return undefined;
  const { details } = fromBinary(StatusSchema, bytes);
  const any = details.find(({ typeUrl }) => typeUrl.endsWith(`/${schema.typeName}`));
  return any && anyUnpack<GenMessage<T>>(any, schema);
}

/** Expects a code and a reason (empty: none), and returns the error. */
export function expectRefusal(error: unknown, code: status, reason: string): ServiceError {
  const refusal = serviceError(error);
  expectEqual(status[refusal.code], status[code], "the code");
  expectEqual(detail(refusal, ErrorInfoSchema)?.reason ?? "", reason, "the reason");
  return refusal;
}
