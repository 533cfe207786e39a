/**
 * The line that says how a note stands in the chart; it asks again until the note is filed or refused.
 * @module
 */
import { byId, el } from "./dom.mjs";
import { isOnItsWay, pauseMs, sentenceFor } from "./filing.mjs";
import { Refused, getJson } from "./http.mjs";

/** @typedef {import("./filing.mjs").Filing} Filing */

/** The line on the note page; asks while the note is being filed. */
export class FilingLine {
  /** @type {number|undefined} */
  #timer;
  /** Counts the watches: an answer that an earlier one still waits for asks no more. */
  #watch = 0;

  /** @param {string} noteUrl */
  constructor(noteUrl) {
    this.noteUrl = noteUrl;
    this.place = document.getElementById("filing");
    if (this.place?.dataset.tone === "waiting") this.watch();
  }

  /** Ask until it is settled. */
  watch() {
    clearTimeout(this.#timer);
    const since = Date.now();
    const watch = (this.#watch += 1);
    const again = () => {
      if (watch === this.#watch) this.#timer = setTimeout(ask, pauseMs(Date.now() - since));
    };
    const ask = async () => {
      if (document.hidden) return again();
      try {
        const { filing } = await getJson(`${this.noteUrl}/state`);
        this.show(filing);
        if (isOnItsWay(filing)) again();
      } catch (error) {
        if (!(error instanceof Refused)) again();
      }
    };
    again();
  }

  /** Draw where it stands. @param {Filing|null} filing */
  show(filing) {
    if (!this.place || !filing) return;
    const isNews = this.place.dataset.tone === "waiting" && !isOnItsWay(filing);
    const words = sentenceFor(filing, isNews);
    this.place.dataset.tone = filing.stand.tone;
    const pill = el("span", { class: `pill${filing.stand.tone === "plain" ? "" : ` pill-${filing.stand.tone}`}` }, filing.stand.words);
    const key = `${filing.stand.words} ${words}`.trim();
    if (this.place.textContent?.replace(/\s+/g, " ").trim() !== key) this.place.replaceChildren(pill, " ", words ? el("span", {}, words) : "");
    byId("filing-again", HTMLElement).hidden = !filing.can_retry;
    byId("filing-anew", HTMLElement).hidden = !filing.is_gone;
    // The page draws both versions; what is not saved yet is saved when it goes.
    if (isNews && filing.has_two) location.reload();
  }
}
