// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import pronto.Pronto;
import pronto.v1.JobEvent;
import pronto.v1.JobOutcome;
import pronto.v1.Location;

/** Plain calls of both kinds. */
final class Calls {
  private Calls() {}

  static void unary(String[] arguments) {
    try (Pronto pronto = Environment.plaintext().connect()) {
      findParis(pronto);
    }
  }

  static void findParis(Pronto pronto) {
    List<Location> locations =
        pronto.locations().searchLocations(Requests.paris()).getLocationsList();
    boolean found =
        locations.stream()
            .anyMatch(
                place -> place.getName().equals("Paris") && place.getId().equals("106383538"));
    Check.that(found, "no Paris in " + locations);
  }

  static void streaming(String[] arguments) {
    try (Pronto pronto = Environment.plaintext().connect()) {
      List<JobEvent> events = new ArrayList<>();
      // The iterator throws when the status is not OK.
      Iterator<JobEvent> stream = pronto.leads().searchLeads(Requests.engineers(3));
      stream.forEachRemaining(events::add);
      events.removeIf(JobEvent::hasProgress);

      List<Long> sequences = events.stream().map(JobEvent::getSequence).toList();
      Check.equal(List.of(1L, 2L, 3L, 4L, 5L), sequences, "sequences");
      Check.that(events.get(0).hasStarted(), "the first event is " + events.get(0));
      Check.equal(3L, events.stream().filter(JobEvent::hasLead).count(), "leads");
      var completed = events.get(4).getCompleted();
      Check.equal(JobOutcome.JOB_OUTCOME_COMPLETE, completed.getOutcome(), "outcome");
      Check.equal(3L, completed.getCounts().getDelivered(), "delivered");
    }
  }
}
