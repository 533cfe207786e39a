import assert from "node:assert/strict";
import { test } from "node:test";
import { causesFor } from "../../smart_app/web/static/js/causes.mjs";

/** @param {string} code @param {string} about */
const cause = (code, about) => ({ code, about, missing: "", why: "", todo: "", evidence: [], fix: null });
/** @param {import("../../smart_app/web/static/js/causes.mjs").Cause[]} causes */
const codes = (causes) => causes.map((one) => one.code);

test("at the record bar with nothing in the way: that one can record, not how the summary is made (B13)", () => {
  const [said] = causesFor("record", [cause("still_open", "summary")]);
  assert.equal(said?.code, "may_record");
  assert.match(said?.todo ?? "", /Press Start Recording/);
});

test("at the record bar only what keeps from recording is said", () => {
  assert.deepEqual(codes(causesFor("record", [cause("still_open", "summary"), cause("declined", "record")])), ["declined"]);
});

test("elsewhere the summary comes first, then the rest", () => {
  assert.deepEqual(codes(causesFor("summary", [cause("declined", "record"), cause("still_open", "summary")])), ["still_open", "declined"]);
});
