// SPDX-License-Identifier: Apache-2.0

import type { Transport } from "@connectrpc/connect";

// Connect tells servers of timeouts in milliseconds, of which gRPC allows 8 digits: 27 hours.
const longestMs = 99_999_999;

/** A timeout as a server can be told it: whole milliseconds, 27 hours at most. */
export function tellableMs(ms: number): number {
  return Math.min(Math.ceil(ms), longestMs);
}

/** A transport that takes any timeout; Connect passes on those that servers refuse, too. */
export function withTellableTimeouts(transport: Transport): Transport {
  return {
    unary: (method, signal, timeoutMs, ...rest) =>
      transport.unary(method, signal, timeoutMs && tellableMs(timeoutMs), ...rest),
    stream: (method, signal, timeoutMs, ...rest) =>
      transport.stream(method, signal, timeoutMs && tellableMs(timeoutMs), ...rest),
  };
}
