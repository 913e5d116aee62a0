// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A unary call that is sent again where its request is safe to repeat.
 *
 * <p>An answer is passed on when its attempt has ended, so that the caller sees one attempt only.
 */
final class RepeatingCall<Q, A> extends ClientCall<Q, A> {
  private final Supplier<ClientCall<Q, A>> calls;
  private final CallOptions options;
  private final Engine engine;
  private final Pauses pauses;
  private final Context context = Context.current();
  private final Context.CancellationListener callerLeft =
      left -> abandon(Contexts.statusFromCancelled(left));

  private Listener<A> listener;
  private Metadata headers;
  private Q request;
  private int requested;
  private int attempts;
  private ClientCall<Q, A> attempt;
  private Future<?> pause;
  // Why the attempt before this one, or before this pause, failed.
  private ProntoException refusal;
  private boolean cancelled;
  private boolean closed;

  RepeatingCall(
      Supplier<ClientCall<Q, A>> calls, CallOptions options, Engine engine, Pauses pauses) {
    this.calls = calls;
    this.options = options;
    this.engine = engine;
    this.pauses = pauses;
  }

  @Override
  public void start(Listener<A> responses, Metadata metadata) {
    listener = responses;
    headers = metadata;
    context.addListener(callerLeft, Runnable::run);
  }

  @Override
  public synchronized void request(int count) {
    requested += count;
    if (attempt != null) {
      attempt.request(count);
    }
  }

  @Override
  public void sendMessage(Q message) {
    request = message;
  }

  @Override
  public void halfClose() {
    attempt();
  }

  @Override
  public void cancel(String message, Throwable cause) {
    synchronized (this) {
      cancelled = true;
      if (attempt != null && pause == null) {
        attempt.cancel(message, cause);
        return;
      }
    }
    abandon(Status.CANCELLED.withDescription(message).withCause(cause));
  }

  // Under the lock throughout: a call must not be cancelled before it has started.
  private synchronized void attempt() {
    pause = null;
    pauses.remove(this);
    if (closed) {
      return;
    }
    attempts++;
    attempt = calls.get();
    Metadata own = new Metadata();
    own.merge(headers);
    context.run(
        () -> {
          attempt.start(new Answer(), own);
          attempt.request(requested);
          attempt.sendMessage(request);
          attempt.halfClose();
        });
  }

  /** Ends the call with the client. */
  void close() {
    Status status;
    synchronized (this) {
      status = Closing.status(refusal);
    }
    abandon(status);
  }

  /** Ends the call while no attempt is under way; one that is ends by itself. */
  void abandon(Status status) {
    synchronized (this) {
      if (closed || listener == null || attempt != null && pause == null) {
        return;
      }
      closed = true;
      if (pause != null) {
        pause.cancel(false);
      }
    }
    pauses.remove(this);
    context.removeListener(callerLeft);
    // A blocking stub waits on its own executor, and for nothing else.
    Executor executor = options.getExecutor() == null ? engine.executor() : options.getExecutor();
    executor.execute(() -> listener.onClose(status, new Metadata()));
  }

  /** Begins the pause before another attempt, where there is to be one. */
  private boolean again(Status status, Metadata trailers) {
    if (status.getCode() != Status.Code.UNAVAILABLE
        || cancelled
        || attempts >= Retries.MAX_ATTEMPTS
        || !RequestIdInterceptor.repeatable(request)) {
      return false;
    }
    Duration wait = Retries.backoff(attempts, engine.random().getAsDouble());
    ProntoException error = ProntoException.of(status.asRuntimeException(trailers));
    Duration least = error.retryDelay().orElse(Duration.ZERO);
    wait = wait.compareTo(least) < 0 ? least : wait;
    if (tooLong(wait) || !pauses.add(this)) {
      return false;
    }
    refusal = error;
    pause = engine.after(wait, engine.executor(), this::attempt);
    return true;
  }

  private boolean tooLong(Duration wait) {
    Deadline own = options.getDeadline();
    Deadline callers = context.getDeadline();
    return own == null && callers == null
        ? wait.compareTo(Retries.LONGEST_PAUSE) > 0
        : tooLate(own, wait) || tooLate(callers, wait);
  }

  private static boolean tooLate(Deadline deadline, Duration wait) {
    return deadline != null
        && Duration.ofNanos(deadline.timeRemaining(TimeUnit.NANOSECONDS)).compareTo(wait) <= 0;
  }

  /** What an attempt brings, kept until it is known to be the last one. */
  private final class Answer extends Listener<A> {
    private final List<A> messages = new ArrayList<>(1);
    private Metadata head;

    @Override
    public void onHeaders(Metadata received) {
      head = received;
    }

    @Override
    public void onMessage(A message) {
      messages.add(message);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      synchronized (RepeatingCall.this) {
        if (closed || again(status, trailers)) {
          return;
        }
        closed = true;
      }
      context.removeListener(callerLeft);
      if (head != null) {
        listener.onHeaders(head);
      }
      messages.forEach(listener::onMessage);
      boolean left = refusal != null && Closing.says(status);
      listener.onClose(left ? status.withCause(refusal) : status, trailers);
    }
  }
}
