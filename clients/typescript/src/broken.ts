// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from "@connectrpc/connect";

/**
 * Whether an error means that the connection could not be made or broke: nobody
 * answered, so the call may or may not have been carried out. Connect gives such errors
 * many codes: ABORTED, INTERNAL, CANCELED, INVALID_ARGUMENT.
 */
export function isBrokenConnection(error: ConnectError): boolean {
  if (error.metadata.has("grpc-status")) return false;
  return (
    isTornStream(error) || (connectionCodes.has(error.code) && causes(error).some(isNetworkError))
  );
}

// The codes that Connect derives from errors of sockets, TLS, HTTP/2 and fetch. An error
// of our own, about a token file that cannot be read, has another one.
const connectionCodes = new Set([Code.Aborted, Code.Internal]);

function isTornStream({ code, rawMessage }: ConnectError): boolean {
  switch (code) {
    case Code.Canceled:
      // Node closes the streams of a lost connection with this code.
      return rawMessage.startsWith("http/2 stream closed");
    case Code.InvalidArgument:
      return /^protocol error: (promised|incomplete)/.test(rawMessage);
    default:
      return false;
  }
}

/** Node's errors of the network have a code of letters; fetch throws a bare TypeError. */
function isNetworkError(cause: Error): boolean {
  if (!("code" in cause)) return cause instanceof TypeError;
  return typeof cause.code === "string" && !cause.code.startsWith("ERR_INVALID_ARG");
}

/** What caused an error, and what caused that. */
export function causes(error: Error): Error[] {
  const found: Error[] = [];
  for (let next = error.cause; next instanceof Error && !found.includes(next); next = next.cause)
    found.push(next);
  return found;
}
