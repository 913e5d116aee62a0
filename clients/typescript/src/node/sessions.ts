// SPDX-License-Identifier: Apache-2.0

import type { GrpcTransportOptions, Http2SessionManager } from "@connectrpc/connect-node";

import type { Clock } from "../clock.js";
import { ProntoError } from "../errors.js";
import { Carried } from "./carried.js";
import { Session } from "./session.js";

type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;
type Request = SessionManager["request"];

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
  async request(...call: Parameters<Request>): ReturnType<Request> {
    this.closed.throwIfAborted();
    const carried = Carried.current();
    const session = this.#withRoom();
    carried?.on(session);
    const stream = await session.request(...call);
    if (this.closed.aborted) {
      // Verifying an idle connection outlives its end, and makes another one.
      stream.destroy();
      this.#abort(session);
      this.closed.throwIfAborted();
    }
    carried?.by(stream);
    return stream;
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
    for (const session of this.#open) this.#abort(session);
  }

  #abort({ manager }: Session): void {
    manager.abort(this.closed.reason as ProntoError);
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
