// SPDX-License-Identifier: Apache-2.0

import { Code } from "@connectrpc/connect";

import { ProntoError } from "./errors.js";

/**
 * Whether a stream that ended with this error can go on. The caller's own deadline and
 * cancellation are not asked about: they come as an aborted signal.
 */
export function isResumable(error: ProntoError): boolean {
  if (ProntoError.isClosed(error)) return false;
  switch (error.code) {
    case Code.Unavailable:
    case Code.DeadlineExceeded:
      return true;
    case Code.ResourceExhausted:
      return error.reasonText === "" && !isTooLarge(error);
    case Code.Unimplemented:
    case Code.Internal:
    case Code.Unknown:
    case Code.Canceled:
      // A proxy or a broken connection says so, unless the server gives a reason.
      return error.reasonText === "";
    default:
      return false;
  }
}

/** Whether Connect refused a message: it would be as large another time. */
function isTooLarge({ rawMessage }: ProntoError): boolean {
  return rawMessage.includes("is larger than configured readMaxBytes");
}
