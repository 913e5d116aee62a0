// SPDX-License-Identifier: Apache-2.0

import { Backoff } from "./backoff.js";
import type { Clock } from "./clock.js";

/**
 * Decides whether to try once more, and when. What counts is the time since the first
 * failure behind the last message: a stream may be quiet for hours while nothing fails.
 */
export class Patience {
  readonly #backoff: Backoff;
  #failingSince: number | undefined;

  constructor(
    private readonly limitMs: number,
    private readonly clock: Clock,
  ) {
    this.#backoff = new Backoff({ baseMs: 100, capMs: 10_000 }, clock);
  }

  /** A message came: all is well. */
  restore(): void {
    this.#failingSince = undefined;
    this.#backoff.reset();
  }

  /** How long to wait before the next attempt; undefined when it is time to give up. */
  afterFailure(retryDelayMs: number | undefined): number | undefined {
    const now = this.clock.now();
    this.#failingSince ??= now;
    const wait = this.#backoff.next(retryDelayMs);
    return now + wait - this.#failingSince > this.limitMs ? undefined : wait;
  }
}
