// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from "@connectrpc/connect";

import type { Clock } from "./clock.js";

/** Why a call is aborted whose stream fell silent: its connection may be dead. */
export class Silence extends Error {
  // By this name Connect knows what was cancelled.
  override readonly name = "AbortError";
}

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
      const message = `nothing came for ${String(ms / 1000)} s`;
      const silence = new Silence(message);
      reject(new ConnectError(message, Code.Unavailable, undefined, undefined, silence));
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
