/** The recorder's page and a server that cannot take sound just now: what waits is kept until it can. */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { facts, recorder } from "./facts.mjs";

let answerGrants = () => [200, {}];
let putStatus = 201;
let running = null;

Object.assign(globalThis, {
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
  window: globalThis,
  isSecureContext: true,
  document: { querySelector: () => null, documentElement: { lang: "en" }, getElementById: () => null },
  MediaRecorder: class {
    static isTypeSupported = () => true;
    state = "inactive";
    start() {
      this.state = "recording";
      running = this;
    }
    addEventListener(_name, act) {
      this.act = act;
    }
    stop() {
      this.state = "inactive";
      this.act?.();
    }
  },
  fetch: async (path) => {
    const [status, body] = path.startsWith("/chunks") ? [putStatus, {}] : answerGrants();
    return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
  },
});
const { Capture } = await import("../../smart_app/web/static/js/capture.mjs");

const given = () => [200, { grants: [{ track_id: "T", token: "t" }], chunk_key: btoa("k".repeat(32)) }];
const refused = (status) => () => [status, { code: "x", public: "No.", todo: "" }];
const chunk = (number) => ({ place: { recordingId: "R", trackId: "T", run: 0, number, isLast: false }, bytes: new ArrayBuffer(4) });
const recording = facts({ state: "recording", recorder: recorder({ recording_id: "R", tracks: [{ track_id: "T", participant_id: "C", next_run: 0 }] }) });

function setUp(...held) {
  const store = new Map(held.map((each) => [each.place.number, each]));
  const capture = new Capture({
    sessionId: "S", tab: "x", graph: { wake: async () => true, outlet: () => ({}), playedMs: 0 }, clock: { now: () => 0 },
    onTrouble: () => undefined, onConfirmed: () => undefined, onGap: () => undefined, onElsewhere: () => undefined,
  });
  capture.store = {
    keep: async (_key, place, bytes) => void store.set(place.number, { place, bytes }),
    drop: async (place) => void store.delete(place.number),
    purge: async () => store.clear(),
    recordings: async () => ["R"],
    waiting: async () => [...store.values()],
  };
  return { capture, store };
}

for (const status of [429, 500, 503, 507]) {
  test(`a reload keeps what waits while the server answers ${status}`, async () => {
    answerGrants = refused(status);
    const { capture, store } = setUp(chunk(0), chunk(1));
    await capture.recover();
    assert.equal(store.size, 2);
  });
}

test("a reload purges what the server refuses to take for good", async () => {
  answerGrants = refused(403);
  const { capture, store } = setUp(chunk(0), chunk(1));
  await capture.recover();
  assert.equal(store.size, 0);
});

test("a disk that is full for longer than a grant lasts loses nothing that waits", async (context) => {
  [answerGrants, putStatus] = [given, 507];
  const { capture, store } = setUp();
  await capture.follow(recording);
  for (let number = 0; number < 3; number += 1) running.ondataavailable({ data: { size: 4, arrayBuffer: async () => new ArrayBuffer(4) } });
  await new Promise((go) => setTimeout(go, 50));
  assert.equal(store.size, 3);
  answerGrants = refused(507);
  const now = performance.now.bind(performance);
  context.mock.method(performance, "now", () => now() + 25_000);
  for (let poll = 0; poll < 6; poll += 1) await capture.follow(recording);
  assert.equal(store.size, 3);
});

after(() => setTimeout(() => process.exit(), 100));
