// SPDX-License-Identifier: Apache-2.0

import { AsyncLocalStorage } from "node:async_hooks";
import { type ClientHttp2Stream, constants } from "node:http2";

import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

import { Silence } from "../watchdog.js";
import type { Session } from "./session.js";

const current = new AsyncLocalStorage<Carried>();

/** What carries a call: known when its request begins, and ended with the call. */
export class Carried {
  /** Rejected when the server ends the call without an answer, and without an error. */
  readonly unanswered: Promise<never>;
  #session: Session | undefined;
  #stream: ClientHttp2Stream | undefined;
  #hasEnded = false;
  #reject: (error: ConnectError) => void = () => undefined;

  constructor() {
    this.unanswered = new Promise((_, reject) => (this.#reject = reject));
  }

  /** That of the call whose request begins, where `carry` has seen it. */
  static current(): Carried | undefined {
    return current.getStore();
  }

  /** The connection on which the call is made. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** The call is made on this connection. */
  on(session: Session): void {
    this.#session = session;
  }

  /** The call has this stream. */
  by(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    if (this.#hasEnded) this.end();
    let isAnswered = false;
    stream.once("response", () => (isAnswered = true));
    stream.once("close", () => {
      // Connect knows all other codes for errors.
      if (!isAnswered && stream.rstCode === constants.NGHTTP2_NO_ERROR)
        this.#reject(new ConnectError("http/2 stream closed without an answer", Code.Internal));
    });
  }

  /**
   * The call has ended. Closing its stream would not be enough: where the server has sent
   * everything, and not all was read, Node keeps a closed stream for ever.
   */
  end(): void {
    this.#hasEnded = true;
    if (this.#stream?.closed === false) this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#stream?.destroy();
  }
}

/**
 * Frees what carries a call as soon as the call ends. A connection on which a stream fell
 * silent is left: it may be dead without anybody knowing, and another attempt on it would
 * wait in vain, until a ping is missed.
 */
export function carry(leave: (session: Session) => void): Interceptor {
  return (next) => (request) => {
    const carried = new Carried();
    request.signal.addEventListener("abort", () => {
      if (carried.session && request.signal.reason instanceof Silence) leave(carried.session);
      carried.end();
    });
    const answer = current.run(carried, () => next(request));
    return Promise.race([answer, carried.unanswered]);
  };
}
