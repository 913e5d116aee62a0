// SPDX-License-Identifier: Apache-2.0

// A JobService that plays a script, and a clock that only tests advance.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack, type Any } from "@bufbuild/protobuf/wkt";
import {
  type Client,
  Code,
  ConnectError,
  type ConnectRouter,
  createClient,
  createRouterTransport,
} from "@connectrpc/connect";

import type { Clock } from "../src/clock.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import {
  type JobEvent,
  JobEventSchema,
  JobOutcome,
  JobSchema,
  JobService,
} from "../src/gen/pronto/v1/jobs_pb.js";

/**
 * What a stream sends: events, and at the end an error, or a silence until it is left. A
 * function is called meanwhile.
 */
export type Step = JobEvent | ConnectError | "silence" | (() => void);

/** A clock in which waiting is immediate, and which tells how long it was. */
export class FakeClock implements Clock {
  readonly waits: number[] = [];
  time = 0;
  chance = 1;
  /** Timers that a test rings; by default the short ones ring at once. */
  readonly held: (() => void)[] = [];
  /** Called when a timer is held. */
  holding: (() => void) | undefined;

  constructor(private readonly heldFrom = 60_000) {}

  now = () => this.time;
  random = () => this.chance;

  timer(ms: number, ring: () => void): () => void {
    if (ms >= this.heldFrom) {
      this.held.push(ring);
      this.holding?.();
      return () => void this.held.splice(this.held.indexOf(ring), 1);
    }
    let cancelled = false;
    queueMicrotask(() => {
      if (cancelled) return;
      this.waits.push(ms);
      this.time += ms;
      ring();
    });
    return () => {
      cancelled = true;
    };
  }
}

/** A fake server: each call of WatchJob plays the next script. */
export class FakeJobs {
  readonly watched: bigint[] = [];
  readonly left: bigint[] = [];
  /** The headers of all calls. */
  readonly headers: Headers[] = [];
  silent: (() => void) | undefined;
  readonly routes: (router: ConnectRouter) => void;
  readonly client: Client<typeof JobService>;

  constructor(scripts: Step[][], job: MessageInitShape<typeof JobSchema> = {}) {
    const play = this.#play.bind(this);
    this.routes = ({ service }) => {
      service(JobService, {
        getJob: (_, { requestHeader }) => {
          this.headers.push(requestHeader);
          return { job };
        },
        watchJob: ({ afterSequence }, { requestHeader, signal }) => {
          this.headers.push(requestHeader);
          return play(afterSequence, scripts[this.watched.length] ?? [], signal);
        },
      });
    };
    this.client = createClient(JobService, createRouterTransport(this.routes));
  }

  async *#play(after: bigint, script: Step[], signal: AbortSignal): AsyncGenerator<JobEvent> {
    this.watched.push(after);
    signal.addEventListener("abort", () => void this.left.push(after));
    for (const step of script) {
      if (step instanceof ConnectError) throw step;
      if (typeof step === "function") {
        step();
        continue;
      }
      if (step === "silence") {
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
          this.silent?.();
        });
        return;
      }
      yield step;
    }
  }
}

/** Events: `lead(2)`, `completed(3)`, `progress()`. */
export const lead = (sequence: number, fullName = "") =>
  event(sequence, { case: "lead", value: { lead: { fullName } } });
export const completed = (sequence: number) =>
  event(sequence, { case: "completed", value: { outcome: JobOutcome.COMPLETE } });
export const progress = () => event(0, { case: "progress", value: {} });

type Shape = Exclude<MessageInitShape<typeof JobEventSchema>, JobEvent>;

function event(sequence: number, what: NonNullable<Shape["event"]>): JobEvent {
  return create(JobEventSchema, { sequence: BigInt(sequence), event: what });
}

/** An error, with a reason of the server's where one is given. */
export function failure(code: Code, reason = "", retrySeconds = 0): ConnectError {
  const error = new ConnectError("told so", code);
  const details: Any[] = [];
  if (reason) {
    const info = { domain: "pronto.v1", reason, metadata: { job_id: "j" } };
    details.push(anyPack(ErrorInfoSchema, create(ErrorInfoSchema, info)));
  }
  if (retrySeconds) {
    const retryDelay = { seconds: BigInt(retrySeconds) };
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
  }
  error.details = details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return error;
}
