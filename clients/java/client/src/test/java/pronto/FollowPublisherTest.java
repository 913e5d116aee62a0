// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static pronto.Fixtures.JOB;
import static pronto.Fixtures.broken;
import static pronto.Fixtures.completed;
import static pronto.Fixtures.error;
import static pronto.Fixtures.job;
import static pronto.Fixtures.lead;
import static pronto.Fixtures.part;
import static pronto.Fixtures.whole;

import com.google.common.util.concurrent.MoreExecutors;
import io.grpc.Context;
import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Flow;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import pronto.v1.JobEvent;
import pronto.v1.JobOutcome;
import pronto.v1.JobState;

final class FollowPublisherTest {
  private final ManualTime time = new ManualTime();
  private final FakeServer.Jobs jobs = new FakeServer.Jobs();
  private FakeServer server;
  private Lanes lanes;
  private Followings followings;

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer(jobs);
    Engine engine = new Engine(MoreExecutors.newDirectExecutorService(), time, () -> 1, time::now);
    lanes = new Lanes(() -> Connection.of(server.channel(), engine, new Closing(), List.of()));
    followings = new Followings(lanes, engine);
  }

  @AfterEach
  void nothingLeaks() {
    followings.close();
    assertEquals(0, followings.size(), "followings");
    assertEquals(List.of(), time.waits(), "timers");
    lanes.close();
    server.close();
  }

  /** Keeps what is signalled. */
  private static class Recorder implements Flow.Subscriber<JobEvent> {
    final List<String> signals = new ArrayList<>();
    JobSubscription subscription;
    Throwable error;

    @Override
    public void onSubscribe(Flow.Subscription given) {
      signals.add("subscribed");
      subscription = (JobSubscription) given;
    }

    @Override
    public void onNext(JobEvent event) {
      signals.add("event " + event.getSequence());
    }

    @Override
    public void onError(Throwable cause) {
      signals.add("error");
      error = cause;
    }

    @Override
    public void onComplete() {
      signals.add("complete");
    }
  }

  @Test
  void signalsAsManyEventsAsAreRequested() {
    jobs.then(broken(error(Status.Code.UNAVAILABLE, ""), lead(1), lead(2)))
        .then(whole(lead(3), completed(4)));
    Recorder recorder = subscribe(new Recorder());
    assertEquals(0, jobs.watched.size());

    recorder.subscription.request(1);
    assertEquals(List.of("subscribed", "event 1"), recorder.signals);
    recorder.subscription.request(2);
    time.pass(Duration.ofSeconds(1));
    assertEquals(List.of("subscribed", "event 1", "event 2", "event 3"), recorder.signals);
    assertThrows(IllegalStateException.class, recorder.subscription::account);
    recorder.subscription.request(Long.MAX_VALUE);
    assertEquals(
        List.of("subscribed", "event 1", "event 2", "event 3", "event 4", "complete"),
        recorder.signals);
    assertEquals(JobOutcome.JOB_OUTCOME_COMPLETE, recorder.subscription.account().getOutcome());
  }

  @Test
  void theAccountIsThereWithItsEvent() {
    jobs.then(broken(error(Status.Code.NOT_FOUND, ""), lead(1), completed(2)));
    List<JobOutcome> seen = new ArrayList<>();
    Recorder recorder =
        new Recorder() {
          @Override
          public void onNext(JobEvent event) {
            if (event.hasCompleted()) {
              seen.add(subscription.account().getOutcome());
            } else {
              assertThrows(IllegalStateException.class, subscription::account);
            }
          }
        };
    subscribe(recorder).subscription.request(9);
    assertEquals(List.of(JobOutcome.JOB_OUTCOME_COMPLETE), seen);
    assertEquals(List.of("subscribed", "error"), recorder.signals);
    assertEquals(JobOutcome.JOB_OUTCOME_COMPLETE, recorder.subscription.account().getOutcome());
  }

  @Test
  void aClosedClientRefusesWithASignal() {
    followings.close();
    Recorder recorder = subscribe(new Recorder());
    recorder.subscription.request(1);
    recorder.subscription.cancel();
    assertEquals(List.of("subscribed", "error"), recorder.signals);
    ProntoException error = assertInstanceOf(ProntoException.class, recorder.error);
    assertEquals(Status.Code.CANCELLED, error.code());
    assertEquals("the client is closed", error.description());
    assertThrows(IllegalStateException.class, recorder.subscription::account);
  }

  /** Otherwise a client that is closed meanwhile ends what its subscription does not know yet. */
  @Test
  void aFollowingIsKnownBeforeItCanBeClosed() {
    List<Integer> open = new ArrayList<>();
    Following.Sink sink =
        new Following.Sink() {
          @Override
          public void begins(Following following) {
            open.add(followings.size());
          }

          @Override
          public void event(JobEvent event) {}

          @Override
          public void ended(ProntoException error) {}
        };
    followings.add(JOB, FollowOptions.DEFAULT, sink);
    assertEquals(List.of(0), open);
    assertEquals(1, followings.size());
  }

  @Test
  void requestsAddUpToEverything() {
    jobs.then(whole(lead(1), completed(2)));
    Recorder recorder = subscribe(new Recorder());
    recorder.subscription.request(Long.MAX_VALUE - 1);
    recorder.subscription.request(Long.MAX_VALUE);
    assertEquals(List.of("subscribed", "event 1", "event 2", "complete"), recorder.signals);
  }

  @Test
  void nobodyIsWaitedForWhileNothingIsRequested() {
    jobs.then(broken(error(Status.Code.UNAVAILABLE, ""), lead(1)));
    Recorder recorder = subscribe(new Recorder());
    recorder.subscription.request(1);
    time.pass(Duration.ofDays(1));
    assertEquals(1, jobs.watched.size());
    jobs.then(whole(completed(2)));
    recorder.subscription.request(1);
    assertEquals(List.of("subscribed", "event 1", "event 2", "complete"), recorder.signals);
  }

  @Test
  void cancellingEndsTheStreamAndSignalsNothing() {
    jobs.then(part(lead(1)));
    Recorder recorder = subscribe(new Recorder());
    recorder.subscription.request(5);
    recorder.subscription.cancel();
    recorder.subscription.cancel();
    recorder.subscription.request(1);
    assertEquals(List.of("subscribed", "event 1"), recorder.signals);
    assertEquals(1, jobs.cancelled);
    assertEquals(0, followings.size());
  }

  @Test
  void anErrorIsSignalledOnce() {
    jobs.then(broken(error(Status.Code.NOT_FOUND, "NOT_FOUND")));
    Recorder recorder = subscribe(new Recorder());
    recorder.subscription.request(1);
    recorder.subscription.request(1);
    assertEquals(List.of("subscribed", "error"), recorder.signals);
    assertEquals(
        Status.Code.NOT_FOUND, assertInstanceOf(ProntoException.class, recorder.error).code());
  }

  @Test
  void aRequestForNothingIsAnError() {
    Recorder recorder = subscribe(new Recorder());
    recorder.subscription.request(0);
    assertEquals(List.of("subscribed", "error"), recorder.signals);
    assertInstanceOf(IllegalArgumentException.class, recorder.error);
    assertEquals(0, followings.size());
  }

  @Test
  void theCallersCancellationIsSignalledBehindTheSubscription() {
    try (Context.CancellableContext context = Context.current().withCancellation()) {
      context.cancel(null);
      Recorder recorder = new Recorder();
      context.run(() -> subscribe(recorder));
      assertEquals(List.of("subscribed", "error"), recorder.signals);
      assertEquals(
          Status.Code.CANCELLED, assertInstanceOf(ProntoException.class, recorder.error).code());
    }
  }

  @Test
  void aSubscriberThatThrowsIsOneThatCancels() {
    Thread thread = Thread.currentThread();
    List<Throwable> uncaught = new ArrayList<>();
    thread.setUncaughtExceptionHandler((ignored, error) -> uncaught.add(error));
    jobs.then(part(lead(1), lead(2)));
    Recorder recorder =
        subscribe(
            new Recorder() {
              @Override
              public void onNext(JobEvent event) {
                super.onNext(event);
                throw new IllegalStateException("a fault of the subscriber");
              }
            });
    recorder.subscription.request(5);
    thread.setUncaughtExceptionHandler(null);

    assertEquals(List.of("subscribed", "event 1"), recorder.signals);
    assertEquals(1, uncaught.size());
    assertEquals(1, jobs.cancelled);
    assertNull(recorder.error);
  }

  @Test
  void eachSubscriberFollowsOnItsOwn() {
    jobs.then(whole(completed(6))).then(whole(completed(6)));
    FollowPublisher publisher =
        new FollowPublisher(followings, JOB, FollowOptions.DEFAULT.withAfter(5));
    for (int i = 0; i < 2; i++) {
      Recorder recorder = new Recorder();
      publisher.subscribe(recorder);
      recorder.subscription.request(9);
      assertEquals(List.of("subscribed", "event 6", "complete"), recorder.signals);
    }
    assertEquals(List.of(5L, 5L), jobs.after());
  }

  @Test
  void theAccountIsThatOfTheJobWhereTheStreamHasNone() {
    jobs.then(whole());
    jobs.states.add(job(JobState.JOB_STATE_INCOMPLETE, 9));
    Recorder recorder = new Recorder();
    new FollowPublisher(followings, JOB, FollowOptions.DEFAULT.withAfter(9)).subscribe(recorder);
    recorder.subscription.request(1);

    assertEquals(List.of("subscribed", "complete"), recorder.signals);
    assertEquals(List.of(0, 4), recorder.subscription.account().getMissingIndexesList());
  }

  @Test
  void requestingInsideASignalDoesNotNest() {
    JobEvent[] events = new JobEvent[2000];
    for (int i = 0; i < events.length; i++) {
      events[i] = i < 1999 ? lead(i + 1) : completed(2000);
    }
    jobs.then(whole(events));
    int[] depth = {0, 0};
    Recorder recorder =
        new Recorder() {
          @Override
          public void onNext(JobEvent event) {
            depth[0]++;
            depth[1] = Math.max(depth[1], depth[0]);
            subscription.request(1);
            depth[0]--;
            super.onNext(event);
          }
        };
    subscribe(recorder).subscription.request(1);
    assertEquals(1, depth[1]);
    assertEquals(2002, recorder.signals.size());
    assertTrue(recorder.signals.contains("complete"));
  }

  private Recorder subscribe(Recorder recorder) {
    new FollowPublisher(followings, JOB, FollowOptions.DEFAULT).subscribe(recorder);
    return recorder;
  }
}
