// SPDX-License-Identifier: Apache-2.0

import { AsyncLocalStorage } from "node:async_hooks";

import type { Interceptor } from "@connectrpc/connect";
import type { GrpcTransportOptions, Http2SessionManager } from "@connectrpc/connect-node";

import type { Clock } from "../clock.js";
import { ProntoError } from "../errors.js";
import { Silence } from "../watchdog.js";
import { Session } from "./session.js";

type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;
type Request = SessionManager["request"];

// Where a call is carried; known when its request begins.
const carrier = new AsyncLocalStorage<{ session?: Session }>();

// The server allows 256 streams on a connection; Node lets those above wait, unseen.
const callsPerSession = 100;

/**
 * The connections of a client: those for new calls, one as long as that is enough, and
 * those that were left while calls were still on them.
 */
export class Sessions implements SessionManager {
  /** The server, as Connect wants to know it. */
  readonly authority: string;
  readonly #open = new Set<Session>();
  readonly #closing = new AbortController();

  constructor(
    private readonly create: () => Http2SessionManager,
    private readonly clock: Clock,
  ) {
    this.authority = this.#add().manager.authority;
  }

  /** Aborted when the client is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Begins a call. A closed client stays closed: an attempt would connect again. */
  request(...call: Parameters<Request>): ReturnType<Request> {
    if (this.closed.aborted) return Promise.reject(this.closed.reason as Error);
    const session = this.#withRoom();
    const carried = carrier.getStore();
    if (carried) carried.session = session;
    return session.request(...call);
  }

  /** Something came; each connection knows its own streams. */
  notifyResponseByteRead(...read: Parameters<SessionManager["notifyResponseByteRead"]>): void {
    for (const { manager } of this.#open) manager.notifyResponseByteRead(...read);
  }

  /** Makes no more calls on a connection; it is closed when those on it have ended. */
  leave(session: Session): void {
    session.leave(() => this.#open.delete(session));
  }

  /** Closes all connections, and ends all calls. */
  close(): void {
    this.#closing.abort(ProntoError.closed());
    for (const { manager } of this.#open) manager.abort();
  }

  #withRoom(): Session {
    for (const session of this.#open)
      if (!session.isLeft && session.calls < callsPerSession) return session;
    return this.#add();
  }

  #add(): Session {
    const session = new Session(this.create(), this.clock);
    this.#open.add(session);
    return session;
  }
}

/**
 * Leaves a connection on which a stream fell silent. It may be dead without anybody
 * knowing: another attempt on it would wait in vain, until a ping is missed.
 */
export function leaveSilent(sessions: Sessions): Interceptor {
  return (next) => (request) => {
    const carried: { session?: Session } = {};
    request.signal.addEventListener("abort", () => {
      if (carried.session && request.signal.reason instanceof Silence)
        sessions.leave(carried.session);
    });
    return carrier.run(carried, () => next(request));
  };
}
