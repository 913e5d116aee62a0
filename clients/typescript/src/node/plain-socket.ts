// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";

// What a TLS server says to a client that does not speak TLS: a header, a level, a reason.
const alertBytes = 7;

/**
 * A socket for HTTP/2 in the clear that says so when the server speaks TLS. Node would close
 * it without a word. An alert is less than any frame of HTTP/2, so nothing else is taken for it.
 */
export function tellingTls(socket: Socket): Socket {
  return socket.prependOnceListener("end", () => {
    if (socket.bytesRead === alertBytes) socket.destroy(new TlsAlert());
  });
}

/** The code tells it from other errors, as those of Node's network have one, too. */
class TlsAlert extends Error {
  readonly code = "ERR_TLS_ALERT";

  constructor() {
    super("the server answered with an alert of TLS, not with HTTP/2: connect with tls");
  }
}
