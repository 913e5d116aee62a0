// SPDX-License-Identifier: Apache-2.0

// A server on a real HTTP/2 connection, behind a wire that a test can freeze.
import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

/** A server, and how its wire is treated. */
export interface Wire extends AsyncDisposable {
  /** `host:port` for clients. */
  readonly target: string;
  /** How many connections there were. */
  connections(): number;
  /** How many are open. */
  open(): number;
  /** Swallows what is sent on the connections there are, and keeps them open. */
  freeze(): void;
}

/** Serves; `met` is called for each connection. */
export async function serve(
  routes: (router: ConnectRouter) => void,
  met: (socket: Socket) => void = () => undefined,
): Promise<Wire> {
  const server = createHttp2Server(connectNodeAdapter({ routes }));
  const port = await listen(server);
  const pairs = new Map<Socket, Socket>();
  let connections = 0;
  const wire = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    connections += 1;
    pairs.set(client, upstream);
    for (const socket of [client, upstream]) socket.on("error", () => undefined);
    client.on("close", () => {
      pairs.delete(client);
      upstream.destroy();
    });
    upstream.on("close", () => client.destroy());
    client.pipe(upstream).pipe(client);
    met(client);
  });
  return {
    target: `127.0.0.1:${String(await listen(wire))}`,
    connections: () => connections,
    open: () => pairs.size,
    freeze() {
      for (const [client, upstream] of pairs) {
        client.unpipe().resume();
        upstream.unpipe().resume();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const client of pairs.keys()) client.destroy();
      wire.close();
      server.close();
      await once(server, "close");
    },
  };
}

/** Serves no call: resets the stream of each, with this code. */
export async function resetting(code: number): Promise<AsyncDisposable & { target: string }> {
  const server = createHttp2Server();
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.close(code);
  });
  return {
    target: `127.0.0.1:${String(await listen(server))}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A server that accepts connections and says nothing. */
export interface Mute extends AsyncDisposable {
  /** Where, on 127.0.0.1. */
  readonly port: number;
  /** Settled when a connection has come. */
  readonly met: Promise<void>;
  /** Settled when it was closed. */
  readonly left: Promise<void>;
}

/** Accepts connections, and says nothing. */
export async function mute(): Promise<Mute> {
  const server = createServer();
  const first = once(server, "connection").then(([socket]) => socket as Socket);
  const port = await listen(server);
  const left = first.then(async (socket) => {
    socket.on("error", () => undefined).resume();
    await once(socket, "close");
  });
  return {
    port,
    met: first.then(() => undefined),
    left,
    async [Symbol.asyncDispose]() {
      (await first).destroy();
      server.close();
    },
  };
}

async function listen(server: Pick<Server, "listen" | "address" | "once">): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}
