/**
 * Looks after the microphone during a call: when it is unplugged or taken away, says so and lets one choose another.
 * @module
 */
import { byId, el, once } from "./dom.mjs";
import { devices, explain, openMicrophone } from "./media.mjs";
import { t } from "./words.mjs";

/** @typedef {import("./media.mjs").OwnMedia} OwnMedia */

export class DeviceWatch {
  #place = byId("device-trouble", HTMLElement);
  #words = el("p", { role: "alert", class: "mb-2" });
  #choice = el("select", { class: "form-select", id: "device-choice" });
  /** @type {MediaStreamTrack|null} */ #watched = null;
  #onChange = () => void this.#list();
  #onEnded = () => void this.#lost();

  /** @param {OwnMedia} media @param {(microphone: MediaStreamTrack) => Promise<void>} onReplaced @param {() => void} onLost */
  constructor(media, onReplaced, onLost) {
    this.media = media;
    this.onReplaced = onReplaced;
    this.onLost = onLost;
    this.watch();
  }

  /** Watch the present microphone. */
  watch() {
    this.#watched?.removeEventListener("ended", this.#onEnded);
    this.#watched = this.media.microphone;
    this.#watched?.addEventListener("ended", this.#onEnded);
    if (this.#watched?.readyState === "ended") void this.#lost();
  }

  /** Stop watching (left, ended). */
  close() {
    this.#watched?.removeEventListener("ended", this.#onEnded);
    this.#watched = null;
    this.#hide();
  }

  async #lost() {
    this.onLost();
    const use = el("button", { type: "button", class: "btn btn-primary" }, t("Use this microphone"));
    use.addEventListener("click", () => void once(use, () => this.#use()));
    this.#words.textContent = t("Your microphone was unplugged or taken away. The others do not hear you now, and your words are not recorded.");
    const label = el("label", { class: "form-label", for: "device-choice" }, t("Choose another microphone"));
    this.#place.replaceChildren(this.#words, label, el("div", { class: "row-actions" }, this.#choice, use));
    this.#place.hidden = false;
    navigator.mediaDevices.addEventListener("devicechange", this.#onChange);
    await this.#list();
  }

  async #list() {
    const found = await devices("audioinput").catch(() => []);
    const chosen = this.#choice.value;
    this.#choice.replaceChildren(
      ...found.map((device, i) => el("option", { value: device.deviceId }, device.label || t("Microphone {number}", { number: i + 1 }))),
    );
    if (found.some((device) => device.deviceId === chosen)) this.#choice.value = chosen;
    this.#choice.disabled = found.length === 0;
  }

  async #use() {
    /** @type {MediaStreamTrack} */ let microphone;
    try {
      microphone = await openMicrophone(this.#choice.value);
      this.media.microphone = microphone;
      this.media.microphoneId = this.#choice.value;
      this.media.keep();
    } catch (error) {
      const { title, steps } = explain(error instanceof DOMException ? error.name : "");
      this.#words.textContent = [title, ...steps].join(" ");
      await this.#list();
      return;
    }
    this.#hide();
    this.watch();
    await this.onReplaced(microphone);
  }

  #hide() {
    navigator.mediaDevices?.removeEventListener("devicechange", this.#onChange);
    this.#place.hidden = true;
    this.#place.replaceChildren();
  }
}
