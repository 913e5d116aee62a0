// SPDX-License-Identifier: Apache-2.0
package pronto.examples;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import pronto.Pronto;
import pronto.ProntoException;
import pronto.v1.EnrichContactRequest;
import pronto.v1.EnrichmentType;
import pronto.v1.ErrorReason;
import pronto.v1.GetHeadcountRequest;
import pronto.v1.LeadFilters;
import pronto.v1.SearchLeadsRequest;

/** What refusals look like, and how to handle them: {@code refusals}. */
public final class Refusals {
  private Refusals() {}

  /**
   * Runs the example.
   *
   * @param arguments none
   */
  public static void main(String[] arguments) {
    try (Pronto pronto = Connection.open()) {
      budget(pronto);
      invalid(pronto);
      rateLimit(pronto);
    } catch (IllegalStateException e) {
      System.err.println(e.getMessage());
      System.exit(1);
    }
  }

  /** A call that could cost more than it may: nothing was sent, nothing is charged. */
  private static void budget(Pronto pronto) {
    EnrichContactRequest request =
        EnrichContactRequest.newBuilder()
            .setFirstName("Wei")
            .setLastName("Young")
            .setCompanyName("Oakline Logistics")
            .addEnrichmentType(EnrichmentType.ENRICHMENT_TYPE_EMAIL)
            .setRequestId(UUID.randomUUID().toString())
            .setMaxCredits(0)
            .build();
    ProntoException error = refused(() -> pronto.contacts().enrichContact(request));
    expect(ErrorReason.ERROR_REASON_BUDGET_EXCEEDED, error);
    error
        .quotaViolations()
        .forEach(violation -> System.out.println("budget: " + violation.getDescription()));
  }

  /** A request with mistakes: all of them are named at once. */
  private static void invalid(Pronto pronto) {
    SearchLeadsRequest request =
        SearchLeadsRequest.newBuilder()
            .setFilters(LeadFilters.newBuilder().addIncludedLocations("Paris"))
            .setLimit(0)
            .build();
    ProntoException error = refused(() -> pronto.leads().startLeadSearch(request));
    expect(ErrorReason.ERROR_REASON_INVALID_REQUEST, error);
    error
        .fieldViolations()
        .forEach(
            violation ->
                System.out.printf(
                    "invalid: %s: %s%n", violation.getField(), violation.getDescription()));
  }

  /** More calls than Pronto's limit lets through within the deadline: the error says when. */
  private static void rateLimit(Pronto pronto) {
    GetHeadcountRequest request =
        GetHeadcountRequest.newBuilder().setCompanyLinkedinId("1").build();
    for (int calls = 0; calls < 5; calls++) {
      ProntoException error =
          refused(
              () -> pronto.accounts().withDeadlineAfter(1, TimeUnit.SECONDS).getHeadcount(request));
      if (error != null && error.code() == Status.Code.RESOURCE_EXHAUSTED) {
        expect(ErrorReason.ERROR_REASON_RATE_LIMITED, error);
        Duration wait =
            error.retryDelay().orElseThrow(() -> new IllegalStateException("it does not say when"));
        // Rounded up: a moment too early is refused again.
        long seconds = wait.plusMillis(999).toSeconds();
        System.out.println("rate limited: try again in " + seconds + " s");
        return;
      }
    }
    throw new IllegalStateException("five calls in a row were let through");
  }

  /** The error of a call, or null. Stubs throw gRPC's exception; {@code of} decodes it. */
  private static ProntoException refused(Runnable call) {
    try {
      call.run();
      return null;
    } catch (StatusRuntimeException e) {
      return ProntoException.of(e);
    }
  }

  private static void expect(ErrorReason reason, ProntoException error) {
    if (error == null || error.reason() != reason) {
      throw new IllegalStateException("expected " + reason + ", got " + error);
    }
  }
}
