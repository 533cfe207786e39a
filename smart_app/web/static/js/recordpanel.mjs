/**
 * The record control at the bottom of the clinician's screen (not in the page at all while it is absent, S09), and the
 * reason in words with what fixes it.
 * @module
 */
import { button, byId, el, replaceButtons } from "./dom.mjs";
import { recordWords } from "./recordwords.mjs";

/** @typedef {import("./facts.mjs").Facts} Facts */
/**
 * @typedef {object} RecordActs
 * @property {() => Promise<void>} start
 * @property {() => Promise<void>} stop
 * @property {() => Promise<void>} resume
 * @property {() => Promise<void>} again
 */

export class RecordPanel {
  #shown = "";

  /** @param {string} switchUrl @param {RecordActs} acts */
  constructor(switchUrl, acts) {
    this.switchUrl = switchUrl;
    this.acts = acts;
  }

  /** @param {Facts} facts @param {boolean} isJoined */
  update(facts, isJoined) {
    const words = recordWords(facts);
    const shown = JSON.stringify([words, isJoined]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const control = byId("record-control", HTMLElement);
    const made = isJoined ? this.#button(words.button) : null;
    replaceButtons(control, made ? [made] : []);
    byId("record-panel", HTMLElement).hidden = !words.reason;
    const why = document.getElementById("record-why");
    if (why) {
      why.textContent = words.button ? "Why can I not record?" : "Why is there no record button?";
      why.hidden = words.button === "stop";
    }
    const parts = [el("p", {}, words.reason)];
    const fix = this.#fix(words.fix);
    if (fix) parts.push(el("p", {}, fix));
    byId("record-reason", HTMLElement).replaceChildren(...parts);
  }

  /** @param {null|"start"|"stop"|"asking"|"resume"} kind */
  #button(kind) {
    if (kind === "start") return button("Start Recording", "btn-primary", this.acts.start, { icon: "record", id: "record-start" });
    if (kind === "stop") return button("Stop Recording", "btn-stop", this.acts.stop, { icon: "stop", id: "record-stop" });
    if (kind === "resume") return button("Resume recording", "btn-primary", this.acts.resume, { icon: "record", id: "record-resume" });
    if (kind === "asking") return button("Take back the question", "btn-quiet", this.acts.stop, { icon: "undo", id: "record-unask" });
    return null;
  }

  /** @param {null|"switch"|"again"} fix */
  #fix(fix) {
    if (fix === "switch") {
      return el("a", { href: this.switchUrl, target: "_blank", rel: "noopener" }, "Turn it on in My profile and settings > Privacy & Security");
    }
    if (fix === "again") return button("Start a new session for everyone here", "btn-primary", this.acts.again, { id: "again" });
    return null;
  }
}
