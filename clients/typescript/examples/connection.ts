// SPDX-License-Identifier: Apache-2.0

import { connect, type NodePronto } from "pronto-grpc";

/** A client, as the environment says. */
export function connectFromEnvironment(): NodePronto {
  const target = process.env["PRONTO_ADDRESS"] ?? "localhost:50051";
  const tokenFile = process.env["PRONTO_TOKEN_FILE"];
  return connect({ target, ...(tokenFile ? { tokenFile } : {}) });
}
