// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;

/**
 * How much longer a following may try: a clock that runs while somebody waits and no stream is
 * open. Used on one executor only.
 */
final class Patience {
  /** A stream that brought something, and held for so long, was well. */
  static final Duration HEALTHY = Duration.ofSeconds(10);

  private final Engine engine;
  private final Executor executor;
  private final long limit;
  private final Runnable lost;
  private long spent;
  private long since;
  private Future<?> alarm;
  // An alarm that was handed over already when the clock was stopped sees that it is not meant.
  private long run;

  /** Does something on an executor when the clock has run for so long. */
  Patience(Engine engine, Executor executor, Duration limit, Runnable lost) {
    this.engine = engine;
    this.executor = executor;
    this.limit = Engine.nanos(limit);
    this.lost = lost;
  }

  /** Lets the clock run on. */
  void start() {
    if (alarm != null) {
      return;
    }
    since = engine.clock().getAsLong();
    long own = ++run;
    alarm = engine.after(left(), executor, () -> ring(own));
  }

  /** Stops the clock. */
  void stop() {
    if (alarm == null) {
      return;
    }
    spent += engine.clock().getAsLong() - since;
    alarm.cancel(false);
    alarm = null;
    run++;
  }

  /** Takes nanoseconds that passed while the clock stood. */
  void spend(long time) {
    spent = Math.min(limit, spent + time);
  }

  /** Begins anew, while the clock stands. */
  void restore() {
    spent = 0;
  }

  /** Whether a pause ends before patience does. */
  boolean outlasts(Duration pause) {
    return pause.compareTo(left()) < 0;
  }

  private Duration left() {
    long running = alarm == null ? 0 : engine.clock().getAsLong() - since;
    return Duration.ofNanos(Math.max(0, limit - spent - running));
  }

  private void ring(long own) {
    if (own == run) {
      lost.run();
    }
  }
}
