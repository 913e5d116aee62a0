// SPDX-License-Identifier: Apache-2.0

// For `Disposable` and `AsyncDisposable`, which no lib of TypeScript's has by default.
/// <reference lib="esnext.disposable" preserve="true" />

export type { TokenSource } from "./credentials.js";
export * from "./shared.js";
export { connect, type WebConnectOptions } from "./web/connect.js";
