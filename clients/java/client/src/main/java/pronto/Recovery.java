// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.time.Duration;
import java.util.function.DoubleSupplier;

/** After which errors a stream is begun again, and how long it is waited before. */
final class Recovery {
  private static final Duration BASE = Duration.ofMillis(100);
  private static final Duration CAP = Duration.ofSeconds(10);

  /** How gRPC says that it did not take a message because of the limit on this side. */
  private static final String TOO_LARGE = "gRPC message exceeds maximum size";

  private final DoubleSupplier random;
  private int failures;

  Recovery(DoubleSupplier random) {
    this.random = random;
  }

  /** Whether the job may well be fine behind an error that the caller did not cause. */
  static boolean possible(ProntoException error) {
    return switch (error.code()) {
      case UNAVAILABLE -> true;
      // The caller's own deadline ends the following elsewhere; this is a proxy's.
      case DEADLINE_EXCEEDED -> true;
      // Without a reason they are reset streams and broken connections, with one they are the
      // server's word.
      case INTERNAL, UNKNOWN, CANCELLED -> error.reasonText().isEmpty();
      // Without a reason they are a proxy's: a 404 before it knows the server, and
      // ENHANCE_YOUR_CALM.
      case UNIMPLEMENTED -> error.reasonText().isEmpty();
      // A message that is too large for us would be so each time.
      case RESOURCE_EXHAUSTED ->
          error.reasonText().isEmpty() && !error.description().contains(TOO_LARGE);
      default -> false;
    };
  }

  /** A message came: the next failure is a first one. */
  void reset() {
    failures = 0;
  }

  /** Full jitter, so that clients that were cut together do not come back together. */
  Duration delay(ProntoException error) {
    Duration limit = CAP;
    if (failures < 10) {
      limit = BASE.multipliedBy(1L << failures);
      failures++;
    }
    limit = limit.compareTo(CAP) < 0 ? limit : CAP;
    Duration wait = Duration.ofNanos((long) (limit.toNanos() * random.getAsDouble()));
    Duration least = error.retryDelay().orElse(Duration.ZERO);
    return wait.compareTo(least) < 0 ? least : wait;
  }
}
