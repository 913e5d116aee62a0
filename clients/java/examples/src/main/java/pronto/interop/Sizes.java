// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import com.google.protobuf.Value;
import io.grpc.Status;
import java.util.Iterator;
import pronto.Pronto;
import pronto.ProntoException;
import pronto.v1.ErrorReason;
import pronto.v1.JobEvent;

/** Large messages. */
final class Sizes {
  private static final int MIB = 1 << 20;

  private Sizes() {}

  static void large(String[] arguments) {
    try (Pronto pronto = Environment.plaintext().connect()) {
      echoed(pronto, "x".repeat(5 * MIB));
      ProntoException error = Check.refused(() -> echoed(pronto, "x".repeat(17 * MIB)));
      Check.equal(Status.Code.RESOURCE_EXHAUSTED, error.code(), "code of 17 MiB");
      Check.equal(ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE, error.reason(), "reason of 17 MiB");
    }
  }

  static void compression(String[] arguments) {
    try (Pronto pronto = Environment.plaintext().gzip().connect()) {
      echoed(pronto, "x".repeat(MIB));
    }
  }

  /** Sends a text that comes back with the contact. */
  private static void echoed(Pronto pronto, String blob) {
    Iterator<JobEvent> stream = pronto.contacts().enrichContactAsync(Requests.weiWith(blob));
    int contacts = 0;
    while (stream.hasNext()) {
      JobEvent event = stream.next();
      if (event.hasContact()) {
        Value echo = event.getContact().getCustom().getFieldsOrThrow("blob");
        Check.that(echo.getStringValue().equals(blob), "the contact has another text");
        contacts++;
      }
    }
    Check.equal(1, contacts, "contacts");
  }
}
