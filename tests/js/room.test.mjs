/** The clock, the pace of polling, the words about devices and waiting, the states. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { SessionClock, formatClock } from "../../smart_app/web/static/js/clock.mjs";
import { listOf, pollMs } from "../../smart_app/web/static/js/facts.mjs";
import { levelOf } from "../../smart_app/web/static/js/levelmeter.mjs";
import { explain } from "../../smart_app/web/static/js/media.mjs";
import { LIVE, State } from "../../smart_app/web/static/js/states.mjs";
import { facts } from "./facts.mjs";

test("states.mjs mirrors session.py", () => {
  const python = readFileSync(new URL("../../smart_app/session.py", import.meta.url), "utf8");
  const body = python.slice(python.indexOf("class State"), python.indexOf("class Event"));
  const named = Object.fromEntries([...body.matchAll(/^ {4}([A-Z]+) = "([a-z]+)"$/gm)].map(([, name, value]) => [name, value]));
  assert.deepEqual({ ...State }, named);
  const live = /^LIVE = frozenset\(\{(.*)\}\)$/m.exec(python)[1];
  assert.deepEqual([...LIVE].sort(), [...live.matchAll(/State\.([A-Z]+)/g)].map(([, name]) => named[name]).sort());
});

test("the session clock trusts the reading with the shortest round trip", () => {
  let steady = 10_000;
  const clock = new SessionClock(() => steady);
  assert.equal(clock.isSet, false);
  clock.sync(60_000, 9_000, 9_200);
  assert.equal(clock.now(), 60_900);
  clock.sync(61_100, 9_000, 10_000);
  assert.equal(clock.now(), 60_900);
  clock.sync(61_000, 9_980, 10_000);
  steady = 11_000;
  assert.equal(clock.now(), 62_010);
});

test("the clock is written as people read it", () => {
  assert.deepEqual([0, 65_000, 3_725_000].map(formatClock), ["0:00", "1:05", "1:02:05"]);
});

test("polling: 1 s connecting, 2 s asking, recording or waiting, 5 s otherwise", () => {
  assert.equal(pollMs(facts(), true), 1000);
  assert.equal(pollMs(facts({ state: "recording" }), false), 2000);
  assert.equal(pollMs(facts({}, { presence: "waiting" }), false), 2000);
  assert.equal(pollMs(facts(), false), 5000);
  assert.equal(pollMs(facts({ state: "ready" }), true), 15000);
});

test("a refused microphone: how to allow it, in words", () => {
  assert.match(explain("NotAllowedError").title, /did not allow/);
  assert.match(explain("NotAllowedError").steps.join(" "), /address bar.*Allow/);
  assert.match(explain("NotFoundError").title, /No microphone/);
  assert.match(explain("NotReadableError").steps.join(" "), /Close other programs/);
  assert.match(explain("").steps.join(" "), /https/);
});

test("the level is 0 in silence and rises with the sound", () => {
  assert.equal(levelOf(new Float32Array(64)), 0);
  assert.ok(levelOf(new Float32Array(64).fill(0.05)) < levelOf(new Float32Array(64).fill(0.5)));
  assert.equal(levelOf(new Float32Array(64).fill(1)), 100);
});

test("names are listed as in a sentence", () => {
  assert.deepEqual([[], ["A"], ["A", "B", "C"]].map(listOf), ["", "A", "A, B and C"]);
});
