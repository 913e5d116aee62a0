// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static pronto.Fixtures.error;
import static pronto.Fixtures.retryAfter;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import pronto.v1.ContactServiceGrpc;
import pronto.v1.ContactServiceGrpc.ContactServiceFutureStub;
import pronto.v1.EnrichContactRequest;
import pronto.v1.EnrichContactResponse;

final class RequestIdTest {
  private static final StatusRuntimeException CUT = error(Status.Code.UNAVAILABLE, "");
  private static final EnrichContactRequest REPEATABLE =
      EnrichContactRequest.newBuilder().setRequestId("order-7").build();

  private final ManualTime time = new ManualTime();
  private final Contacts contacts = new Contacts();
  private FakeServer server;
  private Pronto pronto;
  private ContactServiceFutureStub stub;

  /** Answers well when no failure is left. */
  private static final class Contacts extends ContactServiceGrpc.ContactServiceImplBase {
    final List<EnrichContactRequest> requests = new ArrayList<>();
    final Queue<StatusRuntimeException> failures = new ArrayDeque<>();
    boolean hangs;

    @Override
    public void enrichContact(
        EnrichContactRequest request, StreamObserver<EnrichContactResponse> answer) {
      requests.add(request);
      if (failures.isEmpty() && hangs) {
        return;
      }
      if (failures.isEmpty()) {
        answer.onNext(EnrichContactResponse.getDefaultInstance());
        answer.onCompleted();
      } else {
        answer.onError(failures.remove());
      }
    }
  }

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer(contacts);
    Engine engine =
        new Engine(MoreExecutors.newDirectExecutorService(), time, () -> 0.5, time::now);
    pronto = Pronto.builder().open(server.builder(), engine);
    stub = ContactServiceGrpc.newFutureStub(pronto.channel());
  }

  @AfterEach
  void stop() {
    assertEquals(List.of(), time.waits(), "timers");
    pronto.close();
    server.close();
  }

  @Test
  void aCallWithAnIdIsRepeated() throws Exception {
    contacts.failures.addAll(List.of(CUT, CUT));
    var answer = stub.enrichContact(REPEATABLE);
    time.pass(Duration.ofMillis(1500).minusNanos(1));
    assertFalse(answer.isDone());
    time.pass(Duration.ofNanos(1));
    assertEquals(EnrichContactResponse.getDefaultInstance(), answer.get());
    assertEquals(List.of(REPEATABLE, REPEATABLE, REPEATABLE), contacts.requests);
  }

  @Test
  void aBlockingCallIsRepeatedToo() throws IOException {
    contacts.failures.add(CUT);
    try (Pronto real = Pronto.builder().open(server.builder(), Engine.start())) {
      real.contacts().enrichContact(REPEATABLE);
      assertEquals(2, contacts.requests.size());
    }
  }

  @Test
  void fourRepeatsAreEnough() {
    contacts.failures.addAll(List.of(CUT, CUT, CUT, CUT, CUT, CUT));
    var answer = stub.enrichContact(REPEATABLE);
    time.pass(Duration.ofHours(1));
    assertEquals(Status.Code.UNAVAILABLE, code(answer));
    assertEquals(5, contacts.requests.size());
  }

  @Test
  void aCallWithoutIdIsNotRepeated() {
    contacts.failures.add(CUT);
    var answer = stub.enrichContact(EnrichContactRequest.getDefaultInstance());
    assertEquals(Status.Code.UNAVAILABLE, code(answer));
    assertEquals(1, contacts.requests.size());
  }

  @Test
  void otherErrorsAreNotRepeated() {
    contacts.failures.add(error(Status.Code.UNKNOWN, "OUTCOME_UNKNOWN"));
    assertEquals(Status.Code.UNKNOWN, code(stub.enrichContact(REPEATABLE)));
    assertEquals(1, contacts.requests.size());
  }

  @Test
  void theServersDelayIsTheLeast() {
    contacts.failures.add(
        error(Status.Code.UNAVAILABLE, "STARTING", retryAfter(Duration.ofSeconds(3))));
    var answer = stub.enrichContact(REPEATABLE);
    time.pass(Duration.ofSeconds(3).minusNanos(1));
    assertFalse(answer.isDone());
    time.pass(Duration.ofNanos(1));
    assertTrue(answer.isDone());
  }

  @Test
  void aLongPauseNeedsADeadline() {
    Duration longest = Retries.LONGEST_PAUSE;
    contacts.failures.add(refusal(longest.plusNanos(1)));
    assertEquals(Status.Code.UNAVAILABLE, code(stub.enrichContact(REPEATABLE)));
    assertEquals(1, contacts.requests.size());

    contacts.failures.addAll(List.of(refusal(longest), refusal(longest.plusNanos(1))));
    var repeated = stub.enrichContact(REPEATABLE);
    time.pass(longest);
    assertEquals(Status.Code.UNAVAILABLE, code(repeated));
    assertEquals(3, contacts.requests.size());

    contacts.failures.add(refusal(longest.plusNanos(1)));
    var answer = stub.withDeadlineAfter(1, TimeUnit.HOURS).enrichContact(REPEATABLE);
    time.pass(longest.plusNanos(1));
    assertTrue(answer.isDone());
    assertEquals(5, contacts.requests.size());
  }

  @Test
  void theDeadlineBoundsAllAttempts() {
    contacts.failures.addAll(
        List.of(CUT, error(Status.Code.UNAVAILABLE, "", retryAfter(Duration.ofHours(2)))));
    var answer = stub.withDeadlineAfter(1, TimeUnit.HOURS).enrichContact(REPEATABLE);
    time.pass(Duration.ofSeconds(1));
    assertEquals(Status.Code.UNAVAILABLE, code(answer));
    assertEquals(2, contacts.requests.size());
  }

  @Test
  void cancellingEndsThePause() {
    contacts.failures.add(CUT);
    var answer = stub.enrichContact(REPEATABLE);
    answer.cancel(true);
    time.pass(Duration.ofHours(1));
    assertEquals(1, contacts.requests.size());
  }

  @Test
  void theCallersCancellationEndsThePause() throws Exception {
    contacts.failures.add(CUT);
    try (Context.CancellableContext context = Context.current().withCancellation()) {
      var answer = context.call(() -> stub.enrichContact(REPEATABLE));
      context.cancel(null);
      assertEquals(Status.Code.CANCELLED, code(answer));
      assertEquals(1, contacts.requests.size());
    }
  }

  @Test
  void closingTheClientEndsThePause() {
    contacts.failures.add(error(Status.Code.UNAVAILABLE, "STARTING"));
    var answer = stub.enrichContact(REPEATABLE);
    pronto.close();
    ProntoException error = thrown(answer);
    assertEquals(Status.Code.CANCELLED, error.code());
    assertEquals("the client is closed", error.description());
    assertEquals("STARTING", ((ProntoException) error.getCause().getCause()).reasonText());
    assertEquals(1, contacts.requests.size());
  }

  @Test
  void closingTheClientEndsAnAttempt() {
    contacts.failures.add(error(Status.Code.UNAVAILABLE, "STARTING"));
    contacts.hangs = true;
    var answer = stub.enrichContact(REPEATABLE);
    time.pass(Duration.ofSeconds(1));
    assertEquals(2, contacts.requests.size());
    pronto.close();
    ProntoException error = thrown(answer);
    assertEquals(Status.Code.CANCELLED, error.code());
    assertEquals("the client is closed", error.description());
    assertEquals("STARTING", ((ProntoException) error.getCause().getCause()).reasonText());
  }

  private static StatusRuntimeException refusal(Duration pause) {
    return error(Status.Code.UNAVAILABLE, "STARTING", retryAfter(pause));
  }

  private static Status.Code code(ListenableFuture<?> answer) {
    return thrown(answer).code();
  }

  private static ProntoException thrown(ListenableFuture<?> answer) {
    assertTrue(answer.isDone());
    return ProntoException.of(assertThrows(ExecutionException.class, answer::get).getCause());
  }
}
