// SPDX-License-Identifier: Apache-2.0

/** How to follow a job. */
export interface FollowOptions {
  /** The sequence of the last event that was handled; the events behind it come. 0. */
  after?: bigint | number;
  /** Hand out `progress` events (sequence 0), too. false. */
  progress?: boolean;
  /**
   * How long to go on trying before the last error is raised: the time that connecting,
   * pauses and silences of `idleMs` take. Other time in which a stream is open does not
   * count. It begins anew with each new event, and when a stream breaks that brought
   * something and was open for 10 s, a silent one up to its last message. 10 minutes.
   */
  patienceMs?: number;
  /**
   * A stream that is silent for so long is begun again. The server says `progress` at
   * least every 20 s, so silence means a connection that died unnoticed. 60 s.
   */
  idleMs?: number;
  /** Ends it at once; the iteration throws the signal's reason. */
  signal?: AbortSignal;
  /** Sent with each call instead of what the client sends, such as an `x-api-key`. */
  headers?: HeadersInit;
}

/** Options that are checked and complete. */
export interface FollowSettings {
  readonly after: bigint;
  readonly progress: boolean;
  readonly patienceMs: number;
  readonly idleMs: number;
  readonly signal: AbortSignal | undefined;
  readonly headers: HeadersInit | undefined;
}

/** Checks options, and fills in what they leave out. */
export function followSettings(options: FollowOptions): FollowSettings {
  return {
    after: sequence(options.after ?? 0),
    progress: options.progress ?? false,
    patienceMs: duration("patienceMs", options.patienceMs ?? 10 * 60_000),
    idleMs: duration("idleMs", options.idleMs ?? 60_000),
    signal: options.signal,
    headers: options.headers,
  };
}

function sequence(after: bigint | number): bigint {
  if (after >= 0 && (typeof after === "bigint" || Number.isSafeInteger(after)))
    return BigInt(after);
  throw new RangeError(`after is ${String(after)}: expected a whole number, 0 or more`);
}

function duration(name: string, ms: number): number {
  if (ms > 0) return ms;
  throw new RangeError(`${name} is ${String(ms)}: expected more than 0`);
}
