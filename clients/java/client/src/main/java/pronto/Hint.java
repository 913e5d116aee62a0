// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Status;
import io.grpc.netty.shaded.io.netty.handler.codec.http2.Http2Exception;
import io.grpc.netty.shaded.io.netty.handler.ssl.NotSslRecordException;
import java.util.regex.Pattern;

/** What is likely wrong with an address, where gRPC's words alone are obscure. */
final class Hint {
  /** An alert of TLS as Netty quotes it, where the first frame of HTTP/2 should be. */
  private static final Pattern ALERT =
      Pattern.compile("First received frame was not SETTINGS\\..*: 1503.*");

  private Hint() {}

  /** The same status; behind its description the hint, if there is one. */
  static Status added(Status status) {
    for (Throwable cause = status.getCause(); cause != null; cause = cause.getCause()) {
      if (cause instanceof NotSslRecordException) {
        return described(status, "is this address without TLS? then connect without tls()");
      }
      if (cause instanceof Http2Exception && ALERT.matcher(cause.getMessage()).matches()) {
        return described(
            status,
            "does this address speak TLS? then connect with tls() or certificateAuthority()");
      }
    }
    return status;
  }

  private static Status described(Status status, String hint) {
    return status.withDescription(status.getDescription() + " (" + hint + ")");
  }
}
