// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Metadata;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * How a job is followed. Immutable; begin with {@link #DEFAULT}.
 *
 * @param after the last sequence that was handled before; 0 to begin with the first event
 * @param progress whether {@code progress} events are handed out, too
 * @param patience how long it is tried in vain. The time in which the server has a stream open does
 *     not count, but the silence of one that is given up does: behind its last message, or behind
 *     its opening where none came. It begins anew with each event, and with the end of a stream
 *     that brought anything and was open for ten seconds or longer, its silence aside
 * @param idleTimeout how long a stream may be silent before it is abandoned and begun again. The
 *     server says {@code progress} at least every 20 s, so a longer silence is a connection that
 *     died without a word
 * @param headers what is sent with the calls of this following, such as its own {@code x-api-key}:
 *     instead of the client's credentials, where they have the same names. By name, in lower case
 */
public record FollowOptions(
    long after,
    boolean progress,
    Duration patience,
    Duration idleTimeout,
    Map<String, String> headers) {

  /** From the first event, without progress, with ten minutes of patience, one of silence. */
  public static final FollowOptions DEFAULT =
      new FollowOptions(0, false, Duration.ofMinutes(10), Duration.ofSeconds(60), Map.of());

  /**
   * Refuses what cannot be meant.
   *
   * @param after not negative
   * @param progress any
   * @param patience positive
   * @param idleTimeout positive
   * @param headers visible ASCII characters, with spaces between them only
   */
  public FollowOptions {
    if (after < 0) {
      throw new IllegalArgumentException("after must not be negative: " + after);
    }
    positive("patience", patience);
    positive("idleTimeout", idleTimeout);
    headers = checked(headers);
  }

  /**
   * Goes on behind an event.
   *
   * @param sequence the last sequence that was handled
   * @return options that differ in this
   */
  public FollowOptions withAfter(long sequence) {
    return new FollowOptions(sequence, progress, patience, idleTimeout, headers);
  }

  /**
   * Hands out {@code progress} events, too. Their sequence is 0.
   *
   * @return options that differ in this
   */
  public FollowOptions withProgress() {
    return new FollowOptions(after, true, patience, idleTimeout, headers);
  }

  /**
   * Sets how long it is tried in vain.
   *
   * @param time a positive time
   * @return options that differ in this
   */
  public FollowOptions withPatience(Duration time) {
    return new FollowOptions(after, progress, time, idleTimeout, headers);
  }

  /**
   * Sets how long a stream may be silent.
   *
   * @param time a positive time
   * @return options that differ in this
   */
  public FollowOptions withIdleTimeout(Duration time) {
    return new FollowOptions(after, progress, patience, time, headers);
  }

  /**
   * Sends a header, such as {@code x-api-key} or {@code authorization}, instead of the client's of
   * the same name.
   *
   * @param name the header, no binary one
   * @param value its value
   * @return options that differ in this
   * @throws IllegalArgumentException when it cannot be a header
   */
  public FollowOptions withHeader(String name, String value) {
    Map<String, String> more = new TreeMap<>(headers);
    more.put(key(name).name(), value);
    return new FollowOptions(after, progress, patience, idleTimeout, more);
  }

  /** {@return the options, without the values of headers: these are secrets} */
  @Override
  public String toString() {
    return "FollowOptions[after=%d, progress=%s, patience=%s, idleTimeout=%s, headers=%s]"
        .formatted(after, progress, patience, idleTimeout, headers.keySet());
  }

  /** The headers as gRPC takes them. */
  Metadata metadata() {
    Metadata metadata = new Metadata();
    headers.forEach((name, value) -> metadata.put(key(name), value));
    return metadata;
  }

  private static Map<String, String> checked(Map<String, String> headers) {
    Map<String, String> checked = new TreeMap<>();
    headers.forEach(
        (name, value) -> {
          if (!HeaderValue.sent(value)) {
            throw new IllegalArgumentException(
                "the header " + name + " must be ASCII without space around it");
          }
          checked.put(key(name).name(), value);
        });
    return Collections.unmodifiableMap(checked);
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  private static void positive(String name, Duration time) {
    if (Objects.requireNonNull(time, name).isNegative() || time.isZero()) {
      throw new IllegalArgumentException(name + " must be positive: " + time);
    }
  }
}
