// SPDX-License-Identifier: Apache-2.0

export { connect, type ConnectOptions, type NodePronto, type TlsOptions } from "./node/connect.js";
export * from "./shared.js";
