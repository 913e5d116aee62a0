// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static pronto.Fixtures.JOB;
import static pronto.Fixtures.broken;
import static pronto.Fixtures.completed;
import static pronto.Fixtures.error;
import static pronto.Fixtures.job;
import static pronto.Fixtures.lead;
import static pronto.Fixtures.part;
import static pronto.Fixtures.progress;
import static pronto.Fixtures.retryAfter;
import static pronto.Fixtures.whole;

import com.google.common.util.concurrent.MoreExecutors;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import pronto.v1.ErrorReason;
import pronto.v1.JobEvent;
import pronto.v1.JobOutcome;
import pronto.v1.JobState;

final class FollowTest {
  private static final StatusRuntimeException CUT = error(Status.Code.UNAVAILABLE, "");

  private final ManualTime time = new ManualTime();
  private final FakeServer.Jobs jobs = new FakeServer.Jobs();
  private final FakeServer.Opening opening = new FakeServer.Opening();
  private List<ClientInterceptor> interceptors = List.of();
  private double random = 1;
  private int connections;
  private FakeServer server;
  private Lanes lanes;
  private Followings followings;

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer(jobs, opening);
    Engine engine =
        new Engine(MoreExecutors.newDirectExecutorService(), time, this::random, time::now);
    lanes = new Lanes(() -> connect(engine));
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

  static Stream<StatusRuntimeException> passing() {
    return Stream.of(
        error(Status.Code.UNAVAILABLE, "DRAINING"),
        error(Status.Code.UNAVAILABLE, "STARTING"),
        error(Status.Code.UNAVAILABLE, "STREAM_TOO_OLD"),
        error(Status.Code.UNAVAILABLE, "STORE_UNAVAILABLE"),
        error(Status.Code.UNAVAILABLE, ""),
        error(Status.Code.DEADLINE_EXCEEDED, ""),
        error(Status.Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        error(Status.Code.INTERNAL, ""),
        error(Status.Code.UNKNOWN, ""),
        error(Status.Code.CANCELLED, ""),
        error(Status.Code.UNIMPLEMENTED, ""),
        error(Status.Code.RESOURCE_EXHAUSTED, ""));
  }

  @ParameterizedTest
  @MethodSource("passing")
  void goesOnBehindTheLastEvent(StatusRuntimeException error) {
    jobs.then(broken(error, lead(1), lead(2))).then(whole(lead(3), completed(4)));
    Follow follow = follow(FollowOptions.DEFAULT);
    time.pass(Duration.ofSeconds(1));

    assertEquals(List.of(1L, 2L, 3L, 4L), sequences(follow));
    assertEquals(List.of(0L, 2L), jobs.after());
    assertEquals(1, connections);
    assertEquals(JobOutcome.JOB_OUTCOME_COMPLETE, follow.account().getOutcome());
    assertEquals(List.of(7), follow.account().getMissingIndexesList());
    assertEquals(4, follow.lastSequence());
  }

  static Stream<StatusRuntimeException> last() {
    return Stream.of(
        error(Status.Code.NOT_FOUND, "NOT_FOUND"),
        error(Status.Code.OUT_OF_RANGE, "SEQUENCE_EXPIRED"),
        error(Status.Code.OUT_OF_RANGE, "SEQUENCE_OUT_OF_RANGE"),
        error(Status.Code.FAILED_PRECONDITION, "JOB_FAILED"),
        error(Status.Code.ABORTED, "JOB_CANCELLED"),
        error(Status.Code.UNAUTHENTICATED, "UNAUTHENTICATED_CLIENT"),
        error(Status.Code.PERMISSION_DENIED, "KEY_REFUSED"),
        error(Status.Code.RESOURCE_EXHAUSTED, "RATE_LIMITED"),
        error(Status.Code.INTERNAL, "INTERNAL"),
        error(Status.Code.UNKNOWN, "OUTCOME_UNKNOWN"),
        error(Status.Code.UNIMPLEMENTED, "UNIMPLEMENTED"));
  }

  @ParameterizedTest
  @MethodSource("last")
  void endsWithAnyOtherError(StatusRuntimeException error) {
    jobs.then(broken(error, lead(1)));
    Follow follow = follow(FollowOptions.DEFAULT);
    assertEquals(1, follow.next().getSequence());

    ProntoException got = assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(error.getStatus().getCode(), got.code());
    assertEquals(ProntoException.of(error).reasonText(), got.reasonText());
    time.pass(Duration.ofHours(1));
    assertEquals(1, jobs.watched.size());
    assertThrows(IllegalStateException.class, follow::account);
  }

  @Test
  void aGapIsAnError() {
    jobs.then(part(lead(1), lead(3)));
    Follow follow = follow(FollowOptions.DEFAULT);
    assertEquals(1, follow.next().getSequence());

    SequenceGapException gap = assertThrows(SequenceGapException.class, follow::next);
    assertEquals("job " + JOB + ": expected event 2, got event 3", gap.description());
    assertEquals(List.of(2L, 3L), List.of(gap.expected(), gap.got()));
    assertEquals(JOB, gap.jobId());
    assertEquals(1, jobs.cancelled);
  }

  @Test
  void aRepeatIsDropped() {
    jobs.then(whole(lead(1), lead(1), lead(2), lead(1), completed(3)));
    assertEquals(List.of(1L, 2L, 3L), sequences(follow(FollowOptions.DEFAULT)));
  }

  @Test
  void moreEventsThanTheWindowFlow() {
    JobEvent[] events = new JobEvent[100];
    for (int i = 0; i < 99; i++) {
      events[i] = lead(i + 1);
    }
    events[99] = completed(100);
    jobs.then(whole(events));
    assertEquals(100, sequences(follow(FollowOptions.DEFAULT)).size());
  }

  @Test
  void progressIsHandedOutOnlyWhenAskedFor() {
    jobs.then(whole(progress(), completed(1))).then(whole(progress(), completed(1)));
    assertEquals(List.of(1L), sequences(follow(FollowOptions.DEFAULT)));
    assertEquals(List.of(0L, 1L), sequences(follow(FollowOptions.DEFAULT.withProgress())));
  }

  @Test
  void waitsAsTheServerSays() {
    StatusRuntimeException draining =
        error(Status.Code.UNAVAILABLE, "DRAINING", retryAfter(Duration.ofSeconds(30)));
    jobs.then(broken(draining));
    follow(FollowOptions.DEFAULT);
    time.pass(Duration.ofSeconds(30).minusNanos(1));
    assertEquals(1, jobs.watched.size());
    time.pass(Duration.ofNanos(1));
    assertEquals(2, jobs.watched.size());
  }

  @Test
  void waitsLongerEachTimeUntilAMessageComes() {
    List<Long> waits = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      jobs.then(broken(CUT));
    }
    jobs.then(broken(CUT, lead(1)));
    follow(FollowOptions.DEFAULT);
    for (int i = 0; i < 10; i++) {
      Duration wait = time.waits().get(0);
      waits.add(wait.toMillis());
      time.pass(wait);
    }
    assertEquals(
        List.of(100L, 200L, 400L, 800L, 1600L, 3200L, 6400L, 10_000L, 10_000L, 100L), waits);
  }

  @Test
  void waitsAreJittered() {
    random = 0.25;
    jobs.then(broken(CUT));
    follow(FollowOptions.DEFAULT);
    assertEquals(Duration.ofMillis(25), time.waits().get(0));
  }

  @Test
  void losesPatienceWithTheLastError() {
    for (int i = 0; i < 1000; i++) {
      jobs.then(broken(error(Status.Code.UNAVAILABLE, i == 0 ? "DRAINING" : "STARTING")));
    }
    Follow follow = follow(FollowOptions.DEFAULT.withPatience(Duration.ofMinutes(3)));
    time.pass(Duration.ofMinutes(3).minusNanos(1));
    int attempts = jobs.watched.size();
    time.pass(Duration.ofHours(1));

    assertEquals(attempts, jobs.watched.size());
    ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(ErrorReason.ERROR_REASON_STARTING, error.reason());
  }

  @Test
  void aMessageRestoresPatience() {
    jobs.then(broken(CUT));
    Follow follow = follow(FollowOptions.DEFAULT.withPatience(Duration.ofSeconds(50)));
    time.pass(Duration.ofSeconds(45));
    jobs.open.onNext(progress());
    time.pass(Duration.ofSeconds(45));
    whole(completed(1)).accept(jobs.open);
    assertEquals(List.of(1L), sequences(follow));
  }

  @Test
  void patienceBeginsAnewBehindAMessage() {
    jobs.then(broken(CUT));
    follow(FollowOptions.DEFAULT.withPatience(Duration.ofSeconds(50)));
    time.pass(Duration.ofSeconds(45));
    for (int i = 0; i < 100; i++) {
      jobs.then(broken(CUT));
    }
    broken(CUT, lead(1)).accept(jobs.open);
    // Behind 0.1 s, 0.2 s and so on up to three times 10 s the next pause would be too long.
    time.pass(Duration.ofMillis(42_699));
    assertEquals(1, followings.size());
    time.pass(Duration.ofMillis(1));
    assertEquals(0, followings.size());
  }

  @Test
  void quietTimeOfAnOpenStreamTakesNoPatience() {
    opening.on = true;
    jobs.then(broken(CUT)).then(part()).then(part());
    Follow follow = follow(FollowOptions.DEFAULT.withPatience(Duration.ofSeconds(3)));
    time.pass(Duration.ofSeconds(50));
    jobs.open.onError(CUT);
    time.pass(Duration.ofSeconds(50));
    whole(completed(1)).accept(jobs.open);
    assertEquals(List.of(1L), sequences(follow));
    assertEquals(3, jobs.watched.size());
  }

  @Test
  void timeBeforeTheServerTakesTheCallTakesPatience() {
    Follow follow = follow(FollowOptions.DEFAULT.withPatience(Duration.ofSeconds(3)));
    time.pass(Duration.ofSeconds(3).minusNanos(1));
    assertEquals(1, followings.size());
    time.pass(Duration.ofNanos(1));
    ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(Status.Code.UNAVAILABLE, error.code());
    assertEquals(1, jobs.cancelled);
  }

  static Stream<JobEvent> known() {
    return Stream.of(lead(5), progress());
  }

  @ParameterizedTest
  @MethodSource("known")
  void whatIsKnownRestoresNothing(JobEvent event) {
    opening.on = true;
    for (int i = 0; i < 1000; i++) {
      jobs.then(broken(CUT, event));
    }
    follow(FollowOptions.DEFAULT.withAfter(5).withPatience(Duration.ofSeconds(3)));
    time.pass(Duration.ofSeconds(3));
    assertEquals(0, followings.size());
    // At once, and behind 0.1 s, 0.2 s, 0.4 s and 0.8 s.
    assertEquals(5, jobs.watched.size());
  }

  @Test
  void aQuietStreamThatIsCutNowAndThenIsNeverGivenUp() {
    opening.on = true;
    Follow follow = follow(FollowOptions.DEFAULT.withPatience(Duration.ofSeconds(1)));
    for (int i = 0; i < 100; i++) {
      time.pass(Patience.HEALTHY);
      jobs.open.onNext(progress());
      jobs.open.onError(CUT);
      time.pass(Duration.ofMillis(100));
      assertEquals(i + 2, jobs.watched.size());
    }
    whole(completed(1)).accept(jobs.open);
    assertEquals(List.of(1L), sequences(follow));
  }

  @Test
  void silenceTakesPatience() {
    opening.on = true;
    Follow follow = follow(FollowOptions.DEFAULT.withPatience(Duration.ofMinutes(3)));
    for (int i = 0; i < 3; i++) {
      jobs.open.onNext(progress());
      time.pass(Duration.ofSeconds(61));
    }
    ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
    assertEquals("no message of job " + JOB + " for PT1M", error.description());
    assertEquals(3, jobs.watched.size());
  }

  @Test
  void timeBeforeTheOpeningOfASilentStreamCountsOnce() {
    follow(FollowOptions.DEFAULT.withPatience(Duration.ofSeconds(100)));
    time.pass(Duration.ofSeconds(50));
    opening.open();
    time.pass(Duration.ofSeconds(50).minusNanos(1));
    // Given up after 60 s, and tried again.
    assertEquals(2, jobs.watched.size());
    assertEquals(1, followings.size());
    time.pass(Duration.ofNanos(1));
    assertEquals(0, followings.size());
  }

  @Test
  void aPauseThatOutlastsPatienceIsNotBegun() {
    jobs.then(broken(error(Status.Code.UNAVAILABLE, "", retryAfter(Duration.ofMinutes(3)))));
    Follow follow = follow(FollowOptions.DEFAULT.withPatience(Duration.ofMinutes(3)));
    ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(Duration.ofMinutes(3), error.retryDelay().orElseThrow());
  }

  @Test
  void nothingIsAskedForBeforeAnEventIs() {
    jobs.then(whole(completed(1)));
    Follow follow = new Follow(followings, JOB, FollowOptions.DEFAULT);
    time.pass(Duration.ofHours(1));
    assertEquals(0, jobs.watched.size());
    assertEquals(List.of(1L), sequences(follow));
  }

  @Test
  void theAccountIsThereOnceItWasHandedOut() {
    jobs.then(whole(lead(1), completed(2), lead(3)));
    Follow follow = follow(FollowOptions.DEFAULT);
    follow.next();
    assertTrue(follow.hasNext());
    assertThrows(IllegalStateException.class, follow::account);
    follow.next();
    assertEquals(JobOutcome.JOB_OUTCOME_COMPLETE, follow.account().getOutcome());
    follow.close();
    assertEquals(JobOutcome.JOB_OUTCOME_COMPLETE, follow.account().getOutcome());
  }

  @Test
  void anErrorBehindTheAccountIsThrownAndTheAccountStays() {
    jobs.then(broken(error(Status.Code.UNAUTHENTICATED, "UNAUTHENTICATED_KEY"), completed(1)));
    Follow follow = follow(FollowOptions.DEFAULT);
    follow.next();
    assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(JobOutcome.JOB_OUTCOME_COMPLETE, follow.account().getOutcome());
  }

  @Test
  void beginsAgainWhenTheStreamIsSilent() {
    jobs.then(part(lead(1)));
    Follow follow = follow(FollowOptions.DEFAULT);
    time.pass(Duration.ofSeconds(59));
    jobs.open.onNext(progress());
    time.pass(Duration.ofSeconds(60).minusNanos(1));
    assertEquals(0, jobs.cancelled);
    jobs.then(whole(completed(2)));
    time.pass(Duration.ofSeconds(1));

    assertEquals(1, jobs.cancelled);
    assertEquals(2, connections);
    assertEquals(List.of(0L, 1L), jobs.after());
    assertEquals(List.of(1L, 2L), sequences(follow));
  }

  @Test
  void aCallerWhoDoesNotTakeIsNotSilence() {
    JobEvent[] events = new JobEvent[Following.WINDOW];
    for (int i = 0; i < events.length; i++) {
      events[i] = lead(i + 1);
    }
    jobs.then(part(events));
    Follow follow = follow(FollowOptions.DEFAULT);
    time.pass(Duration.ofHours(1));
    assertEquals(1, jobs.watched.size());
    follow.next();
    time.pass(Duration.ofSeconds(61));
    assertEquals(2, jobs.watched.size());
  }

  @Test
  void closingCancelsTheStream() {
    jobs.then(part(lead(1), lead(2)));
    try (Follow follow = follow(FollowOptions.DEFAULT)) {
      assertEquals(1, follow.next().getSequence());
    }
    assertEquals(1, jobs.cancelled);
    assertEquals(0, followings.size());
  }

  @Test
  void closingEndsAnIterationThatWaits() {
    Follow follow = follow(FollowOptions.DEFAULT);
    follow.close();
    ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(Status.Code.CANCELLED, error.code());
  }

  @Test
  void closingTheClientEndsAPauseToo() {
    jobs.then(broken(CUT));
    Follow follow = follow(FollowOptions.DEFAULT);
    followings.close();
    ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(Status.Code.CANCELLED, error.code());
    assertEquals("the client is closed", error.description());
    ProntoException refusal = assertInstanceOf(ProntoException.class, error.getCause().getCause());
    assertEquals(Status.Code.UNAVAILABLE, refusal.code());
  }

  @Test
  void anInterruptEndsIt() {
    Follow follow = follow(FollowOptions.DEFAULT);
    Thread.currentThread().interrupt();
    ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
    assertTrue(Thread.interrupted());
    assertEquals(Status.Code.CANCELLED, error.code());
    assertEquals(InterruptedException.class, error.getCause().getCause().getClass());
    assertEquals(1, jobs.cancelled);
  }

  @Test
  void theCallersCancellationEndsIt() throws Exception {
    Context.CancellableContext context = Context.current().withCancellation();
    Follow streaming = context.call(() -> follow(FollowOptions.DEFAULT));
    jobs.then(broken(CUT));
    Follow pausing = context.call(() -> follow(FollowOptions.DEFAULT));
    context.cancel(null);

    for (Follow follow : List.of(streaming, pausing)) {
      ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
      assertEquals(Status.Code.CANCELLED, error.code());
    }
    assertEquals(1, jobs.cancelled);
    assertEquals(0, followings.size());
  }

  @Test
  void theCallersDeadlineEndsIt() throws Exception {
    // gRPC's own timer is set to a real hour; that of the context is told that it has passed.
    try (Context.CancellableContext context =
        Context.current().withDeadline(Deadline.after(1, TimeUnit.HOURS), time)) {
      opening.on = true;
      FollowOptions options = FollowOptions.DEFAULT.withIdleTimeout(Duration.ofHours(2));
      Follow follow = context.call(() -> follow(options));
      time.pass(Duration.ofHours(1));
      ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
      assertEquals(Status.Code.DEADLINE_EXCEEDED, error.code());
      assertEquals(1, jobs.watched.size());
      assertEquals(1, jobs.cancelled);
    }
  }

  @Test
  void makesTheAccountOfTheJobWhereTheStreamHasNone() {
    jobs.then(whole());
    jobs.states.add(job(JobState.JOB_STATE_INCOMPLETE, 9));
    Follow follow = follow(FollowOptions.DEFAULT.withAfter(9));

    assertFalse(follow.hasNext());
    assertEquals(JobOutcome.JOB_OUTCOME_INCOMPLETE, follow.account().getOutcome());
    assertEquals(5, follow.account().getCounts().getDelivered());
    assertEquals(List.of(0, 4), follow.account().getMissingIndexesList());
    assertThrows(NoSuchElementException.class, follow::next);
  }

  @Test
  void goesOnWhereTheJobHasMore() {
    jobs.then(whole()).then(whole()).then(whole(lead(10), completed(11)));
    jobs.states.add(job(JobState.JOB_STATE_COMPLETED, 11));
    jobs.states.add(job(JobState.JOB_STATE_RUNNING, 9));
    Follow follow = follow(FollowOptions.DEFAULT.withAfter(9));
    time.pass(Duration.ofSeconds(1));
    assertEquals(List.of(10L, 11L), sequences(follow));
    assertEquals(List.of(9L, 9L, 9L), jobs.after());
  }

  @Test
  void lateResultsAreHandedOut() {
    jobs.then(broken(CUT, completed(1), lead(2))).then(whole(lead(3)));
    Follow follow = follow(FollowOptions.DEFAULT);
    time.pass(Duration.ofSeconds(1));
    assertEquals(List.of(1L, 2L, 3L), sequences(follow));
    assertEquals(JobOutcome.JOB_OUTCOME_COMPLETE, follow.account().getOutcome());
  }

  @ParameterizedTest
  @ValueSource(strings = {"NOT_FOUND", "SEQUENCE_EXPIRED"})
  void aJobThatIsPurgedBehindItsAccountHasEnded(String reason) {
    jobs.then(broken(CUT, completed(1))).then(broken(error(Status.Code.OUT_OF_RANGE, reason)));
    Follow follow = follow(FollowOptions.DEFAULT);
    time.pass(Duration.ofSeconds(1));
    assertEquals(List.of(1L), sequences(follow));
    assertEquals(JobOutcome.JOB_OUTCOME_COMPLETE, follow.account().getOutcome());
  }

  @Test
  void timesForEverAreTimes() {
    jobs.then(whole());
    jobs.states.add(job(JobState.JOB_STATE_COMPLETED, 9));
    Duration ever = Duration.ofSeconds(Long.MAX_VALUE);
    FollowOptions options = FollowOptions.DEFAULT.withPatience(ever).withIdleTimeout(ever);
    assertFalse(follow(options.withAfter(9)).hasNext());
  }

  @Test
  void aFaultEndsItInsteadOfHanging() {
    Thread.currentThread().setUncaughtExceptionHandler((thread, fault) -> {});
    random = Double.NaN;
    jobs.then(broken(CUT));
    Follow follow = follow(FollowOptions.DEFAULT);
    Thread.currentThread().setUncaughtExceptionHandler(null);
    ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(Status.Code.INTERNAL, error.code());
    assertEquals(ArithmeticException.class, error.getCause().getCause().getClass());
  }

  @Test
  void anInterceptorThatThrowsEndsItInsteadOfHanging() {
    Thread.currentThread().setUncaughtExceptionHandler((thread, fault) -> {});
    interceptors = List.of(new Faulty());
    Follow follow = follow(FollowOptions.DEFAULT);
    Thread.currentThread().setUncaughtExceptionHandler(null);
    ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(Status.Code.INTERNAL, error.code());
    assertEquals("a fault: java.lang.ArithmeticException: a fault", error.description());
  }

  @Test
  void anInterceptorThatThrowsAtTheEndDoesNotHideIt() {
    Thread.currentThread().setUncaughtExceptionHandler((thread, fault) -> {});
    interceptors = List.of(new Stubborn());
    Follow follow = follow(FollowOptions.DEFAULT);
    follow.close();
    Thread.currentThread().setUncaughtExceptionHandler(null);
    ProntoException error = assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(Status.Code.CANCELLED, error.code());
  }

  /** Makes no call. */
  private static final class Faulty implements ClientInterceptor {
    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
        MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      throw new ArithmeticException("a fault");
    }
  }

  /** Cancels no call. */
  private static final class Stubborn implements ClientInterceptor {
    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
        MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void cancel(String why, Throwable cause) {
          throw new ArithmeticException("a fault");
        }
      };
    }
  }

  @Test
  void anErrorHasTheFramesOfWhoeverIterates() {
    jobs.then(part(lead(2)));
    Follow follow = follow(FollowOptions.DEFAULT);
    SequenceGapException first = assertThrows(SequenceGapException.class, follow::hasNext);
    SequenceGapException second = assertThrows(SequenceGapException.class, follow::hasNext);
    assertNotSame(first, second);
    assertSame(first.getCause(), second.getCause());
    assertTrue(
        Stream.of(first.getStackTrace())
            .anyMatch(frame -> frame.getMethodName().equals("hasNext")));
  }

  @Test
  void aHundredShareAConnection() {
    List<Follow> follows = new ArrayList<>();
    for (int i = 0; i < 201; i++) {
      follows.add(follow(FollowOptions.DEFAULT));
    }
    assertEquals(3, connections);
    follows.forEach(Follow::close);
    assertEquals(1, lanes.size());
  }

  @Test
  void aSilentConnectionIsReplacedOnceForAllOnIt() {
    for (int i = 0; i < 50; i++) {
      follow(FollowOptions.DEFAULT);
    }
    time.pass(Duration.ofSeconds(61));
    assertEquals(100, jobs.watched.size());
    assertEquals(2, connections);
  }

  @Test
  void aJobWithoutIdIsRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> new Follow(followings, "", FollowOptions.DEFAULT));
    assertThrows(
        IllegalArgumentException.class,
        () -> new FollowPublisher(followings, "", FollowOptions.DEFAULT));
  }

  private double random() {
    if (Double.isNaN(random)) {
      throw new ArithmeticException("a fault");
    }
    return random;
  }

  private Connection connect(Engine engine) {
    connections++;
    return Connection.of(server.channel(), engine, new Closing(), interceptors);
  }

  private Follow follow(FollowOptions options) {
    Follow follow = new Follow(followings, JOB, options);
    follow.begin();
    return follow;
  }

  private static List<Long> sequences(Follow follow) {
    List<Long> sequences = new ArrayList<>();
    follow.forEachRemaining(event -> sequences.add(event.getSequence()));
    return sequences;
  }
}
