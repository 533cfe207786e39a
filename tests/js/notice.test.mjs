/** The pop-up's words: one card with the time of each session, quiet where it would disturb. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { due, sentenceOf, tabTitle, titleOf } from "../../smart_app/web/static/js/noticewords.mjs";

const written = (iso) => iso.slice(0, 16);
const notice = (session_id, kind = "ready", more = {}) => ({
  session_id, kind, title: kind === "ready" ? "Session summary ready" : "Recording is erased soon", text: "Look.", action: "Open the session",
  url: `/chart#session-${session_id}`, at: "2026-11-22T16:00:00Z", session_at: session_id === "s1" ? "2026-11-22T15:04:00Z" : "2026-11-22T09:30:00Z", ...more,
});

test("one says which session it is of", () => {
  const one = [notice("s1")];
  assert.equal(titleOf(one), "Session summary ready");
  assert.equal(sentenceOf(one[0], one, written), "Session of 2026-11-22T15:04. Look.");
  assert.equal(tabTitle(one, "Chart"), "(1) Summary ready · Chartside");
  assert.equal(tabTitle([], "Chart"), "Chart");
});

test("several are one card, and no two of its lines read the same", () => {
  const two = [notice("s1"), notice("s2")];
  assert.equal(titleOf(two), "2 summaries ready");
  assert.deepEqual(two.map((each) => sentenceOf(each, two, written)), ["Session of 2026-11-22T15:04", "Session of 2026-11-22T09:30"]);
  assert.equal(tabTitle(two, "Chart"), "(2) New notifications · Chartside");
});

test("different kinds are told apart, and what cannot be opened here says the way", () => {
  const mixed = [notice("s1"), notice("s2", "warning", { url: "", text: "Launch it there." })];
  assert.equal(titleOf(mixed), "2 notifications");
  assert.deepEqual(mixed.map((each) => sentenceOf(each, mixed, written)), [
    "Session summary ready: session of 2026-11-22T15:04",
    "Recording is erased soon: session of 2026-11-22T09:30. Launch it there.",
  ]);
});

test("it is quiet in a running session, and of the session whose note is open", () => {
  const all = [notice("s1"), notice("s2"), notice("s1", "warning")];
  assert.deepEqual(due(all, { isInSession: true, noteOf: "" }), []);
  assert.deepEqual(due(all, { isInSession: false, noteOf: "s1" }), [all[1], all[2]]);
  assert.deepEqual(due(all, { isInSession: false, noteOf: "" }), all);
});
