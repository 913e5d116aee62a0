// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.util.Objects;
import java.util.concurrent.Flow;
import pronto.v1.JobCompleted;
import pronto.v1.JobEvent;

/**
 * The events of a job as a reactive stream: {@link Follow} without a thread that waits.
 *
 * <p>Each subscriber follows the job on its own, from {@link FollowOptions#after}, and begins with
 * its first request. It gets a {@link JobSubscription}, as many events as it requests, and one end:
 * {@code onComplete}, or {@code onError} with a {@link ProntoException}. Cancelling ends the stream
 * and not the job. The deadline and the cancellation of the {@link io.grpc.Context} of {@code
 * subscribe} end it, too.
 */
public final class FollowPublisher implements Flow.Publisher<JobEvent> {
  private final Followings followings;
  private final String jobId;
  private final FollowOptions options;

  FollowPublisher(Followings followings, String jobId, FollowOptions options) {
    this.followings = followings;
    this.jobId = Followings.checked(jobId);
    this.options = options;
  }

  @Override
  public void subscribe(Flow.Subscriber<? super JobEvent> subscriber) {
    Subscription subscription = new Subscription(Objects.requireNonNull(subscriber));
    try {
      subscription.begin(followings, jobId, options);
    } catch (IllegalStateException closed) {
      // Rule 1.9: a refusal is signalled, too, and behind a subscription.
      subscriber.onSubscribe(new Refused(jobId));
      subscriber.onError(ProntoException.local(Closing.status(closed)));
    }
  }

  /** What a subscriber of a closed client gets. */
  private record Refused(String jobId) implements JobSubscription {
    @Override
    public void request(long count) {
      // Nothing will come.
    }

    @Override
    public void cancel() {
      // Nothing would come.
    }

    @Override
    public JobCompleted account() {
      throw new IllegalStateException("job " + jobId + " was not followed to its end");
    }
  }

  private static final class Subscription implements JobSubscription, Following.Sink {
    // Dropped at the end, so that nothing is signalled afterwards.
    private volatile Flow.Subscriber<? super JobEvent> subscriber;
    private Following following;
    private boolean introduced;

    Subscription(Flow.Subscriber<? super JobEvent> subscriber) {
      this.subscriber = subscriber;
    }

    /** Throws {@link IllegalStateException} when the client is closed. */
    void begin(Followings followings, String jobId, FollowOptions options) {
      followings.add(jobId, options, this);
      // Where events are signalled, so that none can come before it returned.
      following.execute(this::introduce);
      following.start();
    }

    @Override
    public void begins(Following begun) {
      following = begun;
    }

    @Override
    public void request(long count) {
      if (count > 0) {
        following.request(count);
      } else {
        following.execute(() -> refuse(count));
      }
    }

    @Override
    public void cancel() {
      subscriber = null;
      following.cancel("the subscription was cancelled");
    }

    @Override
    public String jobId() {
      return following.jobId();
    }

    @Override
    public JobCompleted account() {
      JobCompleted account = following.account();
      if (account == null) {
        throw new IllegalStateException("job " + jobId() + " was not followed to its end");
      }
      return account;
    }

    @Override
    public void event(JobEvent event) {
      Flow.Subscriber<? super JobEvent> receiver = subscriber;
      if (receiver != null) {
        guarded(() -> receiver.onNext(event));
      }
    }

    @Override
    public void ended(ProntoException error) {
      // A client that is closed meanwhile ends what has not begun.
      introduce();
      Flow.Subscriber<? super JobEvent> receiver = subscriber;
      subscriber = null;
      if (receiver == null) {
        return;
      }
      if (error == null) {
        receiver.onComplete();
      } else {
        receiver.onError(error);
      }
    }

    private void introduce() {
      Flow.Subscriber<? super JobEvent> receiver = subscriber;
      if (!introduced && receiver != null) {
        introduced = true;
        guarded(() -> receiver.onSubscribe(this));
      }
    }

    /** Rule 3.9 of reactive streams: such a request is an error of the stream. */
    private void refuse(long count) {
      Flow.Subscriber<? super JobEvent> receiver = subscriber;
      cancel();
      if (receiver != null) {
        receiver.onError(
            new IllegalArgumentException("non-positive subscription request: " + count));
      }
    }

    /** Rule 2.13: a subscriber that throws is one that cancels. */
    private void guarded(Runnable signal) {
      try {
        signal.run();
      } catch (RuntimeException | Error e) {
        cancel();
        throw e;
      }
    }
  }
}
