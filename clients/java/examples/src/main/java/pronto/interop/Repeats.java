// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import io.grpc.Status;
import java.util.Set;
import java.util.UUID;
import pronto.Pronto;
import pronto.ProntoException;

/** Calls over a wire that breaks; a new client each, so that each has connections of its own. */
final class Repeats {
  private static final Set<Status.Code> BROKEN =
      Set.of(
          Status.Code.UNAVAILABLE,
          Status.Code.UNKNOWN,
          Status.Code.INTERNAL,
          Status.Code.CANCELLED);

  private Repeats() {}

  static void retry(String[] arguments) {
    try (Pronto pronto = Environment.plaintext().connect()) {
      Calls.findParis(pronto);
    }
    try (Pronto pronto = Environment.plaintext().connect()) {
      String id = UUID.randomUUID().toString();
      var answer = pronto.contacts().enrichContact(Requests.wei().setRequestId(id).build());
      Check.that(answer.hasContact(), "no contact in " + answer);
    }
    try (Pronto pronto = Environment.plaintext().connect()) {
      ProntoException error =
          Check.refused(() -> pronto.contacts().enrichContact(Requests.wei().build()));
      Check.that(BROKEN.contains(error.code()), "without request_id: " + error);
    }
  }
}
