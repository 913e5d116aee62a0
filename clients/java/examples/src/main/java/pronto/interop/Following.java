// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import java.time.Duration;
import java.util.Locale;
import pronto.Follow;
import pronto.FollowOptions;
import pronto.Pronto;
import pronto.v1.JobCompleted;
import pronto.v1.JobEvent;

/** Follows a job and prints what comes: {@code follow JOB [AFTER]}. */
final class Following {
  private Following() {}

  static void follow(String[] arguments) {
    try (Pronto pronto = Environment.plaintext().connect();
        Follow events = pronto.follow(arguments[0], options(arguments))) {
      events.forEachRemaining(Following::print);
      print(events.account());
    }
  }

  static FollowOptions options(String[] arguments) {
    FollowOptions options = FollowOptions.DEFAULT;
    if (arguments.length > 1) {
      options = options.withAfter(Long.parseLong(arguments[1]));
    }
    String idle = System.getenv("FOLLOW_IDLE_SECONDS");
    return idle == null || idle.isEmpty()
        ? options
        : options.withIdleTimeout(Duration.ofMillis((long) (Double.parseDouble(idle) * 1000)));
  }

  static void print(JobEvent event) {
    String kind = event.getEventCase().name().toLowerCase(Locale.ROOT);
    String key = event.hasLead() ? event.getLead().getLead().getLinkedinUrl() : "-";
    System.out.println(event.getSequence() + " " + kind + " " + key);
  }

  static void print(JobCompleted account) {
    System.out.println(
        "account "
            + account.getOutcome().name().replace("JOB_OUTCOME_", "")
            + " "
            + account.getCounts().getDelivered());
  }
}
