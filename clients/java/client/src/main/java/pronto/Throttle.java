// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.time.Duration;
import java.util.function.LongSupplier;

/** Lets one of many through: a second later another one, then after two, four, at most ten. */
final class Throttle {
  private static final long FIRST = Duration.ofSeconds(1).toNanos();
  private static final long MOST = Duration.ofSeconds(10).toNanos();
  private static final long CALM = Duration.ofMinutes(1).toNanos();

  private final LongSupplier clock;
  private boolean begun;
  private long last;
  private long wait = FIRST;

  Throttle(LongSupplier clock) {
    this.clock = clock;
  }

  /** Whether this one may pass. */
  synchronized boolean pass() {
    long now = clock.getAsLong();
    long since = now - last;
    if (begun && since < wait) {
      return false;
    }
    wait = !begun || since >= CALM ? FIRST : Math.min(2 * wait, MOST);
    begun = true;
    last = now;
    return true;
  }
}
