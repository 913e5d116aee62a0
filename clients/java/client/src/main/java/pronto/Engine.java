// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;

/**
 * The threads, time and chance of a client. Tests bring their own.
 *
 * @param executor runs what is followed, and the code of subscribers
 * @param scheduler measures time; nothing runs on its thread but handing over
 * @param random a number from 0 to 1
 * @param clock nanoseconds since whenever
 */
record Engine(
    ExecutorService executor,
    ScheduledExecutorService scheduler,
    DoubleSupplier random,
    LongSupplier clock)
    implements AutoCloseable {

  /** An engine of daemon threads, which end when they have nothing to do. */
  static Engine start() {
    ThreadPoolExecutor pool = (ThreadPoolExecutor) Executors.newCachedThreadPool(threads("follow"));
    // What still comes from a connection that closes is of no interest.
    pool.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
    ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1, threads("timer"));
    timer.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
    // Each message sets the watchdog anew; the timers before must not pile up.
    timer.setRemoveOnCancelPolicy(true);
    timer.setKeepAliveTime(10, TimeUnit.SECONDS);
    timer.allowCoreThreadTimeOut(true);
    return new Engine(
        pool, timer, () -> ThreadLocalRandom.current().nextDouble(), System::nanoTime);
  }

  /** Runs a task on an executor when a time has passed. */
  Future<?> after(Duration time, Executor on, Runnable task) {
    return scheduler.schedule(() -> on.execute(task), nanos(time), TimeUnit.NANOSECONDS);
  }

  @Override
  public void close() {
    scheduler.shutdownNow();
    executor.shutdown();
  }

  /** Longer than 292 years is for ever. */
  static long nanos(Duration time) {
    try {
      return time.toNanos();
    } catch (ArithmeticException e) {
      return Long.MAX_VALUE / 2;
    }
  }

  private static ThreadFactory threads(String name) {
    return task -> {
      Thread thread = new Thread(task, "pronto-" + name);
      thread.setDaemon(true);
      return thread;
    };
  }
}
