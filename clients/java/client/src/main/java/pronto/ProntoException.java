// SPDX-License-Identifier: Apache-2.0
package pronto;

import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.QuotaFailure;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import pronto.v1.ErrorReason;

/**
 * An error of a call, with everything that the server says about it.
 *
 * <p>Stubs throw gRPC's {@link StatusRuntimeException}; {@link #of} decodes it. This is one itself,
 * so that one {@code catch} is for stubs and for what is followed. Branch on code and reason, not
 * on the message.
 *
 * <pre>{@code
 * } catch (StatusRuntimeException e) {
 *   ProntoException error = ProntoException.of(e);
 *   if (error.reason() == ErrorReason.ERROR_REASON_RATE_LIMITED) { ... }
 * }
 * }</pre>
 */
public class ProntoException extends StatusRuntimeException {
  private static final long serialVersionUID = 1;

  // Not serializable, as in StatusRuntimeException: an error is handled where it is caught.
  private final transient ErrorDetails details;

  ProntoException(Status status, Metadata trailers, ErrorDetails details) {
    super(status, trailers);
    this.details = details;
  }

  /**
   * Decodes an error.
   *
   * @param error what a stub threw, or what caused it
   * @return the same error with its details; {@code error} itself when it is decoded already
   */
  public static ProntoException of(Throwable error) {
    return error instanceof ProntoException decoded
        ? decoded
        : new ProntoException(
            Hint.added(Status.fromThrowable(error)).withCause(error),
            Status.trailersFromThrowable(error),
            ErrorDetails.of(error));
  }

  /** An error that arose here and not at the server. */
  static ProntoException local(Status status) {
    return new ProntoException(status, null, ErrorDetails.NONE);
  }

  /** The same error with the stack of who throws it; where it arose is its cause. */
  ProntoException again() {
    return new ProntoException(getStatus().withCause(this), getTrailers(), details);
  }

  /** {@return the code, the reason, and the server's explanation} */
  @Override
  public String getMessage() {
    return text(getStatus(), details);
  }

  /**
   * The gRPC code.
   *
   * @return never OK
   */
  public Status.Code code() {
    return getStatus().getCode();
  }

  /**
   * The reason.
   *
   * @return {@code ERROR_REASON_UNSPECIFIED} for an error without one, {@code UNRECOGNIZED} for one
   *     that this version does not know: {@link #reasonText} has its name
   */
  public ErrorReason reason() {
    return details.reason();
  }

  /**
   * The reason as the server sent it, such as {@code RATE_LIMITED}.
   *
   * @return empty for an error without a reason
   */
  public String reasonText() {
    return details.reasonText();
  }

  /**
   * The server's explanation, for people.
   *
   * @return empty where there is none
   */
  public String description() {
    return description(getStatus());
  }

  /**
   * What belongs to the reason, such as {@code job_id} and {@code last_sequence}.
   *
   * @return unmodifiable
   */
  public Map<String, String> metadata() {
    return details.metadata();
  }

  /**
   * How long to wait before another attempt.
   *
   * @return empty where the server does not say
   */
  public Optional<Duration> retryDelay() {
    return details.retryDelay();
  }

  /**
   * Which fields of the request are wrong, by their path in proto names.
   *
   * @return unmodifiable; empty where the error is about something else
   */
  public List<FieldViolation> fieldViolations() {
    return details.fieldViolations();
  }

  /**
   * Which limits were met.
   *
   * @return unmodifiable; empty where the error is about something else
   */
  public List<QuotaFailure.Violation> quotaViolations() {
    return details.quotaViolations();
  }

  private static String text(Status status, ErrorDetails details) {
    String name = status.getCode().name();
    if (!details.reasonText().isEmpty()) {
      name += " / " + details.reasonText();
    }
    String description = description(status);
    return description.isEmpty() ? name : name + ": " + description;
  }

  private static String description(Status status) {
    return status.getDescription() == null ? "" : status.getDescription();
  }
}
