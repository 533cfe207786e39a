/** What a browser must be able to do, and which one to use instead. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { MIMES, adviceFor, missingFor, pickMime } from "../../smart_app/web/static/js/support.mjs";

const able = { isSecure: true, hasDevices: true, hasCall: true, canRecord: () => true, hasSound: true, hasStore: true, hasCrypto: true };
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 13_7 like Mac OS X) AppleWebKit/605.1.15 CriOS/90 Mobile";

test("a current browser lacks nothing, on either side", () => {
  assert.deepEqual([missingFor(able, "clinician"), missingFor(able, "client")], [[], []]);
});

test("each ability that the clinician's side needs is asked for", () => {
  const lacks = { isSecure: "secure", hasDevices: "devices", hasCall: "call", hasSound: "sound", hasStore: "store", hasCrypto: "crypto" };
  for (const [name, need] of Object.entries(lacks)) assert.deepEqual(missingFor({ ...able, [name]: false }, "clinician"), [need]);
  assert.deepEqual(missingFor({ ...able, canRecord: () => false }, "clinician"), ["recorder"]);
});

test("the client's browser records nothing, so it needs no recorder and no store", () => {
  const simple = { ...able, canRecord: () => false, hasSound: false, hasStore: false, hasCrypto: false };
  assert.deepEqual(missingFor(simple, "client"), []);
  assert.deepEqual(missingFor({ ...simple, hasCall: false }, "client"), ["call"]);
});

test("what is recorded is asked, best first: WebM, else MP4, else Ogg", () => {
  const only = (...mimes) => pickMime((mime) => mimes.includes(mime));
  assert.equal(only(...MIMES), "audio/webm;codecs=opus");
  assert.equal(only("audio/mp4", "audio/mp4;codecs=mp4a.40.2"), "audio/mp4;codecs=mp4a.40.2");
  assert.equal(only("audio/mp4", "audio/ogg;codecs=opus"), "audio/mp4");
  assert.equal(only("audio/ogg;codecs=opus"), "audio/ogg;codecs=opus");
  assert.equal(only("video/webm"), "");
});

test("the advice names a way out for each kind of device", () => {
  const said = (missing, agent) => adviceFor(missing, agent).lines.join(" ");
  assert.match(said(["secure", "devices"], ""), /https address/);
  assert.match(said(["call"], IPHONE), /Safari.*iOS/);
  assert.match(said(["devices"], "Mozilla/5.0 (Linux; Android 12; Pixel; wv) Chrome/99"), /inside another app.*Chrome/);
  assert.match(said(["recorder"], "Mozilla/5.0 (Linux; Android 8) Chrome/60"), /Chrome, Edge or Firefox/);
  assert.match(said(["recorder"], "Mozilla/5.0 (Windows NT 10.0) Trident/7.0"), /Chrome, Edge, Firefox or Safari/);
  assert.match(said(["store"], "Mozilla/5.0 (X11; Linux) Firefox/100"), /private window/);
});
