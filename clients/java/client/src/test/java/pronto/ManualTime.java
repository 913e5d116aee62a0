// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Time that passes when a test says so. What is due then runs on the test's thread. */
final class ManualTime extends AbstractExecutorService implements ScheduledExecutorService {
  private final List<Timer<?>> timers = new ArrayList<>();
  private long now;

  /** Lets time pass, up to each timer that is due in it. */
  void pass(Duration time) {
    long until = now + time.toNanos();
    for (Timer<?> timer = first(); timer != null && timer.at <= until; timer = first()) {
      now = timer.at;
      timers.remove(timer);
      timer.run();
    }
    now = until;
  }

  /** How long it is until each timer that is set, the nearest first. */
  synchronized List<Duration> waits() {
    return timers.stream()
        .filter(timer -> !timer.isDone())
        .map(timer -> Duration.ofNanos(timer.at - now))
        .sorted()
        .toList();
  }

  /** Nanoseconds since the beginning. */
  long now() {
    return now;
  }

  private synchronized Timer<?> first() {
    timers.removeIf(FutureTask::isDone);
    return timers.stream().min(Comparator.comparing(timer -> timer.at)).orElse(null);
  }

  @Override
  public synchronized ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
    Timer<?> timer = new Timer<>(task, now + unit.toNanos(delay));
    timers.add(timer);
    return timer;
  }

  private final class Timer<T> extends FutureTask<T> implements ScheduledFuture<T> {
    private final long at;

    Timer(Runnable task, long at) {
      super(task, null);
      this.at = at;
    }

    @Override
    public long getDelay(TimeUnit unit) {
      return unit.convert(at - now, TimeUnit.NANOSECONDS);
    }

    @Override
    public int compareTo(Delayed other) {
      return Long.compare(getDelay(TimeUnit.NANOSECONDS), other.getDelay(TimeUnit.NANOSECONDS));
    }
  }

  @Override
  public void execute(Runnable task) {
    task.run();
  }

  @Override
  public void shutdown() {
    timers.clear();
  }

  @Override
  public List<Runnable> shutdownNow() {
    timers.clear();
    return List.of();
  }

  @Override
  public boolean isShutdown() {
    return false;
  }

  @Override
  public boolean isTerminated() {
    return false;
  }

  @Override
  public boolean awaitTermination(long time, TimeUnit unit) {
    return true;
  }

  @Override
  public <V> ScheduledFuture<V> schedule(Callable<V> task, long delay, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(
      Runnable task, long initial, long period, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable task, long initial, long delay, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }
}
