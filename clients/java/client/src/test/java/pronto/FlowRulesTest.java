// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.reactivestreams.Publisher;
import org.reactivestreams.tck.TestEnvironment;
import org.reactivestreams.tck.flow.FlowPublisherVerification;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.Test;
import pronto.v1.JobEvent;

/**
 * The rules of reactive streams, as their own kit checks them, with the client's real threads. What
 * it skips as untested has no check in it.
 */
public class FlowRulesTest extends FlowPublisherVerification<JobEvent> {
  // Bounds how long a broken test hangs.
  private static final long PATIENCE_MILLIS = 60_000;

  // For so long nothing may come where nothing should: longer finds more, and costs it each time.
  private static final long SILENCE_MILLIS = 20;

  private final long portion;
  private Server server;
  private Pronto pronto;
  private Pronto closed;

  /** Over streams that do not break. */
  public FlowRulesTest() {
    this(Long.MAX_VALUE);
  }

  /** Over streams that break behind so many events. */
  FlowRulesTest(long portion) {
    super(new TestEnvironment(PATIENCE_MILLIS, SILENCE_MILLIS));
    this.portion = portion;
  }

  @BeforeClass
  void start() throws IOException {
    String name = UUID.randomUUID().toString();
    server =
        InProcessServerBuilder.forName(name).addService(new CountedJobs(portion)).build().start();
    pronto = open(name);
    closed = open(name);
    closed.close();
  }

  @AfterClass
  void stop() {
    pronto.close();
    server.shutdownNow();
  }

  /** A client that goes on at once. */
  private static Pronto open(String name) {
    Engine real = Engine.start();
    Engine hasty = new Engine(real.executor(), real.scheduler(), () -> 0, real.clock());
    return Pronto.builder().open(InProcessChannelBuilder.forName(name), hasty);
  }

  @Override
  public Flow.Publisher<JobEvent> createFlowPublisher(long elements) {
    return pronto.publisher(CountedJobs.id(elements));
  }

  @Override
  public Flow.Publisher<JobEvent> createFailedFlowPublisher() {
    return closed.publisher(CountedJobs.id(1));
  }

  /** The kit would only skip what is optional and does not hold: here it does. */
  @Override
  public void notVerified(String why) {
    throw new AssertionError(why);
  }

  // The kit looks for the error once, behind a pause: too early on a busy machine.

  @Override
  @Test
  public void required_spec309_requestZeroMustSignalIllegalArgumentException() throws Exception {
    assertRefused(0);
  }

  @Override
  @Test
  public void required_spec309_requestNegativeNumberMustSignalIllegalArgumentException()
      throws Exception {
    assertRefused(Long.MIN_VALUE);
  }

  @Override
  @Test
  public void
      optional_spec309_requestNegativeNumberMaySignalIllegalArgumentExceptionWithSpecificMessage()
          throws Exception {
    assertTrue(assertRefused(-1).contains("non-positive subscription request"));
  }

  private String assertRefused(long count) throws Exception {
    CompletableFuture<Throwable> end = new CompletableFuture<>();
    createFlowPublisher(10)
        .subscribe(
            new Flow.Subscriber<>() {
              @Override
              public void onSubscribe(Flow.Subscription subscription) {
                subscription.request(count);
              }

              @Override
              public void onNext(JobEvent event) {
                end.complete(new AssertionError("there was an event"));
              }

              @Override
              public void onError(Throwable error) {
                end.complete(error);
              }

              @Override
              public void onComplete() {
                end.complete(new AssertionError("it was complete"));
              }
            });
    Throwable error = end.get(PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
    assertEquals(error.getClass(), IllegalArgumentException.class);
    return error.getMessage();
  }

  /** The kit gives the collector a tenth of a second, and asks it once. */
  @Override
  @Test(timeOut = PATIENCE_MILLIS)
  public void
      required_spec313_cancelMustMakeThePublisherEventuallyDropAllReferencesToTheSubscriber()
          throws Throwable {
    activePublisherTest(
        3,
        false,
        publisher -> {
          WeakReference<?> left = leave(publisher);
          while (left.get() != null) {
            System.gc();
          }
        });
  }

  private WeakReference<?> leave(Publisher<JobEvent> publisher) throws InterruptedException {
    TestEnvironment.ManualSubscriber<JobEvent> subscriber =
        new TestEnvironment(PATIENCE_MILLIS).newManualSubscriber(publisher);
    subscriber.request(1);
    subscriber.nextElement();
    subscriber.cancel();
    return new WeakReference<>(subscriber);
  }
}
