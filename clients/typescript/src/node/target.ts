// SPDX-License-Identifier: Apache-2.0

/** Where to connect. */
export interface Target {
  /** The path of a Unix socket, where it is one. */
  path?: string;
  /** The host, as in a URL; `localhost` for a Unix socket. */
  host: string;
  /** `:authority` of the calls. */
  authority: string;
}

/** Reads `host:port`, `unix:PATH` and `unix:///PATH`. */
export function parseTarget(text: string): Target {
  // Behind `//` a relative path would lose its first folder as a host's name.
  const path = /^unix:(?:\/\/(?=\/)|(?!\/\/))(.+)$/.exec(text)?.[1];
  // A path is no authority: the server refuses it.
  if (path !== undefined) return { path, host: "localhost", authority: "localhost" };
  const [, host, port] = /^(\[[\da-f:.]+\]|[^\s:/?#@[\]]+):(\d{1,5})$/i.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new TypeError(`target ${JSON.stringify(text)}: expected host:port or unix:PATH`);
  return { host: host.toLowerCase(), authority: text };
}
