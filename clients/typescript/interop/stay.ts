// SPDX-License-Identifier: Apache-2.0

import { finished } from "node:stream/promises";

/**
 * Keeps the client as it is while the caller looks at the server, until that ends the
 * standard input: closing the client would end the stream, too.
 */
export function stay(): Promise<void> {
  return finished(process.stdin.resume(), { writable: false });
}
