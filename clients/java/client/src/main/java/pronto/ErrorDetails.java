// SPDX-License-Identifier: Apache-2.0
package pronto;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import pronto.v1.ErrorReason;

/** What the trailer {@code grpc-status-details-bin} of an error holds. */
record ErrorDetails(
    String reasonText,
    Map<String, String> metadata,
    Optional<Duration> retryDelay,
    List<FieldViolation> fieldViolations,
    List<QuotaFailure.Violation> quotaViolations) {

  static final ErrorDetails NONE =
      new ErrorDetails("", Map.of(), Optional.empty(), List.of(), List.of());

  private static final String DOMAIN = "pronto.v1";

  static ErrorDetails of(Throwable error) {
    com.google.rpc.Status status = status(error);
    if (status == null) {
      return NONE;
    }
    ErrorInfo info = find(status, ErrorInfo.getDefaultInstance());
    boolean ours = info.getDomain().equals(DOMAIN);
    return new ErrorDetails(
        ours ? info.getReason() : "",
        ours ? Map.copyOf(info.getMetadataMap()) : Map.of(),
        retryDelay(find(status, RetryInfo.getDefaultInstance())),
        find(status, BadRequest.getDefaultInstance()).getFieldViolationsList(),
        find(status, QuotaFailure.getDefaultInstance()).getViolationsList());
  }

  ErrorReason reason() {
    if (reasonText.isEmpty()) {
      return ErrorReason.ERROR_REASON_UNSPECIFIED;
    }
    var known = ErrorReason.getDescriptor().findValueByName("ERROR_REASON_" + reasonText);
    return known == null ? ErrorReason.UNRECOGNIZED : ErrorReason.valueOf(known);
  }

  private static com.google.rpc.Status status(Throwable error) {
    try {
      return StatusProto.fromThrowable(error);
    } catch (IllegalArgumentException e) {
      // The details say another code than the status: something between us and the server
      // made the status, and the details are not about it.
      return null;
    }
  }

  private static Optional<Duration> retryDelay(RetryInfo info) {
    return info.hasRetryDelay()
        ? Optional.of(
            Duration.ofSeconds(info.getRetryDelay().getSeconds(), info.getRetryDelay().getNanos()))
        : Optional.empty();
  }

  /** The first detail of a type, or its empty default. */
  private static <T extends Message> T find(com.google.rpc.Status status, T empty) {
    for (Any detail : status.getDetailsList()) {
      if (detail.is(empty.getClass())) {
        try {
          return detail.unpackSameTypeAs(empty);
        } catch (InvalidProtocolBufferException e) {
          // A detail that cannot be read must not hide the error that it is about.
          return empty;
        }
      }
    }
    return empty;
  }
}
