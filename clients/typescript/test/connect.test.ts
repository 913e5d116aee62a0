// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";

import { Code, type ConnectRouter, createClient, createRouterTransport } from "@connectrpc/connect";

import { credentials } from "../src/credentials.js";
import { ProntoError } from "../src/errors.js";
import { JobService } from "../src/gen/pronto/v1/jobs_pb.js";
import { connect } from "../src/node/connect.js";
import { parseTarget } from "../src/node/target.js";
import { systemRoots } from "../src/node/tls.js";
import { tokenFromFile } from "../src/node/token-file.js";
import { connect as connectWeb } from "../src/web/connect.js";
import { failure, FakeJobs } from "./fake.js";
import { serve } from "./wire.js";

const folder = await mkdtemp(join(tmpdir(), "pronto-grpc-"));
after(() => rm(folder, { recursive: true }));

it("refuses to send a token or key in the clear to another machine", async () => {
  const tokenFile = join(folder, "exposed");
  await writeFile(tokenFile, "t");
  const target = "pronto.example.com:50051";
  for (const secret of [{ token: "t" }, { apiKey: "k" }, { tokenFile }]) {
    assert.throws(() => connect({ target, ...secret }), mistake(/use TLS, or set allowInsecure/));
    connect({ target, ...secret, allowInsecure: true });
    connect({ target, ...secret, tls: true });
    for (const here of ["localhost:1", "127.0.0.1:1", "[::1]:1", "unix:/run/pronto", "LOCALHOST:1"])
      connect({ target: here, ...secret });
  }
  connect({ target });
  const baseUrl = "http://pronto.example.com";
  assert.throws(() => connectWeb({ baseUrl, token: "t" }), /use TLS/);
});

it("reads targets", () => {
  for (const text of ["unix:/run/p", "unix:///run/p"])
    assert.deepEqual(parseTarget(text), {
      path: "/run/p",
      host: "localhost",
      authority: "localhost",
    });
  assert.equal(parseTarget("[::1]:50051").host, "[::1]");
  for (const text of ["host", "http://host:1", "host:1/path", "host:65536", "unix://path", ""])
    assert.throws(() => connect({ target: text }), mistake(/^target ".*": expected host:port/));
});

it("reads base URLs", () => {
  connectWeb({ baseUrl: "HTTPS://pronto.example.com/path" });
  for (const baseUrl of ["localhost:50051", "//host", "http://", "unix:/run/p", ""])
    assert.throws(() => connectWeb({ baseUrl }), mistake(/^baseUrl ".*": expected http\(s\)/));
});

it("reads a token file again when it changes", async () => {
  const file = join(folder, "token");
  await writeFile(file, "one\n");
  const token = tokenFromFile(file);
  assert.equal(await token(), "one");
  await writeFile(`${file}.next`, "two\n");
  await rename(`${file}.next`, file);
  assert.equal(await token(), "two");
});

it("names the token file that cannot be used", async () => {
  const tokenFile = join(folder, "named");
  const refused = (message: RegExp) => {
    assert.throws(() => connect({ tokenFile }), mistake(/tokenFile ".*\/named"/));
    assert.throws(() => connect({ tokenFile }), mistake(message));
  };
  refused(/cannot be read: ENOENT/);
  await writeFile(tokenFile, " \n");
  refused(/is empty$/);
  await writeFile(tokenFile, "two words");
  refused(/has white space$/);
});

it("keeps the last token while its file is empty, gone or torn", async () => {
  const file = join(folder, "kept");
  await writeFile(file, "one");
  const token = tokenFromFile(file);
  for (const torn of ["", "t\0rn"]) {
    await writeFile(file, torn);
    assert.equal(await token(), "one");
  }
  await rm(file);
  assert.equal(await token(), "one");
  await writeFile(file, "two");
  assert.equal(await token(), "two");
});

it("refuses a token or key that no header can carry, and does not quote it", async () => {
  for (const secret of ["", " ", "s3cr\net", "s3crét", " s3cret", "s3cret\n", "s3cr et"])
    for (const options of [{ token: secret }, { apiKey: secret }])
      for (const make of [connect, connectWeb])
        assert.throws(
          () => make({ baseUrl: "https://localhost", ...options }),
          (thrown) => {
            assert.ok(thrown instanceof TypeError);
            assert.match(
              String(thrown),
              /the (token|apiKey) (is empty|has white space|has characters)/,
            );
            assert.doesNotMatch(String(thrown), /s3cr/);
            return true;
          },
        );
  const pronto = connectWeb({ baseUrl: "http://localhost:1", token: () => "s3cr\net" });
  await assert.rejects(pronto.jobs.getJob({}), (thrown) => {
    assert.ok(thrown instanceof ProntoError);
    assert.equal(thrown.code, Code.Unauthenticated);
    assert.match(thrown.message, /the token has white space$/);
    return true;
  });
});

it("sends what a call brings instead of what the client has", async () => {
  const jobs = new FakeJobs([]);
  const transport = createRouterTransport(jobs.routes, {
    transport: { interceptors: [credentials(() => "client", "client")] },
  });
  const client = createClient(JobService, transport);
  await client.getJob({});
  await client.getJob({}, { headers: { authorization: "Bearer own", "x-api-key": "own" } });
  const sent = jobs.headers.map((header) => [header.get("authorization"), header.get("x-api-key")]);
  assert.deepEqual(sent, [
    ["Bearer client", "client"],
    ["Bearer own", "own"],
  ]);
});

it("tells the server of any timeout as gRPC can", { timeout: 10_000 }, async () => {
  const jobs = new FakeJobs([]);
  await using wire = await serve(jobs.routes);
  using pronto = connect({ target: wire.target });
  for (const timeoutMs of [60_000.5, 60_000, 2e8, Infinity]) {
    await pronto.jobs.getJob({}, { timeoutMs });
    await pronto.jobs.watchJob({}, { timeoutMs })[Symbol.asyncIterator]().next();
  }
  const told = jobs.headers.map((header) => header.get("grpc-timeout"));
  const each = ["60001m", "60000m", "99999999m", "99999999m"];
  assert.deepEqual(
    told,
    each.flatMap((timeout) => [timeout, timeout]),
  );
});

it("bounds repeats by any timeout", { timeout: 10_000 }, async () => {
  const starting = failure(Code.Unavailable, "STARTING", 2);
  const routes = ({ service }: ConnectRouter) => {
    service(JobService, { getJob: () => Promise.reject(starting) });
  };
  await using wire = await serve(routes);
  using pronto = connect({ target: wire.target });
  await assert.rejects(pronto.jobs.getJob({}, { timeoutMs: 1999.5 }), { reasonText: "STARTING" });
});

it("tells of timeouts over gRPC-Web, too", async (test) => {
  const told: (string | null)[] = [];
  test.mock.method(globalThis, "fetch", (_: unknown, { headers }: RequestInit) => {
    told.push(new Headers(headers).get("grpc-timeout"));
    return Promise.reject(new Error("told"));
  });
  const pronto = connectWeb({ baseUrl: "http://localhost:1" });
  await assert.rejects(pronto.contacts.enrichContact({}, { timeoutMs: 0.5 }));
  assert.deepEqual(told, ["1m"]);
});

it("trusts the system's roots where Node knows them", () => {
  const getCACertificates = (type: string) => ["both", type];
  assert.deepEqual(systemRoots({ getCACertificates }).ca, ["both", "default", "system"]);
  assert.deepEqual(systemRoots({}), {});
});

/** Whether options are refused so: by no ConnectError, which is the error of a call. */
function mistake(message: RegExp) {
  return { name: "TypeError", message };
}

it("brings what its types need", () => {
  for (const entry of ["index", "web"])
    assert.match(
      readFileSync(new URL(`../../dist/${entry}.d.ts`, import.meta.url), "utf8"),
      /<reference lib="esnext.disposable"/,
    );
});
