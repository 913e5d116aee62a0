// SPDX-License-Identifier: Apache-2.0

import type { Interceptor } from "@connectrpc/connect";
import {
  compressionGzip,
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";

import { createPronto, type Pronto } from "../clients.js";
import { systemClock } from "../clock.js";
import { credentials, headerValue, refuseExposure, type TokenSource } from "../credentials.js";
import { retries } from "../retry.js";
import { withTellableTimeouts } from "../timeout.js";
import { withTypedErrors } from "../transport.js";
import { carry } from "./carried.js";
import { Sessions } from "./sessions.js";
import { socketOptions } from "./sockets.js";
import { parseTarget } from "./target.js";
import type { TlsOptions } from "./tls.js";
import { tokenFromFile } from "./token-file.js";

export type { TlsOptions };

/** Where the server is, and who calls. */
export interface ConnectOptions {
  /** `host:port`, or `unix:PATH`. `localhost:50051` */
  target?: string;
  /**
   * TLS: true with the system's roots, or options. Off. Before Node 22.15, the roots are
   * Node's own; NODE_EXTRA_CA_CERTS or --use-openssl-ca add the system's.
   */
  tls?: boolean | TlsOptions;
  /** The client's token. */
  token?: string;
  /**
   * A file with the client's token; read again when it changes. While it is empty or gone,
   * its last token goes on being sent.
   */
  tokenFile?: string;
  /** Pronto's key, where the server lets clients bring their own. */
  apiKey?: string;
  /** Send token or key unencrypted to another machine, too. */
  allowInsecure?: boolean;
  /** Compress what is sent, and let the server compress what it answers. Off. */
  compression?: "gzip";
  /** Interceptors of your own; they see each call once, before it is repeated. */
  interceptors?: Interceptor[];
}

/** A client over gRPC, on an HTTP/2 connection that is made when it is needed. */
export interface NodePronto extends Pronto, Disposable {
  /**
   * Closes the connection, and ends at once all calls, those that wait for a repeat, and
   * what is followed: with `Code.Canceled`, as any later call. Without it, an idle
   * connection closes after 15 minutes; it does not keep the process alive.
   */
  close(): void;
}

// What the server sends at most is configurable, and 32 MiB by default.
const readMaxBytes = 64 * 1024 * 1024;

// Pings find dead connections under calls; the server's limits allow them.
const keepalive = { pingIntervalMs: 30_000, pingTimeoutMs: 10_000, pingIdleConnection: false };

/**
 * A client for Node, over gRPC. Nothing is sent before the first call. Options that cannot
 * work are a TypeError that names them, with the file where it is one's.
 */
export function connect(options: ConnectOptions = {}): NodePronto {
  const target = parseTarget(options.target ?? "localhost:50051");
  const tls = tlsOptions(options.tls ?? false);
  const token = tokenSource(options);
  const apiKey = headerValue("apiKey", options.apiKey);
  refuseExposure({
    encrypted: tls !== undefined,
    host: target.host,
    secrets: token !== undefined || apiKey !== undefined,
    allowInsecure: options.allowInsecure ?? false,
  });
  const baseUrl = `${tls ? "https" : "http"}://${target.authority}`;
  const socket = socketOptions(target, tls);
  const sessions = new Sessions(
    () => new Http2SessionManager(baseUrl, keepalive, socket),
    systemClock,
  );
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager: sessions,
    readMaxBytes,
    ...compression(options),
    interceptors: [
      ...(options.interceptors ?? []),
      retries(systemClock, sessions.closed),
      credentials(token ?? (() => undefined), apiKey),
      carry((session) => {
        sessions.leave(session);
      }),
    ],
  });
  const close = () => {
    sessions.close();
  };
  const pronto = createPronto(withTypedErrors(withTellableTimeouts(transport)), sessions.closed);
  return { ...pronto, close, [Symbol.dispose]: close };
}

function tlsOptions(tls: boolean | TlsOptions): TlsOptions | undefined {
  if (typeof tls === "object") return tls;
  return tls ? {} : undefined;
}

function tokenSource({ token, tokenFile }: ConnectOptions): TokenSource | undefined {
  if (token !== undefined && tokenFile !== undefined)
    throw new TypeError("token and tokenFile are both set: use one");
  if (tokenFile !== undefined) return tokenFromFile(tokenFile);
  const text = headerValue("token", token);
  return text === undefined ? undefined : () => text;
}

function compression(options: ConnectOptions) {
  if (options.compression === undefined) return { acceptCompression: [] };
  return { acceptCompression: [compressionGzip], sendCompression: compressionGzip };
}
