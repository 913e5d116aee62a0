// SPDX-License-Identifier: Apache-2.0

import { Code, type ConnectError } from "@connectrpc/connect";

import { causes, isBrokenConnection } from "./broken.js";

/** The code of an error as other gRPC libraries have it, where Connect has another one. */
export function codeOf(error: ConnectError): Code {
  if (isUnknown(error)) return Code.Unknown;
  if (causes(error).some(isInadequateSecurity)) return Code.PermissionDenied;
  return isBrokenConnection(error) ? Code.Unavailable : error.code;
}

/** Whether the server said a code that gRPC does not have. Connect may pass it on. */
function isUnknown({ code, metadata }: ConnectError): boolean {
  const told = metadata.get("grpc-status") ?? "";
  return !(code in Code) || (/^[1-9]\d*$/.test(told) && !(told in Code));
}

/** Whether the server refused the encryption (HTTP/2): another attempt has the same one. */
function isInadequateSecurity({ message }: Error): boolean {
  return message.endsWith("NGHTTP2_INADEQUATE_SECURITY");
}
