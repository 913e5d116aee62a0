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
 * The longest pause of a call without a deadline. Who is told to wait for longer should
 * hear so: the error has the server's delay.
 */
const longestPauseMs = 30_000;

/**
 * Repeats unary calls that end with UNAVAILABLE, where a repeat is known to be safe.
 * All others are never repeated: behind UNAVAILABLE may be a call that was carried out
 * and charged. The deadline of a call bounds all its attempts. Once `closed` is aborted
 * there are no more, and the call ends at once.
 */
export function retries(clock: Clock, closed = new AbortController().signal): Interceptor {
  return (next) => async (request) => {
    if (request.stream || !mayRepeat(request.method, request.message)) return next(request);
    const backoff = new Backoff(policy, clock);
    const deadline = deadlineOf(request, clock);
    let refusal: ProntoError | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await next(request);
      } catch (thrown) {
        if (ProntoError.isClosed(thrown)) throw ProntoError.closed(refusal);
        refusal = ProntoError.from(thrown);
        if (attempt >= maxAttempts || request.signal.aborted) throw thrown;
        const leftMs = deadline === undefined ? undefined : deadline - clock.now();
        const pause = pauseAfter(refusal, backoff, leftMs);
        if (pause === undefined) throw thrown;
        await pausing(clock, pause, request.signal, closed, refusal);
        if (deadline !== undefined) request.header.set(timeout, `${left(deadline, clock)}m`);
      }
    }
  };
}

/** How long to wait before the next attempt; undefined where there is none. */
function pauseAfter(error: ProntoError, backoff: Backoff, leftMs: number | undefined) {
  if (error.code !== Code.Unavailable) return undefined;
  const pause = backoff.next(error.retryDelayMs);
  if (leftMs === undefined) return pause > longestPauseMs ? undefined : pause;
  // A pause behind the deadline would replace the error by a bare DEADLINE_EXCEEDED.
  return pause >= leftMs ? undefined : pause;
}

/** Waits, or rejects as soon as the call or the client is ended. */
async function pausing(
  clock: Clock,
  ms: number,
  call: AbortSignal,
  closed: AbortSignal,
  refusal: ProntoError,
): Promise<void> {
  try {
    await sleep(clock, ms, AbortSignal.any([call, closed]));
  } catch (reason) {
    throw closed.aborted ? ProntoError.closed(refusal) : reason;
  }
}

// What Connect tells the server of a deadline: milliseconds, once, before any attempt.
const timeout = "grpc-timeout";

/** When the time of a call is over; undefined where it has no deadline. */
function deadlineOf({ header }: UnaryRequest, clock: Clock): number | undefined {
  const ms = /^(\d+)m$/.exec(header.get(timeout) ?? "")?.[1];
  return ms === undefined ? undefined : clock.now() + Number(ms);
}

/** The milliseconds until then; at least 1, because 0 is no timeout of gRPC's. */
function left(deadline: number, clock: Clock): string {
  return String(Math.max(1, Math.ceil(deadline - clock.now())));
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
