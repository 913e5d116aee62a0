// SPDX-License-Identifier: Apache-2.0

import { Backoff } from "./backoff.js";
import type { Clock } from "./clock.js";

// A stream that brought something and was open for so long was no attempt in vain. One
// that breaks sooner may do so each time: there, waiting for longer must not begin anew.
const steadyMs = 10_000;

/**
 * Decides whether a stream is tried once more, and when. What counts is the time in which
 * no stream is open: a job may be quiet for hours while nothing fails.
 */
export class Patience {
  readonly #backoff: Backoff;
  // Since when it is tried; moved forward by the time in which a stream was open.
  #since: number | undefined;
  #openSince: number | undefined;
  #hasSpoken = false;

  constructor(
    private readonly limitMs: number,
    private readonly clock: Clock,
  ) {
    this.#backoff = new Backoff({ baseMs: 100, capMs: 10_000 }, clock);
  }

  /** A stream is asked for. */
  begin(): void {
    this.#since ??= this.clock.now();
    this.#hasSpoken = false;
  }

  /** The server has taken the call. */
  opened(): void {
    this.#openSince = this.clock.now();
  }

  /** A message came; a new one is progress, one that was handed out before is not. */
  heard(isNew: boolean): void {
    this.#hasSpoken = true;
    if (isNew) this.#renew();
  }

  /** The stream fell silent. One that had said nothing was not open for what counts. */
  fellSilent(): void {
    if (!this.#hasSpoken) this.#openSince = undefined;
  }

  /** The stream has ended, however it did. */
  ended(): void {
    const now = this.clock.now();
    const openMs = this.#openSince === undefined ? 0 : now - this.#openSince;
    this.#openSince = undefined;
    if (this.#hasSpoken && openMs >= steadyMs) this.#renew();
    this.#since = this.#since === undefined ? now : this.#since + openMs;
  }

  /** How long to wait before the next attempt; undefined when it is time to give up. */
  nextPause(retryDelayMs: number | undefined): number | undefined {
    const now = this.clock.now();
    const pause = this.#backoff.next(retryDelayMs);
    return now + pause - (this.#since ?? now) > this.limitMs ? undefined : pause;
  }

  #renew(): void {
    this.#since = undefined;
    this.#backoff.reset();
  }
}
