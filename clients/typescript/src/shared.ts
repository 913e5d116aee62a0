// SPDX-License-Identifier: Apache-2.0

// What both entry points have.
export { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";

export { createPronto, type Pronto } from "./clients.js";
export {
  type FieldViolation,
  ProntoError,
  type QuotaViolation,
  SequenceGapError,
} from "./errors.js";
export { follow, type Followable, type FollowOptions, type JobStream } from "./follow.js";
export { ErrorReason } from "./gen/pronto/v1/errors_pb.js";
export { withTypedErrors } from "./transport.js";
