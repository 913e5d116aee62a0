// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "./clock.js";

/** How long to wait between attempts. */
export interface BackoffPolicy {
  /** The longest first wait. */
  baseMs: number;
  /** The longest wait of all. */
  capMs: number;
}

/**
 * Exponential backoff with full jitter: each wait is drawn from 0 up to a limit that
 * doubles, so that clients which failed together do not come back together.
 */
export class Backoff {
  #failures = 0;

  constructor(
    private readonly policy: BackoffPolicy,
    private readonly clock: Clock,
  ) {}

  /** The next wait; at least as long as the server asked for. */
  next(retryDelayMs = 0): number {
    const limit = Math.min(this.policy.capMs, this.policy.baseMs * 2 ** this.#failures);
    this.#failures += 1;
    return Math.max(retryDelayMs, this.clock.random() * limit);
  }

  /** Begins anew: something succeeded. */
  reset(): void {
    this.#failures = 0;
  }
}
