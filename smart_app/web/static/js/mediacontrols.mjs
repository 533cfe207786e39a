/**
 * Mute and camera at the bottom of the room, and telling the others' pages.
 * @module
 */
import { byId, button, el } from "./dom.mjs";
import { icon } from "./icons.mjs";
import { postJson } from "./http.mjs";
import { openCamera } from "./media.mjs";
import { t } from "./words.mjs";

export class MediaControls {
  #mute = button(t("Mute"), "btn-quiet", () => this.#toggleMute(), { id: "mute" });
  #camera = button(t("Camera off"), "btn-quiet", () => this.#toggleCamera(), { id: "camera" });

  /**
   * @param {string} sessionId
   * @param {import("./media.mjs").OwnMedia} media
   * @param {(camera: MediaStreamTrack|null) => Promise<void>} onCamera
   * @param {() => void} onChange
   * @param {boolean} [hasPicture] the call is by picture too
   */
  constructor(sessionId, media, onCamera, onChange, hasPicture = true) {
    this.sessionId = sessionId;
    this.media = media;
    this.onCamera = onCamera;
    this.onChange = onChange;
    byId("media-controls", HTMLElement).replaceChildren(this.#mute, ...(hasPicture ? [this.#camera] : []));
    this.draw();
  }

  /** Take the controls away (left, ended). */
  remove() {
    byId("media-controls", HTMLElement).replaceChildren();
  }

  /** Tell the server how microphone and camera stand. */
  tell() {
    const state = { is_muted: this.media.isMuted, is_camera_off: this.media.isCameraOff || this.media.isPictureHeld };
    // Only a sign beside a name: when it is lost, the next change carries it.
    return postJson(`/room/${this.sessionId}/media-state`, state).catch(() => undefined);
  }

  async #toggleMute() {
    this.media.mute(!this.media.isMuted);
    await this.#changed();
  }

  async #toggleCamera() {
    if (this.media.camera) this.media.closeCamera();
    else this.media.camera = await openCamera(this.media.cameraId).catch(() => null);
    this.media.keep();
    await this.onCamera(this.media.camera);
    await this.#changed();
  }

  async #changed() {
    this.draw();
    this.onChange();
    await this.tell();
  }

  /** Show how microphone and camera stand. */
  draw() {
    const { isMuted, isCameraOff } = this.media;
    this.#mute.setAttribute("aria-pressed", String(isMuted));
    this.#mute.replaceChildren(icon(isMuted ? "mic-off" : "mic"), el("span", { class: "label" }, isMuted ? t("Unmute") : t("Mute")));
    this.#camera.setAttribute("aria-pressed", String(isCameraOff));
    this.#camera.replaceChildren(icon(isCameraOff ? "camera-off" : "camera"), el("span", { class: "label" }, isCameraOff ? t("Camera on") : t("Camera off")));
  }
}
