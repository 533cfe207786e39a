/**
 * The video tiles of the call. A remote stream must play in an element for Chrome to pull its sound at all.
 * @module
 */
import { capital, nameOf, others } from "./facts.mjs";
import { byId, el } from "./dom.mjs";
import { icon } from "./icons.mjs";
import { t } from "./words.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/** @typedef {{root: HTMLElement, video: HTMLVideoElement, face: HTMLElement, words: HTMLElement, state: string, quality: string, shown: string}} Tile */

/** @type {Record<string, string>} */
const LINK_WORDS = { connecting: t("connecting…"), reconnecting: t("connection lost, reconnecting…"), gone: t("connection lost") };

export class Tiles {
  #stage = byId("stage", HTMLElement);
  #empty = el("p", { class: "stage-empty" });
  /** @type {Map<string, Tile>} */ #tiles = new Map();

  /** Show one's own picture. @param {Facts} facts @param {import("./media.mjs").OwnMedia} media */
  showSelf(facts, media) {
    const tile = this.#tile(facts.you);
    tile.root.classList.add("is-self");
    tile.video.muted = true;
    const shown = /** @type {MediaStream|null} */ (tile.video.srcObject)?.getVideoTracks()[0] ?? null;
    if (shown !== media.camera) {
      tile.video.srcObject = media.camera ? new MediaStream([media.camera]) : null;
      if (media.camera) void tile.video.play().catch(() => undefined);
    }
  }

  /** Play somebody's sound and picture. @param {string} id @param {MediaStream} stream */
  play(id, stream) {
    const tile = this.#tile(id);
    if (tile.video.srcObject !== stream) tile.video.srcObject = stream;
    void tile.video.play().catch(() => document.addEventListener("click", () => void tile.video.play(), { once: true }));
  }

  /** Note how the connection stands. @param {string} id @param {string} state */
  setLink(id, state) {
    if (state === "closed") return this.#remove(id);
    this.#tile(id).state = state;
  }

  /** Show how good the connection to somebody is. @param {string} id @param {string} words @param {string} grade */
  setQuality(id, words, grade) {
    const tile = this.#tiles.get(id);
    if (!tile) return;
    tile.quality = words;
    tile.root.dataset.quality = grade;
  }

  /** Write names and signs. @param {Facts} facts @param {{isMuted: boolean, isCameraOff: boolean}} own */
  update(facts, own) {
    for (const [id, tile] of this.#tiles) {
      const person = facts.participants.find((one) => one.id === id);
      if (!person) {
        this.#remove(id);
        continue;
      }
      const isSelf = id === facts.you;
      const isMuted = isSelf ? own.isMuted : person.is_muted;
      const isDark = isSelf ? own.isCameraOff : person.is_camera_off || tile.state !== "connected";
      const link = isSelf ? "" : (LINK_WORDS[person.presence === "gone" ? "gone" : tile.state] ?? tile.quality);
      this.#write(tile, isSelf ? t("You") : capital(nameOf(person)), isMuted, isDark, link);
    }
    const isAlone = ![...this.#tiles.keys()].some((id) => id !== facts.you);
    this.#empty.textContent = others(facts).some((person) => person.presence === "here")
      ? t("Connecting…")
      : (facts.is_clinician ? t("Invite your client. They appear here when you have admitted them.") : t("Nobody else is here now."));
    if (isAlone) this.#stage.append(this.#empty);
    else this.#empty.remove();
  }

  /** Take everything down. */
  clear() {
    for (const id of [...this.#tiles.keys()]) this.#remove(id);
    this.#empty.remove();
  }

  /** @param {Tile} tile @param {string} name @param {boolean} isMuted @param {boolean} isDark @param {string} link */
  #write(tile, name, isMuted, isDark, link) {
    const shown = [name, isMuted, isDark, link].join("|");
    if (tile.shown === shown) return;
    tile.shown = shown;
    tile.root.classList.toggle("is-dark", isDark);
    tile.face.textContent = isDark ? name.slice(0, 1) : "";
    tile.face.hidden = !isDark;
    const parts = [el("span", {}, name)];
    if (isMuted) parts.push(el("span", {}, icon("mic-off"), t("muted")));
    if (link) parts.push(el("span", {}, link));
    tile.words.replaceChildren(...parts);
  }

  /** @param {string} id @returns {Tile} */
  #tile(id) {
    const known = this.#tiles.get(id);
    if (known) return known;
    const video = el("video", { playsinline: true });
    const face = el("div", { class: "tile-face", "aria-hidden": "true" });
    const words = el("figcaption");
    const root = el("figure", { class: "tile is-dark", "data-participant": id }, face, video, words);
    const tile = { root, video, face, words, state: "connecting", quality: "", shown: "" };
    this.#tiles.set(id, tile);
    this.#stage.append(root);
    return tile;
  }

  /** @param {string} id */
  #remove(id) {
    const tile = this.#tiles.get(id);
    if (!tile) return;
    tile.video.srcObject = null;
    tile.root.remove();
    this.#tiles.delete(id);
  }
}
