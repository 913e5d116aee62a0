// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Stream, constants } from "node:http2";
import { connect as connectSocket } from "node:net";
import { it } from "node:test";
import { connect as connectTls } from "node:tls";

import { Code, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import { ProntoError } from "../src/errors.js";
import { follow } from "../src/follow.js";
import { followSettings } from "../src/follow-options.js";
import { JobStream } from "../src/job-stream.js";
import { JobService } from "../src/gen/pronto/v1/jobs_pb.js";
import { connect } from "../src/node/connect.js";
import { carry } from "../src/node/carried.js";
import type { Session } from "../src/node/session.js";
import { Sessions } from "../src/node/sessions.js";
import { withTypedErrors } from "../src/transport.js";
import { Silence } from "../src/watchdog.js";
import { completed, failure, FakeClock, FakeJobs, lead } from "./fake.js";
import { mute, resetting, serve, type Wire } from "./wire.js";

// Only reached when what is tested is broken: a call then waits for a missed ping.
const limit = { timeout: 10_000 };
const defaults = followSettings({});

it("begins a silent stream again on another connection", limit, async () => {
  const jobs = new FakeJobs([[lead(1), "silence"], [completed(2)]]);
  await using wire = await serve(jobs.routes);
  using pronto = connect({ target: wire.target });
  const clock = new FakeClock();
  await using stream = new JobStream(pronto.jobs, "j", defaults, clock);

  assert.equal((await stream.next()).value?.sequence, 1n);
  wire.freeze();
  clock.holding = () => {
    clock.holding = undefined;
    queueMicrotask(() => clock.held[0]?.());
  };
  assert.equal((await stream.next()).value?.sequence, 2n);
  assert.equal((await stream.next()).done, true);
  assert.equal(wire.connections(), 2);
  // The call that was left lets go of the dead connection.
  while (wire.open() > 1) await new Promise(setImmediate);
});

it("keeps other calls on a connection that was left", limit, async () => {
  const jobs = new FakeJobs([["silence"], ["silence"], [completed(1)]]);
  await using wire = await serve(jobs.routes);
  using pronto = connect({ target: wire.target });
  const other = new FakeClock();
  const clock = new FakeClock();
  const quiet = new JobStream(pronto.jobs, "quiet", defaults, other);
  const watched = new Promise<void>((resolve) => (jobs.silent = resolve));
  const pending = quiet.next();
  await watched;
  const stream = new JobStream(pronto.jobs, "j", defaults, clock);
  jobs.silent = () => clock.held[0]?.();

  assert.equal((await stream.next()).value?.sequence, 1n);
  assert.deepEqual([wire.connections(), wire.open()], [2, 2]);
  await quiet.close();
  assert.equal((await pending).done, true);
  while (wire.open() > 1) await new Promise(setImmediate);
  assert.equal((await stream.next()).done, true);
});

it("ends what is followed when it is closed", limit, async () => {
  const jobs = new FakeJobs([[failure(Code.Unavailable, "DRAINING", 3600)]]);
  await using wire = await serve(jobs.routes);
  let broken: (() => void) | undefined;
  const pausing = new Promise<void>((resolve) => (broken = resolve));
  const tell = afterFailure(() => broken?.());
  const pronto = connect({ target: wire.target, interceptors: [tell] });
  const pending = pronto.follow("j", { patienceMs: 7_200_000 }).next();
  await pausing.then(() => new Promise(setImmediate));
  pronto.close();
  await assert.rejects(pending, (thrown) => {
    assert.ok(isClosed(thrown) && thrown.cause instanceof ProntoError);
    assert.equal(thrown.cause.reasonText, "DRAINING");
    return true;
  });
  await assert.rejects(pronto.follow("j").next(), isClosed);
  await assert.rejects(follow(pronto.jobs, "j").next(), isClosed);
  assert.deepEqual(jobs.watched, [0n]);
});

it("ends calls under way when it is closed", limit, async () => {
  let met: (() => void) | undefined;
  const underWay = new Promise<void>((resolve) => (met = resolve));
  await using wire = await serve(({ service }) => {
    service(JobService, {
      getJob: () => {
        met?.();
        return new Promise(() => undefined);
      },
    });
  });
  const pronto = connect({ target: wire.target });
  const pending = pronto.jobs.getJob({ jobId: "j" });
  await underWay;
  pronto.close();
  await assert.rejects(pending, isClosed);
});

it("ends a call whose connection is made behind the end of the client", limit, async () => {
  await using wire = await serve(new FakeJobs([]).routes);
  const baseUrl = `http://${wire.target}`;
  const manager = new Http2SessionManager(baseUrl);
  const request = manager.request.bind(manager);
  manager.request = (...call) => {
    sessions.close();
    return request(...call);
  };
  const sessions = new Sessions(() => manager, new FakeClock(20_000));
  await assert.rejects(jobsOver(baseUrl, sessions).getJob({}), isClosed);
  while (wire.open() > 0) await new Promise(setImmediate);
});

it("keeps no stream that was left with something to read", limit, async () => {
  const many = Array.from({ length: 50 }, (_, n) => lead(n + 1, "x".repeat(1_000)));
  const jobs = new FakeJobs([[...many, completed(51)]]);
  await using wire = await serve(jobs.routes);
  const baseUrl = `http://${wire.target}`;
  const sessions = new ToldSessions(() => new Http2SessionManager(baseUrl), new FakeClock(20_000));
  const stream = new JobStream(jobsOver(baseUrl, sessions), "j", defaults, new FakeClock());
  await stream.next();
  const carrier = sessions.streams[0];
  // The server has sent everything, and here most of it waits to be read.
  while (carrier?.closed === false) await new Promise(setImmediate);
  assert.ok(carrier && carrier.readableLength > 0);
  const gone = once(carrier, "close");
  await stream.close();
  await gone;
  sessions.close();
});

it("says that the server ended a call without an answer", limit, async () => {
  for (const [code, expected] of [
    [constants.NGHTTP2_NO_ERROR, Code.Internal],
    [constants.NGHTTP2_INADEQUATE_SECURITY, Code.PermissionDenied],
  ] as const) {
    await using server = await resetting(code);
    using pronto = connect({ target: server.target });
    await assert.rejects(pronto.jobs.getJob({}), { code: expected });
    await assert.rejects(pronto.jobs.watchJob({})[Symbol.asyncIterator]().next(), {
      code: expected,
    });
  }
});

it("does not repeat a call or connect again once it is closed", limit, async () => {
  const jobs = new FakeJobs([]);
  const close = () => {
    pronto.close();
  };
  await using wire = await serve(jobs.routes, (socket) => {
    close();
    socket.destroy();
  });
  const pronto = connect({ target: wire.target });
  await assert.rejects(pronto.jobs.getJob({ jobId: "j" }), ProntoError);
  await assert.rejects(pronto.jobs.getJob({ jobId: "j" }), isClosed);
  assert.equal(wire.connections(), 1);
});

it("gives up a connection that is not made in time, and makes another", limit, async () => {
  await using wire = await serve(new FakeJobs([]).routes);
  await using dead = await mute();
  const { jobs, clock } = firstMute(dead.port, wire);
  const calls = [jobs.getJob({}), jobs.getJob({})];
  await dead.met;
  assert.equal(clock.held.length, 2);
  clock.held[0]?.();
  for (const call of calls) await assert.rejects(call, { code: Code.Unavailable });
  await dead.left;
  await jobs.getJob({});
  assert.deepEqual(clock.held, [], "a timer is left");
});

it("closes a connection that is left before it is made", limit, async () => {
  await using wire = await serve(new FakeJobs([]).routes);
  await using dead = await mute();
  const { jobs } = firstMute(dead.port, wire);
  const caller = new AbortController();
  const silent = jobs.getJob({}, { signal: caller.signal });
  await dead.met;
  caller.abort(new Silence("nothing came"));
  await assert.rejects(silent);
  await dead.left;
  await jobs.getJob({});
});

it("makes another connection for more than 100 calls", limit, async () => {
  const jobs = new FakeJobs(Array.from({ length: 101 }, () => ["silence"]));
  await using wire = await serve(jobs.routes);
  using pronto = connect({ target: wire.target });
  let silent = 0;
  const all = new Promise<void>((resolve) => {
    jobs.silent = () => {
      silent += 1;
      if (silent === 101) resolve();
    };
  });
  const streams = Array.from({ length: 101 }, () => pronto.follow("j"));
  const pending = streams.map((stream) => stream.next());
  await all;
  assert.equal(wire.connections(), 2);
  await Promise.all(streams.map((stream) => stream.close()));
  await Promise.all(pending);
  await pronto.jobs.getJob({});
  assert.equal(wire.connections(), 2);
});

/** A client whose first connection waits for a TLS handshake that nobody answers. */
function firstMute(port: number, wire: Wire) {
  const clock = new FakeClock(20_000);
  let first = true;
  const createConnection = () => {
    if (!first) return connectSocket(Number(wire.target.split(":")[1]), "127.0.0.1");
    first = false;
    return connectTls(port, "127.0.0.1");
  };
  const baseUrl = `http://${wire.target}`;
  const create = () => new Http2SessionManager(baseUrl, {}, { createConnection });
  return { clock, jobs: jobsOver(baseUrl, new Sessions(create, clock)) };
}

/** A client of JobService over these connections. */
function jobsOver(baseUrl: string, sessionManager: Sessions) {
  const leave = (session: Session) => {
    sessionManager.leave(session);
  };
  const transport = createGrpcTransport({ baseUrl, sessionManager, interceptors: [carry(leave)] });
  return createClient(JobService, withTypedErrors(transport));
}

/** Connections that tell of the streams on them. */
class ToldSessions extends Sessions {
  readonly streams: ClientHttp2Stream[] = [];

  override async request(...call: Parameters<Sessions["request"]>) {
    const stream = await super.request(...call);
    this.streams.push(stream);
    return stream;
  }
}

/** Tells when a stream has failed. */
function afterFailure(tell: () => void): Interceptor {
  return (next) => async (request) => {
    const response = await next(request);
    if (!response.stream) return response;
    const messages = response.message;
    async function* noted() {
      try {
        yield* messages;
      } finally {
        tell();
      }
    }
    return { ...response, message: noted() };
  };
}

function isClosed(thrown: unknown): thrown is ProntoError {
  assert.ok(thrown instanceof ProntoError);
  assert.equal(thrown.rawMessage, "the client is closed");
  assert.equal(thrown.code, Code.Canceled);
  return true;
}
