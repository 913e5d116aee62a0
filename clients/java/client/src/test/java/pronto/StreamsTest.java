// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static pronto.Fixtures.JOB;
import static pronto.Fixtures.error;
import static pronto.Fixtures.lead;
import static pronto.Fixtures.part;
import static pronto.Fixtures.whole;

import com.google.common.util.concurrent.MoreExecutors;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Context;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import pronto.v1.JobEvent;
import pronto.v1.JobServiceGrpc;
import pronto.v1.WatchJobRequest;

/** Streaming RPCs, and the places that they take. */
final class StreamsTest {
  /** One more than there is room for: a place that is kept shows as a connection. */
  private static final int MANY = Lanes.SHARES + 1;

  private static final WatchJobRequest REQUEST = WatchJobRequest.newBuilder().setJobId(JOB).build();

  private final ManualTime time = new ManualTime();
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
  void aHundredShareAConnectionWithWhatIsFollowed() {
    try (Pronto pronto = open(Pronto.builder())) {
      for (int i = 0; i < MANY; i++) {
        watch(pronto);
      }
      assertEquals(2, pronto.lanes());
      for (int i = 0; i < Lanes.SHARES; i++) {
        pronto.follow(JOB).begin();
      }
      assertEquals(3, pronto.lanes());
    }
    assertEquals(MANY + Lanes.SHARES, jobs.cancelled);
  }

  @Test
  void aStreamThatTheServerEndsGivesItsPlaceBack() {
    givesItsPlaceBack(
        pronto -> {
          jobs.then(whole(lead(1)));
          watch(pronto).forEachRemaining(event -> {});
        });
  }

  @Test
  void aStreamThatTheServerRefusesGivesItsPlaceBack() {
    givesItsPlaceBack(
        pronto -> {
          jobs.then(stream -> stream.onError(error(Status.Code.NOT_FOUND, "NOT_FOUND")));
          assertEquals(Status.Code.NOT_FOUND, end(watch(pronto)));
        });
  }

  @Test
  void aStreamThatIsLeftGivesItsPlaceBack() {
    givesItsPlaceBack(
        pronto -> {
          jobs.then(part(lead(1), lead(2), lead(3)));
          try (Context.CancellableContext context = Context.current().withCancellation()) {
            assertEquals(1, context.wrap(() -> watch(pronto)).call().next().getSequence());
          }
        });
  }

  @Test
  void aStreamThatIsCancelledGivesItsPlaceBack() {
    givesItsPlaceBack(
        pronto -> {
          Observer observer = new Observer();
          JobServiceGrpc.newStub(pronto.channel()).watchJob(REQUEST, observer);
          observer.call.cancel("the test is over", null);
        });
  }

  @Test
  void aStreamWhoseCallerHadLeftGivesItsPlaceBack() {
    givesItsPlaceBack(
        pronto -> {
          Context.CancellableContext context = Context.current().withCancellation();
          context.cancel(null);
          assertEquals(Status.Code.CANCELLED, end(context.wrap(() -> watch(pronto)).call()));
        });
    assertEquals(1, jobs.watched.size());
  }

  /** Its end waits in the stub's own executor, and nobody looks there. */
  @Test
  void aStreamWhoseEndNobodyReadsGivesItsPlaceBack() {
    givesItsPlaceBack(
        pronto -> {
          try (Context.CancellableContext context = Context.current().withCancellation()) {
            var stub = JobServiceGrpc.newBlockingV2Stub(pronto.channel());
            context.wrap(() -> stub.watchJob(REQUEST)).call();
          }
          assertEquals(jobs.watched.size(), jobs.cancelled);
        });
  }

  @Test
  void aStreamThatMayNotBeSentGivesItsPlaceBack() {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("x-api-key", Metadata.ASCII_STRING_MARSHALLER), "a\nb");
    ClientInterceptor attach = MetadataUtils.newAttachHeadersInterceptor(headers);
    givesItsPlaceBack(
        pronto ->
            assertEquals(
                Status.Code.INVALID_ARGUMENT,
                end(pronto.jobs().withInterceptors(attach).watchJob(REQUEST))));
    assertEquals(1, jobs.watched.size());
  }

  @Test
  void aStreamThatGrpcDoesNotStartTakesNoPlace() {
    givesItsPlaceBack(
        pronto -> {
          call(pronto);
          var cancelled = call(pronto);
          cancelled.cancel("too early", null);
          assertInstanceOf(IllegalStateException.class, start(cancelled));
          try (Context.CancellableContext context = Context.current().withCancellation()) {
            var twice = context.wrap(() -> call(pronto)).call();
            assertNull(start(twice));
            assertInstanceOf(IllegalStateException.class, start(twice));
          }
        });
  }

  @Test
  void closingTheClientEndsStreams() {
    jobs.then(part(lead(1), lead(2)));
    List<Iterator<JobEvent>> streams = new ArrayList<>();
    try (Pronto pronto = open(Pronto.builder())) {
      for (int i = 0; i < MANY; i++) {
        streams.add(watch(pronto));
      }
      assertEquals(1, streams.get(0).next().getSequence());
    }
    assertEquals(2, streams.get(0).next().getSequence());
    for (Iterator<JobEvent> stream : streams) {
      ProntoException error =
          ProntoException.of(assertThrows(StatusRuntimeException.class, stream::hasNext));
      assertEquals(Status.Code.CANCELLED, error.code());
      assertEquals("the client is closed", error.description());
    }
  }

  @Test
  void streamsHaveTheInterceptorsOfCalls() {
    List<String> seen = new ArrayList<>();
    ClientInterceptor interceptor =
        new ClientInterceptor() {
          @Override
          public <Q, A> ClientCall<Q, A> interceptCall(
              MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
            return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
              @Override
              public void start(Listener<A> listener, Metadata headers) {
                seen.add(method.getBareMethodName());
                super.start(listener, headers);
              }
            };
          }
        };
    try (Pronto pronto = open(Pronto.builder().intercept(interceptor))) {
      jobs.then(whole(lead(1)));
      watch(pronto).next();
    }
    assertEquals(List.of("WatchJob"), seen);
  }

  @Test
  void aConnectionThatWasLeftStaysForItsStreams() {
    Engine engine = engine();
    Lanes lanes =
        new Lanes(() -> Connection.of(server.channel(), engine, new Closing(), List.of()));
    Lanes.Lane follows = lanes.take();
    Connection silent = follows.connection();
    Lanes.Place first = lanes.place().orElseThrow();
    Lanes.Place second = lanes.place().orElseThrow();
    follows.leave(silent);
    assertEquals(silent, first.connection());
    first.giveBack();
    first.giveBack();
    assertFalse(silent.managed().isShutdown());
    second.giveBack();
    assertTrue(silent.managed().isShutdown());

    Connection next = follows.connection();
    assertEquals(next, lanes.place().orElseThrow().connection());
    follows.leave(next);
    lanes.close();
    assertTrue(next.managed().isShutdown());
    assertTrue(follows.connection().managed().isShutdown());
    assertTrue(lanes.place().isEmpty());
  }

  private interface Use {
    void of(Pronto pronto) throws Exception;
  }

  /** Has a stream again and again: the next one finds the place of the one before. */
  private void givesItsPlaceBack(Use stream) {
    try (Pronto pronto = open(Pronto.builder())) {
      for (int i = 0; i < MANY; i++) {
        stream.of(pronto);
      }
      watch(pronto);
      assertEquals(1, pronto.lanes());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private Pronto open(ProntoBuilder builder) {
    return builder.open(server.builder(), engine());
  }

  private Engine engine() {
    return new Engine(MoreExecutors.newDirectExecutorService(), time, () -> 1, time::now);
  }

  private static Iterator<JobEvent> watch(Pronto pronto) {
    return pronto.jobs().withDeadlineAfter(1, TimeUnit.HOURS).watchJob(REQUEST);
  }

  private static ClientCall<WatchJobRequest, JobEvent> call(Pronto pronto) {
    return pronto.channel().newCall(JobServiceGrpc.getWatchJobMethod(), CallOptions.DEFAULT);
  }

  /** Starts a call; returns why it failed at once, or null. */
  private static Throwable start(ClientCall<WatchJobRequest, JobEvent> call) {
    AtomicReference<Throwable> why = new AtomicReference<>();
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onClose(Status status, Metadata trailers) {
            why.set(status.getCause());
          }
        },
        new Metadata());
    return why.get();
  }

  private static Status.Code end(Iterator<JobEvent> stream) {
    return assertThrows(StatusRuntimeException.class, stream::hasNext).getStatus().getCode();
  }

  private static final class Observer implements ClientResponseObserver<WatchJobRequest, JobEvent> {
    private ClientCallStreamObserver<WatchJobRequest> call;

    @Override
    public void beforeStart(ClientCallStreamObserver<WatchJobRequest> begun) {
      call = begun;
    }

    @Override
    public void onNext(JobEvent event) {
      // It ends otherwise.
    }

    @Override
    public void onError(Throwable error) {
      // It was cancelled.
    }

    @Override
    public void onCompleted() {
      // It does not.
    }
  }
}
