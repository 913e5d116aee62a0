// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import pronto.JobSubscription;
import pronto.Pronto;
import pronto.v1.JobCompleted;
import pronto.v1.JobEvent;

/** The scenario {@code follow}, as a reactive stream. */
final class FlowFollowing {
  private FlowFollowing() {}

  static void follow(String[] arguments) throws InterruptedException, ExecutionException {
    try (Pronto pronto = Environment.plaintext().connect()) {
      Printer printer = new Printer();
      pronto.publisher(arguments[0], Following.options(arguments)).subscribe(printer);
      Following.print(printer.account.get());
    }
  }

  /** Asks for one event after the other. */
  private static final class Printer implements Flow.Subscriber<JobEvent> {
    private final CompletableFuture<JobCompleted> account = new CompletableFuture<>();
    private JobSubscription subscription;

    @Override
    public void onSubscribe(Flow.Subscription given) {
      subscription = (JobSubscription) given;
      subscription.request(1);
    }

    @Override
    public void onNext(JobEvent event) {
      Following.print(event);
      subscription.request(1);
    }

    @Override
    public void onError(Throwable error) {
      account.completeExceptionally(error);
    }

    @Override
    public void onComplete() {
      account.complete(subscription.account());
    }
  }
}
