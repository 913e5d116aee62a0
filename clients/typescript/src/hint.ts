// SPDX-License-Identifier: Apache-2.0

import { causes } from "./broken.js";

// What OpenSSL says of a first answer that is no TLS, in several versions.
const noTls = new Set<unknown>(["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG"]);

/** The message of an error, and what is likely wrong where it alone would be obscure. */
export function withHint(message: string, error: Error): string {
  if (!causes(error).some((cause) => "code" in cause && noTls.has(cause.code))) return message;
  return `${message.trimEnd()} (is this address without TLS? then connect without tls)`;
}
