/** How good a connection is, and that the picture is given up before the sound. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { ENCODINGS, PictureSteps, addUp, gradeOf, hintFor, readingOf, worstGrade, worstPicture } from "../../smart_app/web/static/js/quality.mjs";

const fine = { rttMs: 40, lossShare: 0, inKbps: 400, outKbps: 400, roomKbps: 2000 };
const take = (steps, grade, times) => Array.from({ length: times }, () => steps.take(grade)).at(-1);

/** getStats() of one connection, as browsers answer it. */
const stats = ({ received = 0, lost = 0, bytes = 0, sent = 0, rtt = 0.05, room = 1_500_000, fraction = 0 }) => [
  { type: "inbound-rtp", kind: "audio", packetsReceived: received, packetsLost: lost, bytesReceived: bytes },
  { type: "inbound-rtp", kind: "video", packetsReceived: 9999, packetsLost: 999, bytesReceived: bytes },
  { type: "outbound-rtp", kind: "audio", bytesSent: sent },
  { type: "remote-inbound-rtp", kind: "audio", fractionLost: fraction },
  { type: "candidate-pair", state: "succeeded", nominated: true, currentRoundTripTime: rtt, availableOutgoingBitrate: room },
  { type: "candidate-pair", state: "waiting", nominated: false, currentRoundTripTime: 9 },
];

test("a reading is what happened since the last one: loss of sound, round trip, bits a second", () => {
  const before = addUp(stats({ received: 1000, lost: 50, bytes: 10_000, sent: 5000 }), 1000).sums;
  const reading = readingOf(addUp(stats({ received: 1190, lost: 60, bytes: 60_000, sent: 30_000, rtt: 0.12 }), 5000), before);
  assert.deepEqual(reading, { rttMs: 120, lossShare: 0.05, inKbps: 200, outKbps: 50, roomKbps: 1500 });
  assert.equal(readingOf(addUp(stats({}), 1500), before), null);
  assert.equal(readingOf(addUp(stats({}), 1500), null), null);
});

test("what the other side lost counts too, and silence on the line is the worst loss", () => {
  const before = addUp(stats({ received: 10, bytes: 100 }), 0).sums;
  assert.equal(readingOf(addUp(stats({ received: 210, bytes: 900, fraction: 0.2 }), 4000), before)?.lossShare, 0.2);
  assert.equal(readingOf(addUp(stats({ received: 10, bytes: 100 }), 4000), before)?.lossShare, 1);
});

test("good, fair and poor", () => {
  assert.equal(gradeOf(fine), "good");
  assert.equal(gradeOf({ ...fine, rttMs: null, lossShare: null, roomKbps: null }), "good");
  for (const bad of [{ rttMs: 350 }, { lossShare: 0.05 }, { roomKbps: 100 }]) assert.equal(gradeOf({ ...fine, ...bad }), "fair");
  for (const bad of [{ rttMs: 700 }, { lossShare: 0.2 }, { roomKbps: 30 }]) assert.equal(gradeOf({ ...fine, ...bad }), "poor");
});

test("one bad reading changes nothing; a poor line makes the picture small, then none", () => {
  const steps = new PictureSteps();
  assert.equal(steps.take("poor"), "full");
  assert.equal(steps.take("fair"), "full");
  assert.equal(take(steps, "poor", 2), "small");
  assert.equal(take(steps, "poor", 2), "off");
  assert.equal(take(steps, "poor", 20), "off");
});

test("the picture comes back when the line was good for a while, and more slowly after each fall", () => {
  const steps = new PictureSteps();
  take(steps, "poor", 4);
  assert.equal(take(steps, "good", 7), "off");
  assert.equal(steps.take("good"), "small");
  assert.equal(take(steps, "good", 8), "full");
  take(steps, "poor", 4);
  assert.equal(take(steps, "good", 15), "off");
  assert.equal(steps.take("good"), "small");
});

test("a weak line is said with what helps, also to who sends no picture", () => {
  assert.equal(hintFor("good", "full", true), "");
  assert.match(hintFor("fair", "small", true), /picture is sent small.*Wi-Fi/);
  assert.match(hintFor("poor", "off", true), /picture is not sent: the sound comes first/);
  assert.match(hintFor("poor", "off", false), /^The connection is weak\. .*helps/);
  assert.equal(worstGrade(["good", "poor", "fair"]), "poor");
});

test("only pictures are set; the sound is never touched", () => {
  assert.equal(ENCODINGS.off.active, false);
  assert.ok(Number(ENCODINGS.small.maxBitrate) < Number(ENCODINGS.full.maxBitrate));
  assert.equal(worstPicture([]), "full");
  assert.equal(worstPicture(["full", "off", "small"]), "off");
});
