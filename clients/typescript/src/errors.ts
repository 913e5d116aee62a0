// SPDX-License-Identifier: Apache-2.0

import type { Duration } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";

import { codeOf } from "./code.js";
import { withHint } from "./hint.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";
import { ErrorReason } from "./gen/pronto/v1/errors_pb.js";

/** A field of a request that breaks a rule. */
export interface FieldViolation {
  /** Path in proto names, such as `contacts[3].linkedin_url`. */
  readonly field: string;
  /** What is wrong with it. */
  readonly description: string;
}

/** A limit that a call would exceed. */
export interface QuotaViolation {
  /** The limit: `max_credits`, or `budget:<credential>:<day>`. */
  readonly subject: string;
  /** What it allows, and what the call could need. */
  readonly description: string;
}

/**
 * Why a call failed, with everything that the server said about it.
 *
 * It is a ConnectError: `code`, `rawMessage`, `metadata` (headers and trailers) and
 * `findDetails()` are there, too. `cause` is the error as Connect raised it. A
 * connection that could not be made or that broke has the code `Code.Unavailable`, as
 * in other gRPC libraries, whatever code Connect gives it. A call that the client's
 * `close()` ended has `Code.Canceled`, and what it waited for, if anything, as `cause`.
 */
export class ProntoError extends ConnectError {
  /** The reason; UNSPECIFIED where there is none, or none that this version knows. */
  readonly reason: ErrorReason;
  /** The reason as text, such as `RATE_LIMITED`; empty where there is none. */
  readonly reasonText: string;
  /** What docs/errors.md lists as metadata of the reason, such as `job_id`. */
  readonly info: Readonly<Record<string, string>>;
  /** How long to wait before another attempt, where the server knows. */
  readonly retryDelayMs: number | undefined;
  /** What is wrong with the request. */
  readonly fieldViolations: readonly FieldViolation[];
  /** Which limits stand against the call. */
  readonly quotaViolations: readonly QuotaViolation[];

  // `name` stays "ConnectError": by it Connect knows its errors, and wraps all others.
  private constructor(error: ConnectError, code: Code, cause: unknown) {
    super(withHint(error.rawMessage, error), code, error.metadata, undefined, cause);
    this.details = error.details;
    const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "pronto.v1");
    this.reasonText = info?.reason ?? "";
    this.reason = reasonOf(this.reasonText);
    this.info = { ...info?.metadata };
    this.retryDelayMs = milliseconds(error.findDetails(RetryInfoSchema)[0]?.retryDelay);
    // Without the rest of the messages: their int64s would keep JSON.stringify from an error.
    this.fieldViolations = error
      .findDetails(BadRequestSchema)
      .flatMap((d) => d.fieldViolations)
      .map(({ field, description }) => ({ field, description }));
    this.quotaViolations = error
      .findDetails(QuotaFailureSchema)
      .flatMap((d) => d.violations)
      .map(({ subject, description }) => ({ subject, description }));
  }

  /** Any value that was thrown by a call, as a ProntoError. */
  static override from(thrown: unknown): ProntoError {
    if (thrown instanceof ProntoError) return thrown;
    const error = ConnectError.from(thrown);
    return new ProntoError(error, codeOf(error), error);
  }

  /** @internal That the client is closed; the cause is what was waited for, if anything. */
  static closed(refusal?: ProntoError): ProntoError {
    return new ProntoError(new ConnectError(closedMessage, Code.Canceled), Code.Canceled, refusal);
  }

  /** @internal Whether an error says that the client is closed. */
  static isClosed(thrown: unknown): boolean {
    return thrown instanceof ProntoError && thrown.rawMessage === closedMessage;
  }

  // ConnectError takes for its own what looks like it, and subclasses inherit that.
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(this, value);
  }
}

const closedMessage = "the client is closed";

function reasonOf(text: string): ErrorReason {
  return reasons.get(text) ?? ErrorReason.UNSPECIFIED;
}

// A numeric enum also has its numbers as keys, with names as values.
const reasons = new Map(
  Object.entries(ErrorReason).filter(
    (entry): entry is [string, ErrorReason] => typeof entry[1] === "number",
  ),
);

function milliseconds(duration: Duration | undefined): number | undefined {
  return duration && Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** A job's events have a hole. The log has none, so something was lost on the way. */
export class SequenceGapError extends Error {
  override readonly name = "SequenceGapError";

  constructor(
    /** The job. */
    readonly jobId: string,
    /** The sequence that should have come. */
    readonly expected: bigint,
    /** The sequence that came. */
    readonly received: bigint,
  ) {
    super(`job ${jobId}: expected event ${String(expected)}, got ${String(received)}`);
  }
}
