// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.Future;
import pronto.v1.ErrorReason;
import pronto.v1.Job;
import pronto.v1.JobCompleted;
import pronto.v1.JobEvent;
import pronto.v1.JobOutcome;
import pronto.v1.JobState;

/**
 * A job followed through any number of streams: what {@link Follow} and {@link FollowPublisher}
 * have in common. All state is touched in tasks of {@code serial} only.
 */
final class Following {
  /** How many messages are asked for ahead of those that came. */
  static final int WINDOW = 16;

  private final Lanes.Lane lane;
  private final Engine engine;
  private final String jobId;
  private final FollowOptions options;
  private final Sink sink;
  private final SerialExecutor serial;
  private final Recovery recovery;
  private final Patience patience;
  // The caller's context: its deadline and its cancellation hold for all streams.
  private final Context context = Context.current();
  private final Context.CancellationListener callerLeft = ignored -> callerLeft();

  private long last;
  private long demand;
  private Attempt attempt;
  private Future<?> pause;
  private Future<?> watchdog;
  // What the server or the connection said last, until a stream opens.
  private ProntoException lastError;
  // How many messages came: a timer that fires too late sees that it is not meant any more.
  private long heard;
  private boolean ended;
  private volatile JobCompleted account;

  /** Who gets the events: as many as were requested, then one end. */
  interface Sink {
    /** Gets the following before anybody else can see it: whoever closes all may end it at once. */
    default void begins(Following following) {}

    void event(JobEvent event);

    /** The following is over: well when {@code error} is null. */
    void ended(ProntoException error);
  }

  Following(Lanes.Lane lane, Engine engine, String jobId, FollowOptions options, Sink sink) {
    this.lane = lane;
    this.engine = engine;
    this.jobId = jobId;
    this.options = options;
    this.sink = sink;
    this.serial = new SerialExecutor(engine.executor());
    this.recovery = new Recovery(engine.random());
    this.patience = new Patience(engine, this::execute, options.patience(), this::patienceLost);
    this.last = options.after();
  }

  /** Does something where everything happens, one after the other. */
  void execute(Runnable task) {
    serial.execute(() -> guarded(task));
  }

  /** Whoever waits must not wait for ever because of a fault here. */
  private void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException | Error e) {
      end(ProntoException.local(Status.INTERNAL.withDescription("a fault: " + e).withCause(e)));
      throw e;
    }
  }

  String jobId() {
    return jobId;
  }

  /** The account of the job, once it is known. */
  JobCompleted account() {
    return account;
  }

  /** Watches over the caller's context; events wait for {@link #request}. */
  void start() {
    execute(this::watchCaller);
  }

  private void watchCaller() {
    if (!ended) {
      context.addListener(callerLeft, Runnable::run);
    }
  }

  /** Asks for more events. */
  void request(long count) {
    execute(() -> requested(count));
  }

  /** Ends the following from this side. */
  void cancel(String why) {
    execute(() -> end(ProntoException.local(Status.CANCELLED.withDescription(why))));
  }

  /** Ends the following with the client. */
  void close() {
    execute(() -> end(ProntoException.local(Closing.status(lastError))));
  }

  private void requested(long count) {
    if (ended) {
      return;
    }
    demand = demand + count < 0 ? Long.MAX_VALUE : demand + count;
    if (attempt != null) {
      attempt.topUp(demand);
      if (watchdog == null) {
        watch();
      }
    } else if (pause == null) {
      begin();
    }
    if (attempt == null || !attempt.isOpen()) {
      patience.start();
    }
  }

  /** Opens a stream, unless nobody waits for anything that it could bring. */
  private void begin() {
    pause = null;
    if (ended || demand == 0) {
      return;
    }
    attempt = new Attempt(this, lane.connection(), options.metadata(), jobId, last);
    attempt.start(context);
    attempt.topUp(demand);
    watch();
    patience.start();
  }

  /** The server took the call. */
  void opened(Attempt from) {
    if (from == attempt) {
      attempt.opened(now());
      patience.stop();
      lastError = null;
    }
  }

  /** A message came over the stream. */
  void received(Attempt from, JobEvent event) {
    if (from != attempt) {
      return;
    }
    heard++;
    attempt.heard(now());
    if (take(event) && attempt != null) {
      attempt.topUp(demand);
      watch();
    }
  }

  /** Hands an event out where it is new. False when it ended the following. */
  private boolean take(JobEvent event) {
    if (event.getEventCase() == JobEvent.EventCase.PROGRESS) {
      if (options.progress()) {
        hand(event);
      }
    } else if (event.getSequence() > last + 1) {
      end(new SequenceGapException(jobId, last + 1, event.getSequence()));
      return false;
    } else if (event.getSequence() == last + 1) {
      last++;
      beginAnew();
      if (event.hasCompleted()) {
        account = event.getCompleted();
      }
      hand(event);
    }
    return true;
  }

  /** The next failure is a first one. */
  private void beginAnew() {
    recovery.reset();
    patience.restore();
  }

  private void hand(JobEvent event) {
    demand--;
    sink.event(event);
  }

  /** The stream ended. */
  void closed(Attempt from, Status status, ProntoException error) {
    if (from != attempt) {
      return;
    }
    if (attempt.ended(now())) {
      beginAnew();
    }
    if (!status.isOk()) {
      failed(error);
    } else if (account != null) {
      end(null);
    } else {
      losePatience();
      attempt.confirm(context, options.idleTimeout());
    }
  }

  /** What GetJob says about a stream that ended well without an account. */
  void confirmed(Attempt from, Job job) {
    if (from != attempt) {
      return;
    }
    JobOutcome outcome = outcome(job.getState());
    if (outcome == JobOutcome.JOB_OUTCOME_UNSPECIFIED || job.getLastSequence() != last) {
      failed(unavailable("the stream of job " + jobId + " ended before the job's last event"));
      return;
    }
    account =
        JobCompleted.newBuilder()
            .setOutcome(outcome)
            .setCounts(job.getCounts())
            .addAllMissingIndexes(job.getMissingIndexesList())
            .build();
    end(null);
  }

  private static JobOutcome outcome(JobState state) {
    return switch (state) {
      case JOB_STATE_COMPLETED -> JobOutcome.JOB_OUTCOME_COMPLETE;
      case JOB_STATE_INCOMPLETE -> JobOutcome.JOB_OUTCOME_INCOMPLETE;
      default -> JobOutcome.JOB_OUTCOME_UNSPECIFIED;
    };
  }

  /** The stream broke, or what confirms its end. */
  void failed(Attempt from, ProntoException error) {
    if (from == attempt) {
      failed(error);
    }
  }

  private void failed(ProntoException error) {
    attempt = null;
    watchdog = cancelled(watchdog);
    if (context.isCancelled()) {
      end(callersEnd());
    } else if (account != null && gone(error)) {
      end(null);
    } else if (!Recovery.possible(error)) {
      end(error);
    } else {
      lastError = error;
      losePatience();
      goOnAfter(recovery.delay(error));
    }
  }

  /** Whether the job was purged. What it said last was handed out before, where that matters. */
  private static boolean gone(ProntoException error) {
    return error.reason() == ErrorReason.ERROR_REASON_NOT_FOUND
        || error.reason() == ErrorReason.ERROR_REASON_SEQUENCE_EXPIRED;
  }

  private void goOnAfter(Duration wait) {
    if (demand > 0 && !patience.outlasts(wait)) {
      end(lastError);
    } else {
      pause = engine.after(wait, this::execute, this::begin);
    }
  }

  /** Patience is lost only while somebody waits. */
  private void losePatience() {
    if (demand > 0) {
      patience.start();
    }
  }

  private void patienceLost() {
    end(lastError != null ? lastError : unavailable("there is no stream of job " + jobId));
  }

  /** Sets the watchdog, while a message is asked for: otherwise the silence is ours. */
  private void watch() {
    watchdog = cancelled(watchdog);
    if (demand > 0) {
      Attempt watched = attempt;
      long at = heard;
      watchdog = engine.after(options.idleTimeout(), this::execute, () -> silent(watched, at));
    }
  }

  private void silent(Attempt watched, long at) {
    if (ended || watched != attempt || heard != at) {
      return;
    }
    attempt.cancel("silent for too long");
    // The connection itself may be dead; on it the next stream would be as silent.
    lane.leave(watched.connection());
    takeSilence();
    failed(unavailable("no message of job " + jobId + " for " + options.idleTimeout()));
  }

  /** A healthy stream is not silent for so long: its silence is no time in which it was open. */
  private void takeSilence() {
    if (!attempt.isOpen()) {
      return;
    }
    // Patience ran until the stream was open, and nobody may have asked for a message at first.
    long silence = Math.min(attempt.silence(now()), Engine.nanos(options.idleTimeout()));
    if (attempt.abandoned()) {
      beginAnew();
    }
    patience.spend(silence);
  }

  private void callerLeft() {
    execute(() -> end(callersEnd()));
  }

  private ProntoException callersEnd() {
    return ProntoException.local(Contexts.statusFromCancelled(context));
  }

  private void end(ProntoException error) {
    if (ended) {
      return;
    }
    ended = true;
    context.removeListener(callerLeft);
    pause = cancelled(pause);
    watchdog = cancelled(watchdog);
    patience.stop();
    Attempt left = attempt;
    attempt = null;
    try {
      if (left != null) {
        left.cancel("no longer followed");
      }
    } finally {
      // Also where an interceptor of the caller's fails in it: somebody waits.
      sink.ended(error);
    }
  }

  private long now() {
    return engine.clock().getAsLong();
  }

  private static ProntoException unavailable(String why) {
    return ProntoException.local(Status.UNAVAILABLE.withDescription(why));
  }

  private static Future<?> cancelled(Future<?> timer) {
    if (timer != null) {
      timer.cancel(false);
    }
    return null;
  }
}
