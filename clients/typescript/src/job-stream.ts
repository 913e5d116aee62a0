// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";

import { type Clock, sleep } from "./clock.js";
import { ProntoError, SequenceGapError } from "./errors.js";
import type { FollowSettings } from "./follow-options.js";
import { ErrorReason } from "./gen/pronto/v1/errors_pb.js";
import {
  type Job,
  type JobCompleted,
  JobCompletedSchema,
  type JobEvent,
  JobOutcome,
  type JobService,
  JobState,
} from "./gen/pronto/v1/jobs_pb.js";
import { Patience } from "./patience.js";
import { isResumable } from "./resumable.js";
import { tellableMs } from "./timeout.js";
import { nextWithin, Silence } from "./watchdog.js";

/**
 * The events of a job, each once and in order. A connection that breaks, falls silent
 * or is closed by the server is made again, and the stream goes on behind the last
 * event that was handed out. It ends when the job has ended; `account` then says how.
 *
 * What cannot be helped is thrown, again each time that `next` is called: a ProntoError
 * (no such job, JOB_FAILED, ...), a SequenceGapError, or the reason of the caller's signal.
 * Results may come late, behind `completed`, so the stream goes on there, and may still
 * throw; `account` is there by then. Who wants no late results leaves at `completed`.
 *
 * Leaving a `for await` early, `close()` and `await using` end the call to the server,
 * not the job: it goes on, and can be followed again.
 */
export class JobStream implements AsyncIterableIterator<JobEvent, void>, AsyncDisposable {
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  readonly #patience: Patience;
  readonly #events: AsyncGenerator<JobEvent, void>;
  #last: bigint;
  #account: JobCompleted | undefined;
  #failure: { readonly thrown: unknown } | undefined;

  /** @internal: `follow` makes it. */
  constructor(
    private readonly jobs: Client<typeof JobService>,
    /** The job. */
    readonly jobId: string,
    private readonly settings: FollowSettings,
    private readonly clock: Clock,
    /** Aborted when the client is closed. */
    private readonly closed?: AbortSignal,
  ) {
    const signals = [this.#closing.signal, settings.signal, closed];
    this.#signal = AbortSignal.any(signals.filter((signal) => signal !== undefined));
    this.#patience = new Patience(settings.patienceMs, clock);
    this.#last = settings.after;
    this.#events = this.#follow();
  }

  /** The last sequence handed out: store it, and pass it as `after` another time. */
  get lastSequence(): bigint {
    return this.#last;
  }

  /** How the job ended: there once `completed` was handed out, whatever comes behind it. */
  get account(): JobCompleted | undefined {
    return this.#account;
  }

  /** The next event. */
  async next(): Promise<IteratorResult<JobEvent, void>> {
    const result = await this.#events.next();
    // A generator that has thrown says that it is done, as if the job were.
    if (result.done && this.#failure) throw this.#failure.thrown;
    return result;
  }

  /** Ends the call to the server, and this stream. */
  async return(): Promise<IteratorResult<JobEvent, void>> {
    this.#closing.abort();
    return this.#events.return();
  }

  /** Ends the call to the server, and this stream. */
  async close(): Promise<void> {
    await this.return();
  }

  /** The stream itself: its events are handed out once. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the call to the server, and this stream. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#follow(): AsyncGenerator<JobEvent, void> {
    for (;;) {
      try {
        this.#signal.throwIfAborted();
        yield* this.#watch();
        if (await this.#isOver()) return;
        throw new ConnectError(`job ${this.jobId} goes on behind its stream`, Code.Unavailable);
      } catch (thrown) {
        if (this.#closing.signal.aborted || this.#wasPurged(thrown)) return;
        await this.#recover(thrown).catch((failure: unknown) => {
          this.#failure = { thrown: failure };
          throw failure;
        });
      }
    }
  }

  /** One call of WatchJob. */
  async *#watch(): AsyncGenerator<JobEvent, void> {
    const call = new AbortController();
    const signal = AbortSignal.any([this.#signal, call.signal]);
    const request = { jobId: this.jobId, afterSequence: this.#last };
    this.#patience.begin();
    const onHeader = () => {
      this.#patience.opened();
    };
    const stream = this.jobs.watchJob(request, { signal, onHeader, ...this.#headers() });
    const messages = stream[Symbol.asyncIterator]();
    try {
      for (;;) {
        const message = await nextWithin(messages, this.settings.idleMs, this.#signal, this.clock);
        if (message.done) return;
        const isNew = this.#advance(message.value);
        this.#patience.heard(isNew);
        if (isNew || this.#isWantedProgress(message.value)) yield message.value;
      }
    } catch (thrown) {
      if (thrown instanceof Error && thrown.cause instanceof Silence) {
        this.#patience.fellSilent(this.settings.idleMs);
        call.abort(thrown.cause);
      }
      throw thrown;
    } finally {
      // Connect's iterators cannot be left early: only the signal ends the call.
      call.abort();
      this.#patience.ended();
    }
  }

  /** Whether an event is the next one of the log; notes what it says. */
  #advance(event: JobEvent): boolean {
    if (event.sequence <= this.#last) return false;
    if (event.sequence !== this.#last + 1n)
      throw new SequenceGapError(this.jobId, this.#last + 1n, event.sequence);
    this.#last = event.sequence;
    if (event.event.case === "completed") this.#account = event.event.value;
    return true;
  }

  #isWantedProgress({ sequence }: JobEvent): boolean {
    return sequence === 0n && this.settings.progress;
  }

  /** After a stream that ended well: whether the job did, too. */
  async #isOver(): Promise<boolean> {
    if (this.#account) return true;
    const timeoutMs = tellableMs(this.settings.idleMs);
    const call = { signal: this.#signal, timeoutMs, ...this.#headers() };
    const { job } = await this.jobs.getJob({ jobId: this.jobId }, call);
    if (job?.lastSequence !== this.#last) return false;
    this.#account = accountOf(job);
    return this.#account !== undefined;
  }

  /** Whether a job that has ended was deleted before its stream was: nothing is missing. */
  #wasPurged(thrown: unknown): boolean {
    if (!this.#account || !(thrown instanceof Error)) return false;
    return goneReasons.has(ProntoError.from(thrown).reason);
  }

  /** Waits for the next attempt, or throws where there is none. */
  async #recover(thrown: unknown): Promise<void> {
    this.#throwIfStopped();
    if (thrown instanceof SequenceGapError) throw thrown;
    const error = ProntoError.from(thrown);
    if (!isResumable(error)) throw error;
    const pause = this.#patience.nextPause(error.retryDelayMs);
    if (pause === undefined) throw error;
    await sleep(this.clock, pause, this.#signal).catch(() => {
      this.#throwIfStopped(error);
    });
  }

  /** Throws where the caller or the client ended the stream; with what was waited for. */
  #throwIfStopped(refusal?: ProntoError): void {
    this.settings.signal?.throwIfAborted();
    if (this.closed?.aborted) throw ProntoError.closed(refusal);
  }

  #headers(): { headers?: HeadersInit } {
    return this.settings.headers ? { headers: this.settings.headers } : {};
  }
}

/** The account of a job that has ended. */
function accountOf({ state, counts, missingIndexes }: Job): JobCompleted | undefined {
  const outcome = outcomes.get(state);
  if (outcome === undefined) return undefined;
  return create(JobCompletedSchema, { outcome, missingIndexes, ...(counts && { counts }) });
}

const goneReasons = new Set([ErrorReason.NOT_FOUND, ErrorReason.SEQUENCE_EXPIRED]);

const outcomes = new Map([
  [JobState.COMPLETED, JobOutcome.COMPLETE],
  [JobState.INCOMPLETE, JobOutcome.INCOMPLETE],
]);
