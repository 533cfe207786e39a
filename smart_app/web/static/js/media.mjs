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

/** What was chosen of microphone and camera, in this tab: over a reload and into the next session. */
const KEPT = "chartside.devices";

/** @typedef {{isMuted: boolean, isCameraOff: boolean, microphoneId: string, cameraId: string}} Choice */
/** @typedef {{is_muted: boolean, is_camera_off: boolean}} Told how the server knows them, from another tab */

/** Own microphone and camera during a call. */
export class OwnMedia {
  /** @type {MediaStreamTrack|null} */ #microphone = null;
  /** @type {MediaStreamTrack|null} */ #camera = null;
  #isMuted = false;
  /** For now nothing is sent, whatever was chosen. */
  #isHeld = false;
  /** Before the call the sound reaches nobody, and its level shows that the microphone works. */
  #isChecking = false;
  /** The camera is on and its picture reaches nobody, because the line is too weak. */
  isPictureHeld = false;
  microphoneId = "";
  cameraId = "";

  /** @param {Pick<Storage, "getItem"|"setItem">} [keep] */
  constructor(keep = sessionStorage) {
    this.keepIn = keep;
  }

  get microphone() {
    return this.#microphone;
  }

  set microphone(track) {
    this.#microphone = track;
    this.#apply();
  }

  get camera() {
    return this.#camera;
  }

  set camera(track) {
    this.#camera = track;
    this.#apply();
  }

  get isMuted() {
    return !this.#microphone || this.#isMuted || this.#isHeld;
  }

  get isCameraOff() {
    return !this.#camera || this.#isHeld;
  }

  /** A track that is sent must never be louder or brighter than what was chosen, not for a moment. */
  #apply() {
    if (this.#microphone) this.#microphone.enabled = this.#isChecking || !(this.#isMuted || this.#isHeld);
    if (this.#camera) this.#camera.enabled = this.#isChecking || !this.#isHeld;
  }

  /** Mute or unmute; the microphone stays open. @param {boolean} isMuted */
  mute(isMuted) {
    this.#isMuted = isMuted;
    this.#apply();
    this.keep();
  }

  /** Send neither sound nor picture for now; or again as chosen. @param {boolean} isHeld */
  hold(isHeld) {
    this.#isHeld = isHeld;
    this.#apply();
  }

  /** @param {boolean} isChecking the devices are tried before the call */
  check(isChecking) {
    this.#isChecking = isChecking;
    this.#apply();
  }

  /** Keep what is chosen now. */
  keep() {
    /** @type {Choice} */
    const choice = { isMuted: this.#isMuted, isCameraOff: !this.#camera, microphoneId: this.microphoneId, cameraId: this.cameraId };
    this.keepIn.setItem(KEPT, JSON.stringify(choice));
  }

  /**
   * Open the devices again without a click: muted stays muted, and a camera that was off stays off. Raises what
   * getUserMedia raises for the microphone.
   * @param {{told?: Told|null, isMoved?: boolean, hasPicture?: boolean}} [how]
   *   told: as the server knows it; it counts where this tab knows nothing, and when the call is moved here
   */
  async reopen({ told = null, isMoved = false, hasPicture = true } = {}) {
    /** @type {Partial<Choice>|null} */ const kept = JSON.parse(this.keepIn.getItem(KEPT) ?? "null");
    const heard = kept && !isMoved ? null : told;
    this.#isMuted = Boolean(kept?.isMuted || heard?.is_muted);
    this.microphoneId = kept?.microphoneId ?? "";
    this.cameraId = kept?.cameraId ?? "";
    const isCameraOff = kept?.isCameraOff || heard?.is_camera_off;
    try {
      this.microphone = await openMicrophone(this.microphoneId);
    } catch (error) {
      this.microphoneId = ""; // It may be unplugged: the device check offers what there is.
      throw error;
    }
    this.camera = hasPicture && !isCameraOff ? await openCamera(this.cameraId).catch(() => null) : null;
  }

  /** Switch the camera off for real (its light goes out). */
  closeCamera() {
    this.#camera?.stop();
    this.camera = null;
  }

  /** Give everything back. */
  close() {
    this.closeCamera();
    this.#microphone?.stop();
    this.microphone = null;
  }
}
