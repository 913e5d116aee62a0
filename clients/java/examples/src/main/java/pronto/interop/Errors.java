// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import com.google.rpc.BadRequest.FieldViolation;
import io.grpc.Status;
import java.util.List;
import java.util.UUID;
import pronto.Pronto;
import pronto.ProntoException;
import pronto.v1.ErrorReason;
import pronto.v1.GetJobRequest;

/** Errors, decoded. */
final class Errors {
  private Errors() {}

  static void errors(String[] arguments) {
    try (Pronto pronto = Environment.plaintext().connect()) {
      invalid(Check.refused(() -> pronto.leads().startLeadSearch(Requests.mistaken())));
      invalid(Check.refused(() -> pronto.leads().searchLeads(Requests.mistaken()).next()));
      unknownJob(pronto);
    }
  }

  private static void invalid(ProntoException error) {
    Check.equal(Status.Code.INVALID_ARGUMENT, error.code(), "code");
    Check.equal(ErrorReason.ERROR_REASON_INVALID_REQUEST, error.reason(), "reason");
    List<String> fields = error.fieldViolations().stream().map(FieldViolation::getField).toList();
    Check.equal(List.of("filters.included_locations[0]", "limit"), fields, "fields");
    Check.equal(
        "must be at least 1", error.fieldViolations().get(1).getDescription(), "description");
  }

  private static void unknownJob(Pronto pronto) {
    String id = UUID.randomUUID().toString();
    ProntoException error =
        Check.refused(() -> pronto.jobs().getJob(GetJobRequest.newBuilder().setJobId(id).build()));
    Check.equal(Status.Code.NOT_FOUND, error.code(), "code");
    Check.equal(ErrorReason.ERROR_REASON_NOT_FOUND, error.reason(), "reason");
    Check.equal(id, error.metadata().get("job_id"), "job_id");
  }
}
