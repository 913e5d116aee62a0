// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import type { TLSSocket } from "node:tls";

import { Code } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

import { ProntoError } from "../src/errors.js";
import { connect } from "../src/node/connect.js";
import { FakeJobs } from "./fake.js";
import { type Identity, identity, replace, store } from "./identity.js";

const limit = { timeout: 10_000 };
const folder = mkdtempSync(join(tmpdir(), "pronto-tls-"));
after(() => {
  rmSync(folder, { recursive: true });
});

it("shows a renewed certificate on the next connection", limit, async () => {
  const [server, before, renewed] = [identity("server"), identity("before"), identity("renewed")];
  await using served = await serveTls(server, before, renewed);
  const files = store(folder, before);
  using pronto = connect({ target: served.target, tls: { ca: server.certificate, ...files } });

  await pronto.jobs.getJob({});
  store(folder, renewed);
  await pronto.jobs.getJob({});
  served.cut();
  await pronto.jobs.getJob({});
  replace(files.certificateFile, "half a certif");
  served.cut();
  await pronto.jobs.getJob({});
  assert.deepEqual(served.seen, ["before", "renewed", "renewed"]);
});

it("trusts a renewed authority on the next connection", limit, async () => {
  const [server, renewed] = [identity("server"), identity("renewed")];
  await using served = await serveTls(server);
  const caFile = join(folder, "ca.crt");
  replace(caFile, server.certificate);
  using pronto = connect({ target: served.target, tls: { caFile } });

  await pronto.jobs.getJob({});
  served.become(renewed);
  served.cut();
  await assert.rejects(pronto.contacts.enrichContact({}), isUnavailable);
  replace(caFile, renewed.certificate);
  await pronto.jobs.getJob({});
});

it("tells at once what is wrong with a file", () => {
  const files = store(folder, { certificate: "none", key: "none" });
  assert.throws(() => connect({ target: "localhost:1", tls: files }), /PEM/i);
  const missing = join(folder, "missing");
  assert.throws(() => connect({ target: "localhost:1", tls: { caFile: missing } }), /ENOENT/);
});

/** Serves with TLS to anybody, or to whom it knows only. */
async function serveTls({ certificate: cert, key }: Identity, ...known: Identity[]) {
  const seen: unknown[] = [];
  const sockets = new Set<TLSSocket>();
  const clients = known.length > 0 && { requestCert: true, ca: known.map((k) => k.certificate) };
  const { routes } = new FakeJobs([]);
  const server = createSecureServer({ cert, key, ...clients }, connectNodeAdapter({ routes }));
  server.on("secureConnection", (socket: TLSSocket) => {
    sockets.add(socket);
    if (clients) seen.push(socket.getPeerCertificate().subject.CN);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return {
    target: `localhost:${String((server.address() as AddressInfo).port)}`,
    /** The names of known clients, one for each connection. */
    seen,
    /** Breaks all connections. */
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    /** Shows another certificate from now on. */
    become({ certificate, key }: Identity) {
      server.setSecureContext({ cert: certificate, key });
    },
    [Symbol.asyncDispose]() {
      this.cut();
      server.close();
      return Promise.resolve();
    },
  };
}

function isUnavailable(thrown: unknown): boolean {
  assert.ok(thrown instanceof ProntoError);
  assert.equal(thrown.code, Code.Unavailable);
  return true;
}
