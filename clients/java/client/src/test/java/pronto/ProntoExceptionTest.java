// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static pronto.Fixtures.error;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.rpc.BadRequest;
import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import pronto.v1.ErrorReason;

final class ProntoExceptionTest {
  @Test
  void hasEverythingThatTheServerSays() {
    FieldViolation field =
        FieldViolation.newBuilder().setField("limit").setDescription("too small").build();
    QuotaFailure.Violation quota =
        QuotaFailure.Violation.newBuilder().setSubject("max_credits").build();
    StatusRuntimeException original =
        error(
            Status.Code.RESOURCE_EXHAUSTED,
            "BUDGET_EXCEEDED",
            BadRequest.newBuilder().addFieldViolations(field).build(),
            QuotaFailure.newBuilder().addViolations(quota).build(),
            Fixtures.retryAfter(Duration.ofMillis(1500)));
    ProntoException error = ProntoException.of(original);

    assertEquals(Status.Code.RESOURCE_EXHAUSTED, error.code());
    assertEquals(ErrorReason.ERROR_REASON_BUDGET_EXCEEDED, error.reason());
    assertEquals("BUDGET_EXCEEDED", error.reasonText());
    assertEquals("it says why", error.description());
    assertEquals("RESOURCE_EXHAUSTED / BUDGET_EXCEEDED: it says why", error.getMessage());
    assertEquals(Map.of("job_id", Fixtures.JOB), error.metadata());
    assertEquals(Optional.of(Duration.ofMillis(1500)), error.retryDelay());
    assertEquals(List.of(field), error.fieldViolations());
    assertEquals(List.of(quota), error.quotaViolations());
    assertSame(original, error.getCause());
    assertSame(error, ProntoException.of(error));
  }

  @Test
  void keepsAReasonThatItDoesNotKnow() {
    ProntoException error = ProntoException.of(error(Status.Code.INTERNAL, "OF_TOMORROW"));
    assertEquals(ErrorReason.UNRECOGNIZED, error.reason());
    assertEquals("OF_TOMORROW", error.reasonText());
  }

  @Test
  void anErrorWithoutDetailsHasNoReason() {
    withoutReason(Status.UNAVAILABLE.withDescription("no route").asRuntimeException());
  }

  @Test
  void somebodyElsesReasonIsNone() {
    ErrorInfo info = ErrorInfo.newBuilder().setDomain("proxy").setReason("NOT_FOUND").build();
    withoutReason(error(Status.Code.UNAVAILABLE, "", info));
  }

  @Test
  void detailsOfAnotherCodeAreNotAboutTheError() {
    Metadata trailers = StatusProto.toStatusRuntimeException(proto(Any.pack(info()))).getTrailers();
    withoutReason(Status.UNAVAILABLE.asRuntimeException(trailers));
  }

  @Test
  void aDetailThatCannotBeReadIsLeftOut() {
    Any broken = Any.pack(info()).toBuilder().setValue(ByteString.copyFromUtf8("\u0001")).build();
    ProntoException error = ProntoException.of(StatusProto.toStatusRuntimeException(proto(broken)));
    assertEquals(Status.Code.NOT_FOUND, error.code());
    assertEquals(ErrorReason.ERROR_REASON_UNSPECIFIED, error.reason());
  }

  @Test
  void detailsThatCannotBeReadAreNone() {
    Metadata trailers = new Metadata();
    trailers.put(
        ProtoUtils.keyForProto(ErrorInfo.getDefaultInstance()), ErrorInfo.getDefaultInstance());
    withoutReason(Status.UNAVAILABLE.asRuntimeException(trailers));
  }

  private static void withoutReason(StatusRuntimeException original) {
    ProntoException error = ProntoException.of(original);
    assertEquals(Status.Code.UNAVAILABLE, error.code());
    assertEquals(ErrorReason.ERROR_REASON_UNSPECIFIED, error.reason());
    assertEquals("", error.reasonText());
    assertEquals(Map.of(), error.metadata());
  }

  private static ErrorInfo info() {
    return ErrorInfo.newBuilder().setDomain("pronto.v1").setReason("NOT_FOUND").build();
  }

  private static com.google.rpc.Status proto(Any detail) {
    return com.google.rpc.Status.newBuilder()
        .setCode(Status.Code.NOT_FOUND.value())
        .addDetails(detail)
        .build();
  }
}
