// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import io.grpc.Status;
import java.io.IOException;
import pronto.Pronto;
import pronto.ProntoException;
import pronto.v1.ErrorReason;

/** Ways to the server. */
final class Transports {
  private Transports() {}

  static void unix(String[] arguments) {
    try (Pronto pronto = Environment.unix().connect()) {
      Calls.findParis(pronto);
    }
  }

  static void tls(String[] arguments) throws IOException {
    var authority = Environment.certificateAuthority();
    try (Pronto pronto =
        Environment.tls().certificateAuthority(authority).token(Environment.token()).connect()) {
      Calls.findParis(pronto);
    }
    try (Pronto pronto =
        Environment.tls().certificateAuthority(authority).token("wrong").connect()) {
      ProntoException error = refused(pronto);
      Check.equal(ErrorReason.ERROR_REASON_UNAUTHENTICATED_CLIENT, error.reason(), "wrong token");
    }
    try (Pronto pronto = Environment.tls().token(Environment.token()).connect()) {
      Check.equal(Status.Code.UNAVAILABLE, refused(pronto).code(), "without the authority");
    }
  }

  private static ProntoException refused(Pronto pronto) {
    return Check.refused(() -> pronto.locations().searchLocations(Requests.paris()));
  }
}
