// SPDX-License-Identifier: Apache-2.0
package pronto.examples;

import java.util.UUID;
import pronto.Follow;
import pronto.Pronto;
import pronto.v1.JobCompleted;
import pronto.v1.JobEvent;
import pronto.v1.LeadFilters;
import pronto.v1.LeadResult;
import pronto.v1.SearchLeadsRequest;
import pronto.v1.StartResponse;

/** Searches for engineers and prints them as they are found: {@code search [LIMIT]}. */
public final class Search {
  private Search() {}

  /**
   * Runs the example.
   *
   * @param arguments the largest number of people; 20 without
   */
  public static void main(String[] arguments) {
    int limit = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 20;
    SearchLeadsRequest request =
        SearchLeadsRequest.newBuilder()
            .setFilters(LeadFilters.newBuilder().addJobTitles("engineer"))
            .setLimit(limit)
            // With an id the start may be sent again after a broken connection, which the client
            // does by itself: the server carries it out once.
            .setRequestId(UUID.randomUUID().toString())
            .build();

    try (Pronto pronto = Connection.open()) {
      StartResponse start = pronto.leads().startLeadSearch(request);
      // From here on the job runs at the server. Following it survives broken connections and
      // restarts of the server; each event comes once.
      try (Follow events = pronto.follow(start)) {
        for (JobEvent event : events) {
          if (event.hasLead()) {
            System.out.println(describe(event.getLead()));
          }
        }
        JobCompleted account = events.account();
        System.out.printf(
            "%s: %d people%n",
            account.getOutcome().name().replace("JOB_OUTCOME_", ""),
            account.getCounts().getDelivered());
      }
    }
  }

  private static String describe(LeadResult result) {
    return String.format(
        "%s %s, %s at %s",
        result.getLead().getFirstName(),
        result.getLead().getLastName(),
        result.getLead().getTitle(),
        result.getCompany().getName());
  }
}
