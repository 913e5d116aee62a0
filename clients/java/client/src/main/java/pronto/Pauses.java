// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The calls that wait for another attempt, so that the end of the client is theirs, too. */
final class Pauses implements AutoCloseable {
  private final Set<RepeatingCall<?, ?>> calls = new HashSet<>();
  private boolean closed;

  /** Notes a call that is about to wait. False when it must not. */
  synchronized boolean add(RepeatingCall<?, ?> call) {
    return !closed && calls.add(call);
  }

  synchronized void remove(RepeatingCall<?, ?> call) {
    calls.remove(call);
  }

  @Override
  public void close() {
    // Not under the lock: a call that ends removes itself.
    end().forEach(RepeatingCall::close);
  }

  private synchronized List<RepeatingCall<?, ?>> end() {
    closed = true;
    return List.copyOf(calls);
  }
}
