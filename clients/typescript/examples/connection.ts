// SPDX-License-Identifier: Apache-2.0

import { connect, type NodePronto } from "pronto-grpc";

/** A client, as the environment says. */
export function connectFromEnvironment(): NodePronto {
  const target = variable("PRONTO_ADDRESS") ?? "localhost:50051";
  const tokenFile = variable("PRONTO_TOKEN_FILE");
  return connect({ target, ...(tokenFile !== undefined && { tokenFile }) });
}

/** A variable of the environment; one that is empty is as one that is not set. */
function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}
