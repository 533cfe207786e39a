/**
 * Draws the banner, the recording pill, the clock and what is wrong; writes only what changed, so that a screen reader
 * speaks once.
 * @module
 */
import { bannerFor, recordingPill } from "./banner.mjs";
import { formatClock } from "./clock.mjs";
import { byId, el, tell } from "./dom.mjs";
import { icon } from "./icons.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/** @typedef {import("./banner.mjs").Banner} Banner */

/** Show a banner. @param {Banner} banner */
export function showBanner(banner) {
  const place = byId("banner", HTMLElement);
  const key = `${banner.tone}|${banner.text}`;
  if (place.dataset.shown === key) return;
  place.dataset.shown = key;
  place.className = `banner banner-${banner.tone}`;
  place.replaceChildren(icon(banner.icon), el("span", { class: "banner-text" }, banner.text));
}

/** Show banner and pill of these facts. @param {Facts} facts */
export function showState(facts) {
  showBanner(bannerFor(facts));
  const pill = recordingPill(facts);
  const place = byId("rec-state", HTMLElement);
  if (place.dataset.shown === pill.text) return;
  place.dataset.shown = pill.text;
  place.className = `pill pill-${pill.tone}`;
  place.replaceChildren(pill.tone === "live" ? icon("record") : "", pill.text);
}

/**
 * Keep the session clock running.
 * @param {import("./clock.mjs").SessionClock} clock @param {() => boolean} [isIn] whether this person is in the session
 * @returns {number} the timer
 */
export function runClock(clock, isIn = () => true) {
  const place = byId("clock", HTMLElement);
  return window.setInterval(() => {
    place.hidden = !clock.isSet || !isIn();
    if (!place.hidden) place.textContent = formatClock(clock.now());
  }, 1000);
}

/** Show how long the session was. @param {number} timer of `runClock` @param {Facts} facts */
export function stopClock(timer, facts) {
  clearInterval(timer);
  const place = byId("clock", HTMLElement);
  place.hidden = !facts.ended_at;
  place.textContent = formatClock(Date.parse(facts.ended_at ?? facts.now) - Date.parse(facts.started_at));
}

/** line: the server is not heard; act: what was pressed; consent: the client's own word; the others are the recorder's. */
/** @typedef {"line"|"capture"|"act"|"consent"|"gap"|"rest"} Source */

/** Acts are told in the bar with the buttons, which is always in sight; without the bar, at the top with the rest. @param {string} acts @param {string} rest */
function showTroubles(acts, rest) {
  const hasBar = !byId("callbar", HTMLElement).hidden;
  tell(byId("act-trouble", HTMLElement), hasBar ? acts : "");
  tell(byId("trouble", HTMLElement), [hasBar ? "" : acts, rest].filter(Boolean).join(" "));
}

/** What is wrong in a room now, by where it comes from: what one source says or takes back never wipes another's words. */
export class Troubles {
  /** @type {Partial<Record<Source, string>>} */ #words = {};

  /** @param {(acts: string, rest: string) => void} [showThem] */
  constructor(showThem = showTroubles) {
    this.show = showThem;
  }

  /** Say what is wrong there; nothing is. @param {Source} from @param {string} words */
  say(from, words) {
    this.#words[from] = words;
    const { line, capture, act, consent, gap, rest } = this.#words;
    const joined = (/** @type {(string|undefined)[]} */ ...parts) => [...new Set(parts)].filter(Boolean).join(" ");
    this.show(joined(consent, act), joined(line || capture, gap, rest));
  }

  /** @param {Source} from */
  has(from) {
    return Boolean(this.#words[from]);
  }
}
