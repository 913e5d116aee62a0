// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { it } from "node:test";

import { Patience } from "../src/patience.js";
import { FakeClock } from "./fake.js";

/** What is tried for at most a second. */
function trying() {
  const clock = new FakeClock();
  const patience = new Patience(1_000, clock);
  /** An attempt: the time until it is open, and the time until it breaks. */
  const attempt = (untilOpenMs: number, openMs: number, heard?: "new" | "known") => {
    patience.begin();
    clock.time += untilOpenMs;
    patience.opened();
    if (heard) patience.heard(heard === "new");
    clock.time += openMs;
    patience.ended();
    return patience.nextPause(undefined);
  };
  /** An attempt: the time until its last message, if it has any, and its silence. */
  const silence = (openMs: number, silentMs: number, heard?: "new" | "known") => {
    patience.begin();
    patience.opened();
    clock.time += openMs;
    if (heard) patience.heard(heard === "new");
    clock.time += silentMs;
    patience.fellSilent(silentMs);
    patience.ended();
    return patience.nextPause(undefined);
  };
  return { clock, patience, attempt, silence };
}

it("counts the time until a stream is open, also that of the first attempt", () => {
  const { attempt } = trying();
  assert.equal(attempt(900, 0), 100);
  assert.equal(trying().attempt(901, 0), undefined);
});

it("counts the time of an attempt that never opens", () => {
  const { clock, patience } = trying();
  patience.begin();
  clock.time += 901;
  patience.ended();
  assert.equal(patience.nextPause(undefined), undefined);
});

it("does not count the time in which a stream is open", () => {
  const { attempt } = trying();
  assert.deepEqual([attempt(100, 3_600_000), attempt(100, 3_600_000)], [100, 200]);
  assert.equal(attempt(500, 3_600_000), undefined);
});

it("counts a silence, and not the time in which the stream was open before it", () => {
  const { silence } = trying();
  assert.deepEqual(
    [silence(3_600_000, 300), silence(9_999, 300, "known"), silence(0, 200)],
    [100, 200, undefined],
  );
  assert.equal(trying().silence(0, 901), undefined);
});

it("counts a silence behind a new event, and all of it behind an opening in its midst", () => {
  assert.equal(trying().silence(5_000, 900, "new"), 100);
  assert.equal(trying().silence(5_000, 901, "new"), undefined);
  const { clock, patience } = trying();
  patience.begin();
  clock.time += 500;
  patience.opened();
  clock.time += 400;
  patience.fellSilent(900);
  patience.ended();
  assert.equal(patience.nextPause(undefined), 100);
});

it("begins anew after 10 s up to the last message before a silence, and not sooner", () => {
  const steady = trying();
  assert.deepEqual(
    [steady.silence(10_000, 900, "known"), steady.silence(10_000, 900, "known")],
    [100, 100],
  );
  const brief = trying();
  assert.deepEqual(
    [brief.silence(9_999, 900, "known"), brief.silence(9_999, 900, "known")],
    [100, undefined],
  );
});

it("begins anew with a new event, and counts no time before it", () => {
  const { attempt } = trying();
  assert.deepEqual(
    [attempt(800, 0, "new"), attempt(600, 0), attempt(200, 0)],
    [100, 200, undefined],
  );
});

it("begins anew after 10 s that brought something, and not sooner", () => {
  const steady = trying();
  assert.deepEqual([steady.attempt(500, 0), steady.attempt(500, 10_000, "known")], [100, 100]);
  const brief = trying();
  assert.deepEqual([brief.attempt(500, 0), brief.attempt(500, 9_999, "known")], [100, undefined]);
  const mute = trying();
  assert.deepEqual([mute.attempt(500, 0), mute.attempt(500, 10_000)], [100, undefined]);
});

it("counts pauses, and what the server asks for", () => {
  const { clock, patience, attempt } = trying();
  assert.equal(attempt(0, 0), 100);
  clock.time += 800;
  assert.equal(patience.nextPause(201), undefined);
});
