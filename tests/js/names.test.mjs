/** Whether the name that somebody gave at the door is the chart's: a stranger's is pointed out before Admit. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { sharesAName } from "../../smart_app/web/static/js/facts.mjs";

test("a name that shares a word with the chart's is no stranger's", () => {
  assert.ok(sharesAName("Maya", "Maya Thompson"));
  assert.ok(sharesAName("thompson, m.", "Maya Thompson"));
  assert.ok(sharesAName("Jose Núñez", "José Nunez"));
});

test("a name without a common word is pointed out", () => {
  assert.equal(sharesAName("Valerie Cole", "Maya Thompson"), false);
  assert.equal(sharesAName("M. T.", "Maya Thompson"), true, "initials say nothing against it");
});

test("without one of the names there is nothing to compare", () => {
  assert.ok(sharesAName("", "Maya Thompson"));
  assert.ok(sharesAName("Valerie Cole", ""));
});
