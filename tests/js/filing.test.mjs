/** How a note stands in the chart, as the note page asks and says it. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { isOnItsWay, pauseMs, sentenceFor } from "../../smart_app/web/static/js/filing.mjs";

const filing = (tone, words, detail = "") => ({ stand: { words, tone }, detail, can_retry: false, is_gone: false, has_two: false });

test("it is asked every 2 s for a minute, then every 15 s, until it is filed, kept or refused", () => {
  assert.deepEqual([pauseMs(0), pauseMs(59_999), pauseMs(60_000)], [2000, 2000, 15_000]);
  assert.equal(isOnItsWay(filing("waiting", "Being filed")), true);
  for (const [tone, words] of [["good", "In the chart"], ["plain", "Kept in Chartside"], ["danger", "Not filed"]]) assert.equal(isOnItsWay(filing(tone, words)), false);
  assert.equal(isOnItsWay(null), false);
});

test("what became of it is said once it is news; a refusal always has its reason", () => {
  assert.equal(sentenceFor(filing("good", "In the chart"), true), "The chart has this note now.");
  assert.equal(sentenceFor(filing("good", "In the chart"), false), "");
  assert.equal(sentenceFor(filing("danger", "Not filed", "The EHR refused it."), true), "The EHR refused it.");
});
