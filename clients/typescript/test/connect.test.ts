// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";

import { connect } from "../src/node/connect.js";
import { parseTarget } from "../src/node/target.js";
import { tokenFromFile } from "../src/node/token-file.js";
import { connect as connectWeb } from "../src/web/connect.js";

it("refuses to send a token or key in the clear to another machine", () => {
  const target = "pronto.example.com:50051";
  for (const secret of [{ token: "t" }, { apiKey: "k" }, { tokenFile: "f" }]) {
    assert.throws(() => connect({ target, ...secret }), /use TLS, or set allowInsecure/);
    connect({ target, ...secret, allowInsecure: true });
    connect({ target, ...secret, tls: true });
    for (const here of ["localhost:1", "127.0.0.1:1", "[::1]:1", "unix:/run/pronto"])
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
  for (const text of ["host", "http://host:1", "host:1/path", ""])
    assert.throws(() => parseTarget(text), /expected host:port/);
});

it("reads a token file again when it changes", async () => {
  const file = join(await mkdtemp(join(tmpdir(), "pronto-grpc-")), "token");
  const token = tokenFromFile(file);
  await assert.rejects(token(), /token file: ENOENT/);
  await writeFile(file, "one\n");
  assert.equal(await token(), "one");
  await writeFile(`${file}.next`, "two\n");
  await rename(`${file}.next`, file);
  assert.equal(await token(), "two");
});
