// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { GrpcTransportOptions, Http2SessionManager } from "@connectrpc/connect-node";

import { ProntoError } from "../errors.js";
import { Silence } from "../watchdog.js";

type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;
type Request = SessionManager["request"];

/**
 * The connections of a client: one for new calls, and those that were left while calls
 * were still on them.
 */
export class Sessions implements SessionManager {
  readonly #open = new Set<Session>();
  readonly #closing = new AbortController();
  #current: Session;

  constructor(private readonly create: () => Http2SessionManager) {
    this.#current = this.#add();
  }

  /** Where new calls go. */
  get current(): Session {
    return this.#current;
  }

  /** The server, as Connect wants to know it. */
  get authority(): string {
    return this.#current.manager.authority;
  }

  /** Aborted when the client is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Begins a call. A closed client stays closed: an attempt would connect again. */
  request(...call: Parameters<Request>): ReturnType<Request> {
    if (this.closed.aborted) return Promise.reject(this.closed.reason as Error);
    return this.#current.request(...call);
  }

  /** Something came; each connection knows its own streams. */
  notifyResponseByteRead(...read: Parameters<SessionManager["notifyResponseByteRead"]>): void {
    for (const { manager } of this.#open) manager.notifyResponseByteRead(...read);
  }

  /** Makes no more calls on a connection; it is closed when those on it have ended. */
  leave(session: Session): void {
    if (session === this.#current) this.#current = this.#add();
    session.leave(() => this.#open.delete(session));
  }

  /** Closes all connections, and ends all calls. */
  close(): void {
    const reason = new ConnectError("the client is closed", Code.FailedPrecondition);
    this.#closing.abort(ProntoError.from(reason));
    for (const { manager } of this.#open) manager.abort();
  }

  #add(): Session {
    const session = new Session(this.create());
    this.#open.add(session);
    return session;
  }
}

/** A connection that knows how many calls are on it. */
class Session {
  #calls = 0;
  #whenLeft: (() => void) | undefined;

  constructor(readonly manager: Http2SessionManager) {}

  async request(...call: Parameters<Request>): ReturnType<Request> {
    this.#calls += 1;
    const end = () => {
      this.#calls -= 1;
      this.#closeWhenLeft();
    };
    try {
      const stream = await this.manager.request(...call);
      return stream.once("close", end);
    } catch (error) {
      end();
      throw error;
    }
  }

  leave(done: () => void): void {
    this.#whenLeft = done;
    this.#closeWhenLeft();
  }

  #closeWhenLeft(): void {
    if (this.#calls > 0 || !this.#whenLeft) return;
    this.manager.abort();
    this.#whenLeft();
  }
}

/**
 * Leaves a connection on which a stream fell silent. It may be dead without anybody
 * knowing: another attempt on it would wait in vain, until a ping is missed.
 */
export function leaveSilent(sessions: Sessions): Interceptor {
  return (next) => (request) => {
    const session = sessions.current;
    request.signal.addEventListener("abort", () => {
      if (request.signal.reason instanceof Silence) sessions.leave(session);
    });
    return next(request);
  };
}
