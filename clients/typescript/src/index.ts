// SPDX-License-Identifier: Apache-2.0

// For `Disposable` and `AsyncDisposable`, which no lib of TypeScript's has by default.
/// <reference lib="esnext.disposable" preserve="true" />

export { connect, type ConnectOptions, type NodePronto, type TlsOptions } from "./node/connect.js";
export * from "./shared.js";
