/** The recorder: what it records, new runs on a new source, what it says after a sleep; one tab; servers to connect. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { SessionClock, gapWords } from "../../smart_app/web/static/js/clock.mjs";
import { Ice } from "../../smart_app/web/static/js/ice.mjs";
import { Recorder } from "../../smart_app/web/static/js/recorder.mjs";
import { RoomLoop } from "../../smart_app/web/static/js/roomloop.mjs";
import { Tabs } from "../../smart_app/web/static/js/tabs.mjs";
import { Uploader } from "../../smart_app/web/static/js/uploader.mjs";
import { facts, recorder as recorderFacts } from "./facts.mjs";

const settle = (ms = 5) => new Promise((done) => setTimeout(done, ms));

/** A MediaRecorder that cuts a chunk whenever it is told to. */
class FakeMediaRecorder extends EventTarget {
  static made = [];
  state = "inactive";
  constructor(stream, how) {
    super();
    Object.assign(this, { stream, how });
    FakeMediaRecorder.made.push(this);
  }
  start() {
    this.state = "recording";
  }
  cut() {
    this.ondataavailable({ data: { size: 2, arrayBuffer: async () => new ArrayBuffer(2) } });
  }
  stop() {
    this.state = "inactive";
    this.cut();
    this.dispatchEvent(new Event("stop"));
  }
}

function setUp() {
  FakeMediaRecorder.made.length = 0;
  globalThis.MediaRecorder = FakeMediaRecorder;
  let steadyMs = 0;
  const graph = { playedMs: 0, outlet: (id) => `stream of ${id}` };
  const kept = [];
  const clock = new SessionClock(() => steadyMs);
  clock.sync(0, 0, 0);
  const recorder = new Recorder({ graph, clock, mime: "audio/mp4", onBroken: () => assert.fail("broken"), sink: async (name) => void kept.push(name) });
  const pass = (ms, played = ms) => {
    steadyMs += ms;
    graph.playedMs += played;
  };
  return { recorder, graph, kept, pass, clock };
}

const TRACKS = [{ track_id: "T1", participant_id: "C", next_run: 0 }, { track_id: "T2", participant_id: "P", next_run: 0 }];

test("the run is registered with the type that the browser records", () => {
  const { recorder } = setUp();
  const runs = recorder.start(TRACKS);
  assert.deepEqual(runs.map((run) => run.mime), ["audio/mp4", "audio/mp4"]);
  assert.equal(FakeMediaRecorder.made[0].how.mimeType, "audio/mp4");
});

test("a replaced microphone begins a new run on its own track, the others go on", async () => {
  const { recorder, kept, pass } = setUp();
  recorder.start(TRACKS);
  FakeMediaRecorder.made.forEach((one) => one.cut());
  pass(5000);
  await recorder.interrupt(["C"]);
  assert.deepEqual(recorder.missing(TRACKS).map((track) => track.track_id), ["T1"]);
  const [run] = recorder.start(recorder.missing(TRACKS));
  assert.deepEqual([run.track_id, run.run, run.start_ms], ["T1", 1, 5000]);
  const last = await recorder.stop();
  assert.deepEqual(last, { T1: { run: 1, number: 0 }, T2: { run: 0, number: 1 } });
  assert.deepEqual(kept.filter((name) => name.trackId === "T1").map(({ run, number, isLast }) => [run, number, isLast]), [[0, 0, false], [0, 1, true], [1, 0, true]]);
});

test("a computer that slept: the sound lags behind the session clock by what was not recorded", () => {
  const { recorder, pass } = setUp();
  assert.equal(recorder.lagMs, 0);
  pass(3000);
  recorder.start(TRACKS);
  pass(60_000);
  assert.equal(recorder.lagMs, 0);
  pass(90_000, 0);
  assert.equal(recorder.lagMs, 90_000);
  assert.match(gapWords(recorder.lagMs), /about 2 minutes.*Nothing was recorded in that time/);
});

test("a steady clock that stood still while asleep is set again by the server's", () => {
  let steadyMs = 10_000;
  const clock = new SessionClock(() => steadyMs);
  clock.sync(100_000, 9990, 10_000);
  steadyMs = 12_000;
  clock.sync(102_300, 11_500, 12_000);
  assert.equal(clock.now(), 102_005, "a slower answer changes nothing");
  clock.sync(402_000, 11_600, 12_000);
  assert.equal(clock.now(), 402_200, "five minutes cannot have passed in no time");
});

test("a timer that comes much too late shows that the page stood still", async () => {
  globalThis.window = Object.assign(new EventTarget(), { setTimeout: () => 0 });
  let steadyMs = 0;
  let gaps = 0;
  const ports = { onFacts: () => undefined, onSignal: () => undefined, onTrouble: () => undefined, isInCall: () => false, isConnecting: () => false, onGap: () => (gaps += 1) };
  const loop = new RoomLoop("S", new SessionClock(() => steadyMs), ports);
  await loop.start();
  steadyMs += 7000;
  await loop.now();
  assert.equal(gaps, 0);
  steadyMs += 60_000;
  await loop.now();
  assert.equal(gaps, 1);
  loop.stop();
});

function tabIn(storage, channels, onTaken = () => undefined, how = {}) {
  const target = new EventTarget();
  const channel = { onmessage: null, postMessage: (data) => channels.filter((one) => one !== channel).forEach((one) => one.onmessage?.({ data })) };
  channels.push(channel);
  const keep = { getItem: (name) => storage.get(name) ?? null, setItem: (name, value) => storage.set(name, value), removeItem: (name) => storage.delete(name) };
  return { tabs: new Tabs("S", onTaken, { keep, channel, target, ...how }), leave: () => target.dispatchEvent(new Event("pagehide")) };
}

test("a tab keeps its name over a reload; a duplicate of it gets another", () => {
  const storage = new Map();
  const first = tabIn(storage, []);
  const duplicate = tabIn(new Map(storage), []);
  assert.notEqual(duplicate.tabs.name, first.tabs.name);
  first.leave();
  assert.equal(tabIn(storage, []).tabs.name, first.tabs.name);
});

test("the tab that took it later has it; of two that take it in the same moment one yields", () => {
  const heard = [];
  const waiting = [];
  const channels = [];
  /** Two tabs whose messages arrive when both have been sent. */
  const [early, late] = [["a", 1], ["b", 2]].map(([name, atMs]) => {
    const made = tabIn(new Map(), channels, () => heard.push(name), { freshName: () => name, nowMs: () => atMs }).tabs;
    made.channel.postMessage = (data) => waiting.push(() => channels.forEach((one) => one !== made.channel && one.onmessage({ data })));
    return made;
  });
  late.take();
  early.take();
  waiting.splice(0).forEach((arrive) => arrive());
  assert.deepEqual(heard, ["a"]);
  late.nowMs = early.nowMs;
  late.take();
  early.take();
  waiting.splice(0).forEach((arrive) => arrive());
  assert.deepEqual(heard, ["a", "a"]);
});

test("the tab that joins takes the session; the other one hears of it; the facts name the recorder's tab", () => {
  const channels = [];
  const heard = [];
  const one = tabIn(new Map(), channels, () => heard.push("one")).tabs;
  const two = tabIn(new Map(), channels, () => heard.push("two")).tabs;
  two.take();
  assert.deepEqual(heard, ["one"]);
  const said = facts({ recorder: recorderFacts({ tab: two.name }) });
  assert.deepEqual([one.isElsewhere(said), two.isElsewhere(said)], [true, false]);
  assert.equal(one.isElsewhere(facts({ recorder: recorderFacts({ tab: null }) })), false);
});

test("TURN credentials are renewed at half their life, and asked for again after a failure", async () => {
  let steadyMs = 0;
  let isDown = true;
  let asked = 0;
  const get = async () => {
    asked += 1;
    if (isDown) throw new Error("down");
    return { ice_servers: [{ urls: ["turn:t"], username: `${asked}:C`, credential: "x" }], transport_policy: "relay", lasts_s: 3600 };
  };
  const ice = new Ice("S", { get, steadyMs: () => steadyMs });
  await ice.refresh();
  assert.equal(ice.isReady, false);
  isDown = false;
  await ice.refresh();
  assert.deepEqual([ice.isReady, ice.configuration.iceTransportPolicy], [true, "relay"]);
  steadyMs = 1_799_000;
  await ice.refresh();
  assert.equal(asked, 2);
  steadyMs = 1_800_000;
  await ice.refresh();
  assert.equal(ice.configuration.iceServers?.[0]?.username, "3:C");
});

test("chunks that wait for the line go on as soon as the browser says that it is back", async () => {
  globalThis.addEventListener ??= new EventTarget().addEventListener;
  const line = new EventTarget();
  globalThis.addEventListener = line.addEventListener.bind(line);
  globalThis.removeEventListener = line.removeEventListener.bind(line);
  let isDown = true;
  let puts = 0;
  const uploader = new Uploader({
    grants: { tokenFor: async () => "token", forget: () => undefined },
    store: { drop: async () => undefined },
    put: async () => {
      puts += 1;
      if (isDown) throw new Error("down");
      return 201;
    },
    ports: { onRefused: () => undefined, onFirst: () => undefined, onGone: () => undefined, onTrouble: () => undefined },
  });
  uploader.add({ place: { recordingId: "R", trackId: "T", run: 0, number: 0, isLast: false }, bytes: new ArrayBuffer(1) });
  await settle();
  isDown = false;
  line.dispatchEvent(new Event("online"));
  await settle();
  assert.deepEqual([puts, uploader.isEmpty], [2, true]);
});

test("nothing in the room depends on the browser's wall clock", () => {
  const folder = new URL("../../smart_app/web/static/js/", import.meta.url);
  const seen = new Set();
  const walk = (name) => {
    if (seen.has(name)) return;
    seen.add(name);
    const text = readFileSync(new URL(name, folder), "utf8");
    assert.doesNotMatch(text, /\bDate\.now\(|new Date\(\)/, name);
    for (const [, next] of text.matchAll(/from "\.\/([a-z]+\.mjs)"/g)) walk(next);
  };
  walk("room.mjs");
  walk("join.mjs");
  assert.ok(seen.size > 25);
});
