// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static pronto.Fixtures.JOB;
import static pronto.Fixtures.broken;
import static pronto.Fixtures.completed;
import static pronto.Fixtures.lead;
import static pronto.Fixtures.part;
import static pronto.Fixtures.whole;

import com.google.common.util.concurrent.MoreExecutors;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import pronto.v1.EnrichContactRequest;
import pronto.v1.GetJobRequest;
import pronto.v1.Job;
import pronto.v1.JobEvent;
import pronto.v1.SearchLeadsRequest;
import pronto.v1.StartResponse;

/** The client with its real threads. */
final class ProntoTest {
  private final FakeServer.Jobs jobs = new FakeServer.Jobs();
  private FakeServer server;

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer(jobs);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void followsWhatWasStarted() {
    jobs.then(whole(lead(1), completed(2))).then(whole(lead(1), completed(2)));
    Job job = Job.newBuilder().setId(JOB).build();
    try (Pronto pronto = open()) {
      for (Follow follow :
          List.of(
              pronto.follow(StartResponse.newBuilder().setJob(job).build()), pronto.follow(job))) {
        List<Long> sequences = new ArrayList<>();
        follow.forEach(event -> sequences.add(event.getSequence()));
        assertEquals(List.of(1L, 2L), sequences);
      }
      assertEquals(0, pronto.following());
    }
  }

  @Test
  void goesOnWithWhatWasStarted() {
    Job job = Job.newBuilder().setId(JOB).build();
    StartResponse start = StartResponse.newBuilder().setJob(job).build();
    FollowOptions behind = FollowOptions.DEFAULT.withAfter(1);
    try (Pronto pronto = open()) {
      for (Follow follow : List.of(pronto.follow(start, behind), pronto.follow(job, behind))) {
        jobs.then(whole(completed(2)));
        assertEquals(2, follow.next().getSequence());
      }
      for (FollowPublisher publisher :
          List.of(
              pronto.publisher(start, behind),
              pronto.publisher(job, behind),
              pronto.publisher(job))) {
        jobs.then(whole(completed(2)));
        CompletableFuture<Void> asked = new CompletableFuture<>();
        publisher.subscribe(new Asking(asked));
        asked.join();
      }
    }
    assertEquals(List.of(1L, 1L, 1L, 1L, 0L), jobs.after());
  }

  /** Waits for an event, or for the error in its place. */
  private record Asking(CompletableFuture<Void> asked) implements Flow.Subscriber<JobEvent> {
    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      subscription.request(1);
    }

    @Override
    public void onNext(JobEvent event) {
      asked.complete(null);
    }

    @Override
    public void onError(Throwable error) {
      asked.complete(null);
    }

    @Override
    public void onComplete() {
      // Behind the event.
    }
  }

  @Test
  void doesNotFollowWhatGoesElsewhere() {
    try (Pronto pronto = open()) {
      StartResponse start = StartResponse.getDefaultInstance();
      for (var follow :
          List.<Executable>of(() -> pronto.follow(start), () -> pronto.publisher(start))) {
        IllegalArgumentException error = assertThrows(IllegalArgumentException.class, follow);
        assertTrue(error.getMessage().contains("webhook_url"), error.getMessage());
      }
    }
  }

  @Test
  void closingEndsWhatIsFollowed() {
    jobs.then(part(lead(1)));
    Follow follow;
    try (Pronto pronto = open()) {
      follow = pronto.follow(JOB);
      assertEquals(1, follow.next().getSequence());
    }
    assertThrows(ProntoException.class, follow::hasNext);
    assertEquals(1, jobs.cancelled);
  }

  @Test
  void aClosedClientDoesNothing() {
    Pronto pronto = open();
    pronto.close();
    assertThrows(IllegalStateException.class, () -> pronto.follow(JOB));
    var request = GetJobRequest.getDefaultInstance();
    for (Executable call :
        List.<Executable>of(
            () -> pronto.jobs().getJob(request),
            () -> pronto.contacts().enrichContact(EnrichContactRequest.getDefaultInstance()),
            () -> pronto.leads().searchLeads(SearchLeadsRequest.getDefaultInstance()).hasNext())) {
      ProntoException error = ProntoException.of(assertThrows(StatusRuntimeException.class, call));
      assertEquals(Status.Code.CANCELLED, error.code());
      assertEquals("the client is closed", error.description());
    }
  }

  @Test
  void anErrorOfTheServerIsNoEndOfTheClient() {
    try (Pronto pronto = open()) {
      var request = EnrichContactRequest.getDefaultInstance();
      ProntoException error =
          ProntoException.of(
              assertThrows(
                  StatusRuntimeException.class, () -> pronto.contacts().enrichContact(request)));
      assertEquals(Status.Code.UNIMPLEMENTED, error.code());
    }
  }

  @Test
  void whatIsFollowedIsNotRepeatedByGrpc() {
    ManualTime time = new ManualTime();
    Engine engine = new Engine(MoreExecutors.newDirectExecutorService(), time, () -> 1, time::now);
    jobs.then(broken(Status.UNAVAILABLE.asException())).then(whole());
    jobs.unavailable = true;
    try (Pronto pronto = Pronto.builder().open(server.builder(), engine);
        Follow follow = pronto.follow(JOB)) {
      follow.begin();
      // Behind WatchJob, and behind GetJob.
      assertEquals(Duration.ofMillis(100), time.waits().get(0));
      time.pass(Duration.ofMillis(100));
      assertEquals(Duration.ofMillis(200), time.waits().get(0));
    }
  }

  @Test
  void theOptionsAreChecked() {
    FollowOptions options = FollowOptions.DEFAULT;
    assertThrows(IllegalArgumentException.class, () -> options.withAfter(-1));
    var none = Duration.ZERO;
    assertThrows(IllegalArgumentException.class, () -> options.withPatience(none));
    assertThrows(IllegalArgumentException.class, () -> options.withIdleTimeout(none));
  }

  @Test
  void interceptorsSeeEachCallOnce() {
    List<String> seen = new ArrayList<>();
    ClientInterceptor interceptor =
        new ClientInterceptor() {
          @Override
          public <Q, A> ClientCall<Q, A> interceptCall(
              MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
            seen.add(method.getBareMethodName());
            return next.newCall(method, options);
          }
        };
    jobs.states.add(Job.getDefaultInstance());
    jobs.then(whole(completed(1)));
    ProntoBuilder builder = Pronto.builder().intercept(interceptor);
    try (Pronto pronto = builder.open(server.builder(), Engine.start())) {
      pronto.jobs().getJob(GetJobRequest.getDefaultInstance());
      pronto.follow(JOB).forEach(event -> {});
    }
    assertEquals(List.of("GetJob", "WatchJob"), seen);
  }

  private Pronto open() {
    return Pronto.builder().open(server.builder(), Engine.start());
  }
}
