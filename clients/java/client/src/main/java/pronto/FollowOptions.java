// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.time.Duration;
import java.util.Objects;

/**
 * How a job is followed. Immutable; begin with {@link #DEFAULT}.
 *
 * @param after the last sequence that was handled before; 0 to begin with the first event
 * @param progress whether {@code progress} events are handed out, too
 * @param patience how long it is tried without receiving any message. The time of a stream that is
 *     whole and quiet does not count
 * @param idleTimeout how long a stream may be silent before it is abandoned and begun again. The
 *     server says {@code progress} at least every 20 s, so a longer silence is a connection that
 *     died without a word
 */
public record FollowOptions(long after, boolean progress, Duration patience, Duration idleTimeout) {

  /** From the first event, without progress, with ten minutes of patience, one of silence. */
  public static final FollowOptions DEFAULT =
      new FollowOptions(0, false, Duration.ofMinutes(10), Duration.ofSeconds(60));

  /**
   * Refuses what cannot be meant.
   *
   * @param after not negative
   * @param progress any
   * @param patience positive
   * @param idleTimeout positive
   */
  public FollowOptions {
    if (after < 0) {
      throw new IllegalArgumentException("after must not be negative: " + after);
    }
    positive("patience", patience);
    positive("idleTimeout", idleTimeout);
  }

  /**
   * Goes on behind an event.
   *
   * @param sequence the last sequence that was handled
   * @return options that differ in this
   */
  public FollowOptions withAfter(long sequence) {
    return new FollowOptions(sequence, progress, patience, idleTimeout);
  }

  /**
   * Hands out {@code progress} events, too. Their sequence is 0.
   *
   * @return options that differ in this
   */
  public FollowOptions withProgress() {
    return new FollowOptions(after, true, patience, idleTimeout);
  }

  /**
   * Sets how long it is tried without receiving any message.
   *
   * @param time a positive time
   * @return options that differ in this
   */
  public FollowOptions withPatience(Duration time) {
    return new FollowOptions(after, progress, time, idleTimeout);
  }

  /**
   * Sets how long a stream may be silent.
   *
   * @param time a positive time
   * @return options that differ in this
   */
  public FollowOptions withIdleTimeout(Duration time) {
    return new FollowOptions(after, progress, patience, time);
  }

  private static void positive(String name, Duration time) {
    if (Objects.requireNonNull(time, name).isNegative() || time.isZero()) {
      throw new IllegalArgumentException(name + " must be positive: " + time);
    }
  }
}
