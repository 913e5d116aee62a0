// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import type { TLSSocket } from "node:tls";

import { Code } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

import { ProntoError } from "../src/errors.js";
import { connect, type NodePronto, type TlsOptions } from "../src/node/connect.js";
import { FakeJobs } from "./fake.js";
import { type Identity, identity, replace, store } from "./identity.js";
import { serve } from "./wire.js";

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
  for (const useless of ["half a certif", before.certificate]) {
    replace(files.certificateFile, useless);
    served.cut();
    await pronto.jobs.getJob({});
  }
  assert.deepEqual(served.seen, ["before", "renewed", "renewed", "renewed"]);
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

it("goes on trusting whom it did while a renewed authority is of no use", limit, async () => {
  const [server, other] = [identity("server"), identity("other")];
  await using served = await serveTls(server);
  const caFile = join(folder, "torn.crt");
  replace(caFile, server.certificate);
  using pronto = connect({ target: served.target, tls: { caFile } });

  for (const [, useless] of uselessCertificates(other)) {
    replace(caFile, useless);
    served.cut();
    await pronto.jobs.getJob({});
  }
});

it("tells a server with TLS from one without", limit, async () => {
  const server = identity("server");
  await using served = await saying(Buffer.from([21, 3, 3, 0, 2, 2, 70]));
  using plain = connect({ target: served.target });
  await rejectsWith(plain, /^\[unavailable\] the server answered with an alert of TLS/);

  await using wire = await serve(new FakeJobs([]).routes);
  using encrypted = connect({ target: wire.target, tls: { ca: server.certificate } });
  await rejectsWith(encrypted, /SSL.* \(is this address without TLS\?/s);
});

it("takes no other broken connection for TLS", limit, async () => {
  for (const said of ["", "HTTP/1.1", "HTTP/1.1 400 Bad Request\r\n\r\n"]) {
    await using served = await saying(said);
    using plain = connect({ target: served.target });
    await rejectsWith(plain, /^((?!TLS).)*$/s);
  }
});

/** A call that is not repeated, and a stream that is. */
async function rejectsWith(pronto: NodePronto, message: RegExp): Promise<void> {
  const follow = async () => {
    for await (const { sequence } of pronto.follow("job", { patienceMs: 1 }))
      assert.fail(`event ${String(sequence)}`);
  };
  for (const fails of [() => pronto.contacts.enrichContact({}), follow])
    await assert.rejects(fails, (thrown) => {
      assert.match((thrown as Error).message, message);
      return isUnavailable(thrown);
    });
}

it("refuses authorities that are empty, torn or none", () => {
  for (const [message, ca] of uselessCertificates(identity("ca"))) {
    assert.throws(() => connect({ target: "localhost:1", tls: { ca } }), message);
    const caFile = join(folder, "useless.crt");
    replace(caFile, ca);
    assert.throws(() => connect({ target: "localhost:1", tls: { caFile } }), message);
  }
});

it("takes authorities as tools write them", () => {
  const { certificate, key } = identity("ca");
  const trustworthy = [
    certificate.trimEnd(),
    certificate.repeat(3),
    `\ufeff${certificate}`,
    certificate.replaceAll("\n", "\r\n"),
    certificate.replaceAll("-\n", "- \n"),
    certificate.replaceAll("CERTIFICATE", "X509 CERTIFICATE"),
    `An Authority\n============\n${certificate}\n# the end`,
    key + certificate,
  ];
  for (const ca of trustworthy)
    for (const bytes of [ca, Buffer.from(ca)])
      connect({ target: "localhost:1", tls: { ca: bytes } }).close();
});

it("refuses a key that is not the certificate's", () => {
  const { certificate } = identity("one");
  const files = store(folder, { ...identity("another"), certificate });
  assert.throws(
    () => connect({ target: "localhost:1", tls: files }),
    mistake(/^tls\.keyFile ".*" is not the key of tls\.certificateFile ".*"$/),
  );
});

it("refuses a torn chain", () => {
  const { certificate, key } = identity("client");
  const files = store(folder, { certificate: `${certificate}-----BEGIN CERT`, key });
  assert.throws(
    () => connect({ target: "localhost:1", tls: files }),
    /certificateFile ".*": .* torn/,
  );
});

it("tells at once what is wrong with a file", () => {
  const files = store(folder, { certificate: identity("one").certificate, key: "none" });
  const missing = join(folder, "missing");
  const refused = (tls: TlsOptions, message: RegExp) => {
    assert.throws(() => connect({ target: "localhost:1", tls }), mistake(message));
  };
  refused(files, /^tls\.keyFile ".*": no key/);
  refused({ ...files, certificateFile: files.keyFile }, /^tls\.certificateFile ".*": no cert/);
  refused({ ...files, keyFile: missing }, /^tls\.keyFile ".*\/missing" cannot be read: ENOENT/);
  refused({ caFile: missing }, /^tls\.caFile ".*\/missing" cannot be read: ENOENT/);
});

function mistake(message: RegExp) {
  return { name: "TypeError", message };
}

/** What is left of certificates that are of no use, and what is said of it. */
function uselessCertificates({ certificate, key }: Identity): [RegExp, string][] {
  const [first, ...rest] = certificate.split("\n");
  return [
    [/tls\.ca.*: no certificate/, ""],
    [/tls\.ca.*: no certificate/, "no certificate"],
    [/tls\.ca.*: no certificate/, key],
    [/tls\.ca.*: a PEM block is torn/, certificate.slice(0, 200)],
    [/tls\.ca.*: a PEM block is torn/, certificate.slice(0, -3)],
    [/tls\.ca.*: a PEM block is torn/, certificate + certificate.slice(0, 200)],
    [/tls\.ca.*: a PEM block is torn/, certificate + certificate.slice(0, 4)],
    [/tls\.ca.*: a certificate .* cannot be read/, certificate.slice(0, 200) + certificate],
    [/tls\.ca.*: a certificate .* cannot be read/, [first, ...rest.slice(1)].join("\n")],
  ];
}

/** Answers each connection with the same, and closes it. */
async function saying(text: string | Buffer) {
  const server = createServer((socket) => socket.resume().end(text));
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return {
    target: `localhost:${String((server.address() as AddressInfo).port)}`,
    [Symbol.asyncDispose]() {
      server.close();
      return Promise.resolve();
    },
  };
}

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
