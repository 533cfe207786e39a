import assert from "node:assert/strict";
import test from "node:test";

import { failedSince, isUnderWay, isUnsaved, onlyRedrafted, standOf, takeParts } from "../../smart_app/web/static/js/redrafting.mjs";

/** @param {string} part @param {number|null} revision @param {"waiting"|"done"|"failed"} stand */
const redraft = (part, revision, stand = "done") => ({ part, stand, words: "", revision });

test("a note that only redrafts changed is taken in section by section", () => {
  const made = [redraft("plan", 5), redraft("subjective", 4), redraft("objective", 2)];
  assert.deepEqual(onlyRedrafted(made, 3, 5), ["subjective", "plan"]);
  assert.deepEqual(onlyRedrafted(made, 4, 5), ["plan"]);
});

test("anything else that was changed is left to the clinician's choice", () => {
  assert.equal(onlyRedrafted([redraft("plan", 6)], 3, 6), null);
  assert.equal(onlyRedrafted([redraft("plan", 4)], 3, 5), null);
  assert.equal(onlyRedrafted([redraft("plan", null, "waiting")], 3, 4), null);
  assert.equal(onlyRedrafted([redraft("plan", 3)], 3, 3), null);
});

test("what was typed in other sections stays as the page has it", () => {
  const part = (/** @type {string} */ key, /** @type {string} */ text) => ({ key, title: key, hint: "", lines: [{ id: key, text }] });
  const offers = [{ id: "o" }];
  const mine = /** @type {any[]} */ ([{ link_id: "ai", is_locked: false, text: "mine", parts: [part("plan", "old"), part("risk", "my words")], offers: [] }]);
  const stored = /** @type {any[]} */ ([{ link_id: "ai", is_locked: false, text: "", parts: [part("plan", "new"), part("risk", "before")], offers }]);
  const plan = mine[0].parts[0];
  takeParts(mine, stored, ["plan"]);
  assert.deepEqual(mine[0].parts.map((/** @type {any} */ each) => each.lines[0].text), ["new", "my words"]);
  assert.equal(mine[0].parts[0], plan, "an open field still writes into the section it belongs to");
  assert.equal(mine[0].text, "mine");
  assert.deepEqual(mine[0].offers, offers);
});

test("a failure is told once, when it comes", () => {
  const waiting = [redraft("plan", null, "waiting")];
  const failed = [redraft("plan", null, "failed")];
  assert.equal(isUnderWay(waiting), true);
  assert.equal(isUnderWay(failed), false);
  assert.equal(failedSince(waiting, failed).length, 1);
  assert.equal(failedSince(failed, failed).length, 0);
  assert.equal(failedSince([], failed).length, 0);
});

test("a section with words that are not saved is not replaced by its new draft", () => {
  const line = (/** @type {string} */ id, /** @type {string} */ text, state = "drafted") => ({ id, text, state });
  const note = (/** @type {any[]} */ ...lines) => /** @type {any[]} */ ([{ parts: [{ key: "plan", lines }, { key: "risk", lines: [line("r", "none")] }] }]);
  const saved = standOf(note(line("a", "Walk."), line("b", "Rest.")));
  assert.equal(isUnsaved(note(line("a", "Walk."), line("b", "Rest.")), ["plan"], saved), false);
  assert.equal(isUnsaved(note(line("a", "Walk daily.", "edited"), line("b", "Rest.")), ["plan"], saved), true);
  assert.equal(isUnsaved(note(line("a", "Walk daily.", "edited"), line("b", "Rest.")), ["risk"], saved), false);
  assert.equal(isUnsaved(note(line("a", "Walk."), line("b", "Rest."), line("c", "Call.", "added")), ["plan"], saved), true);
});
