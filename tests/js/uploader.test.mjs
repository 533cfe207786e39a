/** Chunks: sent in order, kept until acknowledged, stopped at once by a refusal. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { importKey, seal, unseal } from "../../smart_app/web/static/js/chunkstore.mjs";
import { Grants } from "../../smart_app/web/static/js/grants.mjs";
import { Refused, Unreachable } from "../../smart_app/web/static/js/http.mjs";
import { Uploader, outcomeOf } from "../../smart_app/web/static/js/uploader.mjs";

const settle = () => new Promise((done) => setTimeout(done, 5));
const chunk = (number) => ({ place: { recordingId: "R", trackId: "T", run: 0, number, isLast: false }, bytes: new ArrayBuffer(4) });

function setUp(answers) {
  const seen = { puts: [], dropped: [], waits: [], refused: 0, gone: 0, first: 0, words: [] };
  const uploader = new Uploader({
    grants: { tokenFor: async () => "token", forget: () => undefined },
    store: { drop: async (place) => void seen.dropped.push(place.number) },
    put: async (place) => {
      seen.puts.push(place.number);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === "down") throw new Unreachable();
      return answer;
    },
    wait: async (ms) => void seen.waits.push(ms),
    ports: {
      onRefused: () => (seen.refused += 1),
      onGone: () => (seen.gone += 1),
      onFirst: () => (seen.first += 1),
      onTrouble: (words) => seen.words.push(words),
    },
  });
  return { uploader, seen };
}

test("chunks go in order and are dropped from the browser only when acknowledged", async () => {
  const { uploader, seen } = setUp([201, 200, 201]);
  uploader.add(chunk(0), chunk(1), chunk(2));
  await settle();
  assert.deepEqual(seen.puts, [0, 1, 2]);
  assert.deepEqual(seen.dropped, [0, 1, 2]);
  assert.equal(seen.first, 1);
});

test("a lost line: the same chunk again, with growing pauses, and nothing lost", async () => {
  const { uploader, seen } = setUp(["down", 503, "down", 201]);
  uploader.add(chunk(0), chunk(1));
  await settle();
  assert.deepEqual(seen.puts, [0, 0, 0, 0, 1]);
  assert.deepEqual(seen.waits, [1000, 2000, 4000]);
  assert.match(seen.words[0], /connection.*lost/);
  assert.equal(seen.words.at(-1), "");
});

test("a refused grant stops at once, keeps the chunk, and goes on only with a fresh grant", async () => {
  const { uploader, seen } = setUp([403, 201]);
  uploader.add(chunk(0), chunk(1));
  await settle();
  assert.deepEqual([seen.refused, seen.puts.length, seen.dropped.length, uploader.isHeld], [1, 1, 0, true]);
  uploader.resume();
  await settle();
  assert.deepEqual(seen.dropped, [0, 1]);
});

test("an erased recording: nothing more is sent", async () => {
  const { uploader, seen } = setUp([410]);
  uploader.add(chunk(0), chunk(1));
  await settle();
  assert.deepEqual([seen.gone, seen.puts.length, uploader.isEmpty], [1, 1, true]);
});

test("what an answer means", () => {
  assert.deepEqual([200, 201, 401, 403, 409, 410, 413, 429, 500, 507].map(outcomeOf), [
    "acked", "acked", "refused", "refused", "dropped", "gone", "dropped", "later", "later", "full",
  ]);
});

test("grants: renewed when old, runs told each time, a refusal is passed on", async () => {
  let nowMs = 0;
  const bodies = [];
  const said = { grants: [{ track_id: "T", token: "t1" }], chunk_key: Buffer.alloc(32, 7).toString("base64") };
  const grants = new Grants("S", "R", { tab: "TAB", steadyMs: () => nowMs, post: async (path, body) => (bodies.push([path, body]), said) });
  assert.equal(grants.isDue, true);
  await grants.renew([{ track_id: "T", run: 0, start_ms: 5, mime: "m" }]);
  assert.deepEqual(bodies[0], ["/sessions/S/recording/grants", { recording_id: "R", runs: [{ track_id: "T", run: 0, start_ms: 5, mime: "m" }], tab: "TAB", claims: false, takes_over: false }]);
  assert.equal(await grants.tokenFor("T"), "t1");
  nowMs = 21_000;
  assert.equal(grants.isDue, true);
  nowMs = 51_000;
  await grants.tokenFor("T");
  assert.equal(bodies.length, 2);
  assert.equal(bodies[1][1].runs.length, 1);
  const refusing = new Grants("S", "R", { post: async () => { throw new Refused(403, { code: "grant_refused" }); } });
  await assert.rejects(refusing.tokenFor("T"), { code: "grant_refused" });
});

test("a stored chunk opens with its own key and in its own place only (trust.md section 2, point 6)", async () => {
  const bytes = new TextEncoder().encode("sound").buffer;
  const key = await importKey(Buffer.alloc(32, 1).toString("base64"));
  const other = await importKey(Buffer.alloc(32, 2).toString("base64"));
  const sealed = await seal(key, "R/T/0/0", bytes);
  assert.equal(new TextDecoder().decode(await unseal(key, { id: "R/T/0/0", ...sealed })), "sound");
  assert.equal(await unseal(other, { id: "R/T/0/0", ...sealed }), null);
  assert.equal(await unseal(key, { id: "R/T/0/1", ...sealed }), null);
  assert.equal(key.extractable, false);
  assert.ok(!Buffer.from(sealed.sealed).includes("sound"));
});
