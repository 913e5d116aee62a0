// SPDX-License-Identifier: Apache-2.0
package pronto.examples;

import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import pronto.Follow;
import pronto.Pronto;
import pronto.ProntoException;
import pronto.v1.BulkEnrichContactsRequest;
import pronto.v1.Contact;
import pronto.v1.EnrichmentType;
import pronto.v1.ErrorReason;
import pronto.v1.JobCompleted;
import pronto.v1.JobEvent;

/**
 * Finds the emails of the people in a CSV file: {@code enrich IN.csv OUT.csv REQUEST_ID}.
 *
 * <p>Run again with the same id, after whatever ended it, it continues the same job and pays
 * nothing, for as long as the server keeps ids (docs/money.md).
 */
public final class Enrich {
  private Enrich() {}

  /**
   * Runs the example.
   *
   * @param arguments the file to read, the file to write, the id of this batch
   * @throws IOException when a file cannot be read or written
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 3) {
      System.err.println("usage: enrich IN.csv OUT.csv REQUEST_ID");
      System.exit(2);
    }
    try {
      // The whole file, before anything is paid.
      People people = People.read(Path.of(arguments[0]));
      enrich(people, Path.of(arguments[1]), arguments[2]);
    } catch (ProntoException | IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(1);
    }
  }

  private static void enrich(People people, Path target, String requestId) throws IOException {
    try (Pronto pronto = Connection.open()) {
      String job = start(pronto, people, requestId);
      Map<Integer, Contact> found = new HashMap<>();
      JobCompleted account = collect(pronto, job, found);
      people.write(target, found);
      nameMissing(account.getMissingIndexesList());
      System.out.printf(
          "%s: %d contacts, %d credits%n",
          account.getOutcome().name().replace("JOB_OUTCOME_", ""),
          account.getCounts().getDelivered(),
          account.getCounts().getCredits());
    }
  }

  /** Starts the batch, or finds the job that the same request started before: its id. */
  private static String start(Pronto pronto, People people, String requestId) {
    BulkEnrichContactsRequest request =
        BulkEnrichContactsRequest.newBuilder()
            .addAllContacts(people.contacts())
            .addEnrichmentType(EnrichmentType.ENRICHMENT_TYPE_EMAIL)
            .setRequestId(requestId)
            .build();
    try {
      return pronto.contacts().startBulkContactEnrichment(request).getJob().getId();
    } catch (StatusRuntimeException e) {
      ProntoException error = ProntoException.of(e);
      if (error.reason() == ErrorReason.ERROR_REASON_REQUEST_ID_REUSED) {
        System.err.printf(
            "The id %s was used for other people before (job %s). Choose a new one for this file.%n",
            requestId, error.metadata().get("job_id"));
      }
      if (error.reason() == ErrorReason.ERROR_REASON_OUTCOME_UNKNOWN) {
        // Pronto may have the batch and charge it. The job collects what it delivers, and ends at
        // its deadline if that is nothing.
        System.err.println("Pronto's answer was lost; waiting for what it delivers");
        return error.metadata().get("job_id");
      }
      throw error;
    }
  }

  private static JobCompleted collect(Pronto pronto, String job, Map<Integer, Contact> found) {
    try (Follow events = pronto.follow(job)) {
      for (JobEvent event : events) {
        if (event.hasContact() && event.getContact().hasIndex()) {
          // The position of the person in the request: results come in any order.
          int index = event.getContact().getIndex();
          found.put(index, event.getContact());
          System.out.println("contact " + index);
        }
      }
      return events.account();
    }
  }

  private static void nameMissing(List<Integer> indexes) {
    for (int index : indexes) {
      System.err.println("nothing came for contact " + index);
    }
  }
}
