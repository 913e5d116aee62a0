// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from "@connectrpc/connect";

import type { Clock } from "./clock.js";

/**
 * The next message of a stream, unless none comes in time or the signal is aborted. The
 * caller then ends the call: an iterator that waits cannot be told to stop.
 */
export function nextWithin<T>(
  messages: AsyncIterator<T>,
  ms: number,
  signal: AbortSignal,
  clock: Clock,
): Promise<IteratorResult<T>> {
  return new Promise<IteratorResult<T>>((resolve, reject) => {
    const stop = () => {
      reject(signal.reason as Error);
    };
    const cancel = clock.timer(ms, () => {
      reject(new ConnectError(`nothing came for ${String(ms / 1000)} s`, Code.Unavailable));
    });
    signal.addEventListener("abort", stop);
    const settle = () => {
      cancel();
      signal.removeEventListener("abort", stop);
    };
    if (signal.aborted) stop();
    messages.next().finally(settle).then(resolve, reject);
  });
}
