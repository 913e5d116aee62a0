// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** How often and when calls are repeated that may be. */
final class Retries {
  static final int MAX_ATTEMPTS = 5;

  /**
   * How long a call without a deadline waits for another attempt at most. Who wants to wait longer
   * sets a deadline; to others the server's refusal says more than silence.
   */
  static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  private static final Duration INITIAL_BACKOFF = Duration.ofMillis(500);
  private static final Duration MAX_BACKOFF = Duration.ofSeconds(5);
  private static final int MULTIPLIER = 2;
  private static final double JITTER = 0.2;

  private Retries() {}

  /**
   * gRPC's own retries, for the unary methods whose {@code idempotency_level} says that a repeat is
   * safe. Who reads a stream knows where to go on; gRPC would begin again.
   */
  static Map<String, Object> serviceConfig(List<ServiceDescriptor> services) {
    List<Map<String, String>> names =
        services.stream()
            .flatMap(service -> service.getMethods().stream())
            .filter(Retries::byGrpc)
            .map(Retries::name)
            .toList();
    return Map.of("methodConfig", List.of(Map.of("name", names, "retryPolicy", policy())));
  }

  /**
   * Whether gRPC repeats a method: the API says that it is safe. What is safe is idempotent, too.
   */
  static boolean byGrpc(MethodDescriptor<?, ?> method) {
    return method.isIdempotent() && method.getType() == MethodDescriptor.MethodType.UNARY;
  }

  /** The pause after an attempt, from 1; with gRPC's jitter of a fifth in both directions. */
  static Duration backoff(int attempt, double random) {
    double seconds = seconds(INITIAL_BACKOFF) * Math.pow(MULTIPLIER, attempt - 1.0);
    double jitter = 1 - JITTER + 2 * JITTER * random;
    return Duration.ofNanos((long) (Math.min(seconds, seconds(MAX_BACKOFF)) * jitter * 1e9));
  }

  private static Map<String, Object> policy() {
    // Numbers are doubles and times are text, as in JSON, which gRPC takes this for.
    return Map.of(
        "maxAttempts",
        (double) MAX_ATTEMPTS,
        "initialBackoff",
        seconds(INITIAL_BACKOFF) + "s",
        "maxBackoff",
        seconds(MAX_BACKOFF) + "s",
        "backoffMultiplier",
        (double) MULTIPLIER,
        "retryableStatusCodes",
        List.of("UNAVAILABLE"));
  }

  private static Map<String, String> name(MethodDescriptor<?, ?> method) {
    return Map.of("service", method.getServiceName(), "method", method.getBareMethodName());
  }

  private static double seconds(Duration time) {
    return time.toMillis() / 1e3;
  }
}
