/**
 * The device check before joining: preview, level, choice of devices, and how to allow a refused microphone.
 * @module
 */
import { byId, el, once } from "./dom.mjs";
import { LevelMeter } from "./levelmeter.mjs";
import { devices, explain, openCamera, openMicrophone } from "./media.mjs";
import { t } from "./words.mjs";

/** @typedef {import("./media.mjs").OwnMedia} OwnMedia */

const HEARD = 12;
/** How long Join waits for a camera that is being opened, in ms. */
const CAMERA_WAIT_MS = 3000;

/** Name a device whose name the browser keeps. @param {"audioinput"|"videoinput"} kind @param {number} number */
const nameless = (kind, number) => (kind === "audioinput" ? t("Microphone {number}", { number }) : t("Camera {number}", { number }));

export class DeviceCheck {
  /** @type {LevelMeter|null} */ #meter = null;
  #microphones = byId("check-microphone", HTMLSelectElement);
  #cameras = byId("check-camera", HTMLSelectElement);
  #join = byId("check-join", HTMLButtonElement);
  #isOpen = false;
  #starting = Promise.resolve();
  /** @type {HTMLInputElement|null} */ #name = document.querySelector("#check-name");

  /** @param {OwnMedia} media @param {(name: string) => Promise<void>} onJoin */
  constructor(media, onJoin) {
    this.media = media;
    this.#microphones.addEventListener("change", () => void this.#useMicrophone(this.#microphones.value));
    this.#cameras.addEventListener("change", () => void this.#useCamera(this.#cameras.value));
    byId("check-again", HTMLButtonElement).addEventListener("click", () => void (this.#starting = this.#start()));
    this.#join.addEventListener("click", () => void once(this.#join, () => this.#tryJoin(onJoin)));
    this.#name?.addEventListener("keydown", (event) => event.key === "Enter" && this.#join.click());
  }

  /** Show the check and ask for the devices. */
  async open() {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.media.check(true);
    byId("check", HTMLElement).hidden = false;
    this.#starting = this.#start();
    await this.#starting;
  }

  /** Hide the check; the devices stay open for the call. */
  close() {
    this.#isOpen = false;
    this.media.check(false);
    this.#meter?.close();
    this.#meter = null;
    byId("check-video", HTMLVideoElement).srcObject = null;
    byId("check", HTMLElement).hidden = true;
  }

  async #start() {
    if (!(await this.#useMicrophone(this.media.microphoneId))) return;
    await this.#list(this.#microphones, "audioinput", this.media.microphone);
    if (!byId("check", HTMLElement).dataset.soundOnly) await this.#useCamera("");
  }

  /** @param {string} deviceId */
  async #useMicrophone(deviceId) {
    this.media.microphone?.stop();
    this.#meter?.close();
    this.#meter = null;
    try {
      const microphone = await openMicrophone(deviceId);
      if (!this.#isOpen) {
        microphone.stop(); // Left or brought to another tab meanwhile: no microphone may run that nobody asked for.
        return false;
      }
      this.media.microphone = microphone;
    } catch (error) {
      this.media.microphone = null;
      this.#tellTrouble(error);
      return false;
    }
    this.media.microphoneId = deviceId;
    byId("check-trouble", HTMLElement).hidden = true;
    byId("check-again", HTMLElement).hidden = true;
    this.#join.disabled = false;
    this.#meter = new LevelMeter(this.media.microphone, (level) => this.#showLevel(level));
    return true;
  }

  /** The camera is optional: without one the call is by sound. @param {string} deviceId */
  async #useCamera(deviceId) {
    this.media.closeCamera();
    if (deviceId !== "off") {
      try {
        const camera = await openCamera(deviceId);
        if (!this.#isOpen) {
          camera.stop(); // Joined meanwhile without it: no camera may run that nobody sees.
          return;
        }
        this.media.camera = camera;
        this.media.cameraId = deviceId;
      } catch {
        this.media.camera = null;
      }
    }
    const video = byId("check-video", HTMLVideoElement);
    video.srcObject = this.media.camera ? new MediaStream([this.media.camera]) : null;
    if (this.media.camera) void video.play().catch(() => undefined);
    byId("check-tile", HTMLElement).classList.toggle("is-dark", !this.media.camera);
    byId("check-camera-words", HTMLElement).textContent = this.media.camera ? t("This is how you will be seen") : t("Camera is off");
    await this.#list(this.#cameras, "videoinput", this.media.camera);
  }

  /** @param {HTMLSelectElement} select @param {"audioinput"|"videoinput"} kind @param {MediaStreamTrack|null} used */
  async #list(select, kind, used) {
    const found = await devices(kind);
    const usedId = used?.getSettings().deviceId ?? "off";
        const options = found.map((device, i) => el("option", { value: device.deviceId }, device.label || nameless(kind, i + 1)));
    if (kind === "videoinput") options.unshift(el("option", { value: "off" }, t("No camera")));
    select.replaceChildren(...options);
    select.value = usedId;
    select.disabled = options.length === 0;
  }

  /** @param {number} level */
  #showLevel(level) {
    byId("check-level", HTMLMeterElement).value = level;
    if (level < HEARD) return;
    const words = byId("check-level-words", HTMLElement);
    if (words.textContent !== t("Your microphone works.")) words.textContent = t("Your microphone works.");
  }

  /** @param {unknown} error */
  #tellTrouble(error) {
    const { title, steps } = explain(error instanceof DOMException ? error.name : "");
    const place = byId("check-trouble", HTMLElement);
    place.replaceChildren(el("strong", {}, title), el("ol", { class: "help-steps" }, ...steps.map((step) => el("li", {}, step))));
    place.hidden = false;
    byId("check-again", HTMLElement).hidden = false;
    this.#join.disabled = true;
  }

  /** @param {(name: string) => Promise<void>} onJoin */
  async #tryJoin(onJoin) {
    if (this.#name && !this.#name.value.trim()) {
      this.#name.setCustomValidity(t("Please write your name."));
      this.#name.reportValidity();
      this.#name.setCustomValidity("");
      return;
    }
    await Promise.race([this.#starting, new Promise((go) => setTimeout(go, CAMERA_WAIT_MS))]);
    await onJoin(this.#name?.value.trim() ?? "");
  }
}
