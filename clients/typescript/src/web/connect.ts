// SPDX-License-Identifier: Apache-2.0

import type { Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

import { createPronto, type Pronto } from "../clients.js";
import { systemClock } from "../clock.js";
import { credentials, headerValue, refuseExposure, type TokenSource } from "../credentials.js";
import { retries } from "../retry.js";
import { withTellableTimeouts } from "../timeout.js";
import { withTypedErrors } from "../transport.js";

/** Where the server is, and who calls. */
export interface WebConnectOptions {
  /** Such as `https://pronto.example.com`. The origin of the page where it is absent. */
  baseUrl?: string;
  /** The client's token, or what knows it: a function is asked before each call. */
  token?: string | TokenSource;
  /** Pronto's key, where the server lets clients bring their own. */
  apiKey?: string;
  /** Send token or key unencrypted to another machine, too. */
  allowInsecure?: boolean;
  /** Interceptors of your own; they see each call once, before it is repeated. */
  interceptors?: Interceptor[];
}

/**
 * A client for browsers, over gRPC-Web. The server needs `--grpc-web true`, and
 * `--cors-origin` where the page has another origin. Nothing is sent before the first
 * call. Options that cannot work are a TypeError that names them.
 */
export function connect(options: WebConnectOptions = {}): Pronto {
  const url = parseBaseUrl(options.baseUrl ?? globalThis.location.origin);
  const token = tokenSource(options.token);
  const apiKey = headerValue("apiKey", options.apiKey);
  refuseExposure({
    encrypted: url.protocol === "https:",
    host: url.hostname,
    secrets: options.token !== undefined || apiKey !== undefined,
    allowInsecure: options.allowInsecure ?? false,
  });
  const transport = createGrpcWebTransport({
    baseUrl: url.href,
    interceptors: [
      ...(options.interceptors ?? []),
      retries(systemClock),
      credentials(token, apiKey),
    ],
  });
  return createPronto(withTypedErrors(withTellableTimeouts(transport)));
}

function parseBaseUrl(text: string): URL {
  // `host:port` alone is a URL, too, with the host as its scheme.
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new TypeError(`baseUrl ${JSON.stringify(text)}: expected http(s)://host[:port]`);
  return new URL(text);
}

function tokenSource(token: string | TokenSource | undefined): TokenSource {
  if (typeof token === "function") return token;
  const text = headerValue("token", token);
  return () => text;
}
