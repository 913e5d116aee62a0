// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import io.grpc.StatusRuntimeException;
import java.util.Objects;
import pronto.ProntoException;

/** What a scenario expects. */
final class Check {
  private Check() {}

  static void that(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  static void equal(Object expected, Object got, String what) {
    that(Objects.equals(expected, got), what + ": expected " + expected + ", got " + got);
  }

  static ProntoException refused(Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException e) {
      return ProntoException.of(e);
    }
    throw new AssertionError("the call was not refused");
  }
}
