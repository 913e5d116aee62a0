// SPDX-License-Identifier: Apache-2.0

/** Time and chance, as far as waiting needs them. Tests bring their own. */
export interface Clock {
  /** Milliseconds, rising. */
  now(): number;
  /** From 0 up to, but not including, 1. */
  random(): number;
  /** Calls `ring` once, after `ms`, unless the function it returns is called before. */
  timer(ms: number, ring: () => void): () => void;
}

/** The longest timer, 24 days: a longer one would ring at once. */
const longestTimerMs = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  random: () => Math.random(),
  timer(ms, ring) {
    const timer = setTimeout(ring, Math.min(ms, longestTimerMs));
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Waits for `ms`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = clock.timer(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
