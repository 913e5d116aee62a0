// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

/** Where the token of a call comes from; undefined where there is none. */
export type TokenSource = () => string | undefined | Promise<string | undefined>;

/** Adds the client's token and Pronto's key to each call that does not bring its own. */
export function credentials(token: TokenSource, apiKey: string | undefined): Interceptor {
  return (next) => async (request) => {
    const text = await token();
    const fault = faultOf(text);
    if (fault !== undefined) throw new ConnectError(`the token ${fault}`, Code.Unauthenticated);
    if (text !== undefined && !request.header.has("authorization"))
      request.header.set("authorization", `Bearer ${text}`);
    if (apiKey !== undefined && !request.header.has("x-api-key"))
      request.header.set("x-api-key", apiKey);
    return next(request);
  };
}

/**
 * A token or key, if a header can carry it. What cannot be carried, or not without loss, is
 * refused here and never quoted; HTTP libraries quote it in their errors.
 */
export function headerValue(name: string, text: string): string;
export function headerValue(name: string, text: string | undefined): string | undefined;
export function headerValue(name: string, text: string | undefined): string | undefined {
  const fault = faultOf(text);
  if (fault !== undefined) throw new TypeError(`the ${name} ${fault}`);
  return text;
}

/** Why no header can carry a token or key; undefined where one can. */
function faultOf(text: string | undefined): string | undefined {
  if (text === undefined || /^[\x21-\x7e]+$/.test(text)) return undefined;
  if (text === "") return "is empty";
  return /\s/.test(text) ? "has white space" : "has characters that no header can carry";
}

/** What is known before connecting about who could read what is sent. */
export interface Exposure {
  /** Whether the connection is encrypted. */
  encrypted: boolean;
  /** The host, as in a URL. */
  host: string;
  /** Whether a token or a key is sent. */
  secrets: boolean;
  /** Whether the caller knows that nobody listens. */
  allowInsecure: boolean;
}

/** Refuses to send a token or a key in the clear to another machine. */
export function refuseExposure({ encrypted, host, secrets, allowInsecure }: Exposure): void {
  if (encrypted || allowInsecure || !secrets || isLoopback(host)) return;
  throw new TypeError(
    `a token or key would be sent to ${host} unencrypted: use TLS, or set allowInsecure ` +
      "where the network keeps others out",
  );
}

/** Whether a host is this machine, by its name alone. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
