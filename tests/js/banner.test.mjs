/** What the banner says (S16-S22, S26, S45). */
import assert from "node:assert/strict";
import { test } from "node:test";

import { bannerFor, recordingPill } from "../../smart_app/web/static/js/banner.mjs";
import { clientFacts, facts } from "./facts.mjs";

const running = (isConfirmed) => ({ state: "recording", recording: { is_running: true, is_confirmed: isConfirmed, count: 1, started_at: null } });
const again = { state: "recording", recording: { is_running: true, is_confirmed: false, count: 2, started_at: null } };
const stopped = { recording: { is_running: false, is_confirmed: false, count: 1, started_at: null } };

/** Situation, the clinician's and the client's facts, their words and tones. */
const CASES = [
  ["asking (S16)", { state: "asking" }, { answer: "asked" }, "Waiting for Maya's consent. Nothing is recorded.", "waiting", "You are asked for your consent. Nothing is recorded.", "waiting"],
  ["agreed, not confirmed (S45)", running(false), { answer: "agreed" }, "Everyone agreed. Starting the recording…", "waiting", "Everyone agreed. Starting the recording…", "waiting"],
  ["resumed, not confirmed", again, { answer: "agreed" }, "Starting the recording…", "waiting", "Starting the recording…", "waiting"],
  ["recording (S17)", running(true), { answer: "agreed" }, "Recording has started.", "live", "Recording has started.", "live"],
  ["declined (S19)", {}, { answer: "declined" }, "Maya declined. This session is not recorded.", "danger", "You declined. This session is not recorded. Your care does not change.", "neutral"],
  ["stopped (S22)", stopped, { answer: "agreed" }, "Recording stopped. The session is still in progress.", "info", "Recording stopped. The session is still in progress.", "info"],
  ["withdrawn", stopped, { answer: "withdrawn" }, "Maya withdrew consent. What was recorded of this session has been erased.", "danger", "You withdrew. What was recorded of this session has been erased. Your care does not change.", "neutral"],
  ["paused for a newcomer", { state: "paused" }, { answer: "asked" }, "Recording is paused. Waiting for Maya's consent. Nothing is recorded.", "waiting", "You are asked for your consent. Nothing is recorded.", "waiting"],
  ["erased at a client's request", { reason: "erasure-request", ...stopped }, { answer: "erased" }, "What was recorded of this session has been erased at a client's request to the clinic. It is not recorded again.", "danger", "The clinic erased what was recorded of this session. It is not recorded again. Your care does not change.", "neutral"],
  ["erased at a client's request, after the end", { reason: "erasure-request", state: "empty" }, { answer: "erased" }, "What was recorded of this session has been erased at a client's request to the clinic. It is not recorded again.", "danger", "The clinic erased what was recorded of this session. It is not recorded again. Your care does not change.", "neutral"],
  ["ended", { state: "processing" }, {}, "Session ended. The summary is being prepared.", "info", "The session has ended. Nothing is being recorded.", "neutral"],
];

CASES.push(
  ["paused by the client (decision 19)", { state: "paused", pause: { by: "P", is_yours: true, is_cleared: false } }, { answer: "agreed" }, "Maya paused the recording: someone else is there. Nothing is recorded.", "waiting", "You paused the recording. Nothing is recorded until you say that it can go on.", "waiting"],
  ["the client said that it can go on", { state: "paused", pause: { by: "P", is_yours: true, is_cleared: true } }, { answer: "agreed" }, "Maya says that you can go on. Nothing is recorded until you resume.", "waiting", "You said that it can go on. Nothing is recorded until your clinician resumes.", "waiting"],
  ["paused by another participant", { state: "paused", pause: { by: "X", is_yours: false, is_cleared: false } }, { answer: "agreed" }, "A participant paused the recording: someone else is there. Nothing is recorded.", "waiting", "The recording is paused: someone else is with a participant. Nothing is recorded.", "waiting"],
  ["a newcomer, seen by those who agreed (decision 4)", { state: "paused" }, { answer: "agreed" }, "Recording is paused. Waiting for everyone's consent. Nothing is recorded.", "waiting", "Somebody new came in. Recording is paused until they have answered. Nothing is recorded.", "waiting"],
  ["who paused is gone", { state: "paused", pause: { by: "P", is_yours: true, is_cleared: true } }, { answer: "agreed", presence: "gone" }, "Maya says that you can go on. Nothing is recorded until you resume.", "waiting", "You said that it can go on. Nothing is recorded until your clinician resumes.", "waiting"],
);

for (const [name, over, person, clinicianText, clinicianTone, clientText, clientTone] of CASES) {
  test(`banner: ${name}`, () => {
    const forClinician = bannerFor(facts(over, person));
    assert.equal(forClinician.text, clinicianText);
    assert.equal(forClinician.tone, clinicianTone);
    const forClient = bannerFor(clientFacts(over, person));
    assert.equal(forClient.text, clientText);
    assert.equal(forClient.tone, clientTone);
    assert.ok(forClinician.icon && forClient.icon, "never colour alone");
  });
}

test("banner: who left is told that nothing is processed and how to go on (S26)", () => {
  const left = facts();
  left.participants = left.participants.map((person) => (person.id === "C" ? { ...person, presence: "left" } : person));
  assert.equal(bannerFor(left).text, "You left. The session is still open and nothing is processed. Rejoin or end it.");
});

test("banner: somebody without a name is called by role, with a capital at the start only", () => {
  assert.equal(bannerFor(facts({}, { name: "", answer: "declined" })).text, "The client declined. This session is not recorded.");
  assert.equal(bannerFor(facts({ state: "asking" }, { name: "", answer: "asked" })).text, "Waiting for the client's consent. Nothing is recorded.");
});

test("banner: recording again, with others, after somebody withdrew and left, is said as recording", () => {
  assert.equal(bannerFor(facts(running(true), { answer: "withdrawn", presence: "left" })).text, "Recording has started.");
});

test("banner: a later recording with the others has a banner of its own, whoever withdrew and left", () => {
  const person = { answer: "withdrawn", presence: "left" };
  for (const over of [{ state: "asking" }, { has_audio: true, ...stopped }, { state: "processing", has_audio: true }, { state: "ready", has_audio: true }]) {
    assert.doesNotMatch(bannerFor(facts(over, person)).text, /withdrew/, over.state);
  }
});

test("pill: “Recording” stands there only after the first chunk of every track is acknowledged (S45)", () => {
  assert.equal(recordingPill(facts(running(false))).text, "Starting…");
  assert.equal(recordingPill(facts(running(true))).text, "Recording");
  assert.equal(recordingPill(facts({ state: "asking" })).text, "Not recording");
});

test("banner: somebody who declined and left does not stand in the way of the others", () => {
  assert.equal(bannerFor(facts({}, { answer: "declined", presence: "left" })).text, "Nobody else is in the session yet. Nothing is recorded.");
});

test("banner: the others learn that everything was erased, and not who withdrew (decision 3)", () => {
  const over = { reason: "withdrawn", has_audio: false, ...stopped };
  assert.equal(bannerFor(clientFacts(over, { answer: "agreed" })).text, "A participant withdrew. What was recorded of this session has been erased.");
  assert.equal(bannerFor(clientFacts({ ...over, has_audio: true }, { answer: "agreed" })).text, "Recording stopped. The session is still in progress.");
  assert.equal(bannerFor(clientFacts({ ...over, ...running(true) }, { answer: "agreed" })).text, "Recording has started.");
});
