// SPDX-License-Identifier: Apache-2.0

import { Backoff } from "./backoff.js";
import type { Clock } from "./clock.js";

// A stream that brought something and was open for so long was no attempt in vain. One
// that breaks sooner may do so each time: there, waiting for longer must not begin anew.
const steadyMs = 10_000;

/**
 * Decides whether a stream is tried once more, and when. What counts is the time in which
 * no stream is open, or the open one is silent for longer than a healthy one can be. A job
 * may be quiet for hours while nothing fails.
 */
export class Patience {
  readonly #backoff: Backoff;
  // Since when it is tried; moved forward by the time in which a stream was open.
  #since: number | undefined;
  #openSince: number | undefined;
  #heardAt: number | undefined;
  #silentMs: number | undefined;

  constructor(
    private readonly limitMs: number,
    private readonly clock: Clock,
  ) {
    this.#backoff = new Backoff({ baseMs: 100, capMs: 10_000 }, clock);
  }

  /** A stream is asked for. */
  begin(): void {
    this.#since ??= this.clock.now();
    this.#heardAt = undefined;
    this.#silentMs = undefined;
  }

  /** The server has taken the call. */
  opened(): void {
    this.#openSince = this.clock.now();
  }

  /** A message came; a new one is progress, one that was handed out before is not. */
  heard(isNew: boolean): void {
    this.#heardAt = this.clock.now();
    if (isNew) this.#renew();
  }

  /** The stream is given up after a silence of `ms`: that counts as if it were not open. */
  fellSilent(ms: number): void {
    this.#silentMs = ms;
  }

  /** The stream has ended, however it did. */
  ended(): void {
    const now = this.clock.now();
    const openMs = now - (this.#openSince ?? now);
    const silentMs = Math.min(this.#silentMs ?? 0, openMs);
    if (this.#wasSteady(now)) this.#renew();
    this.#since = (this.#since ?? now - openMs) + openMs - silentMs;
    this.#openSince = undefined;
  }

  /** How long to wait before the next attempt; undefined when it is time to give up. */
  nextPause(retryDelayMs: number | undefined): number | undefined {
    const now = this.clock.now();
    const pause = this.#backoff.next(retryDelayMs);
    return now + pause - (this.#since ?? now) > this.limitMs ? undefined : pause;
  }

  /** Whether a stream that ends now brought something, and held; a silent one, until it was. */
  #wasSteady(now: number): boolean {
    if (this.#openSince === undefined || this.#heardAt === undefined) return false;
    const until = this.#silentMs === undefined ? now : this.#heardAt;
    return until - this.#openSince >= steadyMs;
  }

  #renew(): void {
    this.#since = undefined;
    this.#backoff.reset();
  }
}
