// SPDX-License-Identifier: Apache-2.0

export type { TokenSource } from "./credentials.js";
export * from "./shared.js";
export { connect, type WebConnectOptions } from "./web/connect.js";
