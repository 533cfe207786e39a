/** The record control and the reasons (S08-S10, S37, S41). */
import assert from "node:assert/strict";
import { test } from "node:test";

import { endWords, recordWords } from "../../smart_app/web/static/js/recordwords.mjs";
import { clientFacts, facts, recorder } from "./facts.mjs";

test("no button while the AI usage consent is off, the reason and the switch instead (S09, S37)", () => {
  const words = recordWords(facts({ recorder: recorder({ control: "absent", why: "ai_consent_off" }) }));
  assert.equal(words.button, null);
  assert.match(words.reason, /AI usage consent is off/);
  assert.equal(words.fix, "switch");
});

test("switched on too late: from the next session, with the offer of a new one (S08)", () => {
  const words = recordWords(facts({ recorder: recorder({ control: "absent", why: "ai_consent_too_late" }) }));
  assert.deepEqual([words.button, words.fix], [null, "again"]);
  assert.match(words.reason, /next session/);
});

test("erased at a client's request: no button, nobody to be asked again, and the reason", () => {
  const words = recordWords(facts({ recorder: recorder({ control: "absent", why: "erasure_asked" }) }, { answer: "erased" }));
  assert.deepEqual([words.button, words.fix], [null, null]);
  assert.match(words.reason, /erased at a client's request/);
  assert.match(endWords(facts({ reason: "erasure-request" }))[0], /erased at a client's request/);
});

test("where the site has not enabled the assistant, nothing is said of it (S01)", () => {
  assert.deepEqual(recordWords(facts({ recorder: recorder({ control: "absent", why: "site_off" }) })), { button: null, reason: "", fix: null });
});

test("nobody here: no button that could only be refused, and the reason in words (S10)", () => {
  const words = recordWords(facts({ recorder: recorder({ why: "nobody_here" }) }));
  assert.equal(words.button, null);
  assert.match(words.reason, /Nobody is here yet/);
});

test("after a decline the clinician may ask once more; after that only the client can change it (decision 2)", () => {
  const once = recordWords(facts({}, { answer: "declined", may_ask_again: true }));
  assert.match(once.reason, /ask Maya once more/);
  const twice = recordWords(facts({ recorder: recorder({ why: "not_again" }) }, { answer: "declined" }));
  assert.match(twice.reason, /Maya said no.*Allow recording after all/);
  assert.deepEqual([once.button, twice.button], ["start", null]);
});

test("the buttons while asking and recording; none after the end; none on the client's side", () => {
  assert.equal(recordWords(facts({ recorder: recorder({ control: "asking" }) })).button, "asking");
  assert.equal(recordWords(facts({ recorder: recorder({ control: "stop" }) })).button, "stop");
  assert.equal(recordWords(facts({ state: "ready" })).button, null);
  assert.equal(recordWords(clientFacts()).button, null);
});

test("paused by the client: no button until they say so, then Resume recording (decision 19)", () => {
  const pause = { by: "P", is_yours: false, is_cleared: false };
  const held = recordWords(facts({ state: "paused", pause, recorder: recorder({ control: "resume", why: "paused" }) }));
  assert.equal(held.button, null);
  assert.match(held.reason, /Maya paused the recording .* when Maya has said that it can go on/);
  const cleared = recordWords(facts({ state: "paused", pause: { ...pause, is_cleared: true }, recorder: recorder({ control: "resume" }) }));
  assert.deepEqual([cleared.button, cleared.reason], ["resume", ""]);
});

test("a minor without a guardian: no button, and whom to invite (decision 16)", () => {
  const words = recordWords(facts({ recorder: recorder({ why: "guardian_missing" }) }));
  assert.equal(words.button, null);
  assert.match(words.reason, /Invite the guardian/);
});

test("before the end is said what became of the recording; after a withdrawal that it was erased, not that none was made", () => {
  assert.match(endWords(facts({ has_audio: true })).join(" "), /prepared from what was recorded/);
  assert.match(endWords(facts({ recording: { is_running: true } })).join(" "), /^Recording stops\./);
  assert.match(endWords(facts()).join(" "), /Nothing was recorded/);
  for (const withdrawn of [facts({ reason: "withdrawn" }), facts({}, { answer: "withdrawn" })]) {
    assert.match(endWords(withdrawn).join(" "), /erased when consent was withdrawn/);
    assert.doesNotMatch(endWords(withdrawn).join(" "), /Nothing was recorded/);
  }
  assert.match(endWords(facts({ has_audio: true, reason: "withdrawn" })).join(" "), /prepared from what was recorded/);
});
