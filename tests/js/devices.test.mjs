/** Muted stays muted and a camera that was off stays off: over a reload, a new session, another tab; nothing is sent while held. */
import assert from "node:assert/strict";
import { test } from "node:test";

const opened = [];
const track = (kind, how) => ({ kind, how, enabled: true, isLive: true, stop() { this.isLive = false; } });
const mediaDevices = {
  getUserMedia: async ({ audio, video }) => {
    const made = track(audio ? "audio" : "video", audio || video);
    if (made.how.deviceId?.exact === "unplugged") throw new DOMException("gone", "OverconstrainedError");
    opened.push(made);
    return { getAudioTracks: () => [made], getVideoTracks: () => [made] };
  },
};
Object.defineProperty(globalThis, "navigator", { value: { mediaDevices }, configurable: true });
const { OwnMedia } = await import("../../smart_app/web/static/js/media.mjs");

function storage() {
  const kept = new Map();
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => void kept.set(name, value) };
}

/** A page of this tab, in a call. */
async function page(tab, how = {}) {
  opened.length = 0;
  const media = new OwnMedia(tab);
  await media.reopen(how);
  return media;
}

test("after a reload a muted microphone is muted before anybody can hear it, and no camera is opened that was off", async () => {
  const tab = storage();
  const before = await page(tab);
  assert.deepEqual([before.isMuted, before.isCameraOff], [false, false]);
  before.mute(true);
  before.closeCamera();
  before.keep();
  const after = await page(tab);
  assert.deepEqual(opened.map((each) => [each.kind, each.enabled]), [["audio", false]]);
  assert.deepEqual([after.isMuted, after.isCameraOff], [true, true]);
});

test("unmuted again and with the camera on, a reload opens both", async () => {
  const tab = storage();
  (await page(tab)).mute(true);
  (await page(tab)).mute(false);
  const after = await page(tab);
  assert.deepEqual([after.isMuted, after.isCameraOff, opened.length], [false, false, 2]);
});

test("the same devices are opened again; one that is gone is left to the device check", async () => {
  const tab = storage();
  const before = await page(tab);
  before.microphoneId = "headset";
  before.keep();
  await page(tab);
  assert.equal(opened[0].how.deviceId.exact, "headset");
  before.microphoneId = "unplugged";
  before.keep();
  const after = new OwnMedia(tab);
  await assert.rejects(after.reopen());
  assert.equal(after.microphoneId, "");
});

test("another tab takes over how it stood there; on a reload this tab knows better", async () => {
  const told = { is_muted: true, is_camera_off: true };
  const fresh = await page(storage(), { told });
  assert.deepEqual([fresh.isMuted, fresh.isCameraOff], [true, true]);
  const tab = storage();
  (await page(tab)).mute(false);
  assert.equal((await page(tab, { told })).isMuted, false);
  assert.equal((await page(tab, { told, isMoved: true })).isMuted, true);
});

test("while held nothing is sent, whatever is opened or pressed; then it is as chosen", async () => {
  const media = new OwnMedia(storage());
  media.hold(true);
  await media.reopen();
  media.mute(false);
  assert.deepEqual([media.microphone.enabled, media.camera.enabled, media.isMuted, media.isCameraOff], [false, false, true, true]);
  media.hold(false);
  assert.deepEqual([media.microphone.enabled, media.camera.enabled, media.isMuted, media.isCameraOff], [true, true, false, false]);
  media.mute(true);
  media.hold(true);
  media.hold(false);
  assert.equal(media.microphone.enabled, false);
});

test("at the device check a muted microphone shows its level; the call begins muted", async () => {
  const tab = storage();
  (await page(tab)).mute(true);
  const media = await page(tab);
  media.check(true);
  assert.equal(media.microphone.enabled, true);
  media.check(false);
  assert.equal(media.microphone.enabled, false);
});
