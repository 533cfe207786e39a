/**
 * Camera and microphone: asking for them, saying in words what went wrong, switching the camera off for real.
 * @module
 */
import { t } from "./words.mjs";

/** @typedef {{title: string, steps: string[]}} Trouble */

const HOW_TO_ALLOW = [
  t("Click the camera or lock symbol at the left of the address bar."),
  t("Set Microphone (and Camera, if you want to be seen) to “Allow”."),
  t("Then press “Try again” here, or reload the page."),
];

/**
 * Explain a failure of getUserMedia in words. Pure.
 * @param {string} errorName the DOMException's name
 * @returns {Trouble}
 */
export function explain(errorName) {
  switch (errorName) {
    case "NotAllowedError":
    case "SecurityError":
      return { title: t("The browser did not allow the microphone. You can allow it:"), steps: HOW_TO_ALLOW };
    case "NotFoundError":
    case "OverconstrainedError":
      return {
        title: t("No microphone was found."),
        steps: [t("Plug in a headset or microphone, or switch it on."), t("Then press “Try again”.")],
      };
    case "NotReadableError":
    case "AbortError":
      return {
        title: t("The microphone is there but cannot be used now."),
        steps: [t("Close other programs that use it (another video call, for example)."), t("Then press “Try again”.")],
      };
    default:
      return {
        title: t("This browser gave no microphone."),
        steps: [t("Open this page in a current version of Chrome, Edge, Firefox or Safari, by its https address.")],
      };
  }
}

/** @param {string} deviceId @returns {MediaTrackConstraints} */
const chosen = (deviceId) => (deviceId ? { deviceId: { exact: deviceId } } : {});

/** Ask for the microphone. @param {string} [deviceId] @returns {Promise<MediaStreamTrack>} */
export async function openMicrophone(deviceId = "") {
  if (!navigator.mediaDevices) throw new DOMException("no media devices", "NotSupportedError");
  const audio = { ...chosen(deviceId), channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  return /** @type {MediaStreamTrack} */ (stream.getAudioTracks()[0]);
}

/** Ask for the camera. @param {string} [deviceId] @returns {Promise<MediaStreamTrack>} */
export async function openCamera(deviceId = "") {
  const video = { ...chosen(deviceId), width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { max: 24 } };
  const stream = await navigator.mediaDevices.getUserMedia({ video });
  return /** @type {MediaStreamTrack} */ (stream.getVideoTracks()[0]);
}

/** List devices of a kind, with names once allowed. @param {"audioinput"|"videoinput"} kind */
export async function devices(kind) {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all.filter((device) => device.kind === kind && device.deviceId);
}

/** Own microphone and camera during a call. */
export class OwnMedia {
  /** @type {MediaStreamTrack|null} */ microphone = null;
  /** @type {MediaStreamTrack|null} */ camera = null;
  /** The camera is on and its picture reaches nobody, because the line is too weak. */
  isPictureHeld = false;
  microphoneId = "";
  cameraId = "";

  get isMuted() {
    return !this.microphone?.enabled;
  }

  get isCameraOff() {
    return !this.camera;
  }

  /** Mute or unmute; the microphone stays open. @param {boolean} isMuted */
  mute(isMuted) {
    if (this.microphone) this.microphone.enabled = !isMuted;
  }

  /** Switch the camera off for real (its light goes out). */
  closeCamera() {
    this.camera?.stop();
    this.camera = null;
  }

  /** Give everything back. */
  close() {
    this.closeCamera();
    this.microphone?.stop();
    this.microphone = null;
  }
}
