// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Status;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import pronto.v1.JobCompleted;
import pronto.v1.JobEvent;

/**
 * The events of a job, in their order and each once, however often the connection breaks.
 *
 * <p>{@code hasNext} and {@code next} wait for the next event, and throw {@link ProntoException}
 * when the job fails, is cancelled, or cannot be followed any more. The first of them begins. The
 * iteration ends when the job has ended and everything was handed out; {@link #account} says how it
 * ended, from {@code completed} on. Late results may come behind {@code completed}, so an error
 * there is thrown, too; who does not want them leaves the loop at {@code completed}.
 *
 * <pre>{@code
 * try (Follow events = pronto.follow(jobId)) {
 *   for (JobEvent event : events) { ... }
 *   System.out.println(events.account().getOutcome());
 * }
 * }</pre>
 *
 * <p>{@link #close} ends the stream. Whoever leaves the loop early must call it, as
 * try-with-resources does: {@code break} alone leaves the stream open.
 *
 * <p>The deadline and the cancellation of the {@link io.grpc.Context} in which it was made end it
 * with {@code DEADLINE_EXCEEDED} or {@code CANCELLED}; so do, with {@code CANCELLED}, an interrupt
 * (which stays set), {@link #close} and the end of the client. For one thread; only {@link #close}
 * may be called from another one.
 */
public final class Follow implements Iterable<JobEvent>, Iterator<JobEvent>, AutoCloseable {
  private final BlockingQueue<Item> items = new LinkedBlockingQueue<>();
  private final Following following;
  private volatile boolean closed;
  private boolean begun;
  private JobEvent next;
  private JobCompleted account;
  private End end;
  private long last;

  private sealed interface Item permits Arrival, End {}

  private record Arrival(JobEvent event) implements Item {}

  private record End(ProntoException error) implements Item {}

  Follow(Followings followings, String jobId, FollowOptions options) {
    last = options.after();
    following = followings.add(Followings.checked(jobId), options, new Arrivals(items));
    following.start();
  }

  /**
   * This iteration, which can be gone through once.
   *
   * @return this
   */
  @Override
  public Iterator<JobEvent> iterator() {
    return this;
  }

  @Override
  public boolean hasNext() {
    if (next != null) {
      return true;
    }
    if (end == null) {
      take();
    }
    if (end != null && end.error != null) {
      throw end.error.again();
    }
    return end == null;
  }

  @Override
  public JobEvent next() {
    if (!hasNext()) {
      throw new NoSuchElementException("job " + jobId() + " has no more events");
    }
    JobEvent event = next;
    next = null;
    last = Math.max(last, event.getSequence());
    if (event.hasCompleted()) {
      account = event.getCompleted();
    }
    return event;
  }

  /**
   * The job.
   *
   * @return its id
   */
  public String jobId() {
    return following.jobId();
  }

  /**
   * The last sequence that was handed out: where to go on after another start of this program.
   *
   * @return the sequence; at first {@link FollowOptions#after}
   */
  public long lastSequence() {
    return last;
  }

  /**
   * How the job ended, and what arrived. It is there as soon as {@code completed} was handed out,
   * and stays, whatever happens afterwards.
   *
   * @return the account
   * @throws IllegalStateException before {@code completed} or the end of the iteration
   */
  public JobCompleted account() {
    if (account == null) {
      throw new IllegalStateException("job " + jobId() + " was not followed to its end");
    }
    return account;
  }

  /** Ends the stream. The job goes on. */
  @Override
  public void close() {
    closed = true;
    following.cancel("the following was closed");
  }

  /** Opens the stream, the first time. */
  void begin() {
    if (!begun) {
      begun = true;
      following.request(Following.WINDOW);
    }
  }

  private void take() {
    begin();
    Item item = waitForItem();
    if (closed) {
      end = new End(cancelled("the following was closed", null));
    } else if (item instanceof Arrival arrival) {
      next = arrival.event;
      following.request(1);
    } else {
      end = (End) item;
      // A following that began behind `completed` has the account of the job itself.
      account = end.error == null ? following.account() : account;
    }
  }

  private Item waitForItem() {
    try {
      return items.take();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      following.cancel("the thread was interrupted");
      return new End(cancelled("the thread was interrupted", e));
    }
  }

  private static ProntoException cancelled(String why, Throwable cause) {
    Status status = Status.CANCELLED.withDescription(why).withCause(cause);
    return ProntoException.local(status);
  }

  /** Bounded by what was requested. */
  private record Arrivals(BlockingQueue<Item> items) implements Following.Sink {
    @Override
    public void event(JobEvent event) {
      items.add(new Arrival(event));
    }

    @Override
    public void ended(ProntoException error) {
      items.add(new End(error));
    }
  }
}
