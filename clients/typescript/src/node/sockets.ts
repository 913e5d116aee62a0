// SPDX-License-Identifier: Apache-2.0

import type { ClientSessionOptions } from "node:http2";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, type SecureContext, type TLSSocket } from "node:tls";

import { tellingTls } from "./plain-socket.js";
import type { Target } from "./target.js";
import { secureContexts, type TlsOptions } from "./tls.js";

/** How Node makes the connection. */
export function socketOptions(
  { path }: Target,
  tls: TlsOptions | undefined,
): ClientSessionOptions & { maxSessionMemory: number } {
  if (path === undefined) {
    if (!tls) return { maxSessionMemory, createConnection: (url) => connectPlainly(url) };
    const context = secureContexts(tls);
    return { maxSessionMemory, createConnection: (url) => connectSecurely(url, context()) };
  }
  if (tls) throw new TypeError("tls is set, but a Unix socket is never encrypted: leave it out");
  return { maxSessionMemory, createConnection: () => connect(path) };
}

/** As http2 does it. */
function connectPlainly({ hostname, port }: URL): Socket {
  return tellingTls(connect({ host: bare(hostname), port: Number(port || 80) }));
}

/** As http2 does it, but for the context: http2 would use one for all connections. */
function connectSecurely({ hostname, port }: URL, secureContext: SecureContext): TLSSocket {
  const host = bare(hostname);
  return connectTls({
    host,
    port: Number(port || 443),
    secureContext,
    ALPNProtocols: ["h2"],
    // An address is no name that a server could be asked for.
    ...(!isIP(host) && { servername: host }),
  });
}

/** An address of IPv6 without what it wears in URLs. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

// In MB, of what waits to be sent. Above it Node drops the headers of answers unseen, so
// with its 10 MB the refusal of a request that is too large would never arrive.
const maxSessionMemory = 1_000;
