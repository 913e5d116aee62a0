// SPDX-License-Identifier: Apache-2.0

import type { Http2Session } from "node:http2";

import { Code, ConnectError } from "@connectrpc/connect";
import type { Http2SessionManager } from "@connectrpc/connect-node";

import type { Clock } from "../clock.js";

type Request = Http2SessionManager["request"];

// As gRPC has it. Without a limit, a handshake that nobody answers would hold up all
// calls for ever: they join the attempt that is under way.
const connectTimeoutMs = 20_000;

const ignore = () => undefined;

/**
 * Node tells of an answer that is no HTTP/2 twice. Connect listens to the first error alone,
 * and one that nobody listens to ends the process.
 */
function outliveErrors(session: Http2Session | undefined): void {
  if (session && !session.listeners("error").includes(ignore)) session.on("error", ignore);
}

/** A connection that knows how many calls are on it, and is made in time or not at all. */
export class Session {
  #calls = 0;
  #whenLeft: (() => void) | undefined;

  constructor(
    readonly manager: Http2SessionManager,
    private readonly clock: Clock,
  ) {}

  /** How many calls are on it, or wait for it. */
  get calls(): number {
    return this.#calls;
  }

  /** Whether it takes no more calls. */
  get isLeft(): boolean {
    return this.#whenLeft !== undefined;
  }

  /** Begins a call. */
  async request(...call: Parameters<Request>): ReturnType<Request> {
    this.#calls += 1;
    const end = () => {
      this.#calls -= 1;
      this.#closeWhenLeft();
    };
    const cancel = this.clock.timer(connectTimeoutMs, () => {
      this.#stopConnecting(`no connection within ${String(connectTimeoutMs / 1000)} s`);
    });
    try {
      const stream = await this.manager.request(...call);
      outliveErrors(stream.session);
      return stream.once("close", end);
    } catch (error) {
      end();
      throw error;
    } finally {
      cancel();
    }
  }

  /** Takes no more calls; `done` is called when those on it have ended. */
  leave(done: () => void): void {
    this.#whenLeft = done;
    this.#stopConnecting("the connection was not made in time");
    this.#closeWhenLeft();
  }

  /** Fails the calls that wait for a connection, and closes its socket. */
  #stopConnecting(message: string): void {
    if (this.manager.state() !== "connecting") return;
    this.manager.abort(new ConnectError(message, Code.Unavailable));
  }

  #closeWhenLeft(): void {
    if (this.#calls > 0 || !this.#whenLeft) return;
    this.manager.abort();
    this.#whenLeft();
  }
}
