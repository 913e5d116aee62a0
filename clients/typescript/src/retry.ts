// SPDX-License-Identifier: Apache-2.0

import { type DescMethod, type Message, ScalarType } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { Code, type Interceptor, type UnaryRequest } from "@connectrpc/connect";

import { Backoff } from "./backoff.js";
import { type Clock, sleep } from "./clock.js";
import { ProntoError } from "./errors.js";

const maxAttempts = 5;
const policy = { baseMs: 500, capMs: 5_000 };

/**
 * Repeats unary calls that end with UNAVAILABLE, where a repeat is known to be safe.
 * All others are never repeated: behind UNAVAILABLE may be a call that was carried out
 * and charged. The deadline of a call bounds all its attempts.
 */
export function retries(clock: Clock): Interceptor {
  return (next) => async (request) => {
    if (request.stream || !mayRepeat(request.method, request.message)) return next(request);
    const backoff = new Backoff(policy, clock);
    for (let attempt = 1; ; attempt++) {
      try {
        return await next(request);
      } catch (thrown) {
        const wait = waitAfter(thrown, request, attempt, backoff);
        if (wait === undefined) throw thrown;
        await sleep(clock, wait, request.signal);
      }
    }
  };
}

/** How long to wait before the next attempt; undefined where there is none. */
function waitAfter(thrown: unknown, request: UnaryRequest, attempt: number, backoff: Backoff) {
  if (attempt >= maxAttempts || request.signal.aborted) return undefined;
  const error = ProntoError.from(thrown);
  return error.code === Code.Unavailable ? backoff.next(error.retryDelayMs) : undefined;
}

/** Whether the proto says that a repeat is safe, or the request has a `request_id`. */
export function mayRepeat(method: DescMethod, request: Message): boolean {
  return isIdempotent(method) || hasRequestId(method, request);
}

function isIdempotent({ idempotency }: DescMethod): boolean {
  return idempotency === Idempotency.NO_SIDE_EFFECTS || idempotency === Idempotency.IDEMPOTENT;
}

function hasRequestId({ input }: DescMethod, request: Message): boolean {
  const field = input.fields.find(({ name }) => name === "request_id");
  if (field?.fieldKind !== "scalar" || field.scalar !== ScalarType.STRING) return false;
  return reflect(input, request).get(field) !== "";
}
