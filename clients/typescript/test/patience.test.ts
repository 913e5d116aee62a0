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
  return { clock, patience, attempt };
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

it("counts the time of a stream that opens and then falls silent without a word", () => {
  const { clock, patience } = trying();
  const silent = (heard: boolean) => {
    patience.begin();
    patience.opened();
    if (heard) patience.heard(false);
    clock.time += 901;
    patience.fellSilent();
    patience.ended();
    return patience.nextPause(undefined);
  };
  assert.deepEqual([silent(true), silent(false)], [100, undefined]);
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
