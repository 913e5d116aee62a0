// SPDX-License-Identifier: Apache-2.0

import type { ClientSessionOptions, SecureClientSessionOptions } from "node:http2";
import { connect } from "node:net";

import type { Target } from "./target.js";
import { secureOptions, type TlsOptions } from "./tls.js";

/** How Node makes the connection. */
export function socketOptions(
  { path }: Target,
  tls: TlsOptions | undefined,
): ClientSessionOptions | SecureClientSessionOptions {
  if (path === undefined) return { maxSessionMemory, ...(tls && secureOptions(tls)) };
  if (tls) throw new TypeError("tls is set, but a Unix socket is never encrypted: leave it out");
  return { maxSessionMemory, createConnection: () => connect(path) };
}

// In MB, of what waits to be sent. Above it Node drops the headers of answers unseen, so
// with its 10 MB the refusal of a request that is too large would never arrive.
const maxSessionMemory = 1_000;
